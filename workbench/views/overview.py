"""Overview: work in progress, the runs with their scores and machines, and their training curves."""

import streamlit as st

from vspwlib.report.figures import training_figure
from vspwlib.report.tables import Row
from vspwlib.runs import Run, Workspace, read_json
from workbench import data
from workbench.actions import offer_commands, offer_demo
from workbench.exporting import offer_csv
from workbench.job_list import show_jobs
from workbench.notices import show_error

SCORES = {
    "miou": "mIoU %",
    "vc8": "VC8 %",
    "vc16": "VC16 %",
    "pixel_acc": "pixel acc. %",
    "fwiou": "fwIoU %",
}
ORDER = ["run", "split", *SCORES, "dataset", "kind", "made", "profile", "seed", "state", "commit"]
MACHINE = ["iterations", "processor", "cores", "python", "torch"]


def show_runs(rows: list[Row], runs: dict[str, Run]) -> None:
    """Draw a row for each split that a run, an ensemble or another system has predicted, and what runs were made on."""
    machines = {name: describe(run) for name, run in runs.items()}
    nothing = dict.fromkeys(MACHINE)
    table = [{key: row[key] for key in ORDER} | machines.get(row["run"], nothing) for row in rows]
    offer_csv("##### Runs", table, [*ORDER, *MACHINE], "runs", "The whole table; scores are fractions.")
    shown = [row | {key: None if row[key] is None else 100 * row[key] for key in SCORES} for row in table]
    columns = {key: st.column_config.NumberColumn(name, format="%.2f") for key, name in SCORES.items()}
    columns["miou"] = st.column_config.ProgressColumn(SCORES["miou"], format="%.2f", min_value=0, max_value=100)
    columns["dataset"] = st.column_config.TextColumn("data")
    columns["made"] = st.column_config.TextColumn("made by", width=160)
    st.dataframe(shown, hide_index=True, column_config=columns, placeholder="–")


def describe(run: Run) -> dict[str, str | int | None]:
    """Say on what a run was trained: its length, versions and machine."""
    path = run.path / "environment.json"
    facts = read_json(path, "environment") if path.is_file() else {}
    machine, versions = facts.get("machine", {}), facts.get("versions", {})
    return {
        "iterations": run.config["recipe"]["train"]["iterations"],
        "processor": machine.get("gpu") or machine.get("cpu"),
        "cores": machine.get("cores"),
        "python": facts.get("python"),
        "torch": versions.get("torch"),
    }


def show_curves(runs: list[Run]) -> None:
    """Draw the training curves of chosen runs."""
    st.markdown("##### Training")
    names = [run.name for run in runs]
    chosen = st.multiselect("Runs", names, default=names[:4], key="runs", bind="query-params")
    picked = [run for run in runs if run.name in chosen]
    rows = [row for run in picked for row in data.curves(run)]
    if rows:
        st.plotly_chart(training_figure(rows), config={"displaylogo": False})
    elif picked:
        st.info("These runs have not logged anything yet.", icon=":material/hourglass_empty:")


def show_work(workspace: Workspace) -> None:
    """Draw what is at work and what has ended, and forms to start more."""
    st.markdown("##### Work")
    show_jobs(workspace)
    offer_commands(workspace)


def show(workspace: Workspace) -> None:
    """Draw the page, or what to do when there is no run yet."""
    rows, errors = data.system_rows(workspace)
    for error in errors:
        show_error(error)
    if not rows:
        offer_demo(workspace)
        show_work(workspace)
        return
    show_work(workspace)
    listed = {row["run"] for row in rows}
    runs = {run.name: run for run in workspace.runs() if run.name in listed}
    show_runs(rows, runs)
    show_curves(list(runs.values()))


show(data.workspace())
