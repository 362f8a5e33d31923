// The view as a Streamlit component. Streamlit calls this on mount and whenever the data change.
import { LiveView } from "./view.js";
import { canonical } from "./state.js";
import { httpSource } from "./source.js";

const views = new WeakMap(); // by the element that Streamlit gives to an instance

/** data: {base, state, actions}; `base` is the address under which the clip's resources are. */
export function mountStreamlit({ data, parentElement, setStateValue, setTriggerValue }) {
  const { base, state = null, actions = [] } = data;
  let held = views.get(parentElement);
  const identity = JSON.stringify([base, actions]);
  const given = canonical(state);
  if (held?.identity !== identity) {
    held?.view.close();
    held = { identity, given, told: new Set() };
    views.set(parentElement, held);
    held.view = new LiveView(parentElement, httpSource(base), {
      state,
      actions,
      onState: (settled) => {
        held.told.add(canonical(settled));
        held.setStateValue("state", settled);
      },
      onAction: (name, settled) => held.setTriggerValue("action", { name, state: settled }),
    });
  } else if (given !== held.given) {
    held.given = given;
    if (state && !held.told.has(given)) held.view.setState(state); // what we told ourselves may come back late
  }
  Object.assign(held, { setStateValue, setTriggerValue });
  return () => {
    held.view.close();
    views.delete(parentElement);
  };
}
