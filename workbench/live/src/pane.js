// One picture of the frame: a canvas, what lies over the image in it, its title and marks.
import { h, iconButton } from "./dom.js";

const SHARP = 2.5; // from this magnification on pixels are shown as squares
const GREYED = 0.66; // how much an error map darkens its frame

/** It is a class because it owns the canvases that are drawn into. */
export class Pane {
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
