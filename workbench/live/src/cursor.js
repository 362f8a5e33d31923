// The cursor over the panes: the same pixel in all of them, what is known about it, and the class that a click chooses.
import { VOID } from "./kernels.js";

const ORDER = ["truth", "a", "b", "fused"];

/** It is a class because it remembers what is pointed at: under it frames and labels change. */
export class Cursor {
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
