"""Work that a page can start: the demo workspace, a sweep, and forms for the main commands. Each becomes a job."""

import streamlit as st

from vspwlib.recipes import PROFILES, RECIPES
from vspwlib.recipes import recipe as resolve
from vspwlib.runs import Workspace
from workbench import data, jobs
from workbench.commands import (
    EMBEDDED,
    Command,
    demo_command,
    predict_command,
    run_name,
    score_command,
    sweep_command,
    train_command,
)
from workbench.job_list import show_jobs
from workbench.notices import guard, literal

OWN_DATA = """\
vspw train upernet_swin_tiny --profile vspw --data PATH
vspw predict RUN --split val
vspw score workspace/predictions/RUN/DATA-val.zarr
"""
_TRAIN_ELSEWHERE = "vspw train RECIPE --profile {profile} --data PATH"
_DRAWN, _KNOWN = "embedded", "the workspace's"


def offer_demo(workspace: Workspace) -> None:
    """Say that the workspace is empty, offer to build the demo in it, and how to begin with data of one's own."""
    st.info(f"No runs in {literal(str(workspace.path))} yet.", icon=":material/inbox:")
    demo, own = st.columns(2, gap="large")
    with demo, st.container(border=True):
        st.subheader("Try it", anchor=False)
        st.markdown(
            "Builds a small workspace from generated video: two networks are trained, their predictions fused and "
            "scored. About four minutes on two cores; nothing is downloaded. It goes on when this page is closed."
        )
        if st.button("Build the demo workspace", type="primary", icon=":material/rocket_launch:"):
            start(workspace, demo_command())
    with own, st.container(border=True):
        st.subheader("Use your own video", anchor=False)
        st.markdown("PATH is a VSPW folder, CamVid with `mask_vspw/`, or clips of your own; in a terminal:")
        st.code(OWN_DATA, language="bash")
        st.page_link("views/bring.py", label="Bring your own", icon=":material/upload:")
        st.markdown("Another workspace: `VSPW_WORKSPACE=FOLDER streamlit run app.py`.")


def offer_sweep(workspace: Workspace, first: str, second: str, dataset: str, split: str) -> None:
    """Say that two runs have not been fused on a split yet, how to do it, and offer to do it here."""
    command = _sweep_of(workspace, first, second, dataset, split)
    st.info("These two runs have not been swept over τ on this split yet.", icon=":material/join_inner:")
    st.code(command.line, language="bash")
    if st.button("Sweep now", type="primary", icon=":material/play_arrow:"):
        start(workspace, command)
    show_jobs(workspace, writes=command.writes)


def start(workspace: Workspace, command: Command) -> None:
    """Start a job and draw the page anew; where it is refused, say why."""
    with guard():
        jobs.start(workspace, command.title, command.arguments, command.writes)
        st.rerun()


def offer_commands(workspace: Workspace) -> None:
    """Offer the main commands, each with its form; the form of the chosen one alone is made."""
    forms = {"Train": _train, "Predict": _predict, "Score": _score, "Sweep": _sweep}
    chosen = st.segmented_control("Start", list(forms), key="start_work")
    if chosen is None:
        return
    with st.container(border=True), guard():
        command = forms[str(chosen)](workspace)
        if command is not None:
            st.code(command.line, language="bash", wrap_lines=True)
            if st.button(f"Start: {chosen.lower()}", key="start_now", type="primary", icon=":material/play_arrow:"):
                start(workspace, command)


def _train(workspace: Workspace) -> Command | None:
    columns = st.columns([4, 2, 3, 2, 2])
    names = list(RECIPES)
    recipe = columns[0].selectbox("Recipe", names, index=names.index("t3_nce2"), key="train_recipe")
    profile = columns[1].selectbox("Profile", list(PROFILES), key="train_profile", help="The scale of the recipe.")
    known = workspace.data_sets
    own = known.get("vspw")
    drawn = workspace.path / "data" / EMBEDDED / "vspw"
    sources = [_DRAWN] if profile == EMBEDDED else []
    if own is not None and (profile != EMBEDDED or own.resolve() != drawn.resolve()):
        sources.append(_KNOWN)
    if not sources:
        st.info("This workspace knows no video yet. Name it once, in a terminal:", icon=":material/inbox:")
        st.code(_TRAIN_ELSEWHERE.format(profile=profile), language="bash")
        return None
    named = ", ".join(known)
    source = columns[2].selectbox(
        "Data", sources, key="train_data", format_func=lambda name: f"{name}: {named}" if name == _KNOWN else name
    )
    seed = int(columns[3].number_input("Seed", min_value=0, value=0, step=1, key="train_seed"))
    name = run_name(recipe, profile, seed)
    run = next((run for run in workspace.runs() if run.name == name), None)
    settings = resolve(recipe, profile).to_dict() if run is None else run.config["recipe"]
    planned = settings["train"]["iterations"]
    key = f"train_iterations_{name}"
    iterations = int(columns[4].number_input("Iterations", min_value=1, value=planned, step=50, key=key))
    if run is not None and run.finished:
        st.info(
            f"{literal(name)} is trained already. Choose another seed, or delete it: `vspw runs rm {name}`.",
            icon=":material/check:",
        )
        return None
    if run is not None:
        st.caption(f"{literal(name)} has begun: it goes on from its newest snapshot, with the settings it began with.")
    return train_command(workspace, recipe, profile, seed, iterations, embedded=source == _DRAWN)


def _predict(workspace: Workspace) -> Command | None:
    runs = data.trained_runs(workspace)
    if not runs:
        st.info("No run has weights yet. Start a training first.", icon=":material/inbox:")
        return None
    left, right = st.columns(2)
    run = left.selectbox("Run", list(runs), key="predict_run")
    split = right.selectbox("Split", data.splits(runs[run]), key="predict_split")
    st.caption("Videos that are predicted already are kept.")
    return predict_command(run, split)


def _score(workspace: Workspace) -> Command | None:
    found = data.predictions(workspace, hard=True)
    stores = {f"{run}, {key}": path for key, runs in found.items() for run, path in runs.items()}
    if not stores:
        st.info("No run has predicted anything yet. Start a prediction first.", icon=":material/inbox:")
        return None
    unscored = sorted(stores, key=lambda name: data.score(stores[name]) is not None)  # what lacks scores comes first
    name = st.selectbox("Predictions", unscored, key="score_store")
    if data.score(stores[name]) is not None:
        st.caption("Scored already; scoring again replaces the scores.")
    return score_command(stores[name])


def _sweep(workspace: Workspace) -> Command | None:
    pairs = {key: runs for key, runs in data.predictions(workspace).items() if len(runs) > 1}
    if not pairs:
        st.info("No two runs have predicted the same split yet. Start predictions first.", icon=":material/inbox:")
        return None
    columns = st.columns(3)
    key = columns[0].selectbox("Split", list(pairs), key="sweep_split")
    runs = list(pairs[key])
    first = columns[1].selectbox("First run, P1", runs, key="sweep_first")
    second = columns[2].selectbox("Second run, P2", [run for run in runs if run != first], key="sweep_second")
    dataset, split = data.dataset_and_split(pairs[key][first])
    return _sweep_of(workspace, first, second, dataset, split)


def _sweep_of(workspace: Workspace, first: str, second: str, dataset: str, split: str) -> Command:
    alike = [path for path in workspace.stored_predictions() if path.parent.name == first]
    unclear = sum(data.dataset_and_split(path)[1] == split for path in alike) > 1
    return sweep_command((first, second), split, dataset if unclear else None)
