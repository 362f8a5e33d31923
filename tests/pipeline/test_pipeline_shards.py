"""A split shared by several processes: every frame once, and the same to the last count."""

from pathlib import Path

import pytest

from tests.faults.processes import command, end_of, start
from tests.pipeline.score_stores import FRAMES, every_frame, score_stores
from vspwlib.checks import InputError
from vspwlib.cli.options import parse_shard, parse_store
from vspwlib.ensemble.rule import choose_rule
from vspwlib.pipeline.fusing import write_ensemble
from vspwlib.pipeline.prediction import predict
from vspwlib.pipeline.scoring import score
from vspwlib.predict.label_folder import digest
from vspwlib.predict.labels import PngPredictions
from vspwlib.predict.store import ScoreStore
from vspwlib.runs import Workspace


@pytest.fixture
def four_videos(tiny_data, tmp_path) -> Path:
    """Return the four tiny videos as one split."""
    root = tmp_path / "four"
    root.mkdir()
    (root / "data").symlink_to(tiny_data / "data")
    videos = sorted(path.name for path in (root / "data").iterdir())
    (root / "all.txt").write_text("\n".join(videos))
    return root


def test_predicted_and_scored_in_uneven_shards(finished, four_videos, tmp_path):
    run, data, places = finished.runs[0], {"vspw": four_videos}, []
    for name, count in (("whole", 1), ("shards", 3)):
        workspace = Workspace(tmp_path / name)
        counts = []
        for index in range(count):
            place, done = predict(run, workspace, "all", data=data, shard=(index, count))
            counts.append((done.videos, done.frames, done.kept))
        places.append(place)
        assert sum(frames for _, frames, _ in counts) == 40  # none twice, none missing
    assert counts == [(2, 20, 0), (1, 10, 0), (1, 10, 0)]
    whole, shards = map(ScoreStore.open, places)
    assert whole.checksum() == shards.checksum()
    scores = [score(place, four_videos, "all").to_json() for place in places]
    assert scores[0] == scores[1]


@pytest.mark.parametrize("vote", [False, True])
def test_fused_in_more_shards_than_videos(vote, tmp_path):
    made = score_stores(tmp_path)
    rule = choose_rule(2, vote=True) if vote else choose_rule(2, tau=0.3)
    whole = write_ensemble(made.workspace, ["a", "b"], "val", rule, "whole")
    parts = [write_ensemble(made.workspace, ["a", "b"], "val", rule, "parts", shard=(index, 3)) for index in range(3)]
    assert [part.videos for part in parts] == [1, 1, 0]
    assert sum(part.frames for part in parts) == len(list(every_frame())) == whole.frames
    assert digest(PngPredictions(parts[0].labels)) == digest(PngPredictions(whole.labels))
    if not vote:
        assert ScoreStore.open(parts[0].store).checksum() == ScoreStore.open(whole.store).checksum()
    scores = [score(each.labels, made.data, "val").to_json() for each in (whole, parts[0])]
    assert scores[0] == scores[1]


def test_shards_begin_together_in_processes_of_their_own(tmp_path):
    made = score_stores(tmp_path)
    whole = write_ensemble(made.workspace, ["a", "b"], "val", choose_rule(2, tau=0.3), "whole")
    line = ["ensemble", "write", "a", "b", "--split", "val", "--tau", "0.3", "--name", "parts", "--json"]
    line += ["--workspace", str(made.workspace.path)]
    said = [tmp_path / str(index) for index in range(3)]
    processes = [start(command, [*line, "--shard", f"{index}/3"], said[index]) for index in range(3)]
    assert [end_of(process) for process in processes] == [0, 0, 0], [file.read_text() for file in said]
    store = ScoreStore.open(made.workspace.predictions("parts", "tiny", "val"))
    assert store.videos() == sorted(FRAMES)
    assert store.checksum() == ScoreStore.open(whole.store).checksum()
    labels = made.workspace.hard_predictions("parts", "tiny", "val")
    assert digest(PngPredictions(labels)) == digest(PngPredictions(whole.labels))


def test_one_shard_may_not_drop_the_work_of_others():
    with pytest.raises(InputError, match="expected a whole split, got shard 1/2"):
        parse_shard("1/2", overwrite=True)


@pytest.mark.parametrize("text", ["s3://bucket", "s3://bucket/", "/disk/a.zarr", "file:///disk/a.zarr", "a.zarr"])
def test_a_store_elsewhere_has_a_name_in_a_bucket(text):
    with pytest.raises(InputError, match=r"--store: expected a URL like s3://bucket/name.zarr"):
        parse_store(text)
