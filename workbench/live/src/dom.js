// Small things to build a page with: elements, pictures of buttons, sliders, numbers.

/** Make an element. `on…` attributes are listeners; true is an attribute without a value; false and null are none. */
export function h(tag, attributes = {}, ...children) {
  return dress(document.createElement(tag), attributes, children);
}

/** Make an SVG element. */
export function svg(tag, attributes = {}, ...children) {
  return dress(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function dress(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

const ICONS = {
  play: "M4.5 2.5v11l9-5.5z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  back: "M10.5 3.5v9L4 8z",
  forward: "M5.5 3.5v9L12 8z",
  first: "M3 3.5h1.6v9H3zM12.5 3.5v9L6 8z",
  last: "M11.4 3.5H13v9h-1.6zM3.5 3.5v9L10 8z",
  loop:
    "M11.2 2.2v1.6H6A3.8 3.8 0 0 0 2.2 7.6v.9h1.5v-.9A2.3 2.3 0 0 1 6 5.3h5.2v1.6L14 4.6z" +
    "M4.8 13.8v-1.6H10a3.8 3.8 0 0 0 3.8-3.8" +
    "v-.9h-1.5v.9A2.3 2.3 0 0 1 10 10.7H4.8V9.1L2 11.4z",
  save: "M7.2 2h1.6v6.2l2.3-2.3 1.1 1.1L8 11.2 3.8 7l1.1-1.1 2.3 2.3zM3 12.4h10V14H3z",
  plus: "M7.2 3h1.6v4.2H13v1.6H8.8V13H7.2V8.8H3V7.2h4.2z",
  minus: "M3 7.2h10v1.6H3z",
  whole: "M3 3h4v1.5H4.5V7H3zM9 3h4v4h-1.5V4.5H9zM3 9h1.5v2.5H7V13H3zM11.5 9H13v4H9v-1.5h2.5z",
};

/** Make a small picture for a button. */
export function icon(name) {
  return svg("svg", { viewBox: "0 0 16 16", class: "lv-icon", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
}

/** Change the picture of a button. */
export function setIcon(button, name) {
  button.querySelector("path").setAttribute("d", ICONS[name]);
}

/** Make a button with a picture; its title names its key. */
export function iconButton(name, title, onclick, attributes = {}) {
  return h(
    "button",
    { type: "button", class: "lv-button", title, "aria-label": title, onclick, ...attributes },
    icon(name),
  );
}

/** Make a slider. */
export function slider({ min = 0, max = 1, step = 1, label, testid, oninput, onchange }) {
  return h("input", {
    type: "range",
    class: "lv-range",
    min,
    max,
    step,
    value: min,
    "aria-label": label,
    "data-testid": testid,
    oninput,
    onchange,
  });
}

/** Make a list to choose from; options are texts by value. */
export function choice(label, options, onchange) {
  return h(
    "select",
    { class: "lv-select", "aria-label": label, title: label, onchange: (event) => onchange(event.target.value) },
    ...Object.entries(options).map(([value, text]) => h("option", { value }, text)),
  );
}

/** Move a slider without an event; the text is what a screen reader says. */
export function slide(input, value, text) {
  if (input.value !== String(value)) input.value = value;
  const share = (value - input.min) / Math.max(input.max - input.min, 1e-9);
  input.style.setProperty("--fill", share);
  input.setAttribute("aria-valuetext", text);
}

/** Write a fraction in percent, a dash where there is none. */
export function percent(value, digits = 2) {
  return value == null || Number.isNaN(value) ? "–" : `${(100 * value).toFixed(digits)} %`;
}

/** Show a number in an element, with all its digits as an attribute for those who read them by machine. */
export function showValue(node, value) {
  node.textContent = percent(value);
  if (value == null || Number.isNaN(value)) node.removeAttribute("data-value");
  else node.setAttribute("data-value", String(value));
}

/** Set a text only where it differs: an unchanged text costs no layout. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
