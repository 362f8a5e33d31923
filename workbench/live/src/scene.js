// What is known of the frame on show: the label map of every pane, and its scores. Each is made once, when it is asked
// for; arrays are kept from frame to frame.
import { countClasses, labelsAt, labelsOfWeights, meanIou } from "./kernels.js";
import { countOverTau } from "./curves.js";

/** It is a class because it owns the arrays that the kernels write. */
export class Scene {
  /** @param {object} clip the clip's metadata */
  constructor(clip) {
    this.clip = clip;
    this.fused = clip.kind === "single" ? "a" : "fused"; // the map whose score is the frame's
    this.step = 0;
    this.weights = clip.runs.map(() => 1 / clip.runs.length);
    this.runs = [0, 1];
    this.buffers = {};
    this.pairs = new Int32Array(65536);
    this.clear();
  }

  /** Take another frame. */
  show(frame) {
    this.clear();
    this.frame = frame;
    const pixels = frame.width * frame.height;
    if (this.buffers.fused?.length === pixels) return;
    for (const name of ["a", "b", "fused"]) this.buffers[name] = new Uint8Array(pixels);
  }

  /** Have no frame. */
  clear() {
    this.frame = null;
    this.made = {};
    this.counted = {};
    this.tauCounts = null;
  }

  /** Take another tau = step/grid; return whether it differs. */
  setStep(step) {
    if (this.step === step) return false;
    this.step = step;
    this.forget("fused");
    return true;
  }

  /** Take other weights, a share a run. */
  setWeights(weights) {
    this.weights = weights;
    this.forget("fused");
  }

  /** Take other runs as A and B. */
  setRuns(runs) {
    this.runs = runs;
    this.forget("a");
    this.forget("b");
  }

  /** Return the label map of a pane; null where there is none. */
  labels(name) {
    if (!this.frame) return null;
    if (name === "truth") return this.frame.sections.truth ?? null;
    if (!(name in this.made)) this.made[name] = this.make(name);
    return this.made[name];
  }

  /** Return the counts and the mIoU of a label map against the truth; null without truth. */
  score(name) {
    const labels = this.labels(name);
    const truth = this.labels("truth");
    if (!labels || !truth) return null;
    if (!this.counted[name]) {
      const counts = (this.buffers[`counts.${name}`] ??= Array.from({ length: 3 }, () => new Int32Array(256)));
      const [hits, truths, predicted] = counts;
      countClasses(labels, truth, this.pairs, hits, truths, predicted);
      this.counted[name] = { hits, truths, predicted, miou: meanIou(hits, truths, predicted) };
    }
    return this.counted[name];
  }

  /** Return the counts of this frame at every tau; null where there is nothing to count. */
  overTau() {
    const sections = this.frame?.sections;
    if (this.clip.kind !== "pair" || !sections?.truth) return null;
    const { start, pixel, step, label, truth } = sections;
    this.tauCounts ??= countOverTau(start, pixel, step, label, truth, this.clip.grid);
    return this.tauCounts;
  }

  forget(name) {
    delete this.made[name];
    delete this.counted[name];
  }

  make(name) {
    const { sections } = this.frame;
    const { kind, runs } = this.clip;
    const out = this.buffers[name];
    if (kind === "single") return name === "a" ? sections["labels.0"] : null;
    if (kind === "pair") {
      if (name === "b") return sections.start;
      labelsAt(
        sections.start,
        sections.pixel,
        sections.step,
        sections.label,
        name === "a" ? this.clip.grid : this.step,
        out,
      );
      return out;
    }
    const only = name === "a" ? this.runs[0] : this.runs[1];
    if (name !== "fused" && only >= runs.length) return null;
    const weights = name === "fused" ? this.weights : runs.map((_, run) => (run === only ? 1 : 0));
    labelsOfWeights(sections.agreed, sections.pixel, sections.first, sections.number, sections.prob, weights, out);
    return out;
  }
}
