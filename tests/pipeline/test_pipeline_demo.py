"""The main job in small: the figures agree with what it wrote, a second call does nothing again."""

from dataclasses import replace
from functools import partial

import pytest

from vspwlib.data.synthetic import MiniSpec, make_mini
from vspwlib.pipeline import demo
from vspwlib.recipes import recipe
from vspwlib.runs import Workspace, read_json, scores_file


def short_recipe(name, profile):
    full = recipe(name, profile)
    train = replace(full.train, iterations=6, batch_size=2, checkpoint_every=3, log_every=2, workers=0)
    return replace(full, train=train, augment=replace(full.augment, crop=(64, 64)))


@pytest.fixture
def small(monkeypatch):
    spec = MiniSpec(train=2, test1=0, test2=1, coco=12, ade=0, frames=(10, 10))
    monkeypatch.setattr(demo, "make_mini", partial(make_mini, spec=spec, workers=1))
    monkeypatch.setattr(demo, "recipe", short_recipe)


@pytest.mark.slow
def test_the_main_job(small, tmp_path):
    workspace = Workspace(tmp_path / "ws")
    stages = []
    result = demo.run_demo(workspace, on_progress=lambda stage, share: stages.append((stage, share)))

    shares = [share for _, share in stages]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert stages[0][0].startswith("making")

    figures = result.summary()
    assert figures.keys() == {"miou_a", "miou_b", "miou_best", "tau_best", "vc8", "workspace"}
    assert figures["miou_a"] == pytest.approx(result.sweep.miou[-1], abs=1e-9)  # tau = 1 is P1 alone
    assert figures["miou_b"] == pytest.approx(result.sweep.miou[0], abs=1e-9)
    assert figures["miou_best"] >= max(result.sweep.miou) - 1e-9  # of all tau, not of those written down alone
    assert 0 <= figures["vc8"] <= 1
    for store in workspace.stored_predictions():
        assert read_json(scores_file(store), "scores")["provenance"]["split"] == "test2"

    weights = [run.weights("last") for run in workspace.runs()]
    before = [path.stat().st_mtime_ns for path in weights]
    assert demo.run_demo(workspace).summary() == figures
    assert [path.stat().st_mtime_ns for path in weights] == before


def test_a_half_trained_model_is_resumed(small, tmp_path):
    workspace = Workspace(tmp_path / "ws")

    def stop(stage, share):
        if stage.startswith("training") and share > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        demo.run_demo(workspace, on_progress=stop)
    (run,) = workspace.runs()
    assert not run.finished
    demo.run_demo(workspace)
    assert run.finished
    steps = [record["step"] for record in run.log() if record["kind"] == "train"]
    assert steps == sorted(set(steps))
