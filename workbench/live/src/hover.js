// What is known at the pixel under the cursor: names at once, from the label maps; scores of every run when they come.
import { h, percent, setText } from "./dom.js";
import { RUN_COLOURS } from "./colours.js";
import { VOID } from "./kernels.js";

const PATIENCE = 60; // milliseconds of rest before scores are asked for
const KEPT = 400; // answers
const SHOWN = 5; // classes

/** It is a class because it owns a question that is under way. */
export class HoverCard {
  constructor(clip, source) {
    Object.assign(this, { clip, source, answers: new Map(), asked: null });
    this.place = h("div", { class: "lv-muted" });
    this.names = h("div", { class: "lv-card-names" });
    this.scores = h("div", { class: "lv-card-scores" });
    this.element = h(
      "div",
      { class: "lv-card", "data-testid": "hover-card", hidden: true },
      this.place,
      this.names,
      this.scores,
    );
  }

  /**
   * Show a pixel.
   * @param {object} at index of the frame, x, y; rows of {title, id, colour, wrong}; ask whether scores are wanted
   */
  show({ index, x, y, rows, colours, mix, ask }, event, box) {
    this.element.hidden = false;
    this.look = { colours, mix };
    setText(this.place, `x ${x}, y ${y}`);
    this.names.replaceChildren(
      ...rows.map(({ title, id, wrong }) =>
        h(
          "div",
          { class: "lv-card-row" },
          h("span", { class: "lv-muted" }, title),
          h("i", { class: "lv-swatch", style: swatchOf(colours, id) }),
          h("span", {}, this.nameOf(id)),
          h("span", { class: "lv-muted" }, wrong ? "✗" : ""),
        ),
      ),
    );
    const name = `scores/${index}/${x}/${y}`;
    if (name !== this.wanted) this.want(name, ask);
    if (event) this.move(event, box);
  }

  hide() {
    this.element.hidden = true;
    this.want(null);
  }

  move(event, box) {
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const left = x + 18 + width > box.width ? x - 18 - width : x + 18;
    const top = Math.max(4, Math.min(y + 14, box.height - height - 4));
    this.element.style.transform = `translate(${Math.max(4, left)}px, ${top}px)`;
  }

  want(name, ask = false) {
    this.wanted = name;
    clearTimeout(this.timer);
    this.asked?.abort();
    this.asked = null;
    if (name && this.answers.has(name)) return this.showScores(this.answers.get(name));
    this.scores.replaceChildren();
    if (name && ask) this.timer = setTimeout(() => this.fetch(name), PATIENCE);
    return undefined;
  }

  async fetch(name) {
    const controller = (this.asked = new AbortController());
    try {
      const answer = await (await this.source.get(name, { signal: controller.signal })).json();
      this.answers.set(name, answer);
      if (this.answers.size > KEPT) this.answers.delete(this.answers.keys().next().value);
      if (this.wanted === name) this.showScores(answer);
    } catch (error) {
      if (!controller.signal.aborted && this.wanted === name) {
        this.scores.replaceChildren(h("div", { class: "lv-muted" }, `no scores: ${error.message}`));
      }
    }
  }

  showScores({ classes, runs }) {
    const ids = classes ?? runs[0].map((_, number) => number);
    const mixed = (at) => runs.reduce((sum, run, r) => sum + (this.look.mix?.[r] ?? 1 / runs.length) * run[at], 0);
    const order = ids
      .map((_, at) => at)
      .sort((a, b) => mixed(b) - mixed(a))
      .slice(0, SHOWN);
    this.scores.replaceChildren(
      ...order.map((at) =>
        h(
          "div",
          { class: "lv-card-class" },
          h("i", { class: "lv-swatch", style: swatchOf(this.look.colours, ids[at]) }),
          h("span", { class: "lv-ellipsis" }, this.nameOf(ids[at])),
          h(
            "div",
            { class: "lv-bars" },
            ...runs.map((run, r) =>
              h(
                "div",
                { class: "lv-bar-line", title: this.clip.runs[r].short },
                h("i", { style: `width:${(100 * run[at]).toFixed(1)}%;background:#${RUN_COLOURS[r]}` }),
              ),
            ),
          ),
          h(
            "div",
            { class: "lv-card-numbers" },
            ...runs.map((run) => h("span", { class: "lv-number" }, percent(run[at], 1))),
          ),
        ),
      ),
    );
  }

  nameOf(id) {
    return id == null ? "–" : id === VOID ? "void" : (this.clip.classes[id] ?? `class ${id}`);
  }
}

function swatchOf(colours, id) {
  return id == null || !colours[id] ? "" : `background:#${colours[id]}`;
}
