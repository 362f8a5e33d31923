"""The live view on a page: its clip, its place in the URL, and what to do when it cannot be shown."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import streamlit as st

from workbench import data
from workbench.live.component import live_view
from workbench.live.routes import CLIPS, PREFIX
from workbench.notices import guard

PARAMETER = "view"
"""What the URL holds of the live view beside frame and tau: weights, panes, look, as one JSON object."""

_LONGEST = 2000  # characters of a link that are read


def show_clip(
    paths: Sequence[Path],
    video: str,
    *,
    key: str = "clip",
    actions: Mapping[str, str] = MappingProxyType({}),
    on_action: Callable[[str, Mapping[str, Any]], None] | None = None,
) -> None:
    """Draw a video as one or several runs see it.

    Args:
        paths: Their predictions, P1 first.
        video: Name of the video.
        key: Name of the view on its page.
        actions: Buttons of the page's own: name to text.
        on_action: Called with a button's name and the state of the view.
    """
    with guard():
        clip = CLIPS.add(data.workspace(), paths, video)

        def remember() -> None:
            if state := dict((st.session_state.get(key) or {}).get("state") or {}):
                for name in ("frame", "tau"):
                    st.query_params[name] = str(state.pop(name, ""))
                st.query_params[PARAMETER] = json.dumps(state, separators=(",", ":"))

        found = live_view(
            f"/{PREFIX}/{clip.key}",
            key=key,
            state=linked_state(),
            actions=[{"name": name, "label": label} for name, label in actions.items()],
            on_change=remember,
        )
        if on_action and found.action:
            on_action(found.action, found.state)


def linked_state() -> dict[str, Any] | None:
    """Return the state in the URL, None without any; the view leaves out what does not fit its clip."""
    text = st.query_params.get(PARAMETER, "")
    try:
        state = json.loads(text) if 0 < len(text) <= _LONGEST else {}
    except ValueError:
        state = {}
    state = state if isinstance(state, dict) else {}
    if frame := st.query_params.get("frame"):
        state["frame"] = frame
    if (tau := _number(st.query_params.get("tau"))) is not None:
        state["tau"] = tau
    return state or None


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
