"""A split shared by several processes: every frame once, and the same to the last count."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.data.image_sets import write_coco
from tests.faults.processes import command, end_of, start
from tests.pipeline.score_stores import FRAMES, every_frame, score_stores
from vspwlib.checks import InputError
from vspwlib.cli.options import parse_shard, parse_store
from vspwlib.data.still_filter import write_report
from vspwlib.ensemble.rule import choose_rule
from vspwlib.locks import locked
from vspwlib.pipeline.ensembling import sweep, sweep_shard
from vspwlib.pipeline.filtering import filter_shard, filter_stills
from vspwlib.pipeline.fusing import write_ensemble
from vspwlib.pipeline.prediction import predict
from vspwlib.pipeline.removing import folders_of, remove
from vspwlib.pipeline.scoring import score, score_shard
from vspwlib.pipeline.shards import Waiting, count_shard, parts_folder
from vspwlib.pipeline.stored_scores import forget_scores
from vspwlib.predict.label_folder import digest
from vspwlib.predict.labels import PngPredictions
from vspwlib.predict.store import ScoreStore
from vspwlib.runs import Workspace, frames_file, scores_file


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


def scored_in(made, count):
    """Score in shards; return how each ended, and the file."""
    store = made.stores["a"]
    ends = [score_shard(store, made.data, "val", (index, count)) for index in range(count)]
    return ends, scores_file(store).read_bytes(), frames_file(store).read_bytes()


def swept_in(made, count):
    ends = [sweep_shard(made.workspace, "a", "b", None, "val", shard=(index, count)) for index in range(count)]
    return ends, made.workspace.sweep_file("a", "b", "tiny", "val").read_bytes()


def filtered_in(made, count):
    root = write_coco(made.data / "coco", {f"{number:012d}": 78 + number for number in range(4)})
    folder = made.workspace.path / "filter"
    ends = [filter_shard("cocostuff", root, folder, (index, count), threshold=0.8, workers=1) for index in range(count)]
    return ends, *((folder / name).read_bytes() for name in ("kept.txt", "manifest.jsonl", "report.json"))


def whole_of(shared, made):
    """Return what one command writes."""
    if shared is scored_in:
        score(made.stores["a"], made.data, "val")
        return scores_file(made.stores["a"]).read_bytes(), frames_file(made.stores["a"]).read_bytes()
    if shared is swept_in:
        sweep(made.workspace, "a", "b", None, "val")
        return (made.workspace.sweep_file("a", "b", "tiny", "val").read_bytes(),)
    folder, root = made.workspace.path / "whole", made.data / "coco"
    write_report(filter_stills("cocostuff", root, folder, threshold=0.8).report, folder, root=root)
    return tuple((folder / name).read_bytes() for name in ("kept.txt", "manifest.jsonl", "report.json"))


@pytest.mark.parametrize("shared", [scored_in, swept_in, filtered_in])
def test_counted_in_more_shards_than_there_is_to_count(shared, tmp_path):
    made = score_stores(tmp_path)
    ends, *files = shared(made, 6)
    assert all(isinstance(end, Waiting) for end in ends[:-1])
    assert [len(end.missing) for end in ends[:-1]] == [5, 4, 3, 2, 1]
    assert not isinstance(ends[-1], Waiting)
    assert not [*tmp_path.rglob("*.parts")]
    assert whole_of(shared, made) == tuple(files)


def counted(folder, number, *, stamp=lambda number: {"frames": number}):
    """Count a shard of three: its own number."""
    return count_shard(
        folder / "sum.json",
        "sum",
        (number, 3),
        stamp=stamp,
        count=lambda: {"number": np.array(number)},
        merge=lambda parts: [int(part["number"]) for part in parts],
    )


def test_a_damaged_part_is_missing(tmp_path):
    counted(tmp_path, 0)
    (part,) = (tmp_path / "sum.parts").iterdir()
    part.write_bytes(part.read_bytes()[:90])
    assert counted(tmp_path, 1).missing == {2: ""}
    waiting = counted(tmp_path, 2)
    assert str(waiting).splitlines() == [
        "shard 2/3 is counted; missing: 0/3",
        "shard 0/3 must be counted again: its part is damaged",
        f"the last one writes {tmp_path / 'sum.json'}",
    ]
    assert counted(tmp_path, 0) == [0, 1, 2]
    assert not [*tmp_path.iterdir()]


def test_what_changes_while_a_shard_counts_makes_it_missing(tmp_path):
    looks = iter(range(10))
    for number in (0, 1):
        counted(tmp_path, number)
    waiting = counted(tmp_path, 2, stamp=lambda number: {"frames": next(looks) if number == 2 else number})
    assert waiting.missing == {2: "it was counted with other frames"}
    assert counted(tmp_path, 2) == [0, 1, 2]


def test_predictions_made_anew_drop_what_shards_have_counted(tmp_path):
    made = score_stores(tmp_path)
    score_shard(made.stores["a"], made.data, "val", (0, 2))
    sweep_shard(made.workspace, "a", "b", None, "val", shard=(0, 2))
    parts = [parts_folder(scores_file(made.stores["a"])), *made.workspace.path.glob("ensembles/*/*.parts")]
    assert [path.is_dir() for path in parts] == [True, True]
    forget_scores(made.stores["a"])
    assert [path.is_dir() for path in parts] == [False, True]
    assert parts[1] in folders_of(made.workspace, "b")
    remove(made.workspace, "b")
    assert not parts[1].exists()


def test_nothing_is_removed_while_a_shard_counts_its_scores(tmp_path):
    made = score_stores(tmp_path)
    with locked(scores_file(made.stores["a"]), "scores", part=(0, 2)):
        with pytest.raises(InputError, match="run: expected no other process at work on it"):
            remove(made.workspace, "a")
        assert made.stores["a"].is_dir()
    remove(made.workspace, "a")
    assert not made.stores["a"].exists()


def test_a_split_without_masks_is_refused_by_every_shard(tmp_path):
    made = score_stores(tmp_path)
    for mask in made.data.rglob("*.png"):
        mask.unlink()
    for index in range(2):
        with pytest.raises(InputError, match="truth: expected frames with masks"):
            score_shard(made.stores["a"], made.data, "val", (index, 2))
        with pytest.raises(InputError, match="sweep: expected frames with truth, got none"):
            sweep_shard(made.workspace, "a", "b", None, "val", shard=(index, 2))


def test_a_shard_asks_for_the_predictions_of_its_own_videos(tmp_path):
    made = score_stores(tmp_path)
    shutil.rmtree(made.stores["a"] / [*FRAMES][1])
    assert score_shard(made.stores["a"], made.data, "val", (0, 2)).missing == {1: ""}
    with pytest.raises(InputError, match=f"one for every labelled frame, got none for {[*FRAMES][1]}"):
        score_shard(made.stores["a"], made.data, "val", (1, 2))


def test_one_shard_may_not_drop_the_work_of_others():
    with pytest.raises(InputError, match="expected a whole split, got shard 1/2"):
        parse_shard("1/2", overwrite=True)


@pytest.mark.parametrize("text", ["s3://bucket", "s3://bucket/", "/disk/a.zarr", "file:///disk/a.zarr", "a.zarr"])
def test_a_store_elsewhere_has_a_name_in_a_bucket(text):
    with pytest.raises(InputError, match=r"--store: expected a URL like s3://bucket/name.zarr"):
        parse_store(text)
