// Frames as they are drawn, loaded ahead of the playhead into a bounded cache. A frame is there whole or not at all:
// its image and its labels come into the cache together, so no mask can lie on another frame's image.
import { checkPack, unpack } from "./container.js";
import { PackError } from "./errors.js";

const BEHIND = 2; // frames kept ready against the direction of play
const NEAR = 2; // frames kept whatever the budget: the one that is asked for, and the next

export class FrameCache {
  /**
   * @param {object} source answers get(name, {signal, fresh})
   * @param {object} clip the clip's metadata
   * @param {object} options budget in bytes of what is decoded; parallel loads; onReady(index) hears of each frame or
   *   failure
   */
  constructor(source, clip, { budget = 240e6, parallel = 4, onReady = () => {} } = {}) {
    Object.assign(this, { source, clip, budget, parallel, onReady });
    this.frames = new Map(); // in the order of their last use
    this.failures = new Map();
    this.loading = new Map();
    this.wanted = [];
    this.bytes = 0;
    this.held = -1;
  }

  /** Return a frame that is ready. */
  get(index) {
    const frame = this.frames.get(index);
    if (frame) {
      this.frames.delete(index);
      this.frames.set(index, frame);
    }
    return frame;
  }

  /** Keep a frame, the one on show, whatever happens. */
  hold(index) {
    this.held = index;
  }

  /** Load from here on, in the direction of play; what is far from here is no longer loaded. */
  aim(index, direction = 1, wraps = true) {
    const count = this.clip.frames.length;
    const place = (offset) => (wraps ? (((index + offset) % count) + count) % count : index + offset);
    const ahead = Array.from({ length: Math.min(count, this.capacity() - BEHIND) }, (_, at) => place(at * direction));
    const behind = Array.from({ length: BEHIND }, (_, at) => place(-(at + 1) * direction));
    this.wanted = [...new Set([...ahead, ...behind])].filter((at) => at >= 0 && at < count);
    const wanted = new Set(this.wanted);
    for (const [at, controller] of this.loading) if (!wanted.has(at)) controller.abort();
    this.pump();
  }

  /** How many frames the budget holds, by those that are there. */
  capacity() {
    const { width, height } = this.clip.frames[0];
    const each = this.frames.size ? this.bytes / this.frames.size : 8 * width * height;
    return Math.max(4, Math.floor(this.budget / each));
  }

  /** Forget that a frame failed, and load it again past every cache. */
  retry(index) {
    this.failures.delete(index);
    this.load(index, true);
  }

  close() {
    this.wanted = [];
    for (const controller of this.loading.values()) controller.abort();
    for (const frame of this.frames.values()) frame.image.close();
    this.frames.clear();
    this.bytes = 0;
  }

  pump() {
    for (const index of this.wanted) {
      if (this.loading.size >= this.parallel) return;
      if (!this.frames.has(index) && !this.loading.has(index) && !this.failures.has(index)) this.load(index, false);
    }
  }

  async load(index, fresh) {
    const controller = new AbortController();
    this.loading.set(index, controller);
    let frame = null;
    try {
      frame = await loadFrame(this.source, this.clip, index, { signal: controller.signal, fresh });
      if (controller.signal.aborted) frame.image.close();
      else this.keep(frame);
    } catch (error) {
      if (!controller.signal.aborted) this.failures.set(index, error);
    }
    if (this.loading.get(index) === controller) this.loading.delete(index);
    if (controller.signal.aborted) return;
    this.onReady(index);
    this.pump();
  }

  keep(frame) {
    this.frames.get(frame.index)?.image.close();
    this.bytes += frame.bytes - (this.frames.get(frame.index)?.bytes ?? 0);
    this.frames.set(frame.index, frame);
    if (this.bytes <= this.budget) return;
    const wanted = new Set(this.wanted);
    // first what is not wanted, the longest unused first; then what is wanted last
    const order = [...[...this.frames.keys()].filter((at) => !wanted.has(at)), ...this.wanted.toReversed()];
    const near = new Set(this.wanted.slice(0, NEAR));
    for (const index of order) {
      if (this.bytes <= this.budget) return;
      if (index === this.held || near.has(index) || !this.frames.has(index)) continue;
      this.drop(index);
      // What does not fit is not asked for again until the playhead moves, or the two would take turns for ever.
      if (wanted.has(index)) this.wanted = this.wanted.slice(0, this.wanted.indexOf(index));
    }
  }

  drop(index) {
    const frame = this.frames.get(index);
    this.frames.delete(index);
    this.bytes -= frame.bytes;
    frame.image.close();
  }
}

/** Load the image and the labels of a frame; both, checked against the clip, or an error. */
async function loadFrame(source, clip, index, options) {
  const meta = clip.frames[index];
  const name = `frame ${index + 1}, ${meta.name}`;
  const [image, pack] = await Promise.allSettled([
    source
      .get(`${index}.jpg`, options)
      .then((answer) => answer.blob())
      .then(decode),
    source
      .get(`${index}.bin`, options)
      .then((answer) => answer.bytes())
      .then((buffer) => {
        const opened = unpack(buffer, name);
        checkPack(opened, clip.kind, meta, name);
        return { ...opened.sections, bytes: buffer.byteLength };
      }),
  ]);
  const failed = [pack, image].find((part) => part.status === "rejected");
  if (failed) {
    image.value?.close();
    throw failed.reason;
  }
  const { width, height } = image.value;
  if (width !== meta.width || height !== meta.height) {
    image.value.close();
    const fix = "retry; if it stays, the pack was made from other data: make it again";
    throw new PackError({
      expected: `an image of ${meta.width}x${meta.height}`,
      got: `${width}x${height}`,
      where: name,
      fix,
    });
  }
  const { bytes, ...sections } = pack.value;
  return { index, width, height, image: image.value, sections, bytes: bytes + 4 * width * height };
}

async function decode(blob) {
  try {
    return await createImageBitmap(blob);
  } catch {
    throw new PackError({ expected: "an image", got: `${blob.size} bytes that do not decode`, fix: "retry" });
  }
}
