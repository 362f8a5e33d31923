"""Overview: the runs with their scores, their training curves, and the machines they ran on."""

import streamlit as st

from vspwlib.report.figures import training_figure
from vspwlib.report.tables import Row
from vspwlib.runs import Run, Workspace, read_json
from workbench import data
from workbench.actions import offer_demo
from workbench.notices import show_error

SCORES = {
    "miou": "mIoU %",
    "vc8": "VC8 %",
    "vc16": "VC16 %",
    "pixel_acc": "pixel acc. %",
    "fwiou": "fwIoU %",
}
ORDER = ["run", "split", *SCORES, "dataset", "recipe", "profile", "seed", "state", "commit"]


def show_runs(rows: list[Row]) -> None:
    """Draw the table of runs: one row for each run and split."""
    st.markdown("##### Runs")
    table = [
        {key: 100 * row[key] if key in SCORES and row[key] is not None else row[key] for key in ORDER} for row in rows
    ]
    columns = {key: st.column_config.NumberColumn(name, format="%.2f") for key, name in SCORES.items()}
    columns["miou"] = st.column_config.ProgressColumn(SCORES["miou"], format="%.2f", min_value=0, max_value=100)
    columns["dataset"] = st.column_config.TextColumn("data")
    st.dataframe(table, hide_index=True, column_config=columns, placeholder="–")


def show_curves(runs: list[Run]) -> None:
    """Draw the training curves of chosen runs, and where they ran."""
    st.markdown("##### Training")
    names = [run.name for run in runs]
    chosen = st.multiselect("Runs", names, default=names[:4], key="runs", bind="query-params")
    picked = [run for run in runs if run.name in chosen]
    rows = [row for run in picked for row in data.curves(run)]
    if rows:
        st.plotly_chart(training_figure(rows), config={"displaylogo": False})
    elif picked:
        st.info("These runs have not logged anything yet.", icon=":material/hourglass_empty:")
    machines = [describe(run) for run in picked]
    if machines:
        st.dataframe(machines, hide_index=True)


def describe(run: Run) -> dict[str, str | int | None]:
    """Say on what a run was trained: its commit, versions and machine."""
    path = run.path / "environment.json"
    facts = read_json(path, "environment") if path.is_file() else {}
    machine, versions = facts.get("machine", {}), facts.get("versions", {})
    return {
        "run": run.name,
        "commit": facts.get("commit"),
        "processor": machine.get("gpu") or machine.get("cpu"),
        "cores": machine.get("cores"),
        "python": facts.get("python"),
        "torch": versions.get("torch"),
        "iterations": run.config["recipe"]["train"]["iterations"],
    }


def show(workspace: Workspace) -> None:
    """Draw the page, or what to do when there is no run yet."""
    rows, errors = data.run_rows(workspace)
    for error in errors:
        show_error(error)
    if not rows:
        offer_demo(workspace)
        return
    show_runs(rows)
    listed = {row["run"] for row in rows}
    show_curves([run for run in workspace.runs() if run.name in listed])


show(data.workspace())
