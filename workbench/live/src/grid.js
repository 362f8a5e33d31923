// Where panes stand, and which part of the frame they all show.

const GAP = 6;

/** Choose the number of columns that makes panes largest; return it with their width and height. */
export function fitPanes(count, width, height, aspect) {
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
