"""Recipes: one function per row of a table, each an edit of its profile's baseline.

A *profile* is a scale: ``mini`` (the embedded default, minutes on two cores), ``camvid`` (real driving video, a quarter
of an hour on two cores) and ``vspw`` (the paper's settings). A recipe is what differs between rows, the same in each.
"""

from collections.abc import Callable
from dataclasses import replace

from vspwlib.checks import check_choice
from vspwlib.config import (
    AugmentConfig,
    LossConfig,
    ModelConfig,
    OptimConfig,
    PredictConfig,
    Recipe,
    TrainConfig,
    with_seed,
)


def mini_baseline(name: str) -> Recipe:
    """Return the small setting for the embedded default: frames of height 144, from scratch."""
    return Recipe(
        name=name,
        profile="mini",
        val_split="test1",
        test_splits=("test1", "test2"),
        augment=AugmentConfig(crop=(96, 128), short_side=144, scale=(0.75, 1.5)),
        loss=LossConfig(stride=2),
        model=ModelConfig(drop_path=0.0),
        optim=OptimConfig(lr=2e-3, warmup=30, warmup_ratio=1e-2, clip_norm=1.0, ema=0.98),
        train=TrainConfig(iterations=300, batch_size=8, val_every=0, checkpoint_every=100, log_every=10, workers=1),
        predict=PredictConfig(short_side=144, window=(96, 128), stride=(64, 85), batch_windows=12),
    )


def camvid_baseline(name: str) -> Recipe:
    """Return the setting for CamVid: 1500 iterations of batch 8 at crop 160x192, from scratch.

    Tests as the paper is read: windows of the crop's size, two thirds of it apart, at the mean scale of training.
    """
    return Recipe(
        name=name,
        profile="camvid",
        test_splits=("val", "test"),
        augment=AugmentConfig(crop=(160, 192), short_side=320, scale=(0.4, 1.1)),
        model=ModelConfig(drop_path=0.0),
        loss=LossConfig(stride=2),
        optim=OptimConfig(lr=2e-3, warmup=100, warmup_ratio=1e-2, clip_norm=1.0, ema=0.99),
        train=TrainConfig(iterations=1500, batch_size=8, val_every=500, checkpoint_every=250, log_every=25, workers=1),
        predict=PredictConfig(short_side=240, window=(160, 192), stride=(107, 128), batch_windows=8),
    )


def vspw_baseline(name: str) -> Recipe:
    """Return the paper's setting at crop 480 (section 3.2): 2 x 2 clips, 40k iterations, lr 2e-5."""
    return Recipe(
        name=name,
        profile="vspw",
        model=ModelConfig(name="upernet_swin_l"),
        train=TrainConfig(iterations=40_000, batch_size=2, workers=8),
    )


PROFILES: dict[str, Callable[[str], Recipe]] = {
    "mini": mini_baseline,
    "camvid": camvid_baseline,
    "vspw": vspw_baseline,
}


def _network(name: str) -> Callable[[Recipe], Recipe]:
    def edit(baseline: Recipe) -> Recipe:
        return replace(baseline, model=replace(baseline.model, name=name))

    edit.__doc__ = f"The profile's baseline with the network {name}."
    return edit


def standin_contrastive(baseline: Recipe) -> Recipe:
    """Return the demo's first model. It stands where the contrastive model will: the baseline as it is."""
    return baseline


def standin_multidata(baseline: Recipe) -> Recipe:
    """Return the demo's second model. It stands where the multi-dataset model will: a larger crop and another seed."""
    height, width = baseline.augment.crop
    larger = replace(baseline.augment, crop=(height * 4 // 3 // 16 * 16, width))
    return with_seed(replace(baseline, augment=larger), baseline.train.seed + 1000)


#: What each name does to its profile's baseline.
RECIPES: dict[str, Callable[[Recipe], Recipe]] = {
    "upernet_swin_tiny": _network("upernet_swin_tiny"),
    "upernet_swin_t": _network("upernet_swin_t"),
    "upernet_swin_l": _network("upernet_swin_l"),
    "standin_contrastive": standin_contrastive,
    "standin_multidata": standin_multidata,
}


def recipe(name: str, profile: str, *, seed: int = 0) -> Recipe:
    """Return the resolved recipe of a row at a profile's scale.

    Args:
        name: One of :data:`RECIPES`.
        profile: One of :data:`PROFILES`.
        seed: Seed of the run; recipes that differ in seed add to it.

    Raises:
        InputError: for an unknown name or profile; the nearest is named.
    """
    check_choice("recipe", name, RECIPES)
    check_choice("profile", profile, PROFILES)
    return RECIPES[name](with_seed(PROFILES[profile](name), seed))
