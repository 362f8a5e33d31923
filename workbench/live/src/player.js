// The clock of playback. A frame that is not ready is waited for: time stands still rather than that frames mix.

/** It is a class because it owns the clock, and what it counted. */
export class Player {
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
