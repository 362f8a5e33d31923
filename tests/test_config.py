"""Recipes: construction refuses contradictions, overrides and JSON round trips keep types."""

import json

import pytest

from vspwlib.checks import InputError
from vspwlib.config import AugmentConfig, MixConfig, PredictConfig, Recipe, TrainConfig, override
from vspwlib.recipes import PROFILES, RECIPES, recipe


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_survives_json(profile, name):
    resolved = recipe(name, profile, seed=3)
    assert Recipe.from_dict(json.loads(json.dumps(resolved.to_dict()))) == resolved
    assert resolved.profile == profile


def test_the_paper_profile_is_the_papers():
    """Section 3.2: lr 2e-5, 1500 warm-up iterations from ratio 1e-6, 40k iterations at crop 480, 2 clips a GPU."""
    paper = recipe("upernet_swin_l", "vspw")
    assert (paper.optim.lr, paper.optim.warmup, paper.optim.warmup_ratio) == (2e-5, 1500, 1e-6)
    assert (paper.augment.crop, paper.augment.scale, paper.augment.flip) == ((480, 480), (0.5, 2.0), 0.5)
    assert (paper.train.iterations, paper.train.batch_size) == (40_000, 2)
    assert (paper.loss.cross_entropy, paper.loss.dice) == (1.0, 5.0)
    assert paper.predict.flip


def test_seeds_reach_the_recipe():
    assert recipe("upernet_swin_tiny", "mini", seed=4).train.seed == 4


def test_overrides_keep_types():
    base = recipe("upernet_swin_tiny", "mini")
    changed = override(
        base,
        {
            "optim.lr": "1",
            "augment.crop": "[96, 128]",
            "augment.short_side": "none",
            "loss.normalizer": "global",
            "predict.flip": "false",
            "test_splits": '["a", "b"]',
        },
    )
    assert changed.optim.lr == 1.0
    assert isinstance(changed.optim.lr, float)
    assert changed.augment.crop == (96, 128)
    assert changed.augment.short_side is None
    assert changed.loss.normalizer == "global"
    assert changed.predict.flip is False
    assert changed.test_splits == ("a", "b")


def test_test_time_settings_alone_can_be_overridden():
    changed = override(PredictConfig(flip=True), {"short_side": "none", "window": "[96, 128]", "stride": "[96, 128]"})
    assert changed == PredictConfig(short_side=None, window=(96, 128), stride=(96, 128), flip=True)
    with pytest.raises(InputError, match="did you mean 'stride'"):
        override(PredictConfig(), {"strid": "[1, 1]"})


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("optim.lrr", "1", "did you mean 'lr'"),
        ("optin.lr", "1", "did you mean 'optim'"),
        ("optim", "1", "one field"),
        ("optim.lr", "fast", "expected float, got 'fast'"),
        ("train.iterations", "1.5", "expected int"),
        ("train.iterations", "true", "expected int"),
        ("augment.crop", "[96]", "augment.crop"),
        ("loss.normalizer", "globl", "loss.normalizer"),
        ("train.iterations", "0", "train.iterations"),
        ("loss.class_beta", "1", "loss.class_beta"),
        ("loss.focus_weight", "-1", "loss.focus_weight"),
        ("loss.focus", "person", r"loss\.focus"),
        ("name.x", "1", "setting"),
    ],
)
def test_wrong_overrides_are_named(setting, value, message):
    with pytest.raises(InputError, match=message):
        override(recipe("upernet_swin_tiny", "mini"), {setting: value})


def test_contradictions_are_refused():
    with pytest.raises(InputError, match="0 < low <= high"):
        AugmentConfig(scale=(2.0, 0.5))
    with pytest.raises(InputError, match="without a prediction"):
        PredictConfig(window=(100, 100), stride=(101, 100))
    for scales in ((), (0.0,), (-1.0,), (1.0, 1.0), (4.5,), (float("nan"),)):
        with pytest.raises(InputError, match=r"predict\.scales: expected different ratios above 0 and up to 4"):
            PredictConfig(scales=scales)
    with pytest.raises(InputError, match="did you mean 'scores'"):
        override(recipe("upernet_swin_tiny", "mini"), {"predict.average": "score"})
    with pytest.raises(InputError, match=r"train\.batch_size"):
        TrainConfig(batch_size=0)


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="did you mean 'camvid'"):
        recipe("upernet_swin_tiny", "camvd")
    with pytest.raises(InputError, match="recipe"):
        recipe("t9", "mini")


def test_image_sets_of_a_mix():
    base = recipe("t3_baseline", "mini")
    assert base.mix == MixConfig()
    mixed = override(base, {"mix.stills": '["cocostuff", "ade20k"]', "mix.weights": "[2, 1, 0]"}).mix
    assert (mixed.stills, mixed.weights, mixed.threshold) == (("cocostuff", "ade20k"), (2.0, 1.0, 0.0), 0.8)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mix.stills": '["cocostuf"]'}, "did you mean 'cocostuff'"),
        ({"mix.stills": '["ade20k", "ade20k"]'}, "mix.stills: expected each set once"),
        ({"mix.stills": '["ade20k"]', "mix.weights": "[1]"}, "mix.weights: expected 2 numbers"),
        ({"mix.stills": '["ade20k"]', "mix.weights": "[0, 0]"}, "not all 0"),
        ({"mix.stills": '["ade20k"]', "mix.weights": "[2, -1]"}, "none below 0"),
        ({"mix.stills": '["ade20k"]', "mix.weights": "[NaN, 1]"}, "none below 0"),
        ({"mix.mappings": '["own.csv"]'}, "mix.mappings: expected a file for each of 0 image sets"),
        ({"mix.threshold": "80"}, "mix.threshold: expected 0 to 1"),
        ({"mix.denominator": "valid"}, "mix.denominator"),
    ],
)
def test_mixes_that_contradict_themselves(settings, message):
    with pytest.raises(InputError, match=message):
        override(recipe("t3_baseline", "mini"), settings)


def test_a_clip_cannot_leave_more_patches_than_are_kept():
    """Before a run's folder is made, and not where the memory is built."""
    with pytest.raises(InputError, match=r"contrast\.bank_patches: expected 1 to 50, got 64"):
        override(recipe("t3_nce2", "mini"), {"contrast.bank": "50"})
