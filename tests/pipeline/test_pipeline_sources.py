"""Finding predictions by name and by path, and holding them against a split."""

import shutil

import numpy as np
import pytest

from tests.pipeline.score_stores import SIZES, every_frame, manifest, score_stores, write_store
from vspwlib.checks import InputError
from vspwlib.data.index import open_split
from vspwlib.pipeline.sources import check_alike, check_frames, check_statement, data_of, find_predictions, open_source
from vspwlib.predict.label_folder import create_label_folder
from vspwlib.predict.labels import write_png_predictions


@pytest.fixture
def made(tmp_path):
    return score_stores(tmp_path)


def put_labels(folder, value=3):
    for video, frame in every_frame():
        write_png_predictions(folder, video, frame, np.full(SIZES[video], value, np.uint8))


def test_names_go_before_paths_and_exact_label_maps_before_scores(made, tmp_path, monkeypatch):
    both = made.workspace.hard_predictions("a", "tiny", "val")
    create_label_folder(both, manifest("a", made.data))
    put_labels(both)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "pngs").mkdir()
    assert find_predictions(made.workspace, "a", "val") == both
    assert find_predictions(made.workspace, "a", "val", soft=True) == made.stores["a"]
    assert find_predictions(made.workspace, "a", "val", dataset="tiny", soft=True) == made.stores["a"]
    assert str(find_predictions(made.workspace, "pngs", "val")) == "pngs"
    assert find_predictions(made.workspace, str(made.stores["b"]), "val") == made.stores["b"]
    shutil.rmtree(made.stores["a"])
    with pytest.raises(InputError, match=r"expected soft ones of a, got label maps .* can only vote"):
        find_predictions(made.workspace, "a", "val", soft=True)


def test_what_is_missing_or_ambiguous_says_what_to_do(made):
    other = made.workspace.predictions("a", "second", "val")
    write_store(other, manifest("a", made.data, dataset="second"), 5)
    with pytest.raises(InputError, match=r"got those on second, tiny .* --data"):
        find_predictions(made.workspace, "a", "val")
    assert find_predictions(made.workspace, "a", "val", dataset="second") == other
    for name, split in (("nobody", "val"), ("b", "test")):
        with pytest.raises(InputError, match=f"expected one of {name} on {split}, got none .*vspw predict {name}"):
            find_predictions(made.workspace, name, split)


def test_sources_know_themselves(made, tmp_path):
    put_labels(tmp_path / "pngs")
    soft, hard = open_source(made.stores["b"]), open_source(tmp_path / "pngs")
    assert (soft.name, soft.is_soft, soft.digest()) == ("b", True, soft.scores().checksum())
    assert (hard.name, hard.is_soft, hard.manifest) == ("pngs", False, {})
    with pytest.raises(InputError, match="can only vote"):
        hard.scores()
    before = hard.digest()
    put_labels(tmp_path / "pngs", value=4)
    assert hard.digest() != before
    assert data_of([hard, soft], None) == made.data
    with pytest.raises(InputError, match="expected the data set's folder, got none"):
        data_of([hard], None)
    with pytest.raises(InputError, match="got nothing there"):
        data_of([soft], tmp_path / "gone")


def test_only_what_fits_passes(made, tmp_path):
    split = open_split(made.data, "val")
    put_labels(tmp_path / "pngs")
    sources = [open_source(path) for path in (*made.stores.values(), tmp_path / "pngs")]
    check_alike(sources, split)
    assert [check_frames(source, split) for source in sources] == [[]] * 4
    assert check_frames(sources[0], open_split(made.data, "test")) == ["2_bbbbbbbbbbb"]
    for source in sources[:3]:
        check_statement(source, "val")
        with pytest.raises(InputError, match="expected split test, got split val"):
            check_statement(source, "test")
    write_png_predictions(tmp_path / "pngs", "2_bbbbbbbbbbb", "00000006", np.zeros((21, 13), np.uint8))
    with pytest.raises(InputError, match=r"predictions of pngs: expected 14x21, as a, got 13x21 .*00000006"):
        check_alike(sources, split)


def test_the_state_of_a_video_changes_with_its_predictions(made):
    video, other = SIZES
    soft = open_source(made.stores["a"])
    assert soft.state(video) == open_source(made.stores["a"]).state(video) != soft.state(other)
    assert soft.state("9_zzzzzzzzzzz") == ""
    before = soft.state(video)
    write_store(made.stores["a"], manifest("a", made.data), 5)
    assert open_source(made.stores["a"]).state(video) != before
    put_labels(made.data.parent / "pngs")
    hard = open_source(made.data.parent / "pngs")
    assert hard.state("9_zzzzzzzzzzz") == ""
    before = [hard.state(video), hard.state(other)]
    write_png_predictions(hard.path, video, "00000017", np.full(SIZES[video], 4, np.uint8))
    assert [hard.state(video) == before[0], hard.state(other) == before[1]] == [False, True]
