// Scores of one frame at every tau of the grid: the changes of its labels, counted once and added up.
import { VOID, iouOf } from "./kernels.js";

/**
 * Count every class with true pixels at every tau = k/grid.
 * @returns {{classes: number[], truths: number[], hits: Int32Array, predicted: Int32Array, steps: number}} counts of
 *   class classes[r] at step k stand at r*steps + k.
 */
export function countOverTau(start, pixel, step, label, truth, grid) {
  const row = new Int16Array(256).fill(-1);
  const areas = new Int32Array(256);
  for (let i = 0; i < truth.length; i++) areas[truth[i]]++;
  const classes = [];
  for (let c = 0; c < VOID; c++)
    if (areas[c]) {
      row[c] = classes.length;
      classes.push(c);
    }
  const steps = grid + 1;
  const hits = new Int32Array(classes.length * steps);
  const predicted = new Int32Array(classes.length * steps);
  const add = (p, t, k, by) => {
    if (row[p] < 0) return; // a class without true pixels has no IoU
    predicted[row[p] * steps + k] += by;
    if (p === t) hits[row[p] * steps + k] += by;
  };
  for (let i = 0; i < truth.length; i++) if (truth[i] !== VOID) add(start[i], truth[i], 0, 1);
  for (let n = 0; n < pixel.length; n++) {
    const t = truth[pixel[n]];
    if (t === VOID) continue;
    add(n > 0 && pixel[n - 1] === pixel[n] ? label[n - 1] : start[pixel[n]], t, step[n], -1);
    add(label[n], t, step[n], 1);
  }
  for (let at = 0; at < hits.length; at++) {
    if (at % steps === 0) continue;
    hits[at] += hits[at - 1];
    predicted[at] += predicted[at - 1];
  }
  return { classes, truths: classes.map((c) => areas[c]), hits, predicted, steps };
}

/** IoU of one class at every tau, null where it has no true pixel. */
export function iouOverTau(counts, number) {
  const at = counts.classes.indexOf(number);
  if (at < 0) return null;
  const first = at * counts.steps;
  return Float64Array.from({ length: counts.steps }, (_, k) =>
    iouOf(counts.hits[first + k], counts.truths[at], counts.predicted[first + k]),
  );
}

/** Mean IoU at every tau, null where there is no true pixel. */
export function meanIouOverTau(counts) {
  if (!counts.classes.length) return null;
  const sums = new Float64Array(counts.steps);
  for (const number of counts.classes)
    iouOverTau(counts, number).forEach((iou, k) => {
      sums[k] += iou;
    });
  return sums.map((sum) => sum / counts.classes.length);
}

/** The first of the largest values of a curve. */
export function argmax(values) {
  let best = 0;
  for (let k = 1; k < values.length; k++) if (values[k] > values[best]) best = k;
  return best;
}
