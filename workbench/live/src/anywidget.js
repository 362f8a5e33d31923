// The view as an anywidget, for notebooks: resources come by message, the state is a trait.
import { LiveView } from "./view.js";
import { canonical } from "./state.js";
import { messageSource } from "./source.js";

/** Draw a widget; the model has the traits `state` and `actions`. */
export function renderWidget({ model, el }) {
  const view = new LiveView(el, messageSource(model), {
    state: model.get("state"),
    actions: model.get("actions"),
    onState: (state) => {
      model.set("state", state);
      model.save_changes();
    },
    onAction: (name, state) => model.send({ action: name, state }),
  });
  const onChange = () => {
    const state = model.get("state");
    if (view.link && canonical(state) !== view.link.told) view.setState(state);
  };
  model.on("change:state", onChange);
  return () => {
    model.off("change:state", onChange);
    view.close();
  };
}
