// What the joined file gives.
export { LiveView } from "./view.js";
export { mountStreamlit } from "./streamlit.js";
export { renderWidget } from "./anywidget.js";
export { httpSource, messageSource } from "./source.js";
