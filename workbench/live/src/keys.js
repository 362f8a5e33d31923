// The keyboard, while the view has the focus, and the page that explains it.
import { h } from "./dom.js";

const KEYS = [
  ["space", "play or pause"],
  ["← →  , .", "one frame back or on; hold to go on"],
  ["Shift + ← →", "ten frames"],
  ["Home  End", "first or last frame"],
  ["[  ]", "tau 0.01 down or up"],
  ["O", "overlay on or off"],
  ["D", "errors on or off"],
  ["1 … 9", "panes on or off"],
  ["+  −  0", "zoom in, out, whole frame"],
  ["Esc", "end the focus of a class"],
  ["?", "this page"],
];
const MOUSE = [
  ["wheel, pinch", "zoom, after a click into the view; Ctrl + wheel always"],
  ["drag", "move the enlarged frame"],
  ["double click", "whole frame"],
  ["click", "focus the class under the cursor, or in the legend"],
];
const NATIVE = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"]);

/** Listen to keys; those of fields that are typed in, and of other sliders, stay theirs. */
export function watchKeys(root, frameSlider, commands) {
  root.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.closest("input:not([type=range]), textarea, select, [contenteditable]")) return;
    if (target.type === "range" && target !== frameSlider && NATIVE.has(key)) return;
    if (target.closest("button") && (key === " " || key === "Enter")) return;
    if (press(key, event, commands)) event.preventDefault();
  });
}

/** Do what a key says; return whether it says anything. */
function press(key, event, commands) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, ",": -1, ".": 1 };
  if (key in steps) {
    if (!event.repeat || commands.settled()) commands.step(steps[key] * (event.shiftKey ? 10 : 1));
    return true;
  }
  if (/^[1-9]$/.test(key)) return commands.togglePaneAt(Number(key) - 1);
  const actions = {
    " ": () => commands.togglePlay(),
    Home: () => commands.go(0),
    End: () => commands.go(Infinity),
    "[": () => commands.nudgeTau(-0.01),
    "]": () => commands.nudgeTau(0.01),
    o: () => commands.toggleOverlay(),
    d: () => commands.togglePane("error"),
    "+": () => commands.zoomBy(1.5),
    "=": () => commands.zoomBy(1.5),
    "-": () => commands.zoomBy(1 / 1.5),
    0: () => commands.resetZoom(),
    Escape: () => commands.escape(),
    "?": () => commands.toggleHelp(),
  };
  const action = actions[key.length === 1 ? key.toLowerCase() : key];
  action?.();
  return Boolean(action);
}

/** Make the page that explains keys. */
export function makeHelp(close) {
  const table = (rows) => h("dl", {}, ...rows.flatMap(([key, what]) => [h("dt", {}, key), h("dd", {}, what)]));
  return h(
    "div",
    { class: "lv-help", role: "dialog", "aria-label": "Keys", hidden: true },
    h(
      "div",
      { class: "lv-row" },
      h("strong", {}, "Keys, while the view has the focus"),
      h("button", { type: "button", class: "lv-button lv-wide", onclick: close }, "Close"),
    ),
    table(KEYS),
    table(MOUSE),
  );
}
