"""The embedded data set as files: same seed, same bytes; VSPW's tree; no half-written set."""

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vspwlib.checks import InputError
from vspwlib.data.synthetic import MiniSpec, make_mini
from vspwlib.data.synthetic.film import shoot
from vspwlib.data.synthetic.kinds import label_table
from vspwlib.data.synthetic.plan import STYLES, plan_clips, plan_stills, rng_for
from vspwlib.data.synthetic.scenes import TEMPLATES

SMALL = MiniSpec(train=2, test1=1, test2=1, coco=3, ade=2, train_frames=(3, 3), frames=(3, 3))


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def values(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


@pytest.fixture(scope="module")
def mini(tmp_path_factory) -> Path:
    return make_mini(tmp_path_factory.mktemp("mini") / "set", workers=1, spec=SMALL)


def test_same_seed_gives_the_same_bytes_with_any_number_of_workers(mini, tmp_path):
    assert contents(make_mini(tmp_path / "again", workers=2, spec=SMALL)) == contents(mini)


def test_an_item_does_not_depend_on_how_many_others_there_are(mini, tmp_path):
    alone = make_mini(tmp_path / "alone", workers=1, spec=replace(SMALL, train=1, test1=0, test2=0, coco=0, ade=0))
    (name,) = (alone / "vspw" / "train.txt").read_text().split()
    assert contents(alone / "vspw" / "data" / name) == contents(mini / "vspw" / "data" / name)


def test_another_seed_gives_other_pictures(mini, tmp_path):
    other = make_mini(
        tmp_path / "other", seed=1, workers=1, spec=replace(SMALL, train=1, test1=0, test2=0, coco=0, ade=0)
    )
    assert not set(contents(other / "vspw" / "data").values()) & set(contents(mini / "vspw" / "data").values())


def test_tree_is_that_of_vspw(mini):
    root = mini / "vspw"
    listed = [name for split in ("train", "test1", "test2") for name in (root / f"{split}.txt").read_text().split()]
    assert sorted(listed) == sorted(p.name for p in (root / "data").iterdir())
    assert (root / "data.txt").read_text() == "".join(f"{name}\n" for name in listed)
    for name in listed:
        frames = sorted((root / "data" / name / "origin").iterdir())
        masks = sorted((root / "data" / name / "mask").iterdir())
        assert [p.stem for p in frames] == [p.stem for p in masks]
        assert len(frames) == 3
        assert all(len(p.stem) == 8 and p.stem.isdigit() and p.suffix == ".jpg" for p in frames)
        for frame, mask in zip(frames, masks, strict=True):
            height, width = values(mask).shape
            assert values(frame).shape == (height, width, 3)
            assert height == 144


def test_the_dictionary_has_vspws_names_and_string_ids(mini, shared):
    ours = json.loads((mini / "vspw" / "label_num_dic_final.json").read_text())
    rows = (shared / "reference" / "vspw_classes.csv").read_text().split()[1:]
    facts = {name: raw for _, raw, name in (row.split(",") for row in rows)}
    assert ours == {"others": "0", **facts}


def test_mask_values_are_those_of_each_data_set(mini):
    for mask in (mini / "vspw" / "data").glob("*/mask/*.png"):
        assert set(np.unique(values(mask))) <= {*range(125), 255}
    for part, allowed in (("cocostuff", {*range(182), 255}), ("ade20k", set(range(151)))):
        masks = list((mini / part / "annotations").glob("*/*.png"))
        assert masks
        for mask in masks:
            image = mini / part / "images" / mask.parent.name / f"{mask.stem}.jpg"
            assert set(np.unique(values(mask))) <= allowed
            assert values(image).shape == (*values(mask).shape, 3)


def test_manifest_counts_what_the_files_hold(mini):
    manifest = json.loads((mini / "mini.json").read_text())
    assert manifest["splits"]["train"]["videos"] == 2
    assert manifest["splits"]["train"]["frames"] == 6
    names = {raw: name for name, raw in json.loads((mini / "vspw" / "label_num_dic_final.json").read_text()).items()}
    counted: dict[str, int] = defaultdict(int)
    for name in (mini / "vspw" / "train.txt").read_text().split():
        for mask in (mini / "vspw" / "data" / name / "mask").iterdir():
            for value in values(mask).ravel().tolist():
                counted[names.get(str(value), "void")] += 1
    counted.pop("void", None)
    counted.pop("others", None)
    assert manifest["splits"]["train"]["pixels"] == counted


def test_a_finished_set_is_kept_and_a_changed_or_interrupted_one_redone(tmp_path):
    spec = replace(SMALL, train=1, test1=0, test2=0, coco=0, ade=0)
    root = make_mini(tmp_path / "set", workers=1, spec=spec)
    before = contents(root)
    stamp = (root / "mini.json").stat().st_mtime_ns
    calls: list[tuple[int, int]] = []
    make_mini(root, workers=1, spec=spec, progress=lambda done, total: calls.append((done, total)))
    assert not calls
    assert (root / "mini.json").stat().st_mtime_ns == stamp
    (root / "mini.json").unlink()
    next((root / "vspw" / "data").glob("*/mask/*.png")).unlink()
    make_mini(root, workers=1, spec=spec, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 1)]
    assert contents(root) == before


