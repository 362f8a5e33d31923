// What a link holds of a view: checked on the way in, since links are old, shortened and written by hand.
import { PALETTES } from "./colours.js";

/** The look of a clip before anything is chosen: one run against the truth; with several, what is fused as well. */
export function firstState(clip) {
  const truth = clip.frames.some((frame) => frame.truth);
  const models = { single: ["a"], pair: ["a", "b", "fused"], joint: ["fused"] }[clip.kind];
  const panes = truth
    ? ["frame", "truth", ...models, "error"]
    : ["frame", ...models, ...(clip.kind === "pair" ? ["error"] : [])];
  return {
    frame: clip.frames[0].name,
    tau: clip.curve?.best?.tau ?? 0.5,
    weights: clip.runs.map(() => 1),
    runs: [0, 1],
    panes,
    opacity: 0.6,
    focus: null,
    palette: "glasbey",
    errors: "fused",
  };
}

/** Return what of a state can be used on a clip; what is unknown, of another type or out of range is left out. */
export function checkedState(state, clip, names) {
  const good = {};
  const between = (value) => typeof value === "number" && value >= 0 && value <= 1;
  const run = (value) => Number.isInteger(value) && value >= 0 && value < clip.runs.length;
  const { frame, tau, weights, panes, opacity, focus, palette, errors, runs } = state ?? {};
  if (clip.frames.some(({ name }) => name === frame)) good.frame = frame;
  if (between(tau)) good.tau = tau;
  if (
    weights?.length === clip.runs.length &&
    weights.every((w) => Number.isFinite(w) && w >= 0) &&
    weights.some((w) => w > 0)
  ) {
    good.weights = [...weights];
  }
  if (Array.isArray(panes)) {
    const known = names.filter((name) => panes.includes(name));
    if (known.length) good.panes = known;
  }
  if (between(opacity)) good.opacity = opacity;
  if (focus === null || (Number.isInteger(focus) && focus >= 0 && focus < clip.classes.length)) good.focus = focus;
  if (palette in PALETTES) good.palette = palette;
  if (errors === "fused" || errors === "runs") good.errors = errors;
  if (runs?.length === 2 && runs.every(run)) good.runs = [...runs];
  return good;
}

/** Write a state so that equal states are equal texts, whatever the order of their keys. */
export function canonical(state) {
  return JSON.stringify(Object.entries(state ?? {}).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Refuse metadata that no view can be made of. */
export function clipProblem(clip) {
  if (clip?.version !== 1)
    return { expected: "clip.json of version 1", got: String(clip?.version), fix: "reload the page" };
  if (!clip.frames?.length) return { expected: "at least one frame", got: "none", where: "clip.json" };
  if (!["single", "pair", "joint"].includes(clip.kind))
    return { expected: "single, pair or joint", got: String(clip.kind), where: "clip.json" };
  const least = clip.kind === "pair" ? 2 : 1;
  if (!(clip.runs?.length >= least))
    return { expected: `${least} runs or more`, got: String(clip.runs?.length), where: "clip.json" };
  return null;
}
