"""PNG folders of another system in the workspace: what is taken, and what is refused."""

import shutil

import numpy as np
import pytest
from PIL import Image

from tests.faults.processes import end_of, start, wait_for
from tests.pipeline.score_stores import SIZES, every_frame, score_stores, written
from vspwlib.checks import InputError
from vspwlib.ensemble.rule import choose_rule
from vspwlib.labels import palette
from vspwlib.locks import locked
from vspwlib.pipeline.fusing import write_ensemble
from vspwlib.pipeline.importing import import_predictions
from vspwlib.pipeline.scoring import score, stored_truth
from vspwlib.pipeline.sources import find_predictions
from vspwlib.predict.label_folder import read_manifest
from vspwlib.runs import read_json, scores_file


@pytest.fixture
def made(tmp_path):
    return score_stores(tmp_path)


@pytest.fixture
def theirs(tmp_path):
    """Files as another system writes them: half of them with a palette, ids 0..123, and the maps they hold."""
    rng = np.random.default_rng(0)
    maps = {place: rng.integers(0, 124, SIZES[place[0]], dtype=np.uint8) for place in every_frame()}
    for index, ((video, frame), ids) in enumerate(maps.items()):
        put(tmp_path / "theirs", video, frame, ids, colours=index % 2 == 0)
    return tmp_path / "theirs", maps


def put(folder, video, frame, ids, *, colours=False):
    (folder / video).mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(ids)
    if colours:
        image.putpalette(palette("dataset").tobytes())
    image.save(folder / video / f"{frame}.png")


def take(made, folder, name="theirs", **settings):
    return import_predictions(folder, made.workspace, name, made.data, "val", **settings)


def test_label_maps_are_taken_as_they_are(made, theirs):
    folder, maps = theirs
    reports = []
    found = take(made, folder, progress=lambda done, total: reports.append((done, total)))
    assert (found.videos, found.frames, found.stray, found.doubt) == (2, 5, (), "")
    assert found.classes == len(np.unique(np.concatenate([ids.ravel() for ids in maps.values()])))
    assert reports == [(3, 5), (5, 5)]
    for (video, frame), ids in maps.items():
        np.testing.assert_array_equal(written(found.labels, video, frame), ids)
    assert made.workspace.stored_labels() == [found.labels]
    assert found.labels not in made.workspace.stored_predictions()
    assert sorted(path.name for path in found.labels.parent.iterdir()) == ["tiny-val.labels"]
    stated = read_manifest(found.labels)
    assert (stated["run"], stated["predict"]) == ("theirs", {"imported": "theirs", "raw": False})


def test_they_can_be_scored_and_vote_and_nothing_else(made, theirs):
    found = take(made, theirs[0])
    assert stored_truth(found.labels) == (made.data, "val")
    result = score(found.labels, *stored_truth(found.labels))
    assert result.miou == score(theirs[0], made.data, "val").miou
    assert read_json(scores_file(found.labels), "scores")["provenance"]["run"] == "theirs"
    assert write_ensemble(made.workspace, ["theirs", "a", "b"], "val", choose_rule(3, vote=True), "votes").frames == 5
    with pytest.raises(InputError, match=r"expected soft ones of theirs, got label maps .* they can only vote"):
        write_ensemble(made.workspace, ["theirs", "a"], "val", choose_rule(2, tau=0.4), "soft")
    with pytest.raises(InputError, match="they can only vote"):
        find_predictions(made.workspace, "theirs", "val", soft=True)


def test_raw_values_become_ids(made, theirs, tmp_path):
    for (video, frame), ids in theirs[1].items():
        put(tmp_path / "raw", video, frame, ids + 1)
    found = take(made, tmp_path / "raw", raw=True)
    for (video, frame), ids in theirs[1].items():
        np.testing.assert_array_equal(written(found.labels, video, frame), ids)
    with pytest.raises(InputError, match=r"expected ids 0\.\.123, got 124"):
        take(made, tmp_path / "raw", "other")


def test_raw_values_that_pass_for_ids_raise_a_doubt(made, theirs, tmp_path):
    for (video, frame), ids in theirs[1].items():
        put(tmp_path / "raw", video, frame, ids.clip(1, 100))
    assert "--raw" in take(made, tmp_path / "raw").doubt


