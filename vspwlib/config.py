"""What a run is, as frozen dataclasses that refuse contradictions on construction.

One :class:`Recipe` tells everything about a run; it is written beside the results as JSON and read back from there.
Lengths are pixels, rates are fractions, times are iterations (optimizer steps) unless a field says otherwise.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from vspwlib.checks import check_choice, check_range, check_ratios, require
from vspwlib.values import assign, build

Size = tuple[int, int]
StillName = Literal["cocostuff", "ade20k"]


@dataclass(frozen=True, kw_only=True)
class ClipConfig:
    """Which frames make one training sample."""

    frames: int = 1  # consecutive frames per clip
    gap: int = 1  # steps between them, in stored frames

    def __post_init__(self) -> None:
        check_range("clip.frames", self.frames, 1, 16)
        check_range("clip.gap", self.gap, 1)


@dataclass(frozen=True, kw_only=True)
class MixConfig:
    """Image sets that are trained on beside the videos, mapped to VSPW's classes. The paper: COCO-Stuff, above 0.8."""

    stills: tuple[StillName, ...] = ()
    weights: tuple[float, ...] | None = None  # of the videos, then of each set; None: in proportion to size
    threshold: float = 0.8  # images with a larger share of valid pixels are used
    denominator: Literal["all", "labelled"] = "all"  # which pixels that is a share of; the paper does not say
    mappings: tuple[str, ...] | None = None  # a CSV for each set, in their order; None: those of the package
    strict: bool = False  # refuse a set in which anything is wrong

    def __post_init__(self) -> None:
        _check_words(self, "mix")
        check_range("mix.threshold", self.threshold, 0, 1)
        sets = len(self.stills)
        require(len({*self.stills}) == sets, "mix.stills", expected="each set once", got=self.stills)
        weights = (1.0,) * (sets + 1) if self.weights is None else self.weights
        fits = len(weights) == sets + 1 and min(weights) >= 0 and sum(weights) > 0
        expected = f"{sets + 1} numbers, for the videos and {sets} image sets, none below 0, not all 0"
        require(fits, "mix.weights", expected=expected, got=self.weights)
        files = sets if self.mappings is None else len(self.mappings)
        require(files == sets, "mix.mappings", expected=f"a file for each of {sets} image sets", got=self.mappings)


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """Augmentation, one draw per clip. The paper: flip, crop, resize in [0.5, 2.0]."""

    crop: Size = (480, 480)  # height, width
    short_side: int | None = 480  # frames are resized to this short side before the random scale; None keeps their size
    scale: tuple[float, float] = (0.5, 2.0)
    flip: float = 0.5  # probability
    max_one_class: float = 0.75  # a crop is redrawn when one class fills more of it (mmseg's cat_max_ratio)
    photometric: bool = True

    def __post_init__(self) -> None:
        check_range("augment.crop", min(self.crop), 16)
        check_range("augment.flip", self.flip, 0, 1)
        check_range("augment.max_one_class", self.max_one_class, 0, 1)
        low, high = self.scale
        require(0 < low <= high, "augment.scale", expected="0 < low <= high", got=self.scale)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The network. The paper's "dropout 0.5" could be any of the three rates: each is named for what it does."""

    name: str = "upernet_swin_tiny"
    drop_path: float | None = None  # stochastic depth of the backbone; None: the network's default
    dropout: float = 0.1  # before the classifiers of per-pixel heads, over whole channels
    decoder_dropout: float = 0.0  # attention and feed-forward of a query head's two decoders
    checkpointing: bool = False  # recompute activations in the backward pass: less memory, the same results
    init: str = "none"  # weights to start from: a run of the workspace, a file, timm (ImageNet), or none
    relpos: Literal["interpolate", "crop", "skip"] = "interpolate"  # position tables of a file at another image size

    def __post_init__(self) -> None:
        _check_words(self, "model")


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """Weights of the objective. The paper: 1 * CE + 5 * Dice.

    Our reading for query heads: these weigh the masks' cross-entropy and Dice, and the class term stays Mask2Former's.
    """

    cross_entropy: float = 1.0
    dice: float = 5.0
    classification: float = 2.0  # of the queries' classes; query heads only, as the next two
    no_object: float = 0.1  # weight of the class "no object" within that term
    points: int = 12544  # sampled per mask; the official number, 112 squared
    auxiliary: float = 0.4  # weight of the auxiliary head's cross-entropy (mmseg's default for UperNet)
    stride: int = 1  # supervise every n-th pixel
    normalizer: Literal["local", "global"] = "local"  # sums per process, or over all of them
    class_weights: str = "none"  # of cross-entropies: none, a rule of vspwlib.data.class_counts, or a JSON file
    class_beta: float = 0.999  # of the rule effective_number
    focus: tuple[str, ...] = ()  # a specialist's classes, which weigh more in cross-entropy and pixel Dice
    focus_weight: float = 10.0  # how many times as much

    def __post_init__(self) -> None:
        check_range("loss.class_beta", self.class_beta, 0, 1 - 1e-9)
        check_range("loss.focus_weight", self.focus_weight, 0)
        check_range("loss.stride", self.stride, 1, 8)
        check_range("loss.points", self.points, 1)
        _check_words(self, "loss")


