// The live view: loads a clip, wires panes, controls, cache and clock, and keeps one state that links can hold.
import { FrameCache } from "./frames.js";
import { Player } from "./player.js";
import { Stage } from "./stage.js";
import { Toolbar } from "./toolbar.js";
import { Transport } from "./transport.js";
import { Timeline } from "./timeline.js";
import { TauControl } from "./tau.js";
import { WeightControl } from "./weights.js";
import { Legend } from "./legend.js";
import { HoverCard } from "./hover.js";
import { PackError } from "./errors.js";
import { makeHelp, watchKeys } from "./keys.js";
import { watchPointers } from "./pointer.js";
import { clipProblem, firstState } from "./state.js";
import { Link, SETTLED } from "./link.js";
import { Commands } from "./commands.js";
import { Cursor } from "./cursor.js";
import { h } from "./dom.js";

const SOON = 60; // milliseconds of rest after which tables follow what is on show
const SLOWLY = 200; // milliseconds after which they follow without rest
const SIDE = 300; // pixels of the column beside the panes, with its gap
const WIDE = 860; // pixels from which on there is one

/** It is a class because it owns everything of one view; two views on a page share nothing. */
export class LiveView {
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
    const time = h("div", { class: "lv-time" }, this.transport.element, this.timeline.element);
    this.dock = h("div", { class: "lv-dock" }, time, this.fusion?.element ?? "");
    this.root.replaceChildren(this.toolbar.element, this.main, this.dock, this.card.element, this.help);
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
    this.root.classList.toggle("lv-narrow", !wide);
    const legend = this.legend.element;
    if (wide && legend.parentNode !== this.main) this.main.append(legend);
    if (!wide && legend.parentNode === this.main) this.dock.after(legend); // controls first where it takes scrolling
    const rest = this.root.offsetHeight - this.main.offsetHeight;
    const top = Math.min(Math.max(this.root.getBoundingClientRect().top + window.scrollY, 0), 220);
    const height = wide ? Math.max(window.innerHeight - top - rest - 16, 250) : 0.75 * window.innerHeight;
    this.stage.layout({ width: whole - (wide ? SIDE : 0), height });
    legend.style.maxHeight = wide ? `${Math.max(this.stage.grid.offsetHeight, 240)}px` : "";
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
