"""Recipes: one function per row of a table, each an edit of its profile's baseline.

A *profile* is a scale: ``mini`` (the embedded default, minutes on two cores), ``camvid`` (real driving video, a quarter
of an hour on two cores) and ``vspw`` (the paper's settings). A recipe is what differs between rows, the same in each.
"""

from collections.abc import Callable
from dataclasses import replace

from vspwlib.checks import check_choice
from vspwlib.config import (
    AugmentConfig,
    ClipConfig,
    ContrastConfig,
    LossConfig,
    MixConfig,
    ModelConfig,
    OptimConfig,
    PredictConfig,
    Recipe,
    StillName,
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
        loss=LossConfig(stride=2, points=1024),
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
        loss=LossConfig(stride=2, points=2048),
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


def _on(network: str) -> Callable[[Recipe], Recipe]:
    """Return an edit that puts a network into a recipe, with the settings its family is officially trained with."""

    def edit(baseline: Recipe) -> Recipe:
        changed = replace(baseline, model=replace(baseline.model, name=network))
        return changed if network.endswith("_tiny") else replace(changed, optim=_official(network, baseline.optim))

    edit.__doc__ = f"The profile's baseline with the network {network}."
    return edit


def _official(network: str, optim: OptimConfig) -> OptimConfig:
    """Return the optimiser of a family's official recipe for what the paper leaves open; the rate is the paper's."""
    if "internimage" in network:
        size = network.removeprefix("upernet_internimage_")
        rate = {"l": 0.94, "xl": 0.94, "h": 0.95, "g": 0.95}.get(size)
        return replace(optim, layer_decay=rate, clip_norm=0.1 if rate else None)
    if network.startswith("mask2former"):
        return replace(optim, layer_decay=0.9, decay_rule="beit")
    return replace(optim, weight_decay=0.01)  # Swin and FocalNet


def _table1(tiny: str, full: str) -> Callable[[Recipe], Recipe]:
    """Return a row of Table 1: the full network at the paper's scale, its small sibling from scratch elsewhere.

    On CamVid the rows of all tables end after 600 iterations, so that the slowest take minutes too.
    """

    def edit(baseline: Recipe) -> Recipe:
        changed = _on(full if baseline.profile == "vspw" else tiny)(baseline)
        if changed.profile != "camvid":
            return changed
        return replace(changed, train=replace(changed.train, iterations=600, val_every=0))

    edit.__doc__ = f"Table 1: {full} at the paper's scale, {tiny} elsewhere."
    return edit


def _small_or_full(baseline: Recipe) -> Recipe:
    """Put in the network of Tables 2 to 5: the paper's at its scale, elsewhere one that learns in minutes."""
    return _table1(SMALL_NETWORK, "mask2former_beitv2_adapter_l")(baseline)


def _table3(frames: int, weight: float, *, larger: bool = False) -> Callable[[Recipe], Recipe]:
    """Return a row of Table 3: clips of so many frames, the contrastive loss at a weight, perhaps a larger crop.

    At the paper's scale a clip takes the place of an image (our reading of "2 images per GPU"), so four frames cost
    four times as much. At the small scales all rows see equally many images a step, and cost about the same.
    """

    def edit(baseline: Recipe) -> Recipe:
        changed = _small_or_full(_larger_crop(baseline) if larger else baseline)
        full = changed.profile == "vspw"
        batch = changed.train.batch_size if full else max(1, changed.train.batch_size // frames)
        return replace(
            changed,
            clip=ClipConfig(frames=frames),
            contrast=ContrastConfig(weight=weight, channels=256 if full else 64),
            train=replace(changed.train, batch_size=batch),
        )

    loss = f"the contrastive loss at weight {weight:g}" if weight else "no contrastive loss"
    edit.__doc__ = f"Table 3: clips of {frames}, {loss}{', a larger crop' if larger else ''}."
    return edit


def _table2(
    *, larger: bool = True, stills: tuple[StillName, ...] = (), dropout: bool = False
) -> Callable[[Recipe], Recipe]:
    """Return a row of Table 2: the multi-dataset model at a crop, perhaps with a set of photographs and with dropout.

    At the paper's scale 60k iterations, one image a process, of which there are six (section 3.2). What "dropout 0.5"
    means there is our reading: stochastic depth for Mask2Former, whose head has no place for the plain dropout that
    per-pixel heads have before their classifier.
    """

    def edit(baseline: Recipe) -> Recipe:
        changed = _small_or_full(_larger_crop(baseline) if larger else baseline)
        full = changed.profile == "vspw"
        if dropout:
            model = replace(changed.model, drop_path=0.5) if full else replace(changed.model, dropout=0.5)
            changed = replace(changed, model=model)
        if full:
            long = replace(changed.train, iterations=60_000, batch_size=1, accumulate=1)
            changed = replace(changed, train=long)
        return replace(changed, mix=MixConfig(stills=stills))

    parts = ["the larger crop"] * larger + [f"photographs of {name}" for name in stills] + ["dropout 0.5"] * dropout
    edit.__doc__ = f"Table 2: {', '.join(parts) or 'the plain network'}."
    return edit


def _class_weights(rule: str) -> Callable[[Recipe], Recipe]:
    """Return the plain row of Table 2 with weights for the classes in its cross-entropy."""

    def edit(baseline: Recipe) -> Recipe:
        changed = _table2(larger=False)(baseline)
        return replace(changed, loss=replace(changed.loss, class_weights=rule))

    edit.__doc__ = f"Tried and dropped by the paper: class weights, here by {rule}."
    return edit


def _specialist(baseline: Recipe) -> Recipe:
    """Tried and dropped by the paper: single categories trained apart. Here the plain row of Table 2, trained on.

    A third of the iterations at a quarter of the rate, from a run (``--init RUN``), for the classes of ``loss.focus``.
    """
    changed = _table2(larger=False)(baseline)
    train, optim = changed.train, changed.optim
    return replace(
        changed,
        train=replace(train, iterations=train.iterations // 3),
        optim=replace(optim, lr=optim.lr / 4, warmup=optim.warmup // 3),
    )


def _larger_crop(baseline: Recipe) -> Recipe:
    """Enlarge crop and test window: 896 for 480 at the paper's scale, half as much again at the small ones.

    At 896 a process takes one clip at a time and adds up two, and activations are recomputed.
    """
    augment, predict = baseline.augment, baseline.predict
    if baseline.profile != "vspw":
        crop = (augment.crop[0] * 3 // 2, augment.crop[1] * 3 // 2)
        stride = (crop[0] * 2 // 3, crop[1] * 2 // 3)
        return replace(
            baseline, augment=replace(augment, crop=crop), predict=replace(predict, window=crop, stride=stride)
        )
    return replace(
        baseline,
        augment=replace(augment, crop=(896, 896), short_side=896),
        predict=replace(predict, short_side=896, window=(896, 896), stride=(512, 512)),
        model=replace(baseline.model, checkpointing=True),
        train=replace(baseline.train, batch_size=1, accumulate=2),
    )


#: The network of Tables 2 to 5 at the small scales.
SMALL_NETWORK = "upernet_swin_tiny"

#: Networks that are recipes by their own name: the profile's baseline with that network.
NETWORK_RECIPES = (
    *(f"upernet_swin_{size}" for size in ("tiny", "t", "s", "b", "b_w12", "l", "l_w7")),
    *(f"upernet_focalnet_{size}" for size in ("tiny", "t_srf", "s_srf", "b_srf", "t_lrf", "s_lrf", "b_lrf")),
    *(f"upernet_focalnet_{size}" for size in ("l", "l_fl3", "l_fl4", "xl_fl3", "xl_fl4")),
    *(f"upernet_internimage_{size}" for size in ("tiny", "t", "s", "b", "l", "xl", "h", "g")),
    *(f"mask2former_beitv2_adapter_{size}" for size in ("tiny", "l")),
    *(f"mask2former_eva_adapter_{size}" for size in ("tiny", "g", "g_8dec")),
)

#: What each name does to its profile's baseline.
RECIPES: dict[str, Callable[[Recipe], Recipe]] = {
    "t1_focalnet": _table1("upernet_focalnet_tiny", "upernet_focalnet_l_fl4"),
    "t1_swin": _table1("upernet_swin_tiny", "upernet_swin_l"),
    "t1_internimage": _table1("upernet_internimage_tiny", "upernet_internimage_xl"),
    "t1_eva": _table1("mask2former_eva_adapter_tiny", "mask2former_eva_adapter_g"),
    "t1_beitv2": _table1("mask2former_beitv2_adapter_tiny", "mask2former_beitv2_adapter_l"),
    "t2_480": _table2(larger=False),
    "t2_896": _table2(),
    "t2_896_map": _table2(stills=("cocostuff",)),
    "t2_896_map_drop": _table2(stills=("cocostuff",), dropout=True),
    "t2_896_ade": _table2(stills=("ade20k",)),  # tried and dropped by the paper, as those that begin with x
    "x_inverse_frequency": _class_weights("inverse_frequency"),
    "x_median_frequency": _class_weights("median_frequency"),
    "x_effective_number": _class_weights("effective_number"),
    "x_specialist": _specialist,
    "x_longer": _specialist,  # its control, without a focus
    "t5_480_map_drop": _table2(larger=False, stills=("cocostuff",), dropout=True),  # of Table 5's ensemble of three
    "t3_baseline": _table3(1, 0.0),
    "t3_nce2": _table3(2, 0.1),
    "t3_nce4": _table3(4, 0.1),
    # Ours: the loss within single frames; and the same clips without the loss, which tells its effect from that of
    # seeing neighbouring frames.
    "t3_nce1": _table3(1, 0.1),
    "t3_clips2": _table3(2, 0.0),
    "t3_clips4": _table3(4, 0.0),
    # What the authors could not run for lack of memory.
    "t3_nce2_896": _table3(2, 0.1, larger=True),
    "t3_nce4_896": _table3(4, 0.1, larger=True),
    **{network: _on(network) for network in NETWORK_RECIPES},
}


def recipe(name: str, profile: str, *, seed: int = 0) -> Recipe:
    """Return the resolved recipe of a row at a profile's scale.

    Args:
        name: One of :data:`RECIPES`.
        profile: One of :data:`PROFILES`.
        seed: Seed of the run.

    Raises:
        InputError: for an unknown name or profile; the nearest is named.
    """
    check_choice("recipe", name, RECIPES)
    check_choice("profile", profile, PROFILES)
    return RECIPES[name](with_seed(PROFILES[profile](name), seed))
