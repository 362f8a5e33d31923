// The video as lines: scores of every frame, in two lanes, with its worst frames marked. A click goes to a frame.
import { h, percent, setText } from "./dom.js";
import { line, pathOf, plot, rangeOf } from "./plot.js";
import { FUSED_COLOUR, GREY, RUN_COLOURS } from "./colours.js";

/** It is a class because it owns the lines that follow tau. */
export class Timeline {
  /** @param {object} clip; go(index) shows a frame */
  constructor(clip, go) {
    this.clip = clip;
    this.last = Math.max(clip.frames.length - 1, 1);
    this.hidden = new Set();
    this.index = 0;
    this.series = [];
    this.position = h("i", { class: "lv-position" });
    this.marks = h("div", { class: "lv-marks" });
    this.upper = plot("lv-lane");
    this.lower = plot("lv-lane lv-lane-low");
    this.keys = h("div", { class: "lv-keys" });
    this.message = h("div", { class: "lv-plot-note" });
    this.lanes = h("div", { class: "lv-lanes" }, this.marks, this.upper.element, this.lower.element, this.position);
    this.element = h("div", { class: "lv-timeline", "data-testid": "timeline" }, this.lanes, this.message, this.keys);
    this.listen(go);
  }

  /** Take the series; those of the fused frame follow tau later. */
  fill({ series = [], frame_miou: fused = null, worst = {} }) {
    this.fused = fused;
    this.series = series.map((one) => ({ ...one, ...this.styleOf(one.key) }));
    if (fused) {
      const own = { key: "miou.fused", label: "mIoU fused", values: this.clip.frames.map(() => null) };
      this.series.push({ ...own, ...this.styleOf(own.key) });
    }
    for (const one of this.series) {
      one.line = line(one.colour, one.look);
      (one.low ? this.lower : this.upper).drawing.append(one.line);
    }
    this.lower.element.hidden = !this.series.some((one) => one.low);
    this.keys.replaceChildren(...this.series.map((one) => this.keyOf(one)));
    this.markWorst(worst);
    this.message.hidden = true;
    this.draw();
  }

  /** Say that the series are on their way. */
  wait() {
    this.message.hidden = false;
    this.message.replaceChildren("scores of all frames are being computed …");
  }

  /** Say what is wrong instead of showing lines. */
  fail(error, retry) {
    this.message.hidden = false;
    this.message.replaceChildren(
      `Timeline: ${error.message} `,
      h("button", { type: "button", class: "lv-link", onclick: retry }, "Retry"),
    );
  }

  /** Follow tau: the fused line is that of the nearest tau at which frames were scored. */
  setTau(tau) {
    if (!this.fused) return;
    const column = Math.round(tau * (this.fused.taus - 1));
    if (column === this.column) return;
    this.column = column;
    this.series.find((one) => one.key === "miou.fused").values = this.fused.values.map((row) => row?.[column] ?? null);
    this.draw(false);
    this.read(this.index);
  }

  /** Follow the frame on show. */
  setIndex(index) {
    this.index = index;
    this.position.style.left = `${(100 * index) / this.last}%`;
    this.read(index);
  }

  draw(anew = true) {
    const shown = this.series.filter((one) => !this.hidden.has(one.key));
    if (anew || !this.range) {
      const grid = this.fused && !this.hidden.has("miou.fused") ? this.fused.values.filter(Boolean) : [];
      const upper = shown.filter((one) => !one.low).map((one) => one.values);
      this.range = {
        upper: rangeOf([...upper, ...grid]),
        lower: rangeOf(shown.filter((one) => one.low).map((one) => one.values)),
      };
    }
    for (const one of this.series) {
      one.line.setAttribute(
        "d",
        this.hidden.has(one.key) ? "" : pathOf(one.values, ...(one.low ? this.range.lower : this.range.upper)),
      );
    }
  }

  styleOf(key) {
    const [kind, run] = key.split(".");
    const at = this.clip.runs.findIndex((one) => one.short === run);
    const colour = run === "fused" ? FUSED_COLOUR : at >= 0 ? RUN_COLOURS[at] : GREY;
    return { colour, low: kind !== "miou", look: { miou: "", disagreement: "lv-dashed" }[kind] ?? "lv-thin" };
  }

  keyOf(one) {
    const toggle = () => {
      if (!this.hidden.delete(one.key)) this.hidden.add(one.key);
      button.setAttribute("aria-pressed", String(!this.hidden.has(one.key)));
      this.draw();
    };
    one.value = h("span", { class: "lv-key-value" });
    const mark = h("i", { class: one.look, style: `--colour:#${one.colour}` });
    const button = h(
      "button",
      { type: "button", class: "lv-key", "aria-pressed": "true", title: `Show or hide ${one.label}`, onclick: toggle },
      mark,
      one.label.replace(" of ", " "),
      one.value,
    );
    return button;
  }

  markWorst(worst) {
    const found = new Map();
    for (const [key, frames] of Object.entries(worst)) {
      const label = this.series.find((one) => one.key === key)?.label ?? key;
      frames.forEach((index, rank) => found.set(index, [...(found.get(index) ?? []), `${rank + 1}. lowest ${label}`]));
    }
    this.marks.replaceChildren(
      ...[...found].map(([index, reasons]) =>
        h("button", {
          type: "button",
          class: "lv-worst",
          tabindex: -1,
          style: `left:${(100 * index) / this.last}%`,
          "data-frame": index,
          title: `frame ${index + 1}: ${reasons.join(", ")}`,
          "aria-label": `go to frame ${index + 1}, ${reasons.join(", ")}`,
        }),
      ),
    );
  }

  /** Show the figures of a frame, the one on show or the one pointed at. */
  read(index) {
    for (const one of this.series) setText(one.value, percent(one.values[index], 1).replace(" %", ""));
  }

  listen(go) {
    const at = (event) => {
      const box = this.lanes.getBoundingClientRect();
      const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
      return Math.round(share * (this.clip.frames.length - 1));
    };
    const target = (event) => (event.target.dataset.frame ? Number(event.target.dataset.frame) : at(event));
    this.lanes.addEventListener("pointerdown", (event) => {
      if (event.button > 0) return;
      go(target(event));
      if (!event.target.dataset.frame) this.lanes.setPointerCapture(event.pointerId);
    });
    this.lanes.addEventListener("pointermove", (event) => {
      if (this.lanes.hasPointerCapture(event.pointerId)) go(at(event));
      else this.read(at(event));
    });
    this.lanes.addEventListener("pointerleave", () => this.read(this.index));
    this.marks.addEventListener("click", (event) => {
      if (event.target.dataset.frame) go(target(event));
    });
  }
}
