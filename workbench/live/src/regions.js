// Connected regions of a label map, on a coarse grid: where names are written when colour must not be the only sign.
import { VOID } from "./kernels.js";

/**
 * Find the regions of at least `least` cells on a grid of every `stride`-th pixel.
 * @returns {{label: number, x: number, y: number, cells: number}[]} x, y is the pixel of the region nearest to its
 *   centroid, so that a name stands on what it names; largest regions first.
 */
export function regions(labels, width, height, stride, least) {
  const columns = Math.ceil(width / stride);
  const rows = Math.ceil(height / stride);
  const seen = new Uint8Array(columns * rows);
  const queue = new Int32Array(columns * rows);
  const found = [];
  const value = (cell) => labels[Math.floor(cell / columns) * stride * width + (cell % columns) * stride];
  for (let first = 0; first < seen.length; first++) {
    if (seen[first]) continue;
    const label = value(first);
    const count = flood(first, label, value, seen, queue, columns, rows);
    if (label === VOID || count < least) continue;
    const cell = middle(queue, count, columns);
    found.push({ label, x: (cell % columns) * stride, y: Math.floor(cell / columns) * stride, cells: count });
  }
  return found.sort((a, b) => b.cells - a.cells);
}

/** Collect the cells that hang together with `first` into the queue; return how many. */
function flood(first, label, value, seen, queue, columns, rows) {
  let count = 0;
  const visit = (cell) => {
    if (!seen[cell] && value(cell) === label) {
      seen[cell] = 1;
      queue[count++] = cell;
    }
  };
  visit(first);
  for (let at = 0; at < count; at++) {
    const cell = queue[at];
    const x = cell % columns;
    const y = Math.floor(cell / columns);
    if (x > 0) visit(cell - 1);
    if (x < columns - 1) visit(cell + 1);
    if (y > 0) visit(cell - columns);
    if (y < rows - 1) visit(cell + columns);
  }
  return count;
}

/** The cell nearest to the centroid of the first `count` in the queue. */
function middle(queue, count, columns) {
  let sumX = 0;
  let sumY = 0;
  for (let at = 0; at < count; at++) {
    sumX += queue[at] % columns;
    sumY += Math.floor(queue[at] / columns);
  }
  const x = sumX / count;
  const y = sumY / count;
  let best = queue[0];
  let least = Infinity;
  for (let at = 0; at < count; at++) {
    const far = ((queue[at] % columns) - x) ** 2 + (Math.floor(queue[at] / columns) - y) ** 2;
    if (far < least) {
      least = far;
      best = queue[at];
    }
  }
  return best;
}
