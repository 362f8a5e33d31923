// Where panes stand, and which part of the frame they all show.

const GAP = 6;

const NEARLY = 0.9; // of the largest: fewer rows are worth that, since they leave the page shorter

/** Choose the number of columns that makes panes largest, or nearly so; return it with their width and height. */
export function fitPanes(count, width, height, aspect) {
  const layouts = Array.from({ length: count }, (_, at) => {
    const columns = at + 1;
    const rows = Math.ceil(count / columns);
    const across = (width - GAP * at) / columns;
    const down = (height - GAP * (rows - 1)) / rows;
    const fits = Math.max(0, Math.floor(Math.min(across, down * aspect)));
    return { columns, rows, width: fits, height: Math.round(fits / aspect) };
  });
  const largest = Math.max(...layouts.map((one) => one.width));
  const large = layouts.filter((one) => one.width >= NEARLY * largest);
  return large.sort((one, other) => one.rows - other.rows || other.width - one.width)[0];
}

/** The part of the frame in view, the same in all panes: corner x, y in 0..1 of the frame, enlarged `scale` times. */
export class Zoom {
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
