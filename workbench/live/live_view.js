// Joined from src/ by `python -m workbench.live.join`; change the sources, not this file.

// ---- errors.js
// Messages in the house form: what was expected, what came, where, and what to do about it.

class PackError extends Error {
  constructor({ expected, got, where, fix, message } = {}) {
    super(message ?? `expected ${expected}, got ${got}${where ? ` (${where})` : ""}.${fix ? ` Fix: ${fix}` : ""}`);
    Object.assign(this, { expected, got, where, fix });
  }
}

/** Read what a server or a kernel answers instead of a resource. */
function errorFrom(answer, fallback) {
  const error = answer?.error;
  if (typeof error === "string") return new PackError({ message: error });
  return new PackError(error && (error.expected || error.message) ? error : fallback);
}

// ---- container.js
// Binary packs of frames: typed arrays laid over the bytes, without a copy. The format is that of container.py.

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
function unpack(buffer, where) {
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
function checkPack(pack, kind, frame, where) {
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

// ---- frames.js
// Frames as they are drawn, loaded ahead of the playhead into a bounded cache. A frame is there whole or not at all:
// its image and its labels come into the cache together, so no mask can lie on another frame's image.

const BEHIND = 2; // frames kept ready against the direction of play

class FrameCache {
  /**
   * @param {object} source answers get(name, {signal, fresh})
   * @param {object} clip the clip's metadata
   * @param {object} options budget in bytes of what is decoded; parallel loads; onReady(index) hears of each frame or
   *   failure
   */
  constructor(source, clip, { budget = 160e6, parallel = 4, onReady = () => {} } = {}) {
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
    const near = new Set(this.wanted.slice(0, Math.max(2, Math.floor(this.wanted.length / 2))));
    for (const index of [...this.frames.keys()]) {
      // the longest unused first, those next to come last
      if (this.bytes <= this.budget) return;
      if (index !== this.held && index !== frame.index && !near.has(index)) this.drop(index);
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

// ---- player.js
// The clock of playback. A frame that is not ready is waited for: time stands still rather than that frames mix.

/** It is a class because it owns the clock, and what it counted. */
class Player {
  /** @param {object} hooks fps, count, ready(index), show(index), changed() when it starts or stops */
  constructor({ fps, count, ready, show, changed }) {
    Object.assign(this, { period: 1000 / fps, count, ready, show, changed });
    this.playing = false;
    this.loops = true;
    this.index = 0;
    this.counters = { shown: 0, dropped: 0, waits: 0 };
  }

  play() {
    if (this.playing || this.count < 2) return;
    if (this.index === this.count - 1 && !this.loops) this.show(0);
    this.playing = true;
    this.due = performance.now() + this.period;
    this.waiting = false;
    this.changed();
    this.request();
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    cancelAnimationFrame(this.handle);
    this.changed();
  }

  request() {
    this.handle = requestAnimationFrame((now) => this.tick(now));
  }

  tick(now) {
    if (!this.playing) return;
    if (now + 2 >= this.due) this.advance(now); // screens tick at their own times: two milliseconds early is on time
    if (this.playing) this.request();
  }

  advance(now) {
    const next = this.index + 1 < this.count ? this.index + 1 : 0;
    if (next === 0 && !this.loops) return this.pause();
    if (!this.ready(next)) {
      if (!this.waiting) this.counters.waits++;
      this.waiting = true;
      return undefined;
    }
    const late = Math.max(0, Math.floor((now - this.due) / this.period));
    this.counters.dropped += late;
    this.counters.shown++;
    this.due = late || this.waiting ? now + this.period : this.due + this.period;
    this.waiting = false;
    return this.show(next);
  }
}

// ---- dom.js
// Small things to build a page with: elements, pictures of buttons, sliders, numbers.

/** Make an element. `on…` attributes are listeners; true is an attribute without a value; false and null are none. */
function h(tag, attributes = {}, ...children) {
  return dress(document.createElement(tag), attributes, children);
}

/** Make an SVG element. */
function svg(tag, attributes = {}, ...children) {
  return dress(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function dress(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

const ICONS = {
  play: "M4.5 2.5v11l9-5.5z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  back: "M10.5 3.5v9L4 8z",
  forward: "M5.5 3.5v9L12 8z",
  first: "M3 3.5h1.6v9H3zM12.5 3.5v9L6 8z",
  last: "M11.4 3.5H13v9h-1.6zM3.5 3.5v9L10 8z",
  loop:
    "M11.2 2.2v1.6H6A3.8 3.8 0 0 0 2.2 7.6v.9h1.5v-.9A2.3 2.3 0 0 1 6 5.3h5.2v1.6L14 4.6z" +
    "M4.8 13.8v-1.6H10a3.8 3.8 0 0 0 3.8-3.8" +
    "v-.9h-1.5v.9A2.3 2.3 0 0 1 10 10.7H4.8V9.1L2 11.4z",
  save: "M7.2 2h1.6v6.2l2.3-2.3 1.1 1.1L8 11.2 3.8 7l1.1-1.1 2.3 2.3zM3 12.4h10V14H3z",
  plus: "M7.2 3h1.6v4.2H13v1.6H8.8V13H7.2V8.8H3V7.2h4.2z",
  minus: "M3 7.2h10v1.6H3z",
  whole: "M3 3h4v1.5H4.5V7H3zM9 3h4v4h-1.5V4.5H9zM3 9h1.5v2.5H7V13H3zM11.5 9H13v4H9v-1.5h2.5z",
};

/** Make a small picture for a button. */
function icon(name) {
  return svg("svg", { viewBox: "0 0 16 16", class: "lv-icon", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
}

/** Change the picture of a button. */
function setIcon(button, name) {
  button.querySelector("path").setAttribute("d", ICONS[name]);
}

/** Make a button with a picture; its title names its key. */
function iconButton(name, title, onclick, attributes = {}) {
  return h(
    "button",
    { type: "button", class: "lv-button", title, "aria-label": title, onclick, ...attributes },
    icon(name),
  );
}

/** Make a slider. */
function slider({ min = 0, max = 1, step = 1, label, testid, oninput, onchange }) {
  return h("input", {
    type: "range",
    class: "lv-range",
    min,
    max,
    step,
    value: min,
    "aria-label": label,
    "data-testid": testid,
    oninput,
    onchange,
  });
}

/** Make a list to choose from; options are texts by value. */
function choice(label, options, onchange) {
  return h(
    "select",
    { class: "lv-select", "aria-label": label, title: label, onchange: (event) => onchange(event.target.value) },
    ...Object.entries(options).map(([value, text]) => h("option", { value }, text)),
  );
}

/** Move a slider without an event; the text is what a screen reader says. */
function slide(input, value, text) {
  if (input.value !== String(value)) input.value = value;
  const share = (value - input.min) / Math.max(input.max - input.min, 1e-9);
  input.style.setProperty("--fill", share);
  input.setAttribute("aria-valuetext", text);
}

/** Write a fraction in percent, a dash where there is none. */
function percent(value, digits = 2) {
  return value == null || Number.isNaN(value) ? "–" : `${(100 * value).toFixed(digits)} %`;
}

/** Show a number in an element, with all its digits as an attribute for those who read them by machine. */
function showValue(node, value) {
  node.textContent = percent(value);
  if (value == null || Number.isNaN(value)) node.removeAttribute("data-value");
  else node.setAttribute("data-value", String(value));
}

/** Set a text only where it differs: an unchanged text costs no layout. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// ---- pane.js
// One picture of the frame: a canvas, what lies over the image in it, its title and marks.

const SHARP = 2.5; // from this magnification on pixels are shown as squares
const GREYED = 0.66; // how much an error map darkens its frame

/** It is a class because it owns the canvases that are drawn into. */
class Pane {
  /** @param {string} name frame, truth, a, b, fused or error */
  constructor(name, title, onSave) {
    this.name = name;
    this.overlay = document.createElement("canvas");
    this.overlayContext = this.overlay.getContext("2d");
    this.canvas = h("canvas", { "data-testid": `pane-${name}`, role: "img", "aria-label": title });
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.title = h("span", { class: "lv-chip-title" }, title);
    this.value = h("span", { class: "lv-chip-value" });
    this.note = h("div", { class: "lv-note", hidden: true });
    this.caption = h("div", { class: "lv-caption", hidden: true });
    this.lines = [
      h("i", { class: "lv-cross lv-cross-x", hidden: true }),
      h("i", { class: "lv-cross lv-cross-y", hidden: true }),
    ];
    this.element = h(
      "figure",
      { class: "lv-pane", "data-pane": name },
      this.canvas,
      ...this.lines,
      h("figcaption", { class: "lv-chip" }, this.title, this.value),
      this.caption,
      this.note,
      iconButton("save", `Save this pane as PNG`, onSave, { class: "lv-save" }),
    );
    this.names = [];
  }

  /** Make room for masks of a size, and for so many pixels on the screen. */
  resize(frame, width, height, ratio) {
    if (this.overlay.width !== frame.width || this.overlay.height !== frame.height) {
      this.overlay.width = frame.width;
      this.overlay.height = frame.height;
      this.image = this.overlayContext.createImageData(frame.width, frame.height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    const [across, down] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
    if (this.canvas.width !== across || this.canvas.height !== down) {
      this.canvas.width = across;
      this.canvas.height = down;
    }
  }

  /** Bring the painted pixels onto the canvas that is laid over the image. */
  flush() {
    this.overlayContext.putImageData(this.image, 0, 0);
  }

  /**
   * Draw the image and what lies over it.
   * @param {ImageBitmap} image
   * @param {{x: number, y: number, scale: number}} zoom the part in view: its corner in 0..1, and its enlargement
   * @param {number} opacity of the mask; 0 draws the image alone
   */
  draw(image, zoom, opacity) {
    const { context, canvas } = this;
    const { width, height } = image;
    this.drawPart(context, image, zoom, canvas.width / (width / zoom.scale) < SHARP);
    if (this.name === "error") this.darken();
    if (this.name === "frame" || opacity === 0) return;
    context.globalAlpha = this.name === "error" ? 1 : opacity;
    this.drawPart(context, this.overlay, zoom, false);
    context.globalAlpha = 1;
    if (this.names.length) this.drawNames(zoom, width, height);
  }

  /** Draw everything at the size of the frame, for a file. */
  picture(image, opacity) {
    const whole = document.createElement("canvas");
    whole.width = image.width;
    whole.height = image.height;
    const { canvas, context } = this;
    Object.assign(this, { canvas: whole, context: whole.getContext("2d", { alpha: false }) });
    this.draw(image, { x: 0, y: 0, scale: 1 }, opacity);
    Object.assign(this, { canvas, context });
    return whole;
  }

  /** Show the cursor at a place of the frame, both in 0..1; null hides it. */
  cross(x, y, zoom) {
    const at = x == null ? null : [(x - zoom.x) * zoom.scale, (y - zoom.y) * zoom.scale];
    const inside = at && at[0] >= 0 && at[0] <= 1 && at[1] >= 0 && at[1] <= 1;
    this.lines.forEach((line, axis) => {
      line.hidden = !inside;
      if (inside) line.style.setProperty(axis ? "top" : "left", `${100 * at[axis]}%`);
    });
  }

  /** Say something in place of the mask; an empty text takes it away. */
  say(text) {
    this.note.hidden = !text;
    this.note.textContent = text;
  }

  drawPart(context, picture, zoom, smooth) {
    const { width, height } = picture;
    context.imageSmoothingEnabled = smooth;
    context.drawImage(
      picture,
      zoom.x * width,
      zoom.y * height,
      width / zoom.scale,
      height / zoom.scale,
      0,
      0,
      this.canvas.width,
      this.canvas.height,
    );
  }

  darken() {
    const { context, canvas } = this;
    context.globalCompositeOperation = "saturation";
    context.fillStyle = "#808080";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.globalCompositeOperation = "source-over";
    context.fillStyle = `rgba(8, 10, 14, ${GREYED})`;
    context.fillRect(0, 0, canvas.width, canvas.height);
  }

  drawNames(zoom, width, height) {
    const { context, canvas } = this;
    const size = Math.max(10, Math.round(canvas.width / 34));
    Object.assign(context, {
      font: `600 ${size}px system-ui, sans-serif`,
      textAlign: "center",
      textBaseline: "middle",
    });
    Object.assign(context, {
      lineWidth: size / 3.5,
      lineJoin: "round",
      strokeStyle: "rgba(8, 10, 14, .85)",
      fillStyle: "#fff",
    });
    for (const { x, y, text } of this.names) {
      const across = (x / width - zoom.x) * zoom.scale * canvas.width;
      const down = (y / height - zoom.y) * zoom.scale * canvas.height;
      if (down < 0 || down > canvas.height || across < 0 || across > canvas.width) continue;
      const half = context.measureText(text).width / 2;
      const left = Math.min(Math.max(across, half + 2), canvas.width - half - 2);
      const inside = [left, Math.max(down, 3 * size)]; // below the title
      context.strokeText(text, ...inside);
      context.fillText(text, ...inside);
    }
  }
}

// ---- kernels.js
// Label maps and what is counted and painted from them. Pure functions on typed arrays that the caller owns: nothing is
// allocated here, since all of this runs for every frame that is played and every step of a slider that is dragged.

const VOID = 255;

/** Write the labels of P = tau*P1 + (1-tau)*P2 at tau = k/grid. Of a pixel's changes the last one due stays. */
function labelsAt(start, pixel, step, label, k, out) {
  out.set(start);
  for (let n = 0; n < pixel.length; n++) if (step[n] <= k) out[pixel[n]] = label[n];
}

/**
 * Write the labels of a weighted sum of runs: at open pixel m the first of the entries first[m]..first[m+1]-1 with the
 * largest sum. prob holds one row of `number.length` a run.
 */
function labelsOfWeights(agreed, pixel, first, number, prob, weights, out) {
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
function countClasses(labels, truth, pairs, hits, truths, predicted) {
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
function iouOf(hits, truth, predicted) {
  return truth > 0 ? hits / (truth + predicted - hits) : NaN;
}

/** Mean IoU over the classes that have true pixels, as the official evaluator; NaN where there is none. */
function meanIou(hits, truths, predicted) {
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
function countAreas(labels, areas) {
  areas.fill(0);
  for (let i = 0; i < labels.length; i++) areas[labels[i]]++;
}

/** Paint labels through a table of 256 colours, as 32-bit RGBA. */
function paint(labels, table, out) {
  for (let i = 0; i < labels.length; i++) out[i] = table[labels[i]];
}

/** Paint lines where a label differs from the one `reach` pixels to the right or below; what lies between stays. */
function paintContours(labels, width, height, reach, line, out) {
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
function paintOutline(labels, number, width, height, reach, line, out) {
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
function paintErrors(truth, first, second, table, out) {
  for (let i = 0; i < truth.length; i++) {
    const t = truth[i];
    // (x - 1) >>> 31 is 1 where x is 0, and no branch: errors are where a branch is guessed wrong.
    const isVoid = ((t ^ VOID) - 1) >>> 31;
    const one = ((first[i] ^ t) - 1) >>> 31;
    const two = ((second[i] ^ t) - 1) >>> 31;
    out[i] = table[(isVoid << 2) | (one << 1) | two];
  }
}

// ---- colours.js
// Colours of classes as tables of 256 32-bit RGBA values, the form in which kernels paint.

/** Eight colours that stay at least 30 apart (CIELAB) under normal, deuteranope, protanope and tritanope vision. */
const SAFE = ["eae800", "200be1", "e221dc", "21a35a", "732e01", "3dffb4", "5b3c70", "c7971a"];
const REST = "8f959e"; // all other classes in the colour-blind mode
const BLUE = "3b82f6";
const ORANGE = "ee8833";
const GREY = "8a8f98";
const BOTH_WRONG = "b4bac3";
const RUN_COLOURS = [BLUE, ORANGE, "c05fc4", "c9a10a", "e0556f", "5fa8d3", "8f6b4a", "8a8f98"];
const FUSED_COLOUR = "12a182";
const PALETTES = { glasbey: "Distinct", dataset: "Dataset", safe: "Colour-blind" };

const DIM = rgba("0b0e13", 200); // over what is not in focus
const SMALLEST_SHARE = 0.005; // of a frame, below which a class does not take one of the eight colours

/** Turn rrggbb into a 32-bit value as it lies in the memory of ImageData. */
function rgba(hex, alpha = 255) {
  const value = parseInt(hex, 16);
  return ((alpha << 24) | ((value & 255) << 16) | (value & 0xff00) | (value >> 16)) >>> 0;
}

/** Split the hex digits of a palette into rrggbb a class. */
function splitPalette(text) {
  return text.match(/.{6}/g) ?? [];
}

/** Which classes have one of the eight colours. It is a class because it remembers: a colour once given stays. */
class SafeColours {
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
function fillTable(table, colours, focus) {
  table.fill(0);
  colours.forEach((hex, number) => {
    table[number] = focus == null || focus === number ? rgba(hex) : DIM;
  });
}

// ---- regions.js
// Connected regions of a label map, on a coarse grid: where names are written when colour must not be the only sign.

/**
 * Find the regions of at least `least` cells on a grid of every `stride`-th pixel.
 * @returns {{label: number, x: number, y: number, cells: number}[]} x, y is the pixel of the region nearest to its
 *   centroid, so that a name stands on what it names; largest regions first.
 */
function regions(labels, width, height, stride, least) {
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

// ---- painter.js
// What each pane shows over the frame: which label map, in which colours, and what its caption says.

const STAIN = 217; // of 255: how much the colours of an error map cover the frame
const LINE = rgba("0b0e13", 235);
const BRIGHT = rgba("ffffff");
const LINE_WIDTH = 1.2; // pixels on the screen
const COARSE = 4; // pixels on the screen: where a pixel of the frame is larger, a line would hide more than it shows
const CELLS = 140; // regions are looked for on a grid of about so many columns
const NAMED = 0.012; // share of a frame from which on a region gets its name

/** It is a class because it owns the table of colours. */
class Painter {
  constructor(clip) {
    this.clip = clip;
    this.table = new Uint32Array(256);
    this.areas = new Int32Array(256);
    this.errors = new Uint32Array(8);
    this.safe = new SafeColours(clip.largest);
    this.colours = [];
    this.marks = false;
  }

  /** Take a palette and a class in focus. */
  choose(palette, focus) {
    this.marks = palette === "safe";
    this.focus = focus;
    this.colours = this.marks
      ? this.safe.colours(this.clip.classes.length)
      : splitPalette(this.clip.palettes[palette] ?? this.clip.palettes.glasbey);
    fillTable(this.table, this.colours, focus);
  }

  /** Give colours of the colour-blind mode to the classes of a new frame; return whether any was given. */
  meet(labels) {
    if (!this.marks || !labels) return false;
    countAreas(labels, this.areas);
    return this.safe.offer(this.areas);
  }

  /** Paint a pane; return whether there was anything to paint. */
  paint(pane, scene, errors, scale) {
    pane.names = [];
    if (pane.name === "frame") return true;
    if (pane.name === "error") return this.paintError(pane, scene, errors);
    const labels = scene.labels(pane.name);
    pane.say(labels ? "" : pane.name === "truth" ? "no truth for this frame" : "no such run");
    if (!labels) {
      pane.pixels.fill(0);
      pane.flush();
      return false;
    }
    paint(labels, this.table, pane.pixels);
    if (scale <= COARSE) this.drawLines(pane, scene.frame, labels, Math.max(1, Math.round(LINE_WIDTH / scale)));
    if (this.marks) this.write(pane, scene.frame, labels);
    pane.flush();
    return true;
  }

  /** Draw borders: of all classes in the colour-blind mode, and of the class in focus. */
  drawLines(pane, { width, height }, labels, reach) {
    if (this.marks) paintContours(labels, width, height, reach, LINE, pane.pixels);
    if (this.focus != null) paintOutline(labels, this.focus, width, height, reach, BRIGHT, pane.pixels);
  }

  /** Write names: in the colour-blind mode colour is not the only sign. */
  write(pane, { width, height }, labels) {
    const stride = Math.max(1, Math.round(width / CELLS));
    const least = (NAMED * width * height) / stride ** 2;
    pane.names = regions(labels, width, height, stride, least).map(({ label, x, y }) => ({
      x,
      y,
      text: this.clip.classes[label] ?? String(label),
    }));
  }

  paintError(pane, scene, errors) {
    const truth = scene.labels("truth");
    const { first, second } = this.compared(scene, errors);
    const alone = !second || second.name === first.name;
    const one = scene.labels(first.name);
    const two = alone ? one : scene.labels(second.name);
    const [blue, orange, grey] = [BLUE, ORANGE, BOTH_WRONG].map((hex) => rgba(hex, STAIN));
    const nothing = truth == null && alone;
    pane.say(nothing ? "no truth for this frame" : "");
    if (!truth) this.errors.set([0, 0, alone ? 0 : orange, 0]);
    else this.errors.set(alone ? [orange, 0, 0, 0] : [grey, orange, blue, 0]);
    paintErrors(truth ?? one, one, two, this.errors, pane.pixels);
    pane.flush();
    this.caption(pane, truth, first, alone ? null : second);
    return !nothing;
  }

  /** Which two maps the errors compare: A and B, or what is fused and the run that is better on the split, else A. */
  compared(scene, errors) {
    const { kind, curve, runs } = this.clip;
    const run = (name, at) => ({ name, short: runs[at]?.short ?? name.toUpperCase() });
    const [a, b] = [run("a", scene.runs[0]), run("b", scene.runs[1])];
    if (kind === "single") return { first: a, second: null };
    if (errors === "runs") return { first: a, second: b };
    const ends = kind === "pair" && curve ? [curve.miou[0], curve.miou[curve.miou.length - 1]] : [];
    return { first: { name: "fused", short: "fused" }, second: ends[0] > ends[1] ? b : a };
  }

  caption(pane, truth, first, second) {
    const key = (colour, text) => h("span", {}, h("i", { style: `background:#${colour}` }), text);
    const parts = !truth
      ? second
        ? [key(ORANGE, `${first.short} and ${second.short} differ`)]
        : []
      : second
        ? [
            key(BLUE, `only ${first.short} right`),
            key(ORANGE, `only ${second.short} right`),
            key(BOTH_WRONG, "both wrong"),
          ]
        : [key(ORANGE, "wrong")];
    const text = parts.map((part) => part.textContent).join("|");
    if (pane.caption.dataset.text === text) return;
    pane.caption.dataset.text = text;
    pane.caption.hidden = !parts.length;
    pane.caption.replaceChildren(...parts);
  }
}

// ---- curves.js
// Scores of one frame at every tau of the grid: the changes of its labels, counted once and added up.

/**
 * Count every class with true pixels at every tau = k/grid.
 * @returns {{classes: number[], truths: number[], hits: Int32Array, predicted: Int32Array, steps: number}} counts of
 *   class classes[r] at step k stand at r*steps + k.
 */
function countOverTau(start, pixel, step, label, truth, grid) {
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
function iouOverTau(counts, number) {
  const at = counts.classes.indexOf(number);
  if (at < 0) return null;
  const first = at * counts.steps;
  return Float64Array.from({ length: counts.steps }, (_, k) =>
    iouOf(counts.hits[first + k], counts.truths[at], counts.predicted[first + k]),
  );
}

/** Mean IoU at every tau, null where there is no true pixel. */
function meanIouOverTau(counts) {
  if (!counts.classes.length) return null;
  const sums = new Float64Array(counts.steps);
  for (const number of counts.classes)
    iouOverTau(counts, number).forEach((iou, k) => {
      sums[k] += iou;
    });
  return sums.map((sum) => sum / counts.classes.length);
}

/** The first of the largest values of a curve. */
function argmax(values) {
  let best = 0;
  for (let k = 1; k < values.length; k++) if (values[k] > values[best]) best = k;
  return best;
}

// ---- scene.js
// What is known of the frame on show: the label map of every pane, and its scores. Each is made once, when it is asked
// for; arrays are kept from frame to frame.

/** It is a class because it owns the arrays that the kernels write. */
class Scene {
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

// ---- grid.js
// Where panes stand, and which part of the frame they all show.

const GAP = 6;

/** Choose the number of columns that makes panes largest; return it with their width and height. */
function fitPanes(count, width, height, aspect) {
  let best = { columns: 1, width: 0, height: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const across = (width - GAP * (columns - 1)) / columns;
    const down = (height - GAP * (rows - 1)) / rows;
    const fits = Math.floor(Math.min(across, down * aspect));
    if (fits > best.width) best = { columns, width: fits, height: Math.round(fits / aspect) };
  }
  return best;
}

/** The part of the frame in view, the same in all panes: corner x, y in 0..1 of the frame, enlarged `scale` times. */
class Zoom {
  constructor() {
    this.reset();
  }

  reset() {
    Object.assign(this, { x: 0, y: 0, scale: 1 });
  }

  /** Enlarge by a factor; the place (u, v) of the panes, in 0..1, stays where it is. */
  by(factor, u = 0.5, v = 0.5) {
    const scale = Math.min(Math.max(this.scale * factor, 1), 32);
    this.x += u / this.scale - u / scale;
    this.y += v / this.scale - v / scale;
    this.scale = scale;
    this.clamp();
  }

  /** Move by parts of a pane. */
  move(du, dv) {
    this.x -= du / this.scale;
    this.y -= dv / this.scale;
    this.clamp();
  }

  /** The place of the frame, in 0..1, at a place of the panes. */
  at(u, v) {
    return [this.x + u / this.scale, this.y + v / this.scale];
  }

  clamp() {
    const most = 1 - 1 / this.scale;
    this.x = Math.min(Math.max(this.x, 0), most);
    this.y = Math.min(Math.max(this.y, 0), most);
  }
}

// ---- stage.js
// The panes: one frame drawn as often as there are panes, with one cursor, one zoom, one set of colours.

const NAMES = ["frame", "truth", "a", "b", "fused", "error"];
const FOLLOWS_FUSION = new Set(["fused", "error"]);

/** It is a class because it owns what is drawn and what of it is out of date. */
class Stage {
  /** @param {object} clip; look: panes, palette, focus, opacity, overlay, errors; save(pane) */
  constructor(clip, look, save) {
    Object.assign(this, { clip, look, scene: new Scene(clip), painter: new Painter(clip), zoom: new Zoom() });
    this.names = NAMES.filter((name) => clip.kind !== "single" || !["b", "fused"].includes(name)).filter(
      (name) => clip.runs.length > 1 || name !== "b",
    );
    this.panes = new Map(this.names.map((name) => [name, new Pane(name, this.title(name), () => save(name))]));
    this.grid = h("div", { class: "lv-panes" }, ...[...this.panes.values()].map((pane) => pane.element));
    this.alert = h("div", { class: "lv-alert", role: "alert", hidden: true });
    this.element = h("div", { class: "lv-stage" }, this.grid, this.alert);
    this.stale = new Set();
    this.moved = false;
    this.highlighted = null;
    this.room = { width: 900, height: 500 };
    this.recolour();
  }

  /** The panes on show. */
  visible() {
    return this.look.panes.map((name) => this.panes.get(name)).filter(Boolean);
  }

  /** Take another frame; everything is painted from it. */
  showFrame(frame) {
    const { frame: before } = this.scene;
    this.scene.show(frame);
    this.alert.hidden = true;
    this.grid.classList.remove("lv-gone");
    if (before?.width !== frame.width || before?.height !== frame.height) this.layout(this.room);
    if (this.painter.meet(this.scene.labels("truth") ?? this.scene.labels(this.scene.fused))) this.recolour();
    this.touch(this.names);
  }

  /** Say why a frame is not there. */
  showFailure(title, error, retry) {
    this.scene.clear();
    const button = h("button", { type: "button", class: "lv-button lv-wide", onclick: retry }, "Retry");
    const { expected, got, where, fix } = error;
    const parts = Object.entries({ expected, got, where, fix }).filter(([, text]) => text != null && text !== "");
    const lines =
      expected == null
        ? [h("p", {}, error.message)]
        : parts.map(([name, text]) => h("p", {}, h("b", {}, name), ` ${text}`));
    this.alert.replaceChildren(h("strong", {}, title), ...lines, button);
    this.alert.hidden = false;
    this.grid.classList.add("lv-gone");
  }

  setStep(step) {
    if (this.scene.setStep(step)) this.touch(FOLLOWS_FUSION);
  }

  setWeights(weights) {
    this.scene.setWeights(weights);
    this.touch(FOLLOWS_FUSION);
  }

  setRuns(runs) {
    this.scene.setRuns(runs);
    this.touch(this.names);
  }

  /** Take other colours; a class under the cursor in the legend counts as in focus for as long as it is. */
  recolour() {
    this.painter.choose(this.look.palette, this.highlighted ?? this.look.focus);
    this.touch(this.names);
  }

  /** Mark panes as out of date. */
  touch(names) {
    for (const name of names) this.stale.add(name);
    this.moved = true;
  }

  /** Bring what is on show up to date; return how many panes were painted. */
  update() {
    const { frame } = this.scene;
    if (!frame || !this.moved) return 0;
    let painted = 0;
    const opacity = this.look.overlay ? this.look.opacity : 0;
    for (const pane of this.visible()) {
      const { width, height } = this.size;
      pane.resize(frame, width, height, window.devicePixelRatio || 1);
      if (this.stale.delete(pane.name)) {
        this.painter.paint(pane, this.scene, this.look.errors, (this.zoom.scale * pane.canvas.width) / frame.width);
        this.write(pane);
        painted++;
      }
      pane.draw(frame.image, this.zoom, opacity);
      pane.canvas.dataset.frame = frame.index;
    }
    this.moved = false;
    return painted;
  }

  /** Lay the panes out in a box of so many pixels. */
  layout({ width, height }) {
    this.room = { width, height };
    const { frame } = this.scene;
    const meta = frame ?? this.clip.frames[0];
    const shown = new Set(this.look.panes);
    this.size = fitPanes(Math.max(1, shown.size), width, height, meta.width / meta.height);
    this.grid.style.gridTemplateColumns = `repeat(${this.size.columns}, ${this.size.width}px)`;
    this.grid.style.gridAutoRows = `${this.size.height}px`;
    for (const [name, pane] of this.panes) pane.element.hidden = !shown.has(name);
    this.moved = true;
  }

  /** Enlarge or move; lines and names are painted anew at the new size. */
  zoomed() {
    if (this.painter.marks || this.painter.focus != null) this.touch(this.names); // lines keep their width
    this.moved = true;
    const [x, y] = this.cursor ?? [null, null];
    for (const pane of this.visible()) pane.cross(x, y, this.zoom);
  }

  /** Show the cursor at a place of the frame, in 0..1; null hides it. Return its pixel. */
  point(x, y) {
    this.cursor = x == null ? null : [x, y];
    for (const pane of this.visible()) pane.cross(x, y, this.zoom);
    const { frame } = this.scene;
    if (x == null || !frame) return null;
    const inside = (value, size) => Math.min(Math.max(Math.floor(value * size), 0), size - 1);
    return { x: inside(x, frame.width), y: inside(y, frame.height) };
  }

  /** Save a pane as a PNG of the frame's size. */
  save(name) {
    const { frame } = this.scene;
    const pane = this.panes.get(name);
    if (!frame) return;
    pane.picture(frame.image, this.look.overlay ? this.look.opacity : 0).toBlob((blob) => {
      const address = URL.createObjectURL(blob);
      const file = `${this.clip.video}-${this.clip.frames[frame.index].name}-${name}.png`;
      h("a", { href: address, download: file }).click();
      setTimeout(() => URL.revokeObjectURL(address), 1000);
    });
  }

  write(pane) {
    setText(pane.title, this.title(pane.name));
    const score = ["a", "b", "fused"].includes(pane.name) ? this.scene.score(pane.name) : null;
    setText(pane.value, score ? percent(score.miou) : "");
  }

  title(name) {
    const run = this.clip.runs[this.scene.runs[name === "b" ? 1 : 0]];
    if (name === "a" || name === "b") return this.clip.kind === "single" ? run.name : `${run.short} · ${run.name}`;
    if (name === "fused") {
      return this.clip.kind === "pair"
        ? `Fused · τ ${(this.scene.step / this.clip.grid).toFixed(3)}`
        : `Fused${this.clip.approximate ? " ≈" : ""}`;
    }
    return { frame: "Frame", truth: "Truth", error: "Errors" }[name];
  }
}

// ---- toolbar.js
// The bar above the panes: which of them show, how masks are laid over the frame, zoom, and a slot for Python's.

const SHORT = { frame: "Frame", truth: "Truth", a: "A", b: "B", fused: "Fused", error: "Errors" };

/** It is a class because it owns the buttons that follow the state. */
class Toolbar {
  constructor(clip, names, commands, actions) {
    Object.assign(this, { clip });
    const label = (name) => (name === "a" && clip.kind === "single" ? "Model" : SHORT[name]);
    this.panes = new Map(
      names.map((name, at) => [
        name,
        h(
          "button",
          {
            type: "button",
            class: "lv-tab",
            title: `Show or hide ${label(name)} (${at + 1}${name === "error" ? " or D" : ""})`,
            onclick: () => commands.togglePane(name),
          },
          h("kbd", {}, String(at + 1)),
          label(name),
        ),
      ]),
    );
    this.overlay = h(
      "button",
      {
        type: "button",
        class: "lv-button lv-wide",
        title: "Overlay on or off (O)",
        onclick: () => commands.toggleOverlay(),
      },
      "Overlay",
    );
    this.opacity = slider({
      max: 1,
      step: 0.05,
      label: "opacity of the overlay",
      testid: "opacity-slider",
      oninput: () => commands.setOpacity(Number(this.opacity.value)),
    });
    this.palette = choice("colours", PALETTES, (name) => commands.setPalette(name));
    const [a, b] = clip.runs.map((run) => run.short);
    const compared = { fused: "Errors: fused", runs: `Errors: ${a}, ${b}` };
    this.errors =
      clip.kind === "single" ? null : choice("errors compare", compared, (name) => commands.setErrors(name));
    this.zoom = h("span", { class: "lv-zoom lv-muted" });
    this.slot = h(
      "div",
      { class: "lv-row lv-slot", "data-testid": "live-actions" },
      ...actions.map(({ name, label: text, title }) =>
        h(
          "button",
          { type: "button", class: "lv-button lv-wide", title: title ?? text, onclick: () => commands.act(name) },
          text,
        ),
      ),
    );
    this.element = h(
      "div",
      { class: "lv-bar" },
      h("div", { class: "lv-tabs", role: "group", "aria-label": "panes" }, ...this.panes.values()),
      h("div", { class: "lv-row" }, this.overlay, this.opacity),
      this.palette,
      this.errors,
      h("span", { class: "lv-space" }),
      this.slot,
      h(
        "div",
        { class: "lv-row lv-tight" },
        iconButton("minus", "Zoom out (−)", () => commands.zoomBy(1 / 1.5)),
        this.zoom,
        iconButton("plus", "Zoom in (+)", () => commands.zoomBy(1.5)),
        iconButton("whole", "Whole frame (0, double click)", () => commands.resetZoom()),
        h(
          "button",
          {
            type: "button",
            class: "lv-button",
            title: "Keys (?)",
            "aria-label": "Keys",
            onclick: () => commands.toggleHelp(),
          },
          "?",
        ),
      ),
    );
  }

  show({ panes, overlay, opacity, palette, errors }) {
    for (const [name, button] of this.panes) button.setAttribute("aria-pressed", String(panes.includes(name)));
    this.overlay.setAttribute("aria-pressed", String(overlay));
    slide(this.opacity, opacity, percent(opacity, 0));
    this.palette.value = palette;
    if (this.errors) this.errors.value = errors;
  }

  showZoom(scale) {
    setText(this.zoom, percent(scale, 0).replace(" ", ""));
  }
}

// ---- transport.js
// Playing and scrubbing: buttons, the slider of frames, and where in the video we are.

/** It is a class because it owns the elements that follow the frame. */
class Transport {
  /** @param {object} clip; player; commands: go(index), step(by), togglePlay() */
  constructor(clip, player, commands) {
    Object.assign(this, { clip, player });
    const last = clip.frames.length - 1;
    const go = (index) => commands.go(index);
    const step = (by) => commands.step(by);
    this.playButton = iconButton("play", "Play (space)", () => commands.togglePlay(), { "data-testid": "play" });
    this.loopButton = iconButton(
      "loop",
      "Begin again at the end",
      () => {
        player.loops = !player.loops;
        this.loopButton.setAttribute("aria-pressed", String(player.loops));
      },
      { "aria-pressed": "true" },
    );
    this.input = slider({
      max: last,
      label: "frame",
      testid: "frame-slider",
      oninput: () => go(Number(this.input.value)),
    });
    this.counter = h("span", { class: "lv-counter" });
    this.name = h("span", { class: "lv-muted lv-ellipsis" });
    this.status = h("span", { class: "lv-status", role: "status" });
    this.buttons = h(
      "div",
      { class: "lv-row lv-head" },
      iconButton("first", "First frame (Home)", () => go(0)),
      iconButton("back", "Previous frame (← or ,)", () => step(-1)),
      this.playButton,
      iconButton("forward", "Next frame (→ or .)", () => step(1)),
      iconButton("last", "Last frame (End)", () => go(last)),
      this.loopButton,
      this.counter,
      this.name,
      this.status,
    );
    this.element = h("div", {}, this.buttons, this.input);
    this.input.disabled = last === 0;
  }

  /** Follow the frame that is asked for. */
  show(index) {
    const { frames } = this.clip;
    setText(this.counter, `${index + 1} / ${frames.length}`);
    setText(this.name, frames[index].name);
    slide(this.input, index, `frame ${index + 1} of ${frames.length}`);
  }

  /** Follow the clock. */
  showPlaying(playing) {
    const title = playing ? "Pause (space)" : "Play (space)";
    setIcon(this.playButton, playing ? "pause" : "play");
    this.playButton.title = title;
    this.playButton.setAttribute("aria-label", title);
  }

  /** Say that a frame is on its way; an empty text says that it is there. */
  say(text) {
    setText(this.status, text);
  }
}

// ---- plot.js
// Lines over a slider: an SVG stretched to its box, so that nothing is drawn anew when the page changes its size, and
// marks as elements at percentages, so that they keep their shape.

/** Write values as a path over a box of 1000 by 100; null and NaN leave a gap, a value alone gets a short line. */
function pathOf(values, low, high) {
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
function rangeOf(lists, least = 0.02) {
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
function plot(name, ...marks) {
  const drawing = svg("svg", { viewBox: "0 0 1000 100", preserveAspectRatio: "none", "aria-hidden": "true" });
  return { drawing, element: h("div", { class: `lv-plot ${name}` }, drawing, ...marks) };
}

/** Make a line of a plot. */
function line(colour, look = "") {
  return svg("path", { class: `lv-line ${look}`, style: `stroke:#${colour}` });
}

/** Put a mark at a place of a plot, in 0..1 from the left and from the bottom; null hides it. */
function place(mark, x, y) {
  mark.hidden = x == null || y == null || Number.isNaN(y);
  if (mark.hidden) return;
  mark.style.left = `${100 * x}%`;
  mark.style.top = `${100 * (1 - y)}%`;
}

// ---- timeline.js
// The video as lines: scores of every frame, in two lanes, with its worst frames marked. A click goes to a frame.

/** It is a class because it owns the lines that follow tau. */
class Timeline {
  /** @param {object} clip; go(index) shows a frame */
  constructor(clip, go) {
    this.clip = clip;
    this.last = Math.max(clip.frames.length - 1, 1);
    this.hidden = new Set();
    this.index = 0;
    this.series = [];
    this.position = h("i", { class: "lv-position" });
    this.marks = h("div", { class: "lv-marks" });
    this.upper = plot("lv-lane");
    this.lower = plot("lv-lane lv-lane-low");
    this.keys = h("div", { class: "lv-keys" });
    this.message = h("div", { class: "lv-plot-note" });
    this.lanes = h("div", { class: "lv-lanes" }, this.marks, this.upper.element, this.lower.element, this.position);
    this.element = h("div", { class: "lv-timeline", "data-testid": "timeline" }, this.lanes, this.message, this.keys);
    this.listen(go);
  }

  /** Take the series; those of the fused frame follow tau later. */
  fill({ series = [], frame_miou: fused = null, worst = {} }) {
    this.fused = fused;
    this.series = series.map((one) => ({ ...one, ...this.styleOf(one.key) }));
    if (fused) {
      const own = { key: "miou.fused", label: "mIoU fused", values: this.clip.frames.map(() => null) };
      this.series.push({ ...own, ...this.styleOf(own.key) });
    }
    for (const one of this.series) {
      one.line = line(one.colour, one.look);
      (one.low ? this.lower : this.upper).drawing.append(one.line);
    }
    this.lower.element.hidden = !this.series.some((one) => one.low);
    this.keys.replaceChildren(...this.series.map((one) => this.keyOf(one)));
    this.markWorst(worst);
    this.message.hidden = true;
    this.draw();
  }

  /** Say that the series are on their way. */
  wait() {
    this.message.hidden = false;
    this.message.replaceChildren("scores of all frames are being computed …");
  }

  /** Say what is wrong instead of showing lines. */
  fail(error, retry) {
    this.message.hidden = false;
    this.message.replaceChildren(
      `Timeline: ${error.message} `,
      h("button", { type: "button", class: "lv-link", onclick: retry }, "Retry"),
    );
  }

  /** Follow tau: the fused line is that of the nearest tau at which frames were scored. */
  setTau(tau) {
    if (!this.fused) return;
    const column = Math.round(tau * (this.fused.taus - 1));
    if (column === this.column) return;
    this.column = column;
    this.series.find((one) => one.key === "miou.fused").values = this.fused.values.map((row) => row?.[column] ?? null);
    this.draw(false);
    this.read(this.index);
  }

  /** Follow the frame on show. */
  setIndex(index) {
    this.index = index;
    this.position.style.left = `${(100 * index) / this.last}%`;
    this.read(index);
  }

  draw(anew = true) {
    const shown = this.series.filter((one) => !this.hidden.has(one.key));
    if (anew || !this.range) {
      const grid = this.fused && !this.hidden.has("miou.fused") ? this.fused.values.filter(Boolean) : [];
      const upper = shown.filter((one) => !one.low).map((one) => one.values);
      this.range = {
        upper: rangeOf([...upper, ...grid]),
        lower: rangeOf(shown.filter((one) => one.low).map((one) => one.values)),
      };
    }
    for (const one of this.series) {
      one.line.setAttribute(
        "d",
        this.hidden.has(one.key) ? "" : pathOf(one.values, ...(one.low ? this.range.lower : this.range.upper)),
      );
    }
  }

  styleOf(key) {
    const [kind, run] = key.split(".");
    const at = this.clip.runs.findIndex((one) => one.short === run);
    const colour = run === "fused" ? FUSED_COLOUR : at >= 0 ? RUN_COLOURS[at] : GREY;
    return { colour, low: kind !== "miou", look: { miou: "", disagreement: "lv-dashed" }[kind] ?? "lv-thin" };
  }

  keyOf(one) {
    const toggle = () => {
      if (!this.hidden.delete(one.key)) this.hidden.add(one.key);
      button.setAttribute("aria-pressed", String(!this.hidden.has(one.key)));
      this.draw();
    };
    one.value = h("span", { class: "lv-key-value" });
    const mark = h("i", { class: one.look, style: `--colour:#${one.colour}` });
    const button = h(
      "button",
      { type: "button", class: "lv-key", "aria-pressed": "true", title: `Show or hide ${one.label}`, onclick: toggle },
      mark,
      one.label.replace(" of ", " "),
      one.value,
    );
    return button;
  }

  markWorst(worst) {
    const found = new Map();
    for (const [key, frames] of Object.entries(worst)) {
      const label = this.series.find((one) => one.key === key)?.label ?? key;
      frames.forEach((index, rank) => found.set(index, [...(found.get(index) ?? []), `${rank + 1}. lowest ${label}`]));
    }
    this.marks.replaceChildren(
      ...[...found].map(([index, reasons]) =>
        h("button", {
          type: "button",
          class: "lv-worst",
          tabindex: -1,
          style: `left:${(100 * index) / this.last}%`,
          "data-frame": index,
          title: `frame ${index + 1}: ${reasons.join(", ")}`,
          "aria-label": `go to frame ${index + 1}, ${reasons.join(", ")}`,
        }),
      ),
    );
  }

  /** Show the figures of a frame, the one on show or the one pointed at. */
  read(index) {
    for (const one of this.series) setText(one.value, percent(one.values[index], 1).replace(" %", ""));
  }

  listen(go) {
    const at = (event) => {
      const box = this.lanes.getBoundingClientRect();
      const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
      return Math.round(share * (this.clip.frames.length - 1));
    };
    const target = (event) => (event.target.dataset.frame ? Number(event.target.dataset.frame) : at(event));
    this.lanes.addEventListener("pointerdown", (event) => {
      if (event.button > 0) return;
      go(target(event));
      if (!event.target.dataset.frame) this.lanes.setPointerCapture(event.pointerId);
    });
    this.lanes.addEventListener("pointermove", (event) => {
      if (this.lanes.hasPointerCapture(event.pointerId)) go(at(event));
      else this.read(at(event));
    });
    this.lanes.addEventListener("pointerleave", () => this.read(this.index));
    this.marks.addEventListener("click", (event) => {
      if (event.target.dataset.frame) go(target(event));
    });
  }
}

// ---- tau.js
// Tau, the weight of the first run, on the exact curve of what it is worth: of this frame or of one class in it,
// counted here, or of the whole split as `vspw ensemble sweep` found it.

const SCOPES = { split: "Split", frame: "Frame", class: "Class" };

/** It is a class because it owns the curve on show. */
class TauControl {
  /** @param {object} clip; setStep(k) shows tau = k/grid; counts() gives those of the frame on show; focus() a class */
  constructor(clip, { setStep, counts, focus }) {
    Object.assign(this, { clip, setStep, counts, focus, step: 0, values: null });
    this.scope = clip.curve ? "split" : "frame";
    this.input = slider({
      max: clip.grid,
      label: `tau, weight of ${clip.runs[0].short}`,
      testid: "tau-slider",
      oninput: () => setStep(Number(this.input.value)),
    });
    this.number = h("output", { class: "lv-tau" });
    this.score = h("span", { class: "lv-muted" });
    this.jump = h("button", {
      type: "button",
      class: "lv-link",
      title: "Go to the best tau",
      onclick: () => this.goToBest(),
    });
    this.dots = { now: h("i", { class: "lv-dot lv-now" }), best: h("i", { class: "lv-dot lv-best", title: "best" }) };
    this.ends = [h("span"), h("span")];
    this.note = h("div", { class: "lv-plot-note", hidden: true });
    this.rule = h("i", { class: "lv-position" });
    const { drawing, element } = plot("lv-curve", this.rule, this.dots.best, this.dots.now, this.note);
    this.line = line(FUSED_COLOUR);
    drawing.append(this.line);
    const legend = h(
      "div",
      { class: "lv-row lv-under" },
      this.ends[0],
      h("span", { class: "lv-muted" }, `τ ${clip.runs[0].short} + (1 − τ) ${clip.runs[1].short}`),
      this.ends[1],
    );
    this.element = h(
      "div",
      { class: "lv-fuse" },
      h("div", { class: "lv-row lv-head" }, h("b", {}, "τ"), this.number, this.score, this.jump, this.scopes()),
      element,
      this.input,
      legend,
    );
    element.addEventListener("pointerdown", (event) => this.drag(event, element));
    element.addEventListener("pointermove", (event) => {
      if (element.hasPointerCapture(event.pointerId)) this.drag(event, element);
    });
  }

  /** Follow tau. */
  show(step) {
    this.step = step;
    const tau = step / this.clip.grid;
    setText(this.number, tau.toFixed(3));
    slide(this.input, step, `tau ${tau.toFixed(3)}: ${percent(tau, 1)} of ${this.clip.runs[0].short}`);
    this.rule.style.left = `${100 * tau}%`;
    this.mark();
  }

  /** Draw the curve anew: the frame, the scope or the focus is another. */
  refresh() {
    for (const [name, button] of Object.entries(this.buttons)) {
      button.disabled = name === "split" ? !this.clip.curve : name === "class" && this.focus() == null;
      button.setAttribute("aria-pressed", String(name === this.scope));
    }
    this.values = this.curve();
    this.note.hidden = Boolean(this.values);
    setText(this.note, this.values ? "" : "nothing to score here");
    this.range = rangeOf([this.values ?? []], 0.004);
    this.line.setAttribute("d", this.values ? pathOf(this.values, ...this.range) : "");
    this.best = this.bestOf();
    const [a, b] = this.clip.runs.map((run) => run.short);
    const alone = (k) => (this.values ? ` ${percent(this.values[k])}` : "");
    setText(this.ends[0], `0: ${b} alone${alone(0)}`);
    setText(this.ends[1], `1: ${a} alone${alone(this.clip.grid)}`);
    place(this.dots.best, this.best?.tau, this.best && this.height(this.best.score));
    this.jump.hidden = !this.best;
    if (this.best) setText(this.jump, `best τ ${Number(this.best.tau.toFixed(4))} · ${percent(this.best.score)}`);
    this.mark();
  }

  mark() {
    const value = this.values?.[this.step];
    place(this.dots.now, this.step / this.clip.grid, value == null ? null : this.height(value));
    setText(this.score, value == null ? "" : `${this.scope === "class" ? "IoU" : "mIoU"} ${percent(value)}`);
  }

  height(value) {
    return (value - this.range[0]) / Math.max(this.range[1] - this.range[0], 1e-9);
  }

  curve() {
    if (this.scope === "class" && this.focus() == null) this.scope = this.clip.curve ? "split" : "frame";
    if (this.scope === "split") return this.clip.curve.miou;
    const counts = this.counts();
    if (!counts) return null;
    return this.scope === "frame" ? meanIouOverTau(counts) : iouOverTau(counts, this.focus());
  }

  bestOf() {
    if (!this.values) return null;
    if (this.scope === "split") return { tau: this.clip.curve.best.tau, score: this.clip.curve.best.miou };
    const k = argmax(this.values);
    return { tau: k / this.clip.grid, score: this.values[k] };
  }

  goToBest() {
    this.setStep(Math.round(this.best.tau * this.clip.grid));
  }

  drag(event, element) {
    if (event.button > 0) return;
    if (event.type === "pointerdown") element.setPointerCapture(event.pointerId);
    const box = element.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    this.setStep(Math.round(share * this.clip.grid));
  }

  scopes() {
    const choose = (scope) => {
      this.scope = scope;
      this.refresh();
    };
    this.buttons = Object.fromEntries(
      Object.entries(SCOPES).map(([scope, text]) => [
        scope,
        h(
          "button",
          { type: "button", class: "lv-tab", onclick: () => choose(scope), title: `Curve of ${SCOPE_TITLES[scope]}` },
          text,
        ),
      ]),
    );
    return h("div", { class: "lv-tabs", role: "group", "aria-label": "curve of" }, ...Object.values(this.buttons));
  }
}

const SCOPE_TITLES = {
  split: "all pixels of the split, from `vspw ensemble sweep`",
  frame: "this frame",
  class: "the class in focus, in this frame",
};

// ---- weights.js
// Weights of several runs: a slider each, their shares, and for three runs a triangle to pick all at once.

const STEPS = 100;

/** Divide weights by their sum; all 0 become equal. */
function sharesOf(weights) {
  const sum = weights.reduce((a, b) => a + b, 0);
  return sum > 0 ? weights.map((weight) => weight / sum) : weights.map(() => 1 / weights.length);
}

/** It is a class because it owns the sliders. */
class WeightControl {
  /** @param {object} clip; setWeights(list) shows other weights */
  constructor(clip, setWeights) {
    Object.assign(this, { clip, setWeights });
    this.weights = clip.runs.map(() => 1);
    this.inputs = clip.runs.map((run, at) =>
      slider({
        max: STEPS,
        label: `weight of ${run.short}, ${run.name}`,
        testid: `weight-slider-${at}`,
        oninput: (event) => this.change(at, Number(event.target.value) / STEPS),
      }),
    );
    this.outputs = clip.runs.map(() => h("output", { class: "lv-number" }));
    const rows = clip.runs.map((run, at) =>
      h(
        "label",
        { class: "lv-weight", title: run.name },
        h("i", { class: "lv-swatch", style: `background:#${RUN_COLOURS[at]}` }),
        h("b", {}, run.short),
        h("span", { class: "lv-ellipsis" }, run.name),
        this.inputs[at],
        this.outputs[at],
      ),
    );
    const reset = h(
      "button",
      { type: "button", class: "lv-link", onclick: () => setWeights(clip.runs.map(() => 1)) },
      "equal weights",
    );
    const about =
      "Probabilities are rounded to 16 bits, and classes that no run ranks high are left out: a few pixels may differ";
    const note = clip.approximate ? h("span", { class: "lv-badge", title: about }, "≈ approximate") : null;
    const parts = [h("div", { class: "lv-weights" }, ...rows)];
    if (clip.runs.length === 3) parts.push(this.triangle());
    this.element = h(
      "div",
      { class: "lv-fuse" },
      h("div", { class: "lv-row lv-head" }, h("b", {}, "Weights"), note, reset),
      h("div", { class: "lv-weigh" }, ...parts),
    );
  }

  change(at, value) {
    const weights = [...this.weights];
    weights[at] = value;
    this.setWeights(weights);
  }

  /** Follow the weights; sliders keep what was set, beside them stand the shares. */
  show(weights) {
    this.weights = weights;
    const shares = sharesOf(weights);
    const most = Math.max(...weights, 1);
    shares.forEach((share, at) => {
      slide(
        this.inputs[at],
        Math.round((weights[at] / most) * STEPS),
        `${percent(share, 0)} ${this.clip.runs[at].short}`,
      );
      setText(this.outputs[at], percent(share, 0));
    });
    if (this.handle) {
      const [x, y] = CORNERS[0].map((_, axis) => shares.reduce((sum, share, at) => sum + share * CORNERS[at][axis], 0));
      this.handle.setAttribute("cx", x);
      this.handle.setAttribute("cy", y);
    }
  }

  /** The triangle of all weights; sliders do the same by keyboard. */
  triangle() {
    this.handle = svg("circle", { r: 4.5, class: "lv-handle" });
    const points = CORNERS.map((corner) => corner.join()).join(" ");
    const names = this.clip.runs.map((run, at) =>
      svg(
        "text",
        {
          x: CORNERS[at][0],
          y: CORNERS[at][1] + (at ? 11 : -4),
          "text-anchor": "middle",
          style: `fill:#${RUN_COLOURS[at]}`,
        },
        run.short,
      ),
    );
    const drawing = svg(
      "svg",
      { viewBox: "-8 -6 116 106", class: "lv-triangle", "aria-hidden": "true", "data-testid": "weight-triangle" },
      svg("polygon", { points }),
      ...names,
      this.handle,
    );
    const pick = (event) => {
      const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(drawing.getScreenCTM().inverse());
      this.setWeights(barycentric(point.x, point.y));
    };
    drawing.addEventListener("pointerdown", (event) => {
      drawing.setPointerCapture(event.pointerId);
      pick(event);
    });
    drawing.addEventListener("pointermove", (event) => {
      if (drawing.hasPointerCapture(event.pointerId)) pick(event);
    });
    return drawing;
  }
}

const CORNERS = [
  [50, 6],
  [4, 84],
  [96, 84],
];

/** The shares of the corners at a point of the triangle; outside of it negative shares become 0. */
function barycentric(x, y) {
  const [[ax, ay], [bx, by], [cx, cy]] = CORNERS;
  const whole = (by - cy) * (ax - cx) + (cx - bx) * (ay - cy);
  const a = ((by - cy) * (x - cx) + (cx - bx) * (y - cy)) / whole;
  const b = ((cy - ay) * (x - cx) + (ax - cx) * (y - cy)) / whole;
  return sharesOf([a, b, 1 - a - b].map((share) => Math.round(Math.max(share, 0) * STEPS) / STEPS));
}

// ---- legend.js
// Scores of the frame and of the split, and the classes in view with their share and IoU.

/** It is a class because it owns the rows, which are kept from frame to frame. */
class Legend {
  /** @param {object} clip; scene; commands: toggleFocus(id), highlight(id or null) */
  constructor(clip, scene, commands) {
    Object.assign(this, { clip, scene, commands });
    this.areas = new Int32Array(256);
    this.pool = [];
    this.columns = clip.kind === "single" ? ["a"] : ["a", "b", "fused"].slice(clip.runs.length > 1 ? 0 : 2);
    this.scores = h("div", { class: "lv-scores" });
    this.list = h("div", { class: "lv-list" });
    this.head = h("div", { class: "lv-class lv-class-head" });
    this.element = h(
      "aside",
      { class: "lv-side" },
      this.scores,
      h(
        "div",
        { class: "lv-legend", "data-testid": "legend", style: `--columns:${this.columns.length}` },
        this.head,
        this.list,
      ),
    );
    this.list.addEventListener("pointerleave", () => commands.highlight(null));
    this.rename();
  }

  /** Take the names of the runs that are A and B now. */
  rename() {
    this.head.replaceChildren(
      h("span"),
      h("span", {}, "Class"),
      h("span", { class: "lv-number" }, "area"),
      ...this.columns.map((name) =>
        h("span", { class: "lv-number", title: `IoU of ${this.title(name)} in this frame` }, this.short(name)),
      ),
    );
    this.buildScores();
  }

  short(name) {
    return name === "fused"
      ? "fused"
      : (this.clip.runs[this.scene.runs[name === "a" ? 0 : 1]]?.short ?? name.toUpperCase());
  }

  title(name) {
    return name === "fused" ? "the fused runs" : (this.clip.runs[this.scene.runs[name === "a" ? 0 : 1]]?.name ?? name);
  }

  buildScores() {
    const withSplit = this.clip.kind === "pair" && this.clip.curve;
    const rows = this.columns.map((name) => {
      const main = name === this.scene.fused;
      const frame = h("output", { class: "lv-number", "data-testid": main ? "miou-value" : null });
      const split = withSplit
        ? h("output", { class: "lv-number", "data-testid": main ? "split-miou-value" : null })
        : null;
      const colour = name === "fused" ? FUSED_COLOUR : RUN_COLOURS[this.scene.runs[name === "a" ? 0 : 1]];
      const label =
        name !== "fused" && this.clip.runs.length > 2
          ? this.picker(name === "a" ? 0 : 1)
          : h("span", { class: "lv-ellipsis" });
      const element = h(
        "div",
        { class: `lv-score${main ? " lv-main-score" : ""}` },
        h("i", { class: "lv-swatch", style: `background:#${colour}` }),
        label,
        frame,
        split,
      );
      return { name, frame, split, label, element };
    });
    this.rows = rows;
    const head = h(
      "div",
      { class: "lv-score lv-class-head" },
      h("span"),
      h("span", {}, "mIoU"),
      h("span", { class: "lv-number" }, "frame"),
      withSplit ? h("span", { class: "lv-number", title: "over all pixels of the split" }, "split") : null,
    );
    this.scores.classList.toggle("lv-with-split", Boolean(withSplit));
    this.scores.replaceChildren(head, ...rows.map((row) => row.element));
  }

  /** With more than two runs, A and B are any of them. */
  picker(slot) {
    const names = Object.fromEntries(this.clip.runs.map((run, at) => [at, `${run.short} · ${run.name}`]));
    const select = choice(`run of pane ${"AB"[slot]}`, names, (at) => this.commands.setRun(slot, Number(at)));
    select.value = String(this.scene.runs[slot]);
    return select;
  }

  /** Follow the scores: cheap enough for every frame and every tau. */
  showScores(step) {
    for (const { name, frame, split, label } of this.rows) {
      const text =
        name === "fused"
          ? this.clip.kind === "pair"
            ? `fused, τ ${(step / this.clip.grid).toFixed(3)}`
            : "fused"
          : this.clip.kind === "single"
            ? this.title(name)
            : `${this.short(name)} · ${this.title(name)}`;
      if (label.tagName !== "SELECT") setText(label, text);
      label.title = text;
      showValue(frame, this.scene.score(name)?.miou);
      if (split) showValue(split, this.clip.curve.miou[name === "fused" ? step : name === "a" ? this.clip.grid : 0]);
    }
  }

  /** Follow the classes in view, largest first: those of the truth, or of what is predicted where there is none. */
  showClasses(colours, focused) {
    const labels = this.scene.labels("truth") ?? this.scene.labels(this.scene.fused);
    if (labels) countAreas(labels, this.areas);
    else this.areas.fill(0);
    const scores = this.columns.map((name) => this.scene.score(name));
    const there = [...this.areas.keys()].filter((c) => c !== VOID && labels && (this.areas[c] || c === focused));
    there.sort((a, b) => this.areas[b] - this.areas[a]);
    const whole = (labels?.length ?? 0) - this.areas[VOID] || 1;
    there.forEach((number, at) => this.fill(at, number, this.areas[number] / whole, scores, colours[number], focused));
    this.pool.forEach((row, at) => {
      row.element.hidden = at >= there.length;
    });
  }

  fill(at, number, share, scores, colour, focused) {
    const row = (this.pool[at] ??= this.makeRow());
    row.number = number;
    row.swatch.style.background = colour ? `#${colour}` : "";
    setText(row.name, this.clip.classes[number] ?? String(number));
    setText(row.area, percent(share, 1));
    row.element.style.setProperty("--share", share);
    row.element.setAttribute("aria-pressed", String(focused === number));
    row.element.classList.toggle("lv-dim", focused != null && focused !== number);
    row.ious.forEach((cell, column) => {
      const score = scores[column];
      const iou = score && iouOf(score.hits[number], score.truths[number], score.predicted[number]);
      setText(cell, iou == null || Number.isNaN(iou) ? "–" : (100 * iou).toFixed(1));
    });
  }

  makeRow() {
    const row = {
      swatch: h("i", { class: "lv-swatch" }),
      name: h("span", { class: "lv-ellipsis" }),
      area: h("span", { class: "lv-number lv-muted" }),
    };
    row.ious = this.columns.map(() => h("span", { class: "lv-number" }));
    row.element = h(
      "button",
      {
        type: "button",
        class: "lv-class",
        title: "Focus this class (Esc ends it)",
        onclick: () => this.commands.toggleFocus(row.number),
        onpointerenter: () => this.commands.highlight(row.number),
      },
      row.swatch,
      row.name,
      row.area,
      ...row.ious,
    );
    this.list.append(row.element);
    return row;
  }

  /** Mark the class under the cursor. */
  mark(number) {
    for (const row of this.pool) row.element.classList.toggle("lv-marked", row.number === number && number != null);
  }
}

// ---- hover.js
// What is known at the pixel under the cursor: names at once, from the label maps; scores of every run when they come.

const PATIENCE = 60; // milliseconds of rest before scores are asked for
const KEPT = 400; // answers
const SHOWN = 5; // classes

/** It is a class because it owns a question that is under way. */
class HoverCard {
  constructor(clip, source) {
    Object.assign(this, { clip, source, answers: new Map(), asked: null });
    this.place = h("div", { class: "lv-muted" });
    this.names = h("div", { class: "lv-card-names" });
    this.scores = h("div", { class: "lv-card-scores" });
    this.element = h(
      "div",
      { class: "lv-card", "data-testid": "hover-card", hidden: true },
      this.place,
      this.names,
      this.scores,
    );
  }

  /**
   * Show a pixel.
   * @param {object} at index of the frame, x, y; rows of {title, id, colour, wrong}; ask whether scores are wanted
   */
  show({ index, x, y, rows, colours, mix, ask }, event, box) {
    this.element.hidden = false;
    this.look = { colours, mix };
    setText(this.place, `x ${x}, y ${y}`);
    this.names.replaceChildren(
      ...rows.map(({ title, id, wrong }) =>
        h(
          "div",
          { class: "lv-card-row" },
          h("span", { class: "lv-muted" }, title),
          h("i", { class: "lv-swatch", style: swatchOf(colours, id) }),
          h("span", {}, this.nameOf(id)),
          h("span", { class: "lv-muted" }, wrong ? "✗" : ""),
        ),
      ),
    );
    const name = `scores/${index}/${x}/${y}`;
    if (name !== this.wanted) this.want(name, ask);
    if (event) this.move(event, box);
  }

  hide() {
    this.element.hidden = true;
    this.want(null);
  }

  move(event, box) {
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const left = x + 18 + width > box.width ? x - 18 - width : x + 18;
    const top = Math.max(4, Math.min(y + 14, box.height - height - 4));
    this.element.style.transform = `translate(${Math.max(4, left)}px, ${top}px)`;
  }

  want(name, ask = false) {
    this.wanted = name;
    clearTimeout(this.timer);
    this.asked?.abort();
    this.asked = null;
    if (name && this.answers.has(name)) return this.showScores(this.answers.get(name));
    this.scores.replaceChildren();
    if (name && ask) this.timer = setTimeout(() => this.fetch(name), PATIENCE);
    return undefined;
  }

  async fetch(name) {
    const controller = (this.asked = new AbortController());
    try {
      const answer = await (await this.source.get(name, { signal: controller.signal })).json();
      this.answers.set(name, answer);
      if (this.answers.size > KEPT) this.answers.delete(this.answers.keys().next().value);
      if (this.wanted === name) this.showScores(answer);
    } catch (error) {
      if (!controller.signal.aborted && this.wanted === name) {
        this.scores.replaceChildren(h("div", { class: "lv-muted" }, `no scores: ${error.message}`));
      }
    }
  }

  showScores({ classes, runs }) {
    const ids = classes ?? runs[0].map((_, number) => number);
    const mixed = (at) => runs.reduce((sum, run, r) => sum + (this.look.mix?.[r] ?? 1 / runs.length) * run[at], 0);
    const order = ids
      .map((_, at) => at)
      .sort((a, b) => mixed(b) - mixed(a))
      .slice(0, SHOWN);
    this.scores.replaceChildren(
      ...order.map((at) =>
        h(
          "div",
          { class: "lv-card-class" },
          h("i", { class: "lv-swatch", style: swatchOf(this.look.colours, ids[at]) }),
          h("span", { class: "lv-ellipsis" }, this.nameOf(ids[at])),
          h(
            "div",
            { class: "lv-bars" },
            ...runs.map((run, r) =>
              h(
                "div",
                { class: "lv-bar-line", title: this.clip.runs[r].short },
                h("i", { style: `width:${(100 * run[at]).toFixed(1)}%;background:#${RUN_COLOURS[r]}` }),
              ),
            ),
          ),
          h(
            "div",
            { class: "lv-card-numbers" },
            ...runs.map((run) => h("span", { class: "lv-number" }, percent(run[at], 1))),
          ),
        ),
      ),
    );
  }

  nameOf(id) {
    return id == null ? "–" : id === VOID ? "void" : (this.clip.classes[id] ?? `class ${id}`);
  }
}

function swatchOf(colours, id) {
  return id == null || !colours[id] ? "" : `background:#${colours[id]}`;
}

// ---- keys.js
// The keyboard, while the view has the focus, and the page that explains it.

const KEYS = [
  ["space", "play or pause"],
  ["← →  , .", "one frame back or on; hold to go on"],
  ["Shift + ← →", "ten frames"],
  ["Home  End", "first or last frame"],
  ["[  ]", "tau 0.01 down or up"],
  ["O", "overlay on or off"],
  ["D", "errors on or off"],
  ["1 … 9", "panes on or off"],
  ["+  −  0", "zoom in, out, whole frame"],
  ["Esc", "end the focus of a class"],
  ["?", "this page"],
];
const MOUSE = [
  ["wheel, pinch", "zoom, after a click into the view; Ctrl + wheel always"],
  ["drag", "move the enlarged frame"],
  ["double click", "whole frame"],
  ["click", "focus the class under the cursor, or in the legend"],
];
const NATIVE = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"]);

/** Listen to keys; those of fields that are typed in, and of other sliders, stay theirs. */
function watchKeys(root, frameSlider, commands) {
  root.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.closest("input:not([type=range]), textarea, select, [contenteditable]")) return;
    if (target.type === "range" && target !== frameSlider && NATIVE.has(key)) return;
    if (target.closest("button") && (key === " " || key === "Enter")) return;
    if (press(key, event, commands)) event.preventDefault();
  });
}

/** Do what a key says; return whether it says anything. */
function press(key, event, commands) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, ",": -1, ".": 1 };
  if (key in steps) {
    if (!event.repeat || commands.settled()) commands.step(steps[key] * (event.shiftKey ? 10 : 1));
    return true;
  }
  if (/^[1-9]$/.test(key)) return commands.togglePaneAt(Number(key) - 1);
  const actions = {
    " ": () => commands.togglePlay(),
    Home: () => commands.go(0),
    End: () => commands.go(Infinity),
    "[": () => commands.nudgeTau(-0.01),
    "]": () => commands.nudgeTau(0.01),
    o: () => commands.toggleOverlay(),
    d: () => commands.togglePane("error"),
    "+": () => commands.zoomBy(1.5),
    "=": () => commands.zoomBy(1.5),
    "-": () => commands.zoomBy(1 / 1.5),
    0: () => commands.resetZoom(),
    Escape: () => commands.escape(),
    "?": () => commands.toggleHelp(),
  };
  const action = actions[key.length === 1 ? key.toLowerCase() : key];
  action?.();
  return Boolean(action);
}

/** Make the page that explains keys. */
function makeHelp(close) {
  const table = (rows) => h("dl", {}, ...rows.flatMap(([key, what]) => [h("dt", {}, key), h("dd", {}, what)]));
  return h(
    "div",
    { class: "lv-help", role: "dialog", "aria-label": "Keys", hidden: true },
    h(
      "div",
      { class: "lv-row" },
      h("strong", {}, "Keys, while the view has the focus"),
      h("button", { type: "button", class: "lv-button lv-wide", onclick: close }, "Close"),
    ),
    table(KEYS),
    table(MOUSE),
  );
}

// ---- pointer.js
// Pointers over the panes: hover, click, drag, wheel and pinch. Wheels zoom only once the view has the focus, or with
// Ctrl, so that a page with a view in it can be scrolled past it.

const CLICK = 4; // pixels that a pointer may move and still click

/**
 * @param {HTMLElement} area the panes
 * @param {object} hooks hover(pane, u, v) or hover(null); pick(pane, u, v); move(du, dv); zoom(factor, u, v); reset();
 *   active() whether wheels are ours; zoomed() whether anything is enlarged
 */
function watchPointers(area, hooks) {
  const pointers = new Map();
  let moved = 0;
  const listen = (type, handler, options) => area.addEventListener(type, handler, options);

  listen("pointerdown", (event) => {
    const pane = paneOf(event);
    if (!pane || event.button > 0 || event.target.closest("button, select")) return;
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, pane });
    moved = pointers.size > 1 ? Infinity : 0;
  });
  listen("pointermove", (event) => {
    const pane = paneOf(event);
    const held = pointers.get(event.pointerId);
    if (pane && !event.target.closest("button, select")) hooks.hover(pane.dataset.pane, ...placeIn(pane, event), event);
    else if (!held) hooks.hover(null);
    if (!held) return;
    const before = spread(pointers);
    const box = held.pane.getBoundingClientRect();
    const [dx, dy] = [event.clientX - held.x, event.clientY - held.y];
    moved += Math.abs(dx) + Math.abs(dy);
    Object.assign(held, { x: event.clientX, y: event.clientY });
    if (moved > CLICK && !area.hasPointerCapture?.(event.pointerId)) area.setPointerCapture(event.pointerId);
    const after = spread(pointers);
    if (before && after)
      hooks.zoom(after.size / before.size, ...placeIn(held.pane, { clientX: after.x, clientY: after.y }));
    else if (moved > CLICK && hooks.zoomed()) hooks.move(dx / box.width, dy / box.height);
  });
  for (const type of ["pointerup", "pointercancel"]) {
    listen(type, (event) => {
      const held = pointers.get(event.pointerId);
      pointers.delete(event.pointerId);
      if (held && type === "pointerup" && moved <= CLICK)
        hooks.pick(held.pane.dataset.pane, ...placeIn(held.pane, event));
    });
  }
  listen("pointerleave", () => hooks.hover(null));
  listen("dblclick", (event) => {
    if (paneOf(event) && !event.target.closest("button, select")) hooks.reset();
  });
  listen(
    "wheel",
    (event) => {
      const pane = paneOf(event);
      const shrinks = event.deltaY > 0;
      if (!pane || !(hooks.active() || event.ctrlKey) || (shrinks && !hooks.zoomed())) return;
      event.preventDefault();
      hooks.zoom(Math.exp(-event.deltaY / (event.ctrlKey ? 120 : 400)), ...placeIn(pane, event));
    },
    { passive: false },
  );
}

function paneOf(event) {
  return event.target.closest?.(".lv-pane") ?? null;
}

/** The place of an event in a pane, in 0..1. */
function placeIn(pane, event) {
  const box = pane.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
}

/** Distance and middle of two fingers; null for any other number. */
function spread(pointers) {
  if (pointers.size !== 2) return null;
  const [one, two] = [...pointers.values()];
  const size = Math.hypot(one.x - two.x, one.y - two.y) || 1;
  return { size, x: (one.x + two.x) / 2, y: (one.y + two.y) / 2 };
}

// ---- state.js
// What a link holds of a view: checked on the way in, since links are old, shortened and written by hand.

/** The look of a clip before anything is chosen: one run against the truth; with several, what is fused as well. */
function firstState(clip) {
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
function checkedState(state, clip, names) {
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
function canonical(state) {
  return JSON.stringify(Object.entries(state ?? {}).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Refuse metadata that no view can be made of. */
function clipProblem(clip) {
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

// ---- link.js
// What a link holds of a view: given out once nothing has changed for a moment, and taken back from links.

const SETTLED = 150; // milliseconds of rest before a change is told

/** It is a class because it remembers what was told last. */
class Link {
  /** @param {object} view; tell(state) hears settled changes */
  constructor(view, tell) {
    Object.assign(this, { view, tell, told: "" });
  }

  /** The state of the view as plain values. */
  state() {
    const { look, clip } = this.view;
    const { frame, tau, weights, panes, opacity, focus, palette, errors, runs } = look;
    const state = { frame, panes: [...panes], opacity, focus, palette };
    if (clip.kind === "pair") Object.assign(state, { tau, errors });
    if (clip.kind === "joint") Object.assign(state, { weights: [...weights], errors, runs: [...runs] });
    return state;
  }

  /** Take what can be used of a state; it opens paused, and is not told again. */
  take(state) {
    const { view } = this;
    const { commands, clip, stage } = view;
    const look = { ...view.look, ...checkedState(state, clip, stage.names) };
    view.player.pause();
    view.look.overlay = true;
    commands.look({ opacity: look.opacity, focus: look.focus, palette: look.palette, errors: look.errors });
    commands.setPanes(look.panes);
    commands.setRuns(look.runs);
    commands.recolour();
    commands.setTau(look.tau);
    commands.setWeights(look.weights);
    view.go(clip.frames.findIndex(({ name }) => name === look.frame));
    this.told = canonical(this.state());
  }

  /** Tell a change once nothing has changed for a moment; while frames play, everything changes. */
  changed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.view.player.playing) return;
      const state = this.state();
      const text = canonical(state);
      if (text === this.told) return;
      this.told = text;
      this.tell?.(state);
    }, SETTLED);
  }

  close() {
    clearTimeout(this.timer);
  }
}

// ---- commands.js
// What can be done to a view, by button, key, slider or link: every change of the look passes through here.

/** It is a class because buttons, keys and sliders need one thing to call. */
class Commands {
  constructor(view) {
    this.view = view;
  }

  go(index) {
    this.view.go(index);
  }

  step(by) {
    this.view.player.pause();
    this.view.go(this.view.target + by);
  }

  settled() {
    return this.view.settled();
  }

  togglePlay() {
    const { player } = this.view;
    if (player.playing) player.pause();
    else player.play();
  }

  togglePaneAt(at) {
    const name = this.view.stage.names[at];
    if (name) this.togglePane(name);
    return Boolean(name);
  }

  /** Show or hide a pane; the last one stays. */
  togglePane(name) {
    const { look, stage } = this.view;
    const shown = new Set(look.panes);
    if (!shown.delete(name)) shown.add(name);
    if (shown.size) this.setPanes(stage.names.filter((one) => shown.has(one)));
  }

  setPanes(panes) {
    const { stage } = this.view;
    stage.touch(panes.filter((name) => !this.view.look.panes.includes(name)));
    this.look({ panes });
    this.view.layout();
  }

  toggleOverlay() {
    this.look({ overlay: !this.view.look.overlay });
    this.redraw();
  }

  setOpacity(opacity) {
    this.look({ opacity, overlay: true });
    this.redraw();
  }

  setPalette(palette) {
    this.look({ palette });
    this.recolour();
  }

  setErrors(errors) {
    this.look({ errors });
    this.view.stage.touch(["error"]);
  }

  /** Focus a class; the same again ends it. */
  toggleFocus(id) {
    this.setFocus(id === this.view.look.focus ? null : id);
  }

  setFocus(focus) {
    this.look({ focus });
    this.recolour();
  }

  /** Show a class as if it were in focus, for as long as it is pointed at. */
  highlight(id) {
    const { stage } = this.view;
    if (stage.highlighted === id || this.view.player.playing) return;
    stage.highlighted = id;
    stage.recolour();
    this.view.schedule();
  }

  setRun(slot, run) {
    const runs = this.view.look.runs.map((old, at) => (at === slot ? run : old));
    this.setRuns(runs);
  }

  setRuns(runs) {
    const { view } = this;
    this.look({ runs });
    view.stage.setRuns(runs);
    view.legend.rename();
    view.scoresChanged = true;
    view.refreshTables();
  }

  /** Take a tau, at the nearest step of the grid. */
  setTau(tau) {
    const { view } = this;
    const { clip } = view;
    if (clip.kind !== "pair") return;
    const step = Math.round(Math.min(Math.max(tau, 0), 1) * clip.grid);
    this.look({ tau: step / clip.grid });
    view.stage.setStep(step);
    view.fusion.show(step);
    view.timeline.setTau(step / clip.grid);
    view.scoresChanged = true;
    view.refreshTables(false);
  }

  nudgeTau(by) {
    this.setTau(this.view.look.tau + by);
  }

  setWeights(weights) {
    const { view } = this;
    if (view.clip.kind !== "joint") return;
    this.look({ weights });
    view.stage.setWeights(sharesOf(weights));
    view.fusion.show(weights);
    view.scoresChanged = true;
    view.refreshTables(false);
  }

  zoomWith(change) {
    const { stage, toolbar } = this.view;
    change(stage.zoom);
    stage.zoomed();
    toolbar.showZoom(stage.zoom.scale);
    this.view.schedule();
  }

  zoomBy(factor, u, v) {
    this.zoomWith((zoom) => zoom.by(factor, u, v));
  }

  resetZoom() {
    this.zoomWith((zoom) => zoom.reset());
  }

  toggleHelp() {
    const { help, root } = this.view;
    help.hidden = !help.hidden;
    (help.hidden ? root : help.querySelector("button")).focus();
  }

  escape() {
    if (!this.view.help.hidden) this.toggleHelp();
    else this.setFocus(null);
  }

  act(name) {
    this.view.options.onAction?.(name, this.view.getState());
  }

  look(changes) {
    const { view } = this;
    Object.assign(view.look, changes);
    view.toolbar.show(view.look);
    view.link.changed();
    view.schedule();
  }

  recolour() {
    this.view.stage.recolour();
    this.view.refreshTables();
  }

  redraw() {
    this.view.stage.moved = true;
  }
}

// ---- cursor.js
// The cursor over the panes: the same pixel in all of them, what is known about it, and the class that a click chooses.

const ORDER = ["truth", "a", "b", "fused"];

/** It is a class because it remembers what is pointed at: under it frames and labels change. */
class Cursor {
  constructor(view) {
    this.view = view;
    this.at = null;
  }

  /** Follow the pointer; a null pane hides everything. */
  move(pane, u, v, event) {
    const { stage, card, legend, root } = this.view;
    if (!pane) {
      this.at = null;
      stage.point(null);
      card.hide();
      legend.mark(null);
      return;
    }
    const [x, y] = stage.zoom.at(u, v);
    this.at = { pane, ...stage.point(x, y) };
    this.read(event, root.getBoundingClientRect());
  }

  /** Read the pixel anew: the pointer moved, or what is below it changed. */
  read(event, box) {
    const { card, clip, scene, stage, legend, player } = this.view;
    const { at } = this;
    if (!at || !scene.frame || at.x == null) return;
    const id = (name) => scene.labels(name)?.[at.y * scene.frame.width + at.x] ?? null;
    const truth = id("truth");
    const rows = ORDER.filter((name) => name === "truth" || stage.names.includes(name)).map((name) => {
      const own = id(name);
      const wrong = name !== "truth" && truth != null && truth !== VOID && own !== truth;
      return { title: this.titleOf(name), id: own, wrong };
    });
    const { index } = scene.frame;
    const { colours } = stage.painter;
    const mix = clip.kind === "pair" ? [scene.step / clip.grid, 1 - scene.step / clip.grid] : scene.weights;
    card.show({ index, x: at.x, y: at.y, rows, colours, mix, ask: !player.playing }, event, box);
    legend.mark(id(this.mapOf(at.pane)));
  }

  /** Choose the class at a place of a pane. */
  pick(pane, u, v) {
    const { stage, scene, commands, root } = this.view;
    const pixel = stage.point(...stage.zoom.at(u, v));
    root.focus({ preventScroll: true });
    if (!pixel) return;
    const id = scene.labels(this.mapOf(pane))?.[pixel.y * scene.frame.width + pixel.x];
    if (id != null && id !== VOID) commands.toggleFocus(id);
  }

  /** The label map that speaks for a pane: frame and errors have none of their own. */
  mapOf(pane) {
    const { scene } = this.view;
    if (pane !== "frame" && pane !== "error") return pane;
    return scene.labels("truth") ? "truth" : scene.fused;
  }

  titleOf(name) {
    if (name === "truth") return "Truth";
    if (name === "fused") return "Fused";
    const { clip, scene } = this.view;
    return clip.kind === "single" ? "Model" : (clip.runs[scene.runs[name === "a" ? 0 : 1]]?.short ?? name);
  }
}

// ---- view.js
// The live view: loads a clip, wires panes, controls, cache and clock, and keeps one state that links can hold.

const SOON = 60; // milliseconds of rest after which tables follow what is on show
const SLOWLY = 200; // milliseconds after which they follow without rest
const SIDE = 300; // pixels of the column beside the panes, with its gap
const WIDE = 860; // pixels from which on there is one

/** It is a class because it owns everything of one view; two views on a page share nothing. */
class LiveView {
  /**
   * @param {HTMLElement} parent
   * @param {object} source answers get(name)
   * @param {object} options state to begin with; onState(state) hears settled changes; actions [{name, label, title}]
   *   and onAction(name, state) for the slot; budget in bytes of decoded frames
   */
  constructor(parent, source, options = {}) {
    Object.assign(this, { source, options, target: 0, shown: -1, timers: {} });
    this.root = h("section", { class: "lv", "data-testid": "live-view", tabindex: 0, "aria-label": "Live view" });
    parent.append(this.root);
    this.open();
  }

  async open() {
    this.root.replaceChildren(h("p", { class: "lv-muted lv-wait" }, "loading …"));
    try {
      const clip = await (await this.source.get("clip.json")).json();
      const problem = clipProblem(clip);
      if (problem) throw new PackError(problem);
      if (!this.closed) this.build(clip);
    } catch (error) {
      if (this.closed) return;
      this.root.replaceChildren(
        h(
          "div",
          { class: "lv-alert", role: "alert" },
          h("strong", {}, "This clip cannot be shown"),
          h("p", {}, error.message),
          h("button", { type: "button", class: "lv-button lv-wide", onclick: () => this.open() }, "Retry"),
        ),
      );
    }
  }

  build(clip) {
    this.clip = clip;
    this.look = { ...firstState(clip), overlay: true };
    this.stage = new Stage(clip, this.look, (name) => this.stage.save(name));
    this.scene = this.stage.scene;
    const { budget } = this.options;
    this.cache = new FrameCache(this.source, clip, {
      ...(budget && { budget }),
      onReady: (index) => this.arrived(index),
    });
    const ready = (index) => this.cache.frames.has(index) || this.cache.failures.has(index);
    this.player = new Player({
      fps: clip.fps ?? 15,
      count: clip.frames.length,
      ready,
      show: (index) => {
        this.go(index);
        this.render();
      },
      changed: () => this.playingChanged(),
    });
    this.counters = Object.assign(this.player.counters, { painted: 0, work: 0 });
    this.root.__live = { view: this, counters: this.counters };
    this.link = new Link(this, this.options.onState);
    this.commands = new Commands(this);
    this.cursor = new Cursor(this);
    this.toolbar = new Toolbar(clip, this.stage.names, this.commands, this.options.actions ?? []);
    this.timeline = new Timeline(clip, (index) => this.go(index));
    this.transport = new Transport(clip, this.player, this.commands);
    this.legend = new Legend(clip, this.scene, this.commands);
    this.card = new HoverCard(clip, this.source);
    this.fusion = this.makeFusion();
    this.help = makeHelp(() => this.commands.toggleHelp());
    this.root.setAttribute("aria-label", `Live view of video ${clip.video}`);
    this.main = h("div", { class: "lv-main" }, this.stage.element, this.legend.element);
    this.root.replaceChildren(
      this.toolbar.element,
      this.main,
      h(
        "div",
        { class: "lv-dock" },
        h("div", { class: "lv-time" }, this.transport.element, this.timeline.element),
        this.fusion?.element ?? "",
      ),
      this.card.element,
      this.help,
    );
    this.watch();
    this.toolbar.showZoom(1);
    this.setState(this.options.state);
    this.loadTimeline();
  }

  makeFusion() {
    if (this.clip.kind === "pair") {
      return new TauControl(this.clip, {
        setStep: (step) => this.commands.setTau(step / this.clip.grid),
        counts: () => this.scene.overTau(),
        focus: () => this.look.focus,
      });
    }
    return this.clip.kind === "joint"
      ? new WeightControl(this.clip, (weights) => this.commands.setWeights(weights))
      : null;
  }

  watch() {
    const { commands, cursor, stage } = this;
    watchKeys(this.root, this.transport.input, commands);
    watchPointers(stage.grid, {
      hover: (pane, u, v, event) => cursor.move(pane, u, v, event),
      pick: (pane, u, v) => cursor.pick(pane, u, v),
      move: (du, dv) => commands.zoomWith((zoom) => zoom.move(du, dv)),
      zoom: (factor, u, v) => commands.zoomBy(factor, u, v),
      reset: () => commands.resetZoom(),
      active: () => this.root.matches(":focus-within"),
      zoomed: () => stage.zoom.scale > 1,
    });
    this.onResize = () => this.layout();
    this.observer = new ResizeObserver(this.onResize);
    this.observer.observe(this.root);
    window.addEventListener("resize", this.onResize);
  }

  async loadTimeline() {
    this.timeline.wait();
    try {
      const data = await (await this.source.get("timeline.json")).json();
      if (this.closed) return;
      this.timeline.fill(data);
      this.timeline.setTau(this.look.tau);
      this.timeline.setIndex(this.target);
      this.layout();
    } catch (error) {
      this.timeline.fail(error, () => this.loadTimeline());
    }
  }

  /** Fit the panes into the width there is, and a height that leaves room for the controls on one screen. */
  layout() {
    const whole = this.main.clientWidth;
    if (!whole) return;
    const wide = whole >= WIDE;
    const rest = this.root.offsetHeight - this.main.offsetHeight;
    this.root.classList.toggle("lv-narrow", !wide);
    const top = Math.min(Math.max(this.root.getBoundingClientRect().top + window.scrollY, 0), 220);
    const height = wide ? Math.max(window.innerHeight - top - rest - 16, 250) : 0.75 * window.innerHeight;
    this.stage.layout({ width: whole - (wide ? SIDE : 0), height });
    this.legend.element.style.maxHeight = wide ? `${Math.max(this.stage.grid.offsetHeight, 240)}px` : "";
    this.schedule();
  }

  // ---- frames

  /** Show a frame as soon as it is ready; until then the last one stays. */
  go(index) {
    const next = Math.min(Math.max(index, 0), this.clip.frames.length - 1);
    const direction = next < this.target && !(this.player.playing && next === 0) ? -1 : 1;
    this.target = next;
    this.player.index = next;
    this.look.frame = this.clip.frames[next].name;
    this.transport.show(next);
    this.timeline.setIndex(next);
    this.cache.aim(next, direction);
    this.schedule();
    this.link.changed();
  }

  /** Whether the frame that was asked for is on show. */
  settled() {
    return this.shown === this.target;
  }

  arrived(index) {
    if (index === this.target) this.schedule();
  }

  playingChanged() {
    this.transport.showPlaying(this.player.playing);
    if (this.player.playing) return;
    this.card.want(null); // scores were not asked for while frames played
    this.schedule();
    this.refreshTables();
    this.link.changed();
  }

  /** Put the frame that is asked for on show, whole, or say why it is not there; until then the last one stays. */
  present() {
    const frame = this.cache.get(this.target);
    const failure = this.cache.failures.get(this.target);
    const found = frame ?? failure;
    clearTimeout(this.timers.loading);
    if (!found) {
      this.timers.loading = setTimeout(() => this.transport.say("loading …"), SETTLED);
      return;
    }
    this.transport.say("");
    if (this.shown === this.target && this.presented === found) return;
    this.shown = this.target;
    this.presented = found;
    if (frame) {
      this.cache.hold(this.target);
      this.stage.showFrame(frame);
    } else {
      const title = `Frame ${this.target + 1}, ${this.clip.frames[this.target].name}`;
      this.stage.showFailure(title, failure, () => {
        this.cache.retry(this.target);
        this.transport.say("loading …");
      });
      this.card.hide();
    }
    this.scoresChanged = true;
    this.refreshTables();
  }

  // ---- drawing

  schedule() {
    this.handle ??= requestAnimationFrame(() => this.render());
  }

  render() {
    cancelAnimationFrame(this.handle);
    this.handle = null;
    if (this.closed) return;
    const began = performance.now();
    this.present();
    this.counters.painted += this.stage.update();
    if (this.scoresChanged) {
      this.scoresChanged = false;
      this.legend.showScores(this.scene.step);
    }
    this.cursor.read();
    this.counters.work = performance.now() - began;
  }

  /** Bring tables and curves up to date once frames rest, or now and then; the curve does not depend on tau. */
  refreshTables(curve = true) {
    this.curveChanged ||= curve;
    const now = performance.now();
    this.latest ??= now + SLOWLY;
    clearTimeout(this.timers.tables);
    const wait = Math.min(this.player.playing ? SLOWLY : SOON, this.latest - now);
    this.timers.tables = setTimeout(() => {
      this.latest = null;
      if (this.closed) return;
      this.legend.showClasses(this.stage.painter.colours, this.look.focus);
      if (!this.curveChanged || this.player.playing) return;
      this.curveChanged = false;
      this.fusion?.refresh?.();
    }, wait);
  }

  /** What a link holds of the view. */
  getState() {
    return this.link.state();
  }

  /** Take what can be used of a state, paused. */
  setState(state) {
    this.link.take(state);
  }

  close() {
    this.closed = true;
    Object.values(this.timers).forEach(clearTimeout);
    cancelAnimationFrame(this.handle);
    window.removeEventListener("resize", this.onResize);
    this.observer?.disconnect();
    this.player?.pause();
    this.link?.close();
    this.card?.hide();
    this.cache?.close();
    this.source.close?.();
    this.root.remove();
  }
}

// ---- source.js
// Where a clip's resources come from: a server's route, or a notebook's kernel. Both give `get(name, options)`, a
// promise of an answer that can be read as json(), bytes() or blob().

/** Resources under an address, `<base>/<name>`. */
function httpSource(base) {
  return {
    async get(name, { signal, fresh = false } = {}) {
      let response;
      try {
        response = await fetch(`${base}/${name}`, { signal, cache: fresh ? "reload" : "default" });
      } catch (error) {
        if (error.name === "AbortError") throw error;
        throw new PackError({
          expected: "an answer",
          got: "none",
          where: name,
          fix: "check that the server still runs, then retry",
        });
      }
      if (!response.ok) {
        const answer = await response.json().catch(() => null);
        throw errorFrom(answer, {
          expected: "status 200",
          got: response.status,
          where: name,
          fix: "retry, or reload the page",
        });
      }
      return { json: () => response.json(), bytes: () => response.arrayBuffer(), blob: () => response.blob() };
    },
  };
}

/** Resources by message from an anywidget model: {id, name} asks, {id, type} and one buffer or {id, error} answers. */
function messageSource(model) {
  const waiting = new Map();
  let last = 0;
  const onMessage = (message, buffers) => {
    const ask = waiting.get(message?.id);
    if (!ask) return;
    waiting.delete(message.id);
    if (message.error) ask.reject(errorFrom(message, {}));
    else ask.resolve(answerOf(buffers[0], message.type));
  };
  model.on("msg:custom", onMessage);
  return {
    get(name, { signal } = {}) {
      return new Promise((resolve, reject) => {
        const id = `${Date.now()}-${last++}`;
        waiting.set(id, { resolve, reject });
        signal?.addEventListener("abort", () => {
          waiting.delete(id);
          reject(new DOMException("no longer wanted", "AbortError"));
        });
        model.send({ id, name });
      });
    },
    close() {
      model.off("msg:custom", onMessage);
    },
  };
}

/** Read a DataView as an answer; its bytes are copied, since they may begin anywhere in a larger buffer. */
function answerOf(view, type) {
  const bytes = () => view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
  return {
    json: async () => JSON.parse(new TextDecoder().decode(bytes())),
    bytes: async () => bytes(),
    blob: async () => new Blob([bytes()], { type }),
  };
}

// ---- streamlit.js
// The view as a Streamlit component. Streamlit calls this on mount and whenever the data change.

const views = new WeakMap(); // by the element that Streamlit gives to an instance

/** data: {base, state, actions}; `base` is the address under which the clip's resources are. */
function mountStreamlit({ data, parentElement, setStateValue, setTriggerValue }) {
  const { base, state = null, actions = [] } = data;
  let held = views.get(parentElement);
  const identity = JSON.stringify([base, actions]);
  const given = canonical(state);
  if (held?.identity !== identity) {
    held?.view.close();
    held = { identity, given, told: new Set() };
    views.set(parentElement, held);
    held.view = new LiveView(parentElement, httpSource(base), {
      state,
      actions,
      onState: (settled) => {
        held.told.add(canonical(settled));
        held.setStateValue("state", settled);
      },
      onAction: (name, settled) => held.setTriggerValue("action", { name, state: settled }),
    });
  } else if (given !== held.given) {
    held.given = given;
    if (state && !held.told.has(given)) held.view.setState(state); // what we told ourselves may come back late
  }
  Object.assign(held, { setStateValue, setTriggerValue });
  return () => {
    held.view.close();
    views.delete(parentElement);
  };
}

// ---- anywidget.js
// The view as an anywidget, for notebooks: resources come by message, the state is a trait.

/** Draw a widget; the model has the traits `state` and `actions`. */
function renderWidget({ model, el }) {
  const view = new LiveView(el, messageSource(model), {
    state: model.get("state"),
    actions: model.get("actions"),
    onState: (state) => {
      model.set("state", state);
      model.save_changes();
    },
    onAction: (name, state) => model.send({ action: name, state }),
  });
  const onChange = () => {
    const state = model.get("state");
    if (view.link && canonical(state) !== view.link.told) view.setState(state);
  };
  model.on("change:state", onChange);
  return () => {
    model.off("change:state", onChange);
    view.close();
  };
}

export { LiveView, mountStreamlit, renderWidget, httpSource, messageSource };
