// Label maps and what is counted and painted from them. Pure functions on typed arrays that the caller owns: nothing is
// allocated here, since all of this runs for every frame that is played and every step of a slider that is dragged.

export const VOID = 255;

/** Write the labels of P = tau*P1 + (1-tau)*P2 at tau = k/grid. Of a pixel's changes the last one due stays. */
export function labelsAt(start, pixel, step, label, k, out) {
  out.set(start);
  for (let n = 0; n < pixel.length; n++) if (step[n] <= k) out[pixel[n]] = label[n];
}

/**
 * Write the labels of a weighted sum of runs: at open pixel m the first of the entries first[m]..first[m+1]-1 with the
 * largest sum. prob holds one row of `number.length` a run.
 */
export function labelsOfWeights(agreed, pixel, first, number, prob, weights, out) {
  out.set(agreed);
  const entries = number.length;
  for (let m = 0; m < pixel.length; m++) {
    let most = -1;
    let winner = 0;
    for (let e = first[m]; e < first[m + 1]; e++) {
      let sum = 0;
      for (let run = 0, at = e; run < weights.length; run++, at += entries) sum += weights[run] * prob[at];
      if (sum > most) {
        most = sum;
        winner = number[e];
      }
    }
    out[pixel[m]] = winner;
  }
}

/**
 * Count pixels per class where the truth is not void, into three Int32Array(256): predicted right, true, predicted.
 */
export function countClasses(labels, truth, hits, truths, predicted) {
  hits.fill(0);
  truths.fill(0);
  predicted.fill(0);
  for (let i = 0; i < labels.length; i++) {
    const t = truth[i];
    if (t === VOID) continue;
    const p = labels[i];
    truths[t]++;
    predicted[p]++;
    if (p === t) hits[t]++;
  }
}

/** IoU of one class, NaN where it has no true pixel. */
export function iouOf(hits, truth, predicted) {
  return truth > 0 ? hits / (truth + predicted - hits) : NaN;
}

/** Mean IoU over the classes that have true pixels, as the official evaluator; NaN where there is none. */
export function meanIou(hits, truths, predicted) {
  let sum = 0;
  let classes = 0;
  for (let c = 0; c < VOID; c++) {
    if (truths[c] > 0) {
      sum += iouOf(hits[c], truths[c], predicted[c]);
      classes++;
    }
  }
  return classes ? sum / classes : NaN;
}

/** Count the pixels of every value into an Int32Array(256). */
export function countAreas(labels, areas) {
  areas.fill(0);
  for (let i = 0; i < labels.length; i++) areas[labels[i]]++;
}

/** Paint labels through a table of 256 colours, as 32-bit RGBA. */
export function paint(labels, table, out) {
  for (let i = 0; i < labels.length; i++) out[i] = table[labels[i]];
}

/** Paint lines where a label differs from the one `reach` pixels to the right or below; what lies between stays. */
export function paintContours(labels, width, height, reach, line, out) {
  for (let y = 0; y < height; y++) {
    const row = y * width;
    const below = y + reach < height ? reach * width : 0;
    for (let x = 0; x < width; x++) {
      const i = row + x;
      const right = x + reach < width ? reach : 0;
      if (labels[i] !== labels[i + right] || labels[i] !== labels[i + below]) out[i] = line;
    }
  }
}

/**
 * Paint who is right: colours are [nobody, second only, first only, both]. One run is compared by giving it twice.
 * Pixels of void truth get `empty`.
 */
export function paintErrors(truth, first, second, colours, empty, out) {
  for (let i = 0; i < truth.length; i++) {
    const t = truth[i];
    out[i] = t === VOID ? empty : colours[(first[i] === t ? 2 : 0) | (second[i] === t ? 1 : 0)];
  }
}

/** Paint where two runs differ, for frames without truth. */
export function paintDifferences(first, second, colour, empty, out) {
  for (let i = 0; i < first.length; i++) out[i] = first[i] === second[i] ? empty : colour;
}
