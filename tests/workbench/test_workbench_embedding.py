"""Embedding: nothing runs unasked; what is shown is what the network makes of the frames."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.metrics.similarity import PairSimilarity
from vspwlib.models.checkpoint import save_weights
from vspwlib.pipeline import embedding
from vspwlib.pipeline.building import build_network
from vspwlib.pipeline.prediction import load_recipe
from vspwlib.runs import Workspace, read_json, write_json

FIRST, SECOND = "alpha", "beta"


@pytest.fixture
def trained(workspace: Workspace) -> Workspace:
    """Give both runs random weights: what a network has learned does not matter here."""
    for seed, run in enumerate(workspace.runs()):
        torch.manual_seed(seed)
        save_weights(run.checkpoints / "last.safetensors", build_network(load_recipe(run)).state_dict())
    return workspace


def expected(workspace: Workspace, run: str, video: str, frame: str) -> PairSimilarity:
    return embedding.embedding_of_clip(workspace.run(run), "test2", video, frame, device="cpu").similarity()


def test_nothing_is_computed_before_it_is_asked_for(
    workspace: Workspace, open_page: Any, texts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compute(*_: Any, **__: Any) -> None:
        pytest.fail("a network was run")

    monkeypatch.setattr(embedding, "embedding_of_clip", compute)
    app = open_page("embedding")
    assert "seconds for the small networks" in app.info[0].value
    assert [button.label for button in app.button][-1] == "Compute"
    assert app.code[0].value == f"vspw embedding {FIRST} --split test2"
    assert app.select_slider(key="frame").options == ["00000004", "00000005"]  # the last one has none after it
    assert not app.get("plotly_chart")
    assert not app.dataframe


def test_one_run_is_shown_as_it_was_computed_and_scrubbing_goes_on(
    trained: Workspace, open_page: Any, texts: Any
) -> None:
    app = open_page("embedding", video="yard")
    app.button[-1].click().run()
    assert not app.exception
    for frame in ("00000004", "00000005"):
        if frame != "00000004":
            app.select_slider(key="frame").set_value(frame).run()
        row = app.dataframe[0].value.iloc[0]
        similarity = expected(trained, FIRST, "yard", frame)
        assert row["run"] == FIRST
        assert row["within"] == pytest.approx(similarity.within, abs=1e-6)
        assert row["gap"] == pytest.approx(similarity.gap, abs=1e-6)
        pictures, histograms = (chart.proto.spec for chart in app.get("plotly_chart"))
        assert pictures.count('"type":"image"') >= 4
        assert frame in pictures
        assert f"mean {similarity.between:.2f}" in histograms
        assert "Computed in" in texts(app)
        assert "Compute" not in [button.label for button in app.button]


def test_two_runs_stand_side_by_side_and_another_choice_asks_again(trained: Workspace, open_page: Any) -> None:
    app = open_page("embedding", compare="true")
    assert app.code[0].value == f"vspw embedding {FIRST} {SECOND} --split test2"
    app.button[-1].click().run()
    table = app.dataframe[0].value.set_index("run")
    for run in (FIRST, SECOND):
        assert table.loc[run, "within"] == pytest.approx(expected(trained, run, "walk", "00000004").within, abs=1e-6)
    assert table.loc[FIRST, "within"] != table.loc[SECOND, "within"]
    app.selectbox(key="run").set_value(SECOND).run()
    assert [button.label for button in app.button][-1] == "Compute"


def test_what_was_measured_on_the_split_is_shown_for_all_runs_or_none(trained: Workspace, open_page: Any) -> None:
    for run in (FIRST, SECOND):
        embedding.embedding_similarity(trained.run(run), "test2", every=1, device="cpu")
    app = open_page("embedding", compare="true")
    stored = PairSimilarity.from_json(read_json(trained.run(SECOND).embedding_file("test2"), "similarity"))
    assert app.dataframe[0].value["within"].tolist()[1] == pytest.approx(stored.within)
    assert any("4 clips of test2" in heading.value for heading in app.markdown)
    app.button[-1].click().run()
    assert not app.exception
    assert len(app.dataframe) == 2

    embedding.embedding_similarity(trained.run(SECOND), "test2", every=2, device="cpu")  # other clips: no comparing
    assert [code.value for code in app.run().code] == [f"vspw embedding {FIRST} {SECOND} --split test2"]


def test_measures_of_another_data_set_are_not_shown_and_equal_charts_may_stand_twice(
    trained: Workspace, open_page: Any
) -> None:
    run = trained.run(FIRST)
    clip = expected(trained, FIRST, "walk", "00000004").to_json()
    write_json(run.embedding_file("test2"), {**clip, "provenance": {"data_root": "/elsewhere"}})
    assert not open_page("embedding").dataframe
    root = str(Path(run.config["data"]["vspw"]).resolve())
    write_json(run.embedding_file("test2"), {**clip, "provenance": {"data_root": root}})
    app = open_page("embedding")
    app.button[-1].click().run()
    assert not app.exception
    assert any("1 clip of test2" in heading.value for heading in app.markdown)


def test_a_failure_is_shown_as_its_message(
    workspace: Workspace, open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise InputError("weights: expected a whole file, got half of one.")

    monkeypatch.setattr(embedding, "embedding_of_clip", fail)
    app = open_page("embedding")
    app.button[-1].click().run()
    assert "half of one" in app.error[0].value


def test_an_empty_workspace_says_how_to_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_page: Any, texts: Any
) -> None:
    monkeypatch.setenv("VSPW_WORKSPACE", str(tmp_path / "none"))
    app = open_page("embedding")
    assert "No trained runs" in app.info[0].value
    assert "vspw train RECIPE --data PATH" in texts(app)


def test_the_page_opens_without_torch(workspace: Workspace, repository: Path) -> None:
    code = """
import sys
sys.modules["torch"] = None  # any import of it fails
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("workbench/main.py", default_timeout=60).run()
app.switch_page("views/embedding.py").run()
print(len(app.exception), app.button[-1].label)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["0", "Compute"], done.stderr
