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
 * `pairs`, an Int32Array(65536), is room for the pixels of every (true, predicted) pair: one cell to add to and no
 * branch a pixel, two to three times as fast as three cells behind a comparison.
 */
export function countClasses(labels, truth, pairs, hits, truths, predicted) {
  pairs.fill(0);
  for (let i = 0; i < labels.length; i++) pairs[(truth[i] << 8) | labels[i]]++;
  truths.fill(0);
  predicted.fill(0);
  for (let t = 0; t < 256; t++) {
    hits[t] = t === VOID ? 0 : pairs[(t << 8) | t];
    if (t === VOID) continue;
    for (let p = 0; p < 256; p++) {
      const count = pairs[(t << 8) | p];
      truths[t] += count;
      predicted[p] += count;
    }
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

/** Paint the border of one class, as paintContours does that of all. */
export function paintOutline(labels, number, width, height, reach, line, out) {
  for (let y = 0; y < height; y++) {
    const row = y * width;
    const below = y + reach < height ? reach * width : 0;
    for (let x = 0; x < width; x++) {
      const i = row + x;
      const right = x + reach < width ? reach : 0;
      const inside = labels[i] === number;
      if (inside !== (labels[i + right] === number) || inside !== (labels[i + below] === number)) out[i] = line;
    }
  }
}

/**
 * Paint who is right, by a table of eight colours: nobody, second only, first only, both; and the same four where the
 * truth is void. One run is compared by giving it twice; where two differ, without truth, by giving the first as truth.
 */
export function paintErrors(truth, first, second, table, out) {
  for (let i = 0; i < truth.length; i++) {
    const t = truth[i];
    // (x - 1) >>> 31 is 1 where x is 0, and no branch: errors are where a branch is guessed wrong.
    const isVoid = ((t ^ VOID) - 1) >>> 31;
    const one = ((first[i] ^ t) - 1) >>> 31;
    const two = ((second[i] ^ t) - 1) >>> 31;
    out[i] = table[(isVoid << 2) | (one << 1) | two];
  }
}
