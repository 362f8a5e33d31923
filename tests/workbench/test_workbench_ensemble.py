"""Ensemble: the sweep as it was measured, and frames fused at a tau."""

import shutil
from typing import Any

from tests.workbench.test_workbench_clips import clip_of
from tests.workbench.test_workbench_jobs import wait_for_jobs
from vspwlib.pipeline.ensembling import sweep as run_sweep
from vspwlib.runs import Workspace

FIRST, SECOND = "alpha", "beta"


def test_ensemble_shows_the_sweep_and_starts_at_its_best(
    workspace: Workspace, open_page: Any, measured: Any, texts: Any, live: Any
) -> None:
    app = open_page("ensemble")
    sweep = measured.sweep()
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown == {
        "P1 alone (τ = 1)": f"{100 * sweep.miou[-1]:.2f} %",
        "P2 alone (τ = 0)": f"{100 * sweep.miou[0]:.2f} %",
        "Mean": f"{100 * sweep.mean_miou:.2f} %",
        "Majority vote": f"{100 * sweep.vote_miou:.2f} %",
        f"Best, τ = {sweep.best_tau:g} (upper bound)": f"{100 * sweep.best_miou:.2f} %",
    }
    assert len(app.get("plotly_chart")) == 1
    assert [action["name"] for action in live(app)["actions"]] == ["write", "movie"]
    assert any(button.proto.label == "Curve as HTML" for button in app.get("download_button"))
    assert clip_of(workspace, live(app))["curve"]["best"] == {"tau": sweep.best_tau, "miou": sweep.best_miou}
    assert "Upper bound" in texts(app)


def test_the_page_opens_on_the_newest_pair_that_was_swept(workspace: Workspace, open_page: Any) -> None:
    """And not on the first two names: the demo's second run comes before its first in the alphabet."""
    there = workspace.sweep_file(FIRST, SECOND, "vspw", "test2")
    there.rename(there.with_suffix(".away"))
    run_sweep(workspace, SECOND, FIRST, "vspw", "test2", device="cpu")
    app = open_page("ensemble")
    assert [app.selectbox(key=key).value for key in ("first", "second")] == [SECOND, FIRST]
    assert app.metric


def test_the_chosen_tau_is_marked_on_the_curve(workspace: Workspace, open_page: Any, live: Any) -> None:
    app = open_page("ensemble", tau="0.25")
    assert live(app)["state"] == {"tau": 0.25}
    assert '"name":"chosen: \\u03c4 = 0.25' in app.get("plotly_chart")[0].proto.spec


def test_more_runs_are_summed(workspace: Workspace, open_page: Any, live: Any) -> None:
    third = workspace.predictions("gamma", "vspw", "test2")
    shutil.copytree(workspace.predictions(FIRST, "vspw", "test2"), third)
    app = open_page("ensemble")
    app.multiselect(key="more").set_value(["gamma"]).run()
    clip = clip_of(workspace, live(app))
    assert (clip["kind"], len(clip["runs"]), clip["approximate"]) == ("joint", 3, True)
    assert not app.metric
    assert app.code[0].value == f"vspw ensemble search {FIRST} {SECOND} gamma --split test2"


def test_an_ensemble_to_write_is_shown_as_its_command(workspace: Workspace, open_page: Any) -> None:
    app = open_page("ensemble")
    app.session_state["write_asked"] = {"runs": [FIRST, SECOND], "split": "test2", "rule": ["--tau", "0.25"]}
    app.run()
    command = f"vspw ensemble write {FIRST} {SECOND} --split test2 --tau 0.25 --name ensemble"
    assert command in "\n".join(code.value for code in app.code)


def test_an_ensemble_is_written_as_a_job_and_packed(workspace: Workspace, open_page: Any) -> None:
    app = open_page("ensemble")
    app.session_state["write_asked"] = {"runs": [FIRST, SECOND], "split": "test2", "rule": ["--tau", "0.25"]}
    app.run()
    app.button(key="write_now").click().run()
    (job,) = wait_for_jobs(workspace)
    assert job.state == "done", job.output(20)
    assert (workspace.hard_predictions("ensemble", "vspw", "test2") / "manifest.json").is_file()
    app.run()
    next(button for button in app.button if button.label.startswith("Pack")).click().run()
    packed = wait_for_jobs(workspace)[0]
    assert packed.state == "done", packed.output(20)
    assert (workspace.path / "submissions" / "ensemble-test2.zip").is_file()


def test_the_papers_curve_is_shown_on_demand_and_labelled(workspace: Workspace, open_page: Any, texts: Any) -> None:
    app = open_page("ensemble")
    app.toggle(key="paper").set_value(True).run()
    assert "65.95" in app.get("plotly_chart")[1].proto.spec
    assert "Paper, Table 4 (VSPW Test2)" in texts(app)
    assert "swapped" in texts(app)


def test_a_missing_sweep_is_made_by_its_button(workspace: Workspace, open_page: Any, measured: Any) -> None:
    app = open_page("ensemble", first=SECOND, second=FIRST)
    assert app.code[0].value == f"vspw ensemble sweep {SECOND} {FIRST} --split test2"
    app.button[0].click().run()
    (job,) = wait_for_jobs(workspace)
    assert job.state == "done", job.output(20)
    app.run()
    forth, back = measured.sweep(), {metric.label: metric.value for metric in app.metric}
    assert back["P1 alone (τ = 1)"] == f"{100 * forth.miou[0]:.2f} %"
    assert workspace.sweep_file(SECOND, FIRST, "vspw", "test2").is_file()


def test_one_run_cannot_be_fused(workspace: Workspace, open_page: Any) -> None:
    shutil.rmtree(workspace.path / "predictions" / SECOND)
    assert "two runs" in open_page("ensemble").info[0].value
