"""Write the ensemble that a live view shows: its name, its command as a job, its recipe, its submission."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from vspwlib.ensemble.recipe_file import EnsembleRecipe, recipe_yaml
from vspwlib.runs import Workspace, environment
from workbench import jobs
from workbench.actions import start
from workbench.commands import submit_command, write_command
from workbench.job_list import show_jobs
from workbench.notices import guard

_ASKED, _WRITTEN = "write_asked", "written"
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


def recipe_of(name: str, asked: Mapping[str, Any]) -> EnsembleRecipe:
    """Return what an ensemble that was asked for is made of.

    >>> recipe_of("pair", {"runs": ["a", "b"], "split": "val", "rule": ["--tau", "0.25"]}).weights
    (0.25, 0.75)
    """
    option, text = asked["rule"]
    weights = tuple(map(float, text.split(",")))
    if option == "--tau":
        weights = (weights[0], round(1 - weights[0], _DIGITS))
    return EnsembleRecipe(name, tuple(asked["runs"]), asked["split"], option.removeprefix("--"), weights)


def show_asked(workspace: Workspace) -> None:
    """Ask for the name of an ensemble that is to be written, where a view's button was pressed; show how far it is."""
    if asked := st.session_state.get(_ASKED):
        _dialog(workspace, asked)
    if written := st.session_state.get(_WRITTEN):
        _show_written(workspace, written)


def _forget() -> None:
    st.session_state.pop(_ASKED, None)


@st.dialog("Write this ensemble", width="large", on_dismiss=_forget)
def _dialog(workspace: Workspace, asked: dict[str, Any]) -> None:
    name = st.text_input("Name among the predictions", value="ensemble", max_chars=60, key="write_name")
    st.markdown("Exact label maps as PNGs and a score store; a stopped job goes on when started again.")
    with guard():
        command = write_command(asked["runs"], asked["split"], asked["rule"], name)
        st.code(command.line, language="bash", wrap_lines=True)
        made = environment()
        recipe = recipe_yaml(recipe_of(name, asked), {"commit": made["commit"], "versions": made["versions"]})
        with st.container(horizontal=True):
            if st.button("Write now", type="primary", icon=":material/play_arrow:", key="write_now"):
                _forget()
                st.session_state[_WRITTEN] = {"name": name, "split": asked["split"], "writes": command.writes}
                start(workspace, command)
            st.download_button(
                "Recipe",
                recipe,
                file_name=f"{name}.yaml",
                mime="application/yaml",
                icon=":material/download:",
                help=f"`vspw ensemble write --recipe {name}.yaml` makes it again.",
            )


def _show_written(workspace: Workspace, written: Mapping[str, Any]) -> None:
    """Draw the job that writes an ensemble, and once it is done offer to pack it for the challenge."""
    packing = submit_command(workspace, written["name"], written["split"])
    show_jobs(workspace, writes=[*written["writes"], *packing.writes])
    done = [job.state for job in jobs.jobs(workspace) if {*job.writes} & {*written["writes"]}][:1] == ["done"]
    if done and st.button(f"Pack {written['name']} for the challenge", icon=":material/archive:", help=packing.line):
        start(workspace, packing)
