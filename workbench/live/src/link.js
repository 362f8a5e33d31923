// What a link holds of a view: given out once nothing has changed for a moment, and taken back from links.
import { canonical, checkedState } from "./state.js";

export const SETTLED = 150; // milliseconds of rest before a change is told

/** It is a class because it remembers what was told last. */
export class Link {
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
