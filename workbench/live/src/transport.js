// Playing and scrubbing: buttons, the slider of frames, and where in the video we are.
import { h, iconButton, setIcon, setText, slide, slider } from "./dom.js";

/** It is a class because it owns the elements that follow the frame. */
export class Transport {
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
