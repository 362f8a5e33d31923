// The panes: one frame drawn as often as there are panes, with one cursor, one zoom, one set of colours.
import { Pane } from "./pane.js";
import { Painter } from "./painter.js";
import { Scene } from "./scene.js";
import { Zoom, fitPanes } from "./grid.js";
import { h, percent, setText } from "./dom.js";

export const NAMES = ["frame", "truth", "a", "b", "fused", "error"];
const FOLLOWS_FUSION = new Set(["fused", "error"]);

/** It is a class because it owns what is drawn and what of it is out of date. */
export class Stage {
  /** @param {object} clip; look: panes, palette, focus, opacity, overlay, errors; save(pane) */
  constructor(clip, look, save) {
    Object.assign(this, { clip, look, scene: new Scene(clip), painter: new Painter(clip), zoom: new Zoom() });
    this.names = NAMES.filter((name) => clip.kind !== "single" || !["b", "fused"].includes(name)).filter(
      (name) => clip.runs.length > 1 || name !== "b",
    );
    this.panes = new Map(this.names.map((name) => [name, new Pane(name, this.title(name), () => save(name))]));
    this.grid = h("div", { class: "lv-panes" }, ...[...this.panes.values()].map((pane) => pane.element));
    this.alert = h("div", { class: "lv-alert", role: "alert", hidden: true });
    this.element = h("div", { class: "lv-stage" }, this.grid, this.alert);
    this.stale = new Set();
    this.moved = false;
    this.highlighted = null;
    this.room = { width: 900, height: 500 };
    this.recolour();
  }

  /** The panes on show. */
  visible() {
    return this.look.panes.map((name) => this.panes.get(name)).filter(Boolean);
  }

  /** Take another frame; everything is painted from it. */
  showFrame(frame) {
    const { frame: before } = this.scene;
    this.scene.show(frame);
    this.alert.hidden = true;
    this.grid.classList.remove("lv-gone");
    if (before?.width !== frame.width || before?.height !== frame.height) this.layout(this.room);
    if (this.painter.meet(this.scene.labels("truth") ?? this.scene.labels(this.scene.fused))) this.recolour();
    this.touch(this.names);
  }

  /** Say why a frame is not there. */
  showFailure(title, error, retry) {
    this.scene.clear();
    const button = h("button", { type: "button", class: "lv-button lv-wide", onclick: retry }, "Retry");
    const { expected, got, where, fix } = error;
    const parts = Object.entries({ expected, got, where, fix }).filter(([, text]) => text != null && text !== "");
    const lines =
      expected == null
        ? [h("p", {}, error.message)]
        : parts.map(([name, text]) => h("p", {}, h("b", {}, name), ` ${text}`));
    this.alert.replaceChildren(h("strong", {}, title), ...lines, button);
    this.alert.hidden = false;
    this.grid.classList.add("lv-gone");
  }

  setStep(step) {
    if (this.scene.setStep(step)) this.touch(FOLLOWS_FUSION);
  }

  setWeights(weights) {
    this.scene.setWeights(weights);
    this.touch(FOLLOWS_FUSION);
  }

  setRuns(runs) {
    this.scene.setRuns(runs);
    this.touch(this.names);
  }

  /** Take other colours; a class under the cursor in the legend counts as in focus for as long as it is. */
  recolour() {
    this.painter.choose(this.look.palette, this.highlighted ?? this.look.focus);
    this.touch(this.names);
  }

  /** Mark panes as out of date. */
  touch(names) {
    for (const name of names) this.stale.add(name);
    this.moved = true;
  }

  /** Bring what is on show up to date; return how many panes were painted. */
  update() {
    const { frame } = this.scene;
    if (!frame || !this.moved) return 0;
    let painted = 0;
    const opacity = this.look.overlay ? this.look.opacity : 0;
    for (const pane of this.visible()) {
      const { width, height } = this.size;
      pane.resize(frame, width, height, window.devicePixelRatio || 1);
      if (this.stale.delete(pane.name)) {
        this.painter.paint(pane, this.scene, this.look.errors, (this.zoom.scale * pane.canvas.width) / frame.width);
        this.write(pane);
        painted++;
      }
      pane.draw(frame.image, this.zoom, opacity);
      pane.canvas.dataset.frame = frame.index;
    }
    this.moved = false;
    return painted;
  }

  /** Lay the panes out in a box of so many pixels. */
  layout({ width, height }) {
    this.room = { width, height };
    const { frame } = this.scene;
    const meta = frame ?? this.clip.frames[0];
    const shown = new Set(this.look.panes);
    this.size = fitPanes(Math.max(1, shown.size), width, height, meta.width / meta.height);
    this.grid.style.gridTemplateColumns = `repeat(${this.size.columns}, ${this.size.width}px)`;
    this.grid.style.gridAutoRows = `${this.size.height}px`;
    for (const [name, pane] of this.panes) pane.element.hidden = !shown.has(name);
    this.moved = true;
  }

  /** Enlarge or move; lines and names are painted anew at the new size. */
  zoomed() {
    if (this.painter.marks || this.painter.focus != null) this.touch(this.names); // lines keep their width
    this.moved = true;
    const [x, y] = this.cursor ?? [null, null];
    for (const pane of this.visible()) pane.cross(x, y, this.zoom);
  }

  /** Show the cursor at a place of the frame, in 0..1; null hides it. Return its pixel. */
  point(x, y) {
    this.cursor = x == null ? null : [x, y];
    for (const pane of this.visible()) pane.cross(x, y, this.zoom);
    const { frame } = this.scene;
    if (x == null || !frame) return null;
    const inside = (value, size) => Math.min(Math.max(Math.floor(value * size), 0), size - 1);
    return { x: inside(x, frame.width), y: inside(y, frame.height) };
  }

  /** Save a pane as a PNG of the frame's size. */
  save(name) {
    const { frame } = this.scene;
    const pane = this.panes.get(name);
    if (!frame) return;
    pane.picture(frame.image, this.look.overlay ? this.look.opacity : 0).toBlob((blob) => {
      const address = URL.createObjectURL(blob);
      const file = `${this.clip.video}-${this.clip.frames[frame.index].name}-${name}.png`;
      h("a", { href: address, download: file }).click();
      setTimeout(() => URL.revokeObjectURL(address), 1000);
    });
  }

  write(pane) {
    setText(pane.title, this.title(pane.name));
    const score = ["a", "b", "fused"].includes(pane.name) ? this.scene.score(pane.name) : null;
    setText(pane.value, score ? percent(score.miou) : "");
  }

  title(name) {
    const run = this.clip.runs[this.scene.runs[name === "b" ? 1 : 0]];
    if (name === "a" || name === "b") return this.clip.kind === "single" ? run.name : `${run.short} · ${run.name}`;
    if (name === "fused") {
      return this.clip.kind === "pair"
        ? `Fused · τ ${(this.scene.step / this.clip.grid).toFixed(3)}`
        : `Fused${this.clip.approximate ? " ≈" : ""}`;
    }
    return { frame: "Frame", truth: "Truth", error: "Errors" }[name];
  }
}
