// Lines over a slider: an SVG stretched to its box, so that nothing is drawn anew when the page changes its size, and
// marks as elements at percentages, so that they keep their shape.
import { h, svg } from "./dom.js";

/** Write values as a path over a box of 1000 by 100; null and NaN leave a gap, a value alone gets a short line. */
export function pathOf(values, low, high) {
  const last = Math.max(values.length - 1, 1);
  const scale = 100 / Math.max(high - low, 1e-9);
  let text = "";
  let open = false;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value == null || Number.isNaN(value)) {
      open = false;
      continue;
    }
    const x = ((1000 * i) / last).toFixed(1);
    const y = (100 - (value - low) * scale).toFixed(2);
    text += `${open ? "L" : "M"}${x} ${y}`;
    if (!open) text += "h.8";
    open = true;
  }
  return text;
}

/** The range of values with some room above and below; at least `least` apart. */
export function rangeOf(lists, least = 0.02) {
  let low = Infinity;
  let high = -Infinity;
  for (const values of lists) {
    for (const value of values) {
      if (value == null || Number.isNaN(value)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (low > high) return [0, 1];
  const room = Math.max(least - (high - low), 0) / 2 + (high - low) * 0.08;
  return [Math.max(0, low - room), Math.min(1, high + room)];
}

/** Make an empty plot. */
export function plot(name, ...marks) {
  const drawing = svg("svg", { viewBox: "0 0 1000 100", preserveAspectRatio: "none", "aria-hidden": "true" });
  return { drawing, element: h("div", { class: `lv-plot ${name}` }, drawing, ...marks) };
}

/** Make a line of a plot. */
export function line(colour, look = "") {
  return svg("path", { class: `lv-line ${look}`, style: `stroke:#${colour}` });
}

/** Put a mark at a place of a plot, in 0..1 from the left and from the bottom; null hides it. */
export function place(mark, x, y) {
  mark.hidden = x == null || y == null || Number.isNaN(y);
  if (mark.hidden) return;
  mark.style.left = `${100 * x}%`;
  mark.style.top = `${100 * (1 - y)}%`;
}
