// Tau, the weight of the first run, on the exact curve of what it is worth: of this frame or of one class in it,
// counted here, or of the whole split as `vspw ensemble sweep` found it.
import { h, percent, setText, slide, slider } from "./dom.js";
import { line, pathOf, place, plot, rangeOf } from "./plot.js";
import { argmax, iouOverTau, meanIouOverTau } from "./curves.js";
import { FUSED_COLOUR } from "./colours.js";

const SCOPES = { split: "Split", frame: "Frame", class: "Class" };

/** It is a class because it owns the curve on show. */
export class TauControl {
  /** @param {object} clip; setStep(k) shows tau = k/grid; counts() gives those of the frame on show; focus() a class */
  constructor(clip, { setStep, counts, focus }) {
    Object.assign(this, { clip, setStep, counts, focus, step: 0, values: null });
    this.scope = clip.curve ? "split" : "frame";
    this.input = slider({
      max: clip.grid,
      label: `tau, weight of ${clip.runs[0].short}`,
      testid: "tau-slider",
      oninput: () => setStep(Number(this.input.value)),
    });
    this.number = h("output", { class: "lv-tau" });
    this.score = h("span", { class: "lv-muted" });
    this.jump = h("button", {
      type: "button",
      class: "lv-link",
      title: "Go to the best tau",
      onclick: () => this.goToBest(),
    });
    this.dots = { now: h("i", { class: "lv-dot lv-now" }), best: h("i", { class: "lv-dot lv-best", title: "best" }) };
    this.ends = [h("span"), h("span")];
    this.note = h("div", { class: "lv-plot-note", hidden: true });
    this.rule = h("i", { class: "lv-position" });
    const { drawing, element } = plot("lv-curve", this.rule, this.dots.best, this.dots.now, this.note);
    this.line = line(FUSED_COLOUR);
    drawing.append(this.line);
    const legend = h(
      "div",
      { class: "lv-row lv-under" },
      this.ends[0],
      h("span", { class: "lv-muted" }, `τ ${clip.runs[0].short} + (1 − τ) ${clip.runs[1].short}`),
      this.ends[1],
    );
    this.element = h(
      "div",
      { class: "lv-fuse" },
      h("div", { class: "lv-row lv-head" }, h("b", {}, "τ"), this.number, this.score, this.jump, this.scopes()),
      element,
      this.input,
      legend,
    );
    element.addEventListener("pointerdown", (event) => this.drag(event, element));
    element.addEventListener("pointermove", (event) => {
      if (element.hasPointerCapture(event.pointerId)) this.drag(event, element);
    });
  }

  /** Follow tau. */
  show(step) {
    this.step = step;
    const tau = step / this.clip.grid;
    setText(this.number, tau.toFixed(3));
    slide(this.input, step, `tau ${tau.toFixed(3)}: ${percent(tau, 1)} of ${this.clip.runs[0].short}`);
    this.rule.style.left = `${100 * tau}%`;
    this.mark();
  }

  /** Draw the curve anew: the frame, the scope or the focus is another. */
  refresh() {
    for (const [name, button] of Object.entries(this.buttons)) {
      button.disabled = name === "split" ? !this.clip.curve : name === "class" && this.focus() == null;
      button.setAttribute("aria-pressed", String(name === this.scope));
    }
    this.values = this.curve();
    this.note.hidden = Boolean(this.values);
    setText(this.note, this.values ? "" : "nothing to score here");
    this.range = rangeOf([this.values ?? []], 0.004);
    this.line.setAttribute("d", this.values ? pathOf(this.values, ...this.range) : "");
    this.best = this.bestOf();
    const [a, b] = this.clip.runs.map((run) => run.short);
    const alone = (k) => (this.values ? ` ${percent(this.values[k])}` : "");
    setText(this.ends[0], `0: ${b} alone${alone(0)}`);
    setText(this.ends[1], `1: ${a} alone${alone(this.clip.grid)}`);
    place(this.dots.best, this.best?.tau, this.best && this.height(this.best.score));
    this.jump.hidden = !this.best;
    if (this.best) setText(this.jump, `best τ ${Number(this.best.tau.toFixed(4))} · ${percent(this.best.score)}`);
    this.mark();
  }

  mark() {
    const value = this.values?.[this.step];
    place(this.dots.now, this.step / this.clip.grid, value == null ? null : this.height(value));
    setText(this.score, value == null ? "" : `${this.scope === "class" ? "IoU" : "mIoU"} ${percent(value)}`);
  }

  height(value) {
    return (value - this.range[0]) / Math.max(this.range[1] - this.range[0], 1e-9);
  }

  curve() {
    if (this.scope === "class" && this.focus() == null) this.scope = this.clip.curve ? "split" : "frame";
    if (this.scope === "split") return this.clip.curve.miou;
    const counts = this.counts();
    if (!counts) return null;
    return this.scope === "frame" ? meanIouOverTau(counts) : iouOverTau(counts, this.focus());
  }

  bestOf() {
    if (!this.values) return null;
    if (this.scope === "split") return { tau: this.clip.curve.best.tau, score: this.clip.curve.best.miou };
    const k = argmax(this.values);
    return { tau: k / this.clip.grid, score: this.values[k] };
  }

  goToBest() {
    this.setStep(Math.round(this.best.tau * this.clip.grid));
  }

  drag(event, element) {
    if (event.button > 0) return;
    if (event.type === "pointerdown") element.setPointerCapture(event.pointerId);
    const box = element.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    this.setStep(Math.round(share * this.clip.grid));
  }

  scopes() {
    const choose = (scope) => {
      this.scope = scope;
      this.refresh();
    };
    this.buttons = Object.fromEntries(
      Object.entries(SCOPES).map(([scope, text]) => [
        scope,
        h(
          "button",
          { type: "button", class: "lv-tab", onclick: () => choose(scope), title: `Curve of ${SCOPE_TITLES[scope]}` },
          text,
        ),
      ]),
    );
    return h("div", { class: "lv-tabs", role: "group", "aria-label": "curve of" }, ...Object.values(this.buttons));
  }
}

const SCOPE_TITLES = {
  split: "all pixels of the split, from `vspw ensemble sweep`",
  frame: "this frame",
  class: "the class in focus, in this frame",
};
