"""The forms that start jobs, and the jobs on a page."""

from pathlib import Path
from typing import Any

import pytest

from tests.workbench.test_workbench_jobs import wait_for_jobs
from vspwlib.runs import Workspace, read_json, scores_file
from workbench import jobs

FIRST, SECOND = "alpha", "beta"


def choose(app: Any, form: str) -> Any:
    return app.segmented_control(key="start_work").set_value(form).run()


def test_scores_are_made_by_the_form_and_cleared_away(workspace: Workspace, open_page: Any, texts: Any) -> None:
    store = workspace.predictions(SECOND, "vspw", "test2")
    measured = read_json(scores_file(store), "scores")
    scores_file(store).unlink()
    app = choose(open_page("overview"), "Score")
    assert SECOND in app.selectbox(key="score_store").set_value(f"{SECOND}, vspw-test2").run().code[0].value
    app.button(key="start_now").click().run()
    (job,) = wait_for_jobs(workspace)
    assert job.arguments == ("score", str(store))
    assert job.state == "done", job.output(20)
    assert read_json(scores_file(store), "scores") == measured
    app.run()
    assert "done" in app.expander[0].label
    assert job.output(1)[0] in texts(app)
    app.button(key=f"clear_{job.folder.name}").click().run()
    assert jobs.jobs(workspace) == []
    assert not app.expander


def test_a_job_that_fails_says_what_and_how_to_repeat_it(workspace: Workspace, open_page: Any, texts: Any) -> None:
    jobs.start(workspace, "Show a run", ("runs", "show", "gamma"))
    wait_for_jobs(workspace)
    app = open_page("overview")
    assert "failed" in app.expander[0].label
    assert "expected one of alpha, beta, got 'gamma'" in " ".join(texts(app).split())
    assert "Exit code 2" in texts(app)
    assert "vspw runs show gamma" in texts(app)


def test_two_sessions_see_the_same_job_and_either_stops_it(workspace: Workspace, open_page: Any, texts: Any) -> None:
    arguments = ("data", "make-mini", str(workspace.path / "drawn"), "--workers", "1")
    job = jobs.start(workspace, "Draw *much*", arguments)
    pages = [open_page("overview") for _ in range(2)]
    assert all(r"Draw \*much\*" in texts(app) for app in pages)
    pages[1].button(key=f"stop_{job.folder.name}").click().run()
    wait_for_jobs(workspace)
    assert "stopped" in pages[0].run().expander[0].label


def test_the_forms_show_their_commands(workspace: Workspace, open_page: Any) -> None:
    app = choose(open_page("overview"), "Sweep")
    assert app.code[0].value == f"vspw ensemble sweep {FIRST} {SECOND} --split test2"
    choose(app, "Predict")
    assert app.code[0].value == f"vspw predict {FIRST} --split test2"
    choose(app, "Train")
    app.number_input(key="train_seed").set_value(3).run()
    assert app.code[0].value == "vspw train t3_nce2 --profile mini --seed 3"
    app.number_input(key="train_iterations_mini-t3_nce2-s3").set_value(20).run()
    assert app.code[0].value.endswith("--set train.iterations=20")
    app.selectbox(key="train_profile").set_value("camvid").run()
    assert "knows no video" in app.info[0].value
    assert [button.key for button in app.button if button.key == "start_now"] == []


def test_a_run_that_is_there_is_gone_on_with_or_left_alone(workspace: Workspace, open_page: Any) -> None:
    run = workspace.run(FIRST).path.rename(workspace.path / "runs" / "mini-t3_nce2-s0")
    app = choose(open_page("overview"), "Train")
    assert "trained already" in app.info[0].value
    (run / "checkpoints" / "last.safetensors").unlink()
    app.run()
    assert app.code[0].value == "vspw train t3_nce2 --profile mini --seed 0 --resume"


@pytest.mark.parametrize("form", ["Predict", "Score", "Sweep"])
def test_forms_without_anything_to_choose_say_what_comes_first(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_page: Any
) -> None:
    monkeypatch.setenv("VSPW_WORKSPACE", str(tmp_path / "none"))
    app = choose(open_page("overview"), form)
    assert "first" in app.info[1].value