def test_a_failure_leaves_nothing_behind(tmp_path):
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_mini(tmp_path / "set", workers=1, spec=SMALL, progress=stop)
    assert not list(tmp_path.iterdir())


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match=r"thesis\.tex"):
        make_mini(tmp_path, workers=1, spec=SMALL)
    assert (tmp_path / "thesis.tex").read_text() == "mine"


def test_plan_has_the_traps_of_vspw():
    clips = plan_clips(MiniSpec(), 0)
    assert len({clip.name for clip in clips}) == len(clips)
    assert all(len(clip.name.partition("_")[2]) == 11 and clip.name.partition("_")[0].isdigit() for clip in clips)
    assert {clip.name.partition("_")[2][0] for clip in clips} >= {"-", "_"}
    assert all(clip.numbers[0] > 1 for clip in clips)
    widths = {clip.width for clip in clips}
    assert {256, 255, 81} <= widths  # wide, odd and portrait
    holed = [clip for clip in clips if clip.numbers[-1] - clip.numbers[0] + 1 > len(clip.numbers)]
    assert holed
    assert all(clip.split == "train" for clip in holed)
    assert any(clip.palette for clip in clips)
    assert all(len(clip.numbers) > 16 for clip in clips if clip.split != "train")  # VC16 has clips


def test_test1_returns_to_known_places_and_test2_also_shows_new_ones():
    clips = plan_clips(MiniSpec(), 0)
    trained = {(clip.split, clip.index): clip.template for clip in clips if clip.split == "train"}
    for clip in clips:
        if clip.split == "test1":
            assert clip.place in trained
        if clip.place in trained:
            assert clip.template == trained[clip.place]
            assert (clip.start > 1) == (clip.split != "train")
    new = [clip for clip in clips if clip.split == "test2" and clip.place not in trained]
    assert 0 < len(new) < MiniSpec().test2


def test_photographs_have_something_for_the_filter_to_drop():
    spec = MiniSpec()
    unmapped = defaultdict(list)
    for plan in plan_stills(spec, 0)[::4]:
        take = TEMPLATES[plan.template](rng_for(0, plan.split, plan.index, 1), STYLES[plan.split])
        raw = label_table("vspw")[shoot(take, 0.0, 40, 56)[1]]
        unmapped[plan.split].append(float(np.mean(raw == 0)))
    for shares in unmapped.values():
        assert max(shares) > 0.8
        assert np.median(shares) < 0.3


@pytest.mark.slow
def test_test_splits_hold_no_class_that_training_lacks_and_move_smoothly():
    seen: dict[str, set[int]] = defaultdict(set)
    for clip in plan_clips(MiniSpec(), 0):
        take = TEMPLATES[clip.template](rng_for(0, *clip.place, 1), STYLES[clip.split])
        times = (clip.start + step / 15 for step in (0, 1, 9))
        first, second, last = (label_table("vspw")[shoot(take, time, 72, clip.width // 2)[1]] for time in times)
        for raw in (first, last):
            seen[clip.split].update(np.unique(raw).tolist())
        agreement = float(np.mean(first == second))
        assert 0.8 < agreement < 1.0, clip
    assert len(seen["train"]) > 40
    assert seen["test1"] | seen["test2"] <= seen["train"]
