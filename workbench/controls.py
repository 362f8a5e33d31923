"""Pickers whose choice stands in the URL, so that a view is a link; a choice made on one page holds on the next."""

from collections.abc import Iterable, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from workbench.notices import literal


def pick(label: str, options: Sequence[str], key: str) -> str:
    """Choose one of several names.

    Args:
        label: What is chosen.
        options: The names, at least one; the first is the default.
        key: Name in the URL. A name there that is no option (a run since deleted) gives the default, and a note.

    Returns:
        The chosen name.
    """
    _settle(label, options, key)
    choice = str(st.selectbox(label, options, key=key, bind="query-params"))
    _keep(key, choice)
    return choice


def pick_second(runs: Iterable[str], first: str, switch: DeltaGenerator, picker: DeltaGenerator) -> str | None:
    """Choose whether to compare a run with a second one, and with which.

    Args:
        runs: All runs that can be chosen.
        first: The one chosen already.
        switch: Where the switch stands, ``compare`` in the URL.
        picker: Where the picker appears, ``other`` in the URL.

    Returns:
        The second run, or None.
    """
    others = [run for run in runs if run != first]
    with switch:
        comparing = st.toggle("Compare", key="compare", bind="query-params", disabled=not others)
    if not (comparing and others):
        return None
    with picker:
        return pick("Second run", others, "other")


def pick_more(label: str, options: Sequence[str], key: str, *, most: int) -> list[str]:
    """Choose any number of names, none at first.

    Args:
        label: What is chosen.
        options: The names; those in the URL that are no option (any more) are left out.
        key: Name in the URL.
        most: Most names.
    """
    if key in st.session_state:
        st.session_state[key] = [name for name in st.session_state[key] if name in options]
    return st.multiselect(label, options, key=key, bind="query-params", max_selections=most, placeholder="none")


def pick_frame(names: Sequence[str], key: str = "frame") -> str:
    """Choose a frame of a video by slider, buttons or the arrow keys.

    Args:
        names: Names of the frames in order, at least one.
        key: Name in the URL.

    Returns:
        The chosen name.
    """
    if len(names) == 1:
        st.caption(f"The only frame: {literal(names[0])}")
        return names[0]
    current = _settle("Frame", names, key)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _step_button(names, key, -1, disabled=current == names[0])
        choice = str(st.select_slider("Frame", names, key=key, bind="query-params"))
        _step_button(names, key, 1, disabled=current == names[-1])
    _keep(key, choice)
    return choice


def _step_button(names: Sequence[str], key: str, step: int, *, disabled: bool) -> None:
    name, shortcut = ("Previous", "Left") if step < 0 else ("Next", "Right")
    st.button(
        name,
        key=f"{key}_{name.lower()}",
        help=f"{name} frame",
        shortcut=shortcut,
        disabled=disabled,
        on_click=_step,
        args=(names, key, step),
    )


def _settle(label: str, options: Sequence[str], key: str) -> str:
    """Bring a picker's state in line with its options before it is drawn; return what it is going to show.

    A page's pickers are new widgets to Streamlit even where their keys are those of the last page, so the choice is
    written back; one that is no longer an option is dropped.
    """
    asked = st.query_params.get(key)
    if asked is not None and asked not in options and key not in st.session_state:
        st.info(f"{label} {literal(asked)} is not here (any more): showing another.", icon=":material/link_off:")
    linked = asked if asked in options else None
    held = st.session_state.get(key, None if linked else st.session_state.get(f"kept_{key}"))
    if held in options:
        st.session_state[key] = held
        return str(held)
    st.session_state.pop(key, None)
    return linked or options[0]


def _keep(key: str, choice: str) -> None:
    st.session_state[f"kept_{key}"] = choice


def _step(names: Sequence[str], key: str, step: int) -> None:
    """Move on from the frame shown last.

    Not from the slider's own state: a browser that has not yet drawn the last step would send the frame before it, and
    the step would be lost.
    """
    index = names.index(st.session_state[f"kept_{key}"]) + step
    choice = names[max(0, min(index, len(names) - 1))]
    st.session_state[key] = choice
    _keep(key, choice)