@dataclass(frozen=True, kw_only=True)
class ContrastConfig:
    """The contrastive loss over the patches of a clip. The paper: weight 0.1; all else here is our reading."""

    weight: float = 0.0  # 0 trains without it
    temperature: float = 0.1
    learn_temperature: bool = False
    level: Literal["decoder", "mask_features", "backbone"] = "decoder"  # which features (vspwlib.models.embedding)
    projection: Literal["linear", "mlp", "none"] = "linear"
    channels: int = 256  # of the projection
    normalize: bool = True  # bring features to length 1
    anchors: Literal["all", "sampled"] = "all"  # sampled: a few, as ContrastiveSeg draws them, across the whole batch
    anchor_weights: Literal["uniform", "balanced"] = "uniform"  # balanced: every class of a clip weighs the same
    negatives: Literal["clip", "image"] = "clip"
    bank: int = 0  # patches of other clips that are remembered as positives and negatives
    bank_patches: int = 64  # that each clip leaves there

    def __post_init__(self) -> None:
        _check_words(self, "contrast")
        check_range("contrast.weight", self.weight, 0)
        check_range("contrast.temperature", self.temperature, 1e-4)
        check_range("contrast.channels", self.channels, 1)
        check_range("contrast.bank", self.bank, 0)
        check_range("contrast.bank_patches", self.bank_patches, 1, self.bank or None)
        special = [self.bank > 0, self.anchors == "sampled", self.negatives == "image"]
        require(
            sum(special) <= 1,
            "contrast",
            expected="at most one of bank, anchors=sampled and negatives=image",
            got=f"bank={self.bank}, anchors={self.anchors}, negatives={self.negatives}",
        )


@dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """AdamW with linear warm-up and polynomial decay. The paper: lr 2e-5, warm-up 1500 iterations from ratio 1e-6."""

    lr: float = 2e-5
    weight_decay: float = 0.05
    betas: tuple[float, float] = (0.9, 0.999)
    warmup: int = 1500
    warmup_ratio: float = 1e-6
    power: float = 1.0  # of the polynomial decay to 0
    clip_norm: float | None = None  # largest gradient norm
    layer_decay: float | None = None  # factor on the learning rate from each layer to the one below; None: one rate
    decay_rule: Literal["swin", "beit"] = "swin"  # which tensors besides biases and norms are spared weight decay
    head_quirk: bool = True  # with layer decay, the query head's own embeddings get the smallest rate, as officially
    ema: float | None = None  # decay of the weight average; None keeps none

    def __post_init__(self) -> None:
        _check_words(self, "optim")
        check_range("optim.lr", self.lr, 0)
        check_range("optim.warmup", self.warmup, 0)
        check_range("optim.ema", self.ema or 0.0, 0, 0.999999)
        check_range("optim.layer_decay", 1.0 if self.layer_decay is None else self.layer_decay, 1e-3, 1.0)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Length, batch and bookkeeping of training."""

    iterations: int = 40_000
    batch_size: int = 2  # clips per process and micro-batch
    accumulate: int = 1  # micro-batches per iteration
    val_every: int = 4_000  # 0: never
    val_videos: int | None = None  # validate on the first so many videos; None: all
    checkpoint_every: int = 1_000
    log_every: int = 50
    max_bad_steps: int = 10  # steps in a row with a NaN loss that are skipped; one more ends the run
    workers: int = 2  # data-loading processes; 0 loads in the training process
    precision: Literal["auto", "fp32", "bf16"] = "auto"  # auto: bf16 where the device computes in it
    strategy: Literal["ddp", "fsdp"] = "ddp"  # fsdp: processes share out weights, gradients, moments and average
    deterministic: bool = False  # deterministic kernels on CUDA, slower
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("iterations", "batch_size", "accumulate", "checkpoint_every", "log_every"):
            check_range(f"train.{name}", getattr(self, name), 1)
        check_range("train.val_every", self.val_every, 0)
        check_range("train.workers", self.workers, 0)
        check_range("train.max_bad_steps", self.max_bad_steps, 0)
        _check_words(self, "train")


@dataclass(frozen=True, kw_only=True)
class PredictConfig:
    """Test-time settings. Our reading of the paper: short side = window = crop, stride two thirds of it."""

    short_side: int | None = 480  # None: frames keep their size
    window: Size = (480, 480)
    stride: Size = (320, 320)
    flip: bool = True
    scales: tuple[float, ...] = (1.0,)  # sizes to average over, as ratios to that of short_side
    average: Literal["probabilities", "scores"] = "probabilities"  # what the mean of views is taken of
    batch_windows: int = 4

    def __post_init__(self) -> None:
        _check_words(self, "predict")
        check_ratios("predict.scales", self.scales, 4)
        check_range("predict.batch_windows", self.batch_windows, 1)
        for side, step in zip(self.window, self.stride, strict=True):
            require(
                0 < step <= side,
                "predict.stride",
                expected=f"between 1 and the window {self.window}",
                got=self.stride,
                fix="a larger stride would leave pixels without a prediction.",
            )


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that makes a run, but for where its data lie.

    Attributes:
        name: Row of a table, or a network's name.
        profile: ``mini``, ``camvid`` or ``vspw``.
        train_split: List that is trained on.
        val_split: List that is validated on while training.
        test_splits: Lists that the profile's tables report.
    """

    name: str
    profile: str
    train_split: str = "train"
    val_split: str | None = "val"
    test_splits: tuple[str, ...] = ("val",)
    clip: ClipConfig = field(default_factory=ClipConfig)
    mix: MixConfig = field(default_factory=MixConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    contrast: ContrastConfig = field(default_factory=ContrastConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    predict: PredictConfig = field(default_factory=PredictConfig)

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as nested plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """Rebuild a recipe from :meth:`to_dict`; unknown keys are refused by name."""
        return build(cls, values)


Settings = TypeVar("Settings", Recipe, PredictConfig)


def override(settings: Settings, assignments: Mapping[str, str]) -> Settings:
    """Return a recipe, or test-time settings alone, with dotted fields set from text, as ``--set optim.lr=1e-4`` does.

    Args:
        settings: What to start from.
        assignments: Dotted field names to values in JSON or plain text: ``none``, ``true``, ``480``, ``[160,192]``.

    Raises:
        InputError: for an unknown field (the nearest is named) or a value of the wrong kind.

    >>> override(Recipe(name="x", profile="mini"), {"optim.lr": "1e-4", "augment.crop": "[96,128]"}).augment.crop
    (96, 128)
    """
    values = asdict(settings)
    for name, text in assignments.items():
        assign(values, name, text)
    changed: Settings = build(type(settings), values)
    return changed


def _check_words(group: Any, name: str) -> None:
    """Require one of its words in every field of a group that has words to choose from."""
    for field_name, hint in get_type_hints(type(group)).items():
        if get_origin(hint) is Literal:
            check_choice(f"{name}.{field_name}", getattr(group, field_name), get_args(hint))


def with_seed(recipe: Recipe, seed: int) -> Recipe:
    """Return ``recipe`` with another seed."""
    return replace(recipe, train=replace(recipe.train, seed=seed))
