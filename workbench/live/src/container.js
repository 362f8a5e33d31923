// Binary packs of frames: typed arrays laid over the bytes, without a copy. The format is that of container.py.
import { PackError } from "./errors.js";

const VERSION = 1;
const ARRAYS = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, f4: Float32Array };
const NEEDED = {
  single: ["labels.0"],
  pair: ["start", "pixel", "step", "label"],
  joint: ["agreed", "pixel", "first", "number", "prob"],
};

/**
 * Open a container.
 * @param {ArrayBuffer} buffer
 * @param {string} where what it belongs to, for the message
 * @returns {{height: number, width: number, sections: Object<string, Uint8Array|Uint16Array|Uint32Array|Float32Array>}}
 */
export function unpack(buffer, where) {
  const wrong = (got) =>
    new PackError({ expected: "a whole pack", got, where, fix: "retry; if it stays, clear the cache of packs" });
  if (buffer.byteLength < 12) throw wrong(`${buffer.byteLength} bytes`);
  const view = new DataView(buffer);
  if (String.fromCharCode(...new Uint8Array(buffer, 0, 4)) !== "VSPK") throw wrong("bytes of something else");
  if (view.getUint32(4, true) !== VERSION) throw wrong(`version ${view.getUint32(4, true)}`);
  const length = view.getUint32(8, true);
  try {
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 12, length)));
    const start = Math.ceil((12 + length) / 8) * 8;
    const sections = {};
    for (const [name, { dtype, shape, offset }] of Object.entries(header.sections)) {
      sections[name] = new ARRAYS[dtype](
        buffer,
        start + offset,
        shape.reduce((a, b) => a * b, 1),
      );
    }
    return { height: header.height, width: header.width, sections };
  } catch (error) {
    throw wrong(String(error.message ?? error));
  }
}

/** Refuse a pack that cannot be drawn as a frame of that kind and size: a wrong mask is worse than none. */
export function checkPack(pack, kind, frame, where) {
  const fix = "retry; if it stays, the pack was made from other data: make it again";
  const size = `${frame.width}x${frame.height}`;
  const got = `${pack.width}x${pack.height}`;
  if (size !== got) throw new PackError({ expected: `labels of ${size}`, got, where, fix });
  const missing = NEEDED[kind].filter((name) => !pack.sections[name]);
  if (missing.length)
    throw new PackError({ expected: `a pack of kind ${kind}`, got: `no ${missing.join(", ")}`, where, fix });
  const pixels = frame.width * frame.height;
  for (const name of ["truth", "labels.0", "start", "agreed"]) {
    const values = pack.sections[name];
    if (values && values.length !== pixels) {
      throw new PackError({ expected: `${pixels} pixels of ${name}`, got: values.length, where, fix });
    }
  }
}
