// Pointers over the panes: hover, click, drag, wheel and pinch. Wheels zoom only once the view has the focus, or with
// Ctrl, so that a page with a view in it can be scrolled past it.

const CLICK = 4; // pixels that a pointer may move and still click

/**
 * @param {HTMLElement} area the panes
 * @param {object} hooks hover(pane, u, v) or hover(null); pick(pane, u, v); move(du, dv); zoom(factor, u, v); reset();
 *   active() whether wheels are ours; zoomed() whether anything is enlarged
 */
export function watchPointers(area, hooks) {
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
