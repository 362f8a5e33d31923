"""Write the ensemble that a live view shows: its command, its recipe, and a name."""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from vspwlib.runs import Workspace

_ASKED = "write_asked"
_DIGITS = 4  # of a weight in a command; the view moves in steps of a thousandth


def ask_to_write(runs: Sequence[str], split: str, state: Mapping[str, Any]) -> None:
    """Remember that an ensemble is to be written; the page asks for its name."""
    st.session_state[_ASKED] = {"runs": list(runs), "split": split, "rule": rule_options(len(runs), state)}


def rule_options(runs: int, state: Mapping[str, Any]) -> list[str]:
    """Return the options of ``vspw ensemble write`` for the state of a view.

    >>> rule_options(2, {"tau": 0.25}), rule_options(3, {"weights": [1, 1, 2]})
    (['--tau', '0.25'], ['--weights', '0.25,0.25,0.5'])
    """
    if runs == 2:
        return ["--tau", f"{round(float(state.get('tau', 0.5)), _DIGITS):g}"]
    weights = [float(weight) for weight in state.get("weights") or [1.0] * runs]
    shares = [round(weight / sum(weights), _DIGITS) for weight in weights]
    return ["--weights", ",".join(f"{share:g}" for share in shares)]


def show_asked(workspace: Workspace) -> None:
    """Ask for the name of an ensemble that is to be written, where a view's button was pressed."""
    if asked := st.session_state.pop(_ASKED, None):
        _dialog(workspace, asked)


@st.dialog("Write this ensemble", width="large")
def _dialog(workspace: Workspace, asked: dict[str, Any]) -> None:
    name = st.text_input("Name among the predictions", value="ensemble", max_chars=60, key="write_name")
    arguments = ["ensemble", "write", *asked["runs"], "--split", asked["split"], *asked["rule"], "--name", name]
    st.markdown("Exact label maps as PNGs and a score store; a stopped command goes on when given again.")
    st.code(shlex.join(["vspw", *arguments]) + f"\n{shlex.join(['vspw', 'submit', name, '--split', asked['split']])}")
    recipe = {"name": name, "runs": asked["runs"], "split": asked["split"], "rule": " ".join(asked["rule"])}
    st.download_button(
        "Recipe",
        json.dumps(recipe, indent=1, ensure_ascii=False),
        file_name="ensemble.yaml",  # JSON is YAML
        mime="application/yaml",
        icon=":material/download:",
    )
    _ = workspace