def test_what_stands_beside_the_split_is_named_and_left(made, theirs):
    folder, _ = theirs
    put(folder, "9_zzzzzzzzzzz", "1", np.zeros((4, 4), np.uint8))
    put(folder, "1_aaaaaaaaaaa", "00000019", np.zeros((4, 4), np.uint8))
    (folder / "1_aaaaaaaaaaa" / "notes.txt").touch()
    (folder / "read.me").touch()
    (folder / ".DS_Store").touch()
    found = take(made, folder)
    assert set(found.stray) == {"9_zzzzzzzzzzz", "1_aaaaaaaaaaa/00000019", "1_aaaaaaaaaaa/notes.txt", "read.me"}
    assert len(list(found.labels.rglob("*"))) == 1 + 2 + 5


def harmed(folder, values):
    Image.fromarray(values).save(folder / "2_bbbbbbbbbbb" / "00000006.png")


SIZE = SIZES["2_bbbbbbbbbbb"]


@pytest.mark.parametrize(
    ("harm", "raw", "message"),
    [
        (lambda folder: shutil.rmtree(folder / "2_bbbbbbbbbbb"), False, "none for 2_bbbbbbbbbbb/00000005, 2_bbbb"),
        (lambda folder: (folder / "2_bbbbbbbbbbb/00000006.png").unlink(), False, "none for 2_bbbbbbbbbbb/00000006"),
        (lambda folder: harmed(folder, np.zeros((21, 15), np.uint8)), False, "expected shape (21, 14), got (21, 15)"),
        (lambda folder: harmed(folder, np.zeros((*SIZE, 3), np.uint8)), False, "expected one 8-bit channel, got RGB"),
        (lambda folder: harmed(folder, np.zeros(SIZE, np.uint16)), False, "expected one 8-bit channel, got I;16"),
        (lambda folder: harmed(folder, np.full(SIZE, 255, np.uint8)), False, "expected ids 0..123, got 255"),
        (lambda folder: harmed(folder, np.full(SIZE, 255, np.uint8)), True, "expected raw values 1..124, got 0"),
        (lambda folder: (folder / "2_bbbbbbbbbbb/00000006.png").write_text("x"), False, "expected a whole PNG"),
    ],
)
def test_predictions_with_a_fault_leave_the_workspace_alone(made, theirs, harm, raw, message):
    folder, _ = theirs
    harm(folder)
    before = sorted(made.workspace.path.rglob("*"))
    with pytest.raises(InputError) as refused:
        take(made, folder, raw=raw)
    assert message in str(refused.value)
    assert sorted(made.workspace.path.rglob("*")) == before


def test_a_name_is_given_once(made, theirs):
    folder, _ = theirs
    found = take(made, folder)
    score(found.labels, made.data, "val")
    with pytest.raises(InputError, match=r"got 'theirs', which exists .* --overwrite replaces it"):
        take(made, folder)
    put(folder, "1_aaaaaaaaaaa", "00000017", np.full(SIZES["1_aaaaaaaaaaa"], 5, np.uint8))
    assert (written(take(made, folder, overwrite=True).labels, "1_aaaaaaaaaaa", "00000017") == 5).all()
    assert not scores_file(found.labels).exists()  # they were of the earlier files
    write_ensemble(made.workspace, ["a", "b"], "val", choose_rule(2, mean=True), "pair")
    for name in ("a", "pair"):
        with pytest.raises(InputError, match="--name: expected a new name"):
            take(made, folder, name, overwrite=True)


def hold(place, reached, go):
    """Be at work on a place, as a process that writes predictions of the same name."""
    with locked(place, "predictions", part=(0, 2)):
        reached.touch()
        wait_for(go.exists)


def test_nothing_is_taken_while_another_process_writes_there(made, theirs, tmp_path):
    found = take(made, theirs[0])
    before = {path: path.stat().st_mtime_ns for path in found.labels.rglob("*")}
    other = start(hold, found.labels, tmp_path / "reached", tmp_path / "go")
    wait_for((tmp_path / "reached").exists)
    with pytest.raises(InputError, match=f"expected no other process at work on it, got process {other.pid} "):
        take(made, theirs[0], overwrite=True)
    assert {path: path.stat().st_mtime_ns for path in found.labels.rglob("*")} == before
    (tmp_path / "go").touch()
    assert end_of(other) == 0
    assert take(made, theirs[0], overwrite=True).frames == 5
