// Colours of classes as tables of 256 32-bit RGBA values, the form in which kernels paint.
import { VOID } from "./kernels.js";

/** Eight colours that stay at least 30 apart (CIELAB) under normal, deuteranope, protanope and tritanope vision. */
export const SAFE = ["eae800", "200be1", "e221dc", "21a35a", "732e01", "3dffb4", "5b3c70", "c7971a"];
export const REST = "8f959e"; // all other classes in the colour-blind mode
export const BLUE = "3b82f6";
export const ORANGE = "ee8833";
export const GREY = "8a8f98";
export const BOTH_WRONG = "b4bac3";
export const RUN_COLOURS = [BLUE, ORANGE, "c05fc4", "c9a10a", "e0556f", "5fa8d3", "8f6b4a", "8a8f98"];
export const FUSED_COLOUR = "12a182";
export const PALETTES = { glasbey: "Distinct", dataset: "Dataset", safe: "Colour-blind" };

const DIM = rgba("0b0e13", 200); // over what is not in focus
const SMALLEST_SHARE = 0.005; // of a frame, below which a class does not take one of the eight colours

/** Turn rrggbb into a 32-bit value as it lies in the memory of ImageData. */
export function rgba(hex, alpha = 255) {
  const value = parseInt(hex, 16);
  return ((alpha << 24) | ((value & 255) << 16) | (value & 0xff00) | (value >> 16)) >>> 0;
}

/** Split the hex digits of a palette into rrggbb a class. */
export function splitPalette(text) {
  return text.match(/.{6}/g) ?? [];
}

/** Which classes have one of the eight colours. It is a class because it remembers: a colour once given stays. */
export class SafeColours {
  /** @param {number[]|undefined} largest the largest classes of the whole video, largest first, where they are known */
  constructor(largest) {
    this.given = new Map((largest ?? []).slice(0, SAFE.length).map((number, at) => [number, SAFE[at]]));
    this.fixed = Boolean(largest?.length);
  }

  /** Give colours that are left to the largest classes of a frame; return whether any was given. */
  offer(areas) {
    if (this.fixed || this.given.size === SAFE.length) return false;
    const whole = areas.reduce((sum, area) => sum + area, 0);
    const fresh = [...areas.keys()].filter(
      (c) => c !== VOID && areas[c] > SMALLEST_SHARE * whole && !this.given.has(c),
    );
    fresh.sort((a, b) => areas[b] - areas[a]);
    for (const number of fresh.slice(0, SAFE.length - this.given.size)) this.given.set(number, SAFE[this.given.size]);
    return fresh.length > 0;
  }

  /** The colours of all classes. */
  colours(count) {
    return Array.from({ length: count }, (_, number) => this.given.get(number) ?? REST);
  }
}

/** Fill a table with the colours of the classes; with a class in focus the others are dimmed. Void is empty. */
export function fillTable(table, colours, focus) {
  table.fill(0);
  colours.forEach((hex, number) => {
    table[number] = focus == null || focus === number ? rgba(hex) : DIM;
  });
}
