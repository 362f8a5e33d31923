// What can be done to a view, by button, key, slider or link: every change of the look passes through here.
import { sharesOf } from "./weights.js";

/** It is a class because buttons, keys and sliders need one thing to call. */
export class Commands {
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
