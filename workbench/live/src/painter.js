// What each pane shows over the frame: which label map, in which colours, and what its caption says.
import { countAreas, paint, paintContours, paintErrors, paintOutline } from "./kernels.js";
import { BLUE, ORANGE, BOTH_WRONG, SafeColours, fillTable, rgba, splitPalette } from "./colours.js";
import { regions } from "./regions.js";
import { h } from "./dom.js";

const STAIN = 217; // of 255: how much the colours of an error map cover the frame
const LINE = rgba("0b0e13", 235);
const BRIGHT = rgba("ffffff");
const LINE_WIDTH = 1.2; // pixels on the screen
const COARSE = 4; // pixels on the screen: where a pixel of the frame is larger, a line would hide more than it shows
const CELLS = 140; // regions are looked for on a grid of about so many columns
const NAMED = 0.012; // share of a frame from which on a region gets its name

/** It is a class because it owns the table of colours. */
export class Painter {
  constructor(clip) {
    this.clip = clip;
    this.table = new Uint32Array(256);
    this.areas = new Int32Array(256);
    this.errors = new Uint32Array(8);
    this.safe = new SafeColours(clip.largest);
    this.colours = [];
    this.marks = false;
  }

  /** Take a palette and a class in focus. */
  choose(palette, focus) {
    this.marks = palette === "safe";
    this.focus = focus;
    this.colours = this.marks
      ? this.safe.colours(this.clip.classes.length)
      : splitPalette(this.clip.palettes[palette] ?? this.clip.palettes.glasbey);
    fillTable(this.table, this.colours, focus);
  }

  /** Give colours of the colour-blind mode to the classes of a new frame; return whether any was given. */
  meet(labels) {
    if (!this.marks || !labels) return false;
    countAreas(labels, this.areas);
    return this.safe.offer(this.areas);
  }

  /** Paint a pane; return whether there was anything to paint. */
  paint(pane, scene, errors, scale) {
    pane.names = [];
    if (pane.name === "frame") return true;
    if (pane.name === "error") return this.paintError(pane, scene, errors);
    const labels = scene.labels(pane.name);
    pane.say(labels ? "" : pane.name === "truth" ? "no truth for this frame" : "no such run");
    if (!labels) {
      pane.pixels.fill(0);
      pane.flush();
      return false;
    }
    paint(labels, this.table, pane.pixels);
    if (scale <= COARSE) this.drawLines(pane, scene.frame, labels, Math.max(1, Math.round(LINE_WIDTH / scale)));
    if (this.marks) this.write(pane, scene.frame, labels);
    pane.flush();
    return true;
  }

  /** Draw borders: of all classes in the colour-blind mode, and of the class in focus. */
  drawLines(pane, { width, height }, labels, reach) {
    if (this.marks) paintContours(labels, width, height, reach, LINE, pane.pixels);
    if (this.focus != null) paintOutline(labels, this.focus, width, height, reach, BRIGHT, pane.pixels);
  }

  /** Write names: in the colour-blind mode colour is not the only sign. */
  write(pane, { width, height }, labels) {
    const stride = Math.max(1, Math.round(width / CELLS));
    const least = (NAMED * width * height) / stride ** 2;
    pane.names = regions(labels, width, height, stride, least).map(({ label, x, y }) => ({
      x,
      y,
      text: this.clip.classes[label] ?? String(label),
    }));
  }

  paintError(pane, scene, errors) {
    const truth = scene.labels("truth");
    const { first, second } = this.compared(scene, errors);
    const alone = !second || second.name === first.name;
    const one = scene.labels(first.name);
    const two = alone ? one : scene.labels(second.name);
    const [blue, orange, grey] = [BLUE, ORANGE, BOTH_WRONG].map((hex) => rgba(hex, STAIN));
    const nothing = truth == null && alone;
    pane.say(nothing ? "no truth for this frame" : "");
    if (!truth) this.errors.set([0, 0, alone ? 0 : orange, 0]);
    else this.errors.set(alone ? [orange, 0, 0, 0] : [grey, orange, blue, 0]);
    paintErrors(truth ?? one, one, two, this.errors, pane.pixels);
    pane.flush();
    this.caption(pane, truth, first, alone ? null : second);
    return !nothing;
  }

  /** Which two maps the errors compare: A and B, or what is fused and the run that is better on the split, else A. */
  compared(scene, errors) {
    const { kind, curve, runs } = this.clip;
    const run = (name, at) => ({ name, short: runs[at]?.short ?? name.toUpperCase() });
    const [a, b] = [run("a", scene.runs[0]), run("b", scene.runs[1])];
    if (kind === "single") return { first: a, second: null };
    if (errors === "runs") return { first: a, second: b };
    const ends = kind === "pair" && curve ? [curve.miou[0], curve.miou[curve.miou.length - 1]] : [];
    return { first: { name: "fused", short: "fused" }, second: ends[0] > ends[1] ? b : a };
  }

  caption(pane, truth, first, second) {
    const key = (colour, text) => h("span", {}, h("i", { style: `background:#${colour}` }), text);
    const parts = !truth
      ? second
        ? [key(ORANGE, `${first.short} and ${second.short} differ`)]
        : []
      : second
        ? [
            key(BLUE, `only ${first.short} right`),
            key(ORANGE, `only ${second.short} right`),
            key(BOTH_WRONG, "both wrong"),
          ]
        : [key(ORANGE, "wrong")];
    const text = parts.map((part) => part.textContent).join("|");
    if (pane.caption.dataset.text === text) return;
    pane.caption.dataset.text = text;
    pane.caption.hidden = !parts.length;
    pane.caption.replaceChildren(...parts);
  }
}
