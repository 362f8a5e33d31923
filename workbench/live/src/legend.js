// Scores of the frame and of the split, and the classes in view with their share and IoU.
import { choice, h, percent, setText, showValue } from "./dom.js";
import { FUSED_COLOUR, RUN_COLOURS } from "./colours.js";
import { VOID, countAreas, iouOf } from "./kernels.js";

/** It is a class because it owns the rows, which are kept from frame to frame. */
export class Legend {
  /** @param {object} clip; scene; commands: toggleFocus(id), highlight(id or null) */
  constructor(clip, scene, commands) {
    Object.assign(this, { clip, scene, commands });
    this.areas = new Int32Array(256);
    this.pool = [];
    this.columns = clip.kind === "single" ? ["a"] : ["a", "b", "fused"].slice(clip.runs.length > 1 ? 0 : 2);
    this.scores = h("div", { class: "lv-scores" });
    this.list = h("div", { class: "lv-list" });
    this.head = h("div", { class: "lv-class lv-class-head" });
    this.element = h(
      "aside",
      { class: "lv-side" },
      this.scores,
      h(
        "div",
        { class: "lv-legend", "data-testid": "legend", style: `--columns:${this.columns.length}` },
        this.head,
        this.list,
      ),
    );
    this.list.addEventListener("pointerleave", () => commands.highlight(null));
    this.rename();
  }

  /** Take the names of the runs that are A and B now. */
  rename() {
    this.head.replaceChildren(
      h("span"),
      h("span", {}, "Class"),
      h("span", { class: "lv-number" }, "area"),
      ...this.columns.map((name) =>
        h("span", { class: "lv-number", title: `IoU of ${this.title(name)} in this frame` }, this.short(name)),
      ),
    );
    this.buildScores();
  }

  short(name) {
    return name === "fused"
      ? "fused"
      : (this.clip.runs[this.scene.runs[name === "a" ? 0 : 1]]?.short ?? name.toUpperCase());
  }

  title(name) {
    return name === "fused" ? "the fused runs" : (this.clip.runs[this.scene.runs[name === "a" ? 0 : 1]]?.name ?? name);
  }

  buildScores() {
    const withSplit = this.clip.kind === "pair" && this.clip.curve;
    const rows = this.columns.map((name) => {
      const main = name === this.scene.fused;
      const frame = h("output", { class: "lv-number", "data-testid": main ? "miou-value" : null });
      const split = withSplit
        ? h("output", { class: "lv-number", "data-testid": main ? "split-miou-value" : null })
        : null;
      const colour = name === "fused" ? FUSED_COLOUR : RUN_COLOURS[this.scene.runs[name === "a" ? 0 : 1]];
      const label =
        name !== "fused" && this.clip.runs.length > 2
          ? this.picker(name === "a" ? 0 : 1)
          : h("span", { class: "lv-ellipsis" });
      const element = h(
        "div",
        { class: `lv-score${main ? " lv-main-score" : ""}` },
        h("i", { class: "lv-swatch", style: `background:#${colour}` }),
        label,
        frame,
        split,
      );
      return { name, frame, split, label, element };
    });
    this.rows = rows;
    const head = h(
      "div",
      { class: "lv-score lv-class-head" },
      h("span"),
      h("span", {}, "mIoU"),
      h("span", { class: "lv-number" }, "frame"),
      withSplit ? h("span", { class: "lv-number", title: "over all pixels of the split" }, "split") : null,
    );
    this.scores.classList.toggle("lv-with-split", Boolean(withSplit));
    this.scores.replaceChildren(head, ...rows.map((row) => row.element));
  }

  /** With more than two runs, A and B are any of them. */
  picker(slot) {
    const names = Object.fromEntries(this.clip.runs.map((run, at) => [at, `${run.short} · ${run.name}`]));
    const select = choice(`run of pane ${"AB"[slot]}`, names, (at) => this.commands.setRun(slot, Number(at)));
    select.value = String(this.scene.runs[slot]);
    return select;
  }

  /** Follow the scores: cheap enough for every frame and every tau. */
  showScores(step) {
    for (const { name, frame, split, label } of this.rows) {
      const text =
        name === "fused"
          ? this.clip.kind === "pair"
            ? `fused, τ ${(step / this.clip.grid).toFixed(3)}`
            : "fused"
          : this.clip.kind === "single"
            ? this.title(name)
            : `${this.short(name)} · ${this.title(name)}`;
      if (label.tagName !== "SELECT") setText(label, text);
      label.title = text;
      showValue(frame, this.scene.score(name)?.miou);
      if (split) showValue(split, this.clip.curve.miou[name === "fused" ? step : name === "a" ? this.clip.grid : 0]);
    }
  }

  /** Follow the classes in view, largest first: those of the truth, or of what is predicted where there is none. */
  showClasses(colours, focused) {
    const labels = this.scene.labels("truth") ?? this.scene.labels(this.scene.fused);
    if (labels) countAreas(labels, this.areas);
    else this.areas.fill(0);
    const scores = this.columns.map((name) => this.scene.score(name));
    const there = [...this.areas.keys()].filter((c) => c !== VOID && labels && (this.areas[c] || c === focused));
    there.sort((a, b) => this.areas[b] - this.areas[a]);
    const whole = (labels?.length ?? 0) - this.areas[VOID] || 1;
    there.forEach((number, at) => this.fill(at, number, this.areas[number] / whole, scores, colours[number], focused));
    this.pool.forEach((row, at) => {
      row.element.hidden = at >= there.length;
    });
  }

  fill(at, number, share, scores, colour, focused) {
    const row = (this.pool[at] ??= this.makeRow());
    row.number = number;
    row.swatch.style.background = colour ? `#${colour}` : "";
    setText(row.name, this.clip.classes[number] ?? String(number));
    setText(row.area, percent(share, 1));
    row.element.style.setProperty("--share", share);
    row.element.setAttribute("aria-pressed", String(focused === number));
    row.element.classList.toggle("lv-dim", focused != null && focused !== number);
    row.ious.forEach((cell, column) => {
      const score = scores[column];
      const iou = score && iouOf(score.hits[number], score.truths[number], score.predicted[number]);
      setText(cell, iou == null || Number.isNaN(iou) ? "–" : (100 * iou).toFixed(1));
    });
  }

  makeRow() {
    const row = {
      swatch: h("i", { class: "lv-swatch" }),
      name: h("span", { class: "lv-ellipsis" }),
      area: h("span", { class: "lv-number lv-muted" }),
    };
    row.ious = this.columns.map(() => h("span", { class: "lv-number" }));
    row.element = h(
      "button",
      {
        type: "button",
        class: "lv-class",
        title: "Focus this class (Esc ends it)",
        onclick: () => this.commands.toggleFocus(row.number),
        onpointerenter: () => this.commands.highlight(row.number),
      },
      row.swatch,
      row.name,
      row.area,
      ...row.ious,
    );
    this.list.append(row.element);
    return row;
  }

  /** Mark the class under the cursor. */
  mark(number) {
    for (const row of this.pool) row.element.classList.toggle("lv-marked", row.number === number && number != null);
  }
}
