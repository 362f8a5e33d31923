"""The live view in the app: a Streamlit component. What it draws comes from routes of the server, past Streamlit."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

from workbench.live.join import joined

FOLDER = Path(__file__).parent

# Streamlit takes a text for source where it has an inner line, else for the path of a file.
_SCRIPT = joined() + "\nexport default mountStreamlit;\n"
_draw = st.components.v2.component("vspw_live_view", js=_SCRIPT, css=(FOLDER / "live_view.css").read_text("utf-8"))


class LiveViewResult(NamedTuple):
    """What a view has told.

    Attributes:
        state: What a link holds of it: frame, tau or weights, panes, opacity, focus, palette; the state it began with
            until something has changed. With an action it is all of it, defaults too.
        action: Name of the button that was pressed just now, None in every other run of the page.
    """

    state: Mapping[str, Any]
    action: str | None


def live_view(
    base: str,
    *,
    key: str,
    state: Mapping[str, Any] | None = None,
    actions: Sequence[Mapping[str, str]] = (),
    on_change: Callable[[], None] | None = None,
) -> LiveViewResult:
    """Draw a live view.

    Args:
        base: Address under which the clip's resources are served, ``<base>/clip.json`` and so on.
        key: Name of the widget; another clip under the same key replaces the first in place.
        state: What to begin with, from a link. While the view is on the page, only a state that differs from the one
            given before and from all that the view has told moves it.
        actions: Buttons in the view's bar, each with ``name``, ``label`` and maybe ``title``.
        on_change: Called before the page runs again because the state has settled on another.

    Returns:
        The settled state, and the button that was pressed.
    """
    data = {"base": base, "state": dict(state or {}), "actions": [dict(action) for action in actions]}
    begun = {"state": data["state"]}
    hear = on_change or _nothing
    found = _draw(key=key, data=data, default=begun, on_state_change=hear, on_action_change=_nothing)
    if pressed := found.get("action"):  # whose state is whole, and as new as the press
        return LiveViewResult(dict(pressed["state"]), pressed["name"])
    return LiveViewResult(dict(found.get("state") or {}), None)


def _nothing() -> None:
    """Hear of a change: Streamlit keeps only values that somebody listens to."""
