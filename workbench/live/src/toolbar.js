// The bar above the panes: which of them show, how masks are laid over the frame, zoom, and a slot for Python's.
import { choice, h, iconButton, percent, setText, slide, slider } from "./dom.js";
import { PALETTES } from "./colours.js";

const SHORT = { frame: "Frame", truth: "Truth", a: "A", b: "B", fused: "Fused", error: "Errors" };

/** It is a class because it owns the buttons that follow the state. */
export class Toolbar {
  constructor(clip, names, commands, actions) {
    Object.assign(this, { clip });
    const label = (name) => (name === "a" && clip.kind === "single" ? "Model" : SHORT[name]);
    this.panes = new Map(
      names.map((name, at) => [
        name,
        h(
          "button",
          {
            type: "button",
            class: "lv-tab",
            title: `Show or hide ${label(name)} (${at + 1}${name === "error" ? " or D" : ""})`,
            onclick: () => commands.togglePane(name),
          },
          h("kbd", {}, String(at + 1)),
          label(name),
        ),
      ]),
    );
    this.overlay = h(
      "button",
      {
        type: "button",
        class: "lv-button lv-wide",
        title: "Overlay on or off (O)",
        onclick: () => commands.toggleOverlay(),
      },
      "Overlay",
    );
    this.opacity = slider({
      max: 1,
      step: 0.05,
      label: "opacity of the overlay",
      testid: "opacity-slider",
      oninput: () => commands.setOpacity(Number(this.opacity.value)),
    });
    this.palette = choice("colours", PALETTES, (name) => commands.setPalette(name));
    const [a, b] = clip.runs.map((run) => run.short);
    const compared = { fused: "Errors: fused", runs: `Errors: ${a}, ${b}` };
    this.errors =
      clip.kind === "single" ? null : choice("errors compare", compared, (name) => commands.setErrors(name));
    this.zoom = h("span", { class: "lv-zoom lv-muted" });
    this.slot = h(
      "div",
      { class: "lv-row lv-slot", "data-testid": "live-actions" },
      ...actions.map(({ name, label: text, title }) =>
        h(
          "button",
          { type: "button", class: "lv-button lv-wide", title: title ?? text, onclick: () => commands.act(name) },
          text,
        ),
      ),
    );
    this.element = h(
      "div",
      { class: "lv-bar" },
      h("div", { class: "lv-tabs", role: "group", "aria-label": "panes" }, ...this.panes.values()),
      h("div", { class: "lv-row" }, this.overlay, this.opacity),
      this.palette,
      this.errors,
      h("span", { class: "lv-space" }),
      this.slot,
      h(
        "div",
        { class: "lv-row lv-tight" },
        iconButton("minus", "Zoom out (−)", () => commands.zoomBy(1 / 1.5)),
        this.zoom,
        iconButton("plus", "Zoom in (+)", () => commands.zoomBy(1.5)),
        iconButton("whole", "Whole frame (0, double click)", () => commands.resetZoom()),
        h(
          "button",
          {
            type: "button",
            class: "lv-button",
            title: "Keys (?)",
            "aria-label": "Keys",
            onclick: () => commands.toggleHelp(),
          },
          "?",
        ),
      ),
    );
  }

  show({ panes, overlay, opacity, palette, errors }) {
    for (const [name, button] of this.panes) button.setAttribute("aria-pressed", String(panes.includes(name)));
    this.overlay.setAttribute("aria-pressed", String(overlay));
    slide(this.opacity, opacity, percent(opacity, 0));
    this.palette.value = palette;
    if (this.errors) this.errors.value = errors;
  }

  showZoom(scale) {
    setText(this.zoom, percent(scale, 0).replace(" ", ""));
  }
}
