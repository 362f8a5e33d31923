"""Where image sets lie, and that their counts are shared between mappings and thresholds."""

import os

import numpy as np
import pytest

from tests.data.image_sets import own_mapping, write_coco, write_pair
from vspwlib.checks import InputError
from vspwlib.data.still_filter import write_report
from vspwlib.labels.mapping import load_mapping
from vspwlib.labels.sources import SOURCE_SETS
from vspwlib.pipeline.filtering import counted_stills, filter_folder, filter_stills, still_root
from vspwlib.runs import Workspace


def test_each_folder_has_counts_of_its_own(tmp_path, monkeypatch):
    workspace = Workspace(tmp_path / "ws")
    monkeypatch.chdir(tmp_path)
    one, same, other = (filter_folder(workspace, "cocostuff", path) for path in ("a", tmp_path / "a", tmp_path / "b"))
    assert one == same != other
    assert one.parent == tmp_path / "ws" / "filters"
    assert filter_folder(workspace, "ade20k", "a") != one


def test_a_folder_is_the_one_named_or_known_or_drawn(tmp_path):
    workspace = Workspace(tmp_path / "ws")
    with pytest.raises(InputError, match="--root: expected the folder of cocostuff, got nothing"):
        still_root(workspace, "cocostuff", None)
    drawn = tmp_path / "ws" / "data" / "mini" / "cocostuff"
    drawn.mkdir(parents=True)
    assert still_root(workspace, "cocostuff", None) == drawn
    workspace.add_data("cocostuff", tmp_path / "known")
    assert still_root(workspace, "cocostuff", None) == tmp_path / "known"
    assert still_root(workspace, "cocostuff", tmp_path / "named") == tmp_path / "named"


def test_the_packages_mapping_or_ones_own(tmp_path):
    root = write_coco(tmp_path / "coco", {"a": 90, "b": 70})
    package = filter_stills("cocostuff", root, tmp_path / "counts", threshold=0.8)
    assert package.report.kept == ("images/train2017/a.jpg",)
    assert package.mapping == load_mapping("cocostuff")
    rows = {row.source_value: row.vspw_name for row in package.mapping.rows}
    own = own_mapping(tmp_path / "own.csv", rows | {0: "void"})
    with pytest.raises(InputError, match="column source_name"):  # checked as the set's own
        filter_stills("cocostuff", root, tmp_path / "counts", mapping=tmp_path / "own.csv", threshold=0.8)
    text = (tmp_path / "own.csv").read_text()
    for row in package.mapping.rows:
        text = text.replace(
            f"\n{row.source_value},source {row.source_value},", f'\n{row.source_value},"{row.source_name}",'
        )
    (tmp_path / "own.csv").write_text(text)
    changed = filter_stills("cocostuff", root, tmp_path / "counts", mapping=tmp_path / "own.csv", threshold=0.8)
    assert (changed.report.mapping, changed.report.kept) == ("own", ())
    assert changed.report.digest != package.report.digest
    assert np.array_equal(changed.mapping.lookup, own.lookup)


def test_real_samples_keep_what_a_loop_over_their_pixels_keeps(shared, tmp_path):
    from PIL import Image

    for name, pairs in (("cocostuff", 139), ("ade20k", 37)):
        found = filter_stills(name, shared / "data" / f"{name}_sample", tmp_path / name, threshold=0.8)
        assert (len(found.report.images), found.report.problems) == (pairs, ())
        valid = [row.source_value for row in found.mapping.rows if row.vspw_name != "void"]
        kept = []
        for still in found.stills.stills:
            values, pixels = np.unique(np.asarray(Image.open(still.mask)), return_counts=True)
            known = sum(int(count) for value, count in zip(values, pixels, strict=True) if value in valid)
            if known > 0.8 * pixels.sum():
                kept.append(found.stills.key(still.image))
        assert found.report.kept == tuple(kept)
        assert 0 < len(kept) < pairs
        assert SOURCE_SETS[name].unlabelled not in valid


def test_every_split_or_some(tmp_path):
    root = write_coco(tmp_path / "coco", {"a": 90})
    write_pair(root, "val2017", "b", np.zeros((4, 4), np.uint8))
    kept = [
        filter_stills("cocostuff", root, tmp_path, threshold=0.8, splits=s).report.kept for s in (None, ["val2017"])
    ]
    assert [len(names) for names in kept] == [2, 1]


def test_counted_sets_are_found_newest_first_with_the_images_they_are_of(tmp_path):
    workspace = Workspace(tmp_path / "ws")
    assert counted_stills(workspace, "cocostuff") == []
    folders = {}
    for age, name in enumerate(("unknown", "told", "known")):
        root = write_coco(tmp_path / name, {"a": 90})
        folders[name] = filter_folder(workspace, "cocostuff", root)
        found = filter_stills("cocostuff", root, folders[name], threshold=0.8)
        write_report(found.report, folders[name], root=root if name == "told" else None)
        os.utime(folders[name] / "pixels.jsonl", (age, age))
    workspace.add_data("cocostuff", tmp_path / "known")
    listed = [(item.folder, item.root) for item in counted_stills(workspace, "cocostuff")]
    told, known = tmp_path / "told", tmp_path / "known"
    assert listed == [(folders["known"], known), (folders["told"], told), (folders["unknown"], None)]
    told.rename(tmp_path / "moved")
    assert [item.root for item in counted_stills(workspace, "cocostuff")] == [known, None, None]
    assert counted_stills(workspace, "ade20k") == []
