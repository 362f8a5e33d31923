"""Recipes of the paper's tables: what the paper says of them, and that rows differ in what they should alone."""

from dataclasses import replace

import pytest

from vspwlib.config import ClipConfig, ContrastConfig
from vspwlib.data.class_counts import RULES
from vspwlib.recipes import PROFILES, RECIPES, recipe

TABLE3 = [name for name in RECIPES if name.startswith("t3_")]


def test_the_papers_contrastive_model():
    """Section 3.2: crop 480, two images a GPU, 40k iterations, lr 2e-5, warm-up 1500 from 1e-6, weights 1, 5, 0.1."""
    row = recipe("t3_nce2", "vspw")
    assert row.model.name == "mask2former_beitv2_adapter_l"
    assert (row.clip.frames, row.clip.gap) == (2, 1)
    assert (row.augment.crop, row.augment.scale) == ((480, 480), (0.5, 2.0))
    assert (row.train.batch_size, row.train.iterations, row.optim.lr) == (2, 40_000, 2e-5)
    assert (row.optim.warmup, row.optim.warmup_ratio) == (1500, 1e-6)
    assert (row.loss.cross_entropy, row.loss.dice, row.contrast.weight) == (1.0, 5.0, 0.1)
    assert (row.contrast.temperature, row.contrast.channels, row.contrast.level) == (0.1, 256, "decoder")
    assert recipe("t3_nce4", "vspw").clip.frames == 4


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", [name for name in TABLE3 if not name.endswith("896")])
def test_rows_of_table_3_differ_in_clips_and_loss_alone(name, profile):
    row, baseline = recipe(name, profile), recipe("t3_baseline", profile)
    alike = replace(row, name=baseline.name, clip=baseline.clip, contrast=baseline.contrast, train=baseline.train)
    assert alike == baseline
    assert replace(row.train, batch_size=baseline.train.batch_size) == baseline.train
    frames = 1 if name == "t3_baseline" else int(name[-1])
    assert row.clip == ClipConfig(frames=frames)
    assert (row.contrast.weight > 0) == ("nce" in name)
    if profile != "vspw":
        assert row.train.batch_size * frames == baseline.train.batch_size


@pytest.mark.parametrize("profile", PROFILES)
def test_the_loss_is_all_that_tells_it_from_its_control(profile):
    for frames, without_loss in ((1, "t3_baseline"), (2, "t3_clips2"), (4, "t3_clips4")):
        row, control = recipe(f"t3_nce{frames}", profile), recipe(without_loss, profile)
        without = replace(row.contrast, weight=0.0)
        assert replace(row, name=control.name, contrast=without) == control


def test_the_larger_crop():
    row = recipe("t3_nce4_896", "vspw")
    assert (row.augment.crop, row.augment.short_side, row.predict.window) == ((896, 896), 896, (896, 896))
    assert row.train.batch_size * row.train.accumulate == recipe("t3_nce4", "vspw").train.batch_size
    for profile in ("mini", "camvid"):
        smaller = recipe("t3_nce4", profile)
        assert recipe("t3_nce4_896", profile).augment.crop == tuple(side * 3 // 2 for side in smaller.augment.crop)


def test_the_papers_multi_dataset_model():
    """Section 3.2 and Table 2: crop 896, 60k iterations, six processes with one image each, COCO-Stuff above 80 %."""
    row = recipe("t2_896_map_drop", "vspw")
    assert row.model.name == "mask2former_beitv2_adapter_l"
    assert (row.augment.crop, row.predict.window) == ((896, 896), (896, 896))
    assert (row.train.iterations, row.train.batch_size, row.train.accumulate) == (60_000, 1, 1)
    assert (row.optim.lr, row.optim.warmup, row.contrast.weight) == (2e-5, 1500, 0.0)
    assert (row.mix.stills, row.mix.threshold) == (("cocostuff",), 0.8)
    assert row.model.drop_path == 0.5


@pytest.mark.parametrize("profile", PROFILES)
def test_rows_of_table_2_add_one_thing_each(profile):
    rows = [recipe(name, profile) for name in ("t2_480", "t2_896", "t2_896_map", "t2_896_map_drop")]
    small, large, mapped, dropped = rows
    assert large.augment.crop > small.augment.crop
    assert replace(large, mix=mapped.mix, name=mapped.name) == mapped
    assert replace(mapped, model=dropped.model, name=dropped.name) == dropped
    assert mapped.mix.stills == ("cocostuff",) != large.mix.stills == ()
    assert recipe("t2_896_ade", profile).mix.stills == ("ade20k",)
    third = recipe("t5_480_map_drop", profile)
    assert replace(third, name="t2_480", mix=small.mix, model=small.model) == small
    assert (third.model, third.mix) == (replace(small.model, **_dropout(profile)), mapped.mix)


@pytest.mark.parametrize("profile", PROFILES)
def test_rows_that_the_paper_dropped_change_one_thing(profile):
    plain = recipe("t2_480", profile)
    for rule in RULES:
        row = recipe(f"x_{rule}", profile)
        assert row == replace(plain, name=row.name, loss=replace(plain.loss, class_weights=rule))
    row = recipe("x_specialist", profile)
    assert replace(row, name=plain.name, train=plain.train, optim=plain.optim) == plain
    assert (row.train.iterations, row.optim.lr) == (plain.train.iterations // 3, plain.optim.lr / 4)
    assert row.optim.warmup < row.train.iterations
    assert replace(recipe("x_longer", profile), name=row.name) == row


def _dropout(profile):
    return {"drop_path" if profile == "vspw" else "dropout": 0.5}


def test_runs_from_before_the_loss_can_be_read():
    values = recipe("t3_baseline", "mini").to_dict()
    del values["contrast"]
    assert type(recipe("t3_baseline", "mini")).from_dict(values).contrast == ContrastConfig()
