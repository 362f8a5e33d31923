// Weights of several runs: a slider each, their shares, and for three runs a triangle to pick all at once.
import { h, percent, setText, slide, slider, svg } from "./dom.js";
import { RUN_COLOURS } from "./colours.js";

const STEPS = 100;

/** Divide weights by their sum; all 0 become equal. */
export function sharesOf(weights) {
  const sum = weights.reduce((a, b) => a + b, 0);
  return sum > 0 ? weights.map((weight) => weight / sum) : weights.map(() => 1 / weights.length);
}

/** It is a class because it owns the sliders. */
export class WeightControl {
  /** @param {object} clip; setWeights(list) shows other weights */
  constructor(clip, setWeights) {
    Object.assign(this, { clip, setWeights });
    this.weights = clip.runs.map(() => 1);
    this.inputs = clip.runs.map((run, at) =>
      slider({
        max: STEPS,
        label: `weight of ${run.short}, ${run.name}`,
        testid: `weight-slider-${at}`,
        oninput: (event) => this.change(at, Number(event.target.value) / STEPS),
      }),
    );
    this.outputs = clip.runs.map(() => h("output", { class: "lv-number" }));
    const rows = clip.runs.map((run, at) =>
      h(
        "label",
        { class: "lv-weight", title: run.name },
        h("i", { class: "lv-swatch", style: `background:#${RUN_COLOURS[at]}` }),
        h("b", {}, run.short),
        h("span", { class: "lv-ellipsis" }, run.name),
        this.inputs[at],
        this.outputs[at],
      ),
    );
    const reset = h(
      "button",
      { type: "button", class: "lv-link", onclick: () => setWeights(clip.runs.map(() => 1)) },
      "equal weights",
    );
    const about =
      "Probabilities are rounded to 16 bits, and classes that no run ranks high are left out: a few pixels may differ";
    const note = clip.approximate ? h("span", { class: "lv-badge", title: about }, "≈ approximate") : null;
    const parts = [h("div", { class: "lv-weights" }, ...rows)];
    if (clip.runs.length === 3) parts.push(this.triangle());
    this.element = h(
      "div",
      { class: "lv-fuse" },
      h("div", { class: "lv-row lv-head" }, h("b", {}, "Weights"), note, reset),
      h("div", { class: "lv-weigh" }, ...parts),
    );
  }

  change(at, value) {
    const weights = [...this.weights];
    weights[at] = value;
    this.setWeights(weights);
  }

  /** Follow the weights; sliders keep what was set, beside them stand the shares. */
  show(weights) {
    this.weights = weights;
    const shares = sharesOf(weights);
    const most = Math.max(...weights, 1);
    shares.forEach((share, at) => {
      slide(
        this.inputs[at],
        Math.round((weights[at] / most) * STEPS),
        `${percent(share, 0)} ${this.clip.runs[at].short}`,
      );
      setText(this.outputs[at], percent(share, 0));
    });
    if (this.handle) {
      const [x, y] = CORNERS[0].map((_, axis) => shares.reduce((sum, share, at) => sum + share * CORNERS[at][axis], 0));
      this.handle.setAttribute("cx", x);
      this.handle.setAttribute("cy", y);
    }
  }

  /** The triangle of all weights; sliders do the same by keyboard. */
  triangle() {
    this.handle = svg("circle", { r: 4.5, class: "lv-handle" });
    const points = CORNERS.map((corner) => corner.join()).join(" ");
    const names = this.clip.runs.map((run, at) =>
      svg(
        "text",
        {
          x: CORNERS[at][0],
          y: CORNERS[at][1] + (at ? 11 : -4),
          "text-anchor": "middle",
          style: `fill:#${RUN_COLOURS[at]}`,
        },
        run.short,
      ),
    );
    const drawing = svg(
      "svg",
      { viewBox: "-8 -6 116 106", class: "lv-triangle", "aria-hidden": "true", "data-testid": "weight-triangle" },
      svg("polygon", { points }),
      ...names,
      this.handle,
    );
    const pick = (event) => {
      const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(drawing.getScreenCTM().inverse());
      this.setWeights(barycentric(point.x, point.y));
    };
    drawing.addEventListener("pointerdown", (event) => {
      drawing.setPointerCapture(event.pointerId);
      pick(event);
    });
    drawing.addEventListener("pointermove", (event) => {
      if (drawing.hasPointerCapture(event.pointerId)) pick(event);
    });
    return drawing;
  }
}

const CORNERS = [
  [50, 6],
  [4, 84],
  [96, 84],
];

/** The shares of the corners at a point of the triangle; outside of it negative shares become 0. */
function barycentric(x, y) {
  const [[ax, ay], [bx, by], [cx, cy]] = CORNERS;
  const whole = (by - cy) * (ax - cx) + (cx - bx) * (ay - cy);
  const a = ((by - cy) * (x - cx) + (cx - bx) * (y - cy)) / whole;
  const b = ((cy - ay) * (x - cx) + (ax - cx) * (y - cy)) / whole;
  return sharesOf([a, b, 1 - a - b].map((share) => Math.round(Math.max(share, 0) * STEPS) / STEPS));
}
