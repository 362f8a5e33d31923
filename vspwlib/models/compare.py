"""How the names and shapes of a file differ from a network's, and which differences are allowed, by name."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

Shape = tuple[int, ...]

#: Entries of a file that a network of ours may have no place for.
COMPUTED = (
    (r"\.relative_position_index$", "computed from the grid, never stored"),
    (r"\.attn_mask$", "computed from the image size, never stored"),
    (r"^embedding_head\.", "the contrastive loss's projection: this network has none"),
)
#: Entries of ours that a file may lack.
REBUILT = (
    (r"\.relative_position_index$", "built with the network"),
    (r"\.num_batches_tracked$", "a counter that starts again; some frameworks do not save it"),
    (r"^embedding_head\.", "the contrastive loss's projection: fresh, only our own training stores one"),
)
#: Groups of entries that a file of a backbone alone may lack, each as a whole only.
FRESH = (
    (r"^(decode_head|auxiliary_head)\.", "a head: fresh, the file holds a backbone"),
    (r"^backbone\.norm[0-4]\.", "a norm of the outputs: fresh, pre-training has none"),
    (r"^backbone\.(level_embed|spm\.|interactions\.|up\.)", "the adapter: fresh, pre-training has none"),
    (r"^backbone\.blocks\.\d+\.gamma_[12]$", "a layer scale: fresh, the file has none"),
    (r"^backbone\.blocks\.\d+\.attn\.relative_position_bias_table$", "relative positions: fresh, the file has none"),
)
#: Entries of a pre-training file that a backbone has no place for.
SURPLUS = (
    *COMPUTED,
    (r"^(backbone\.)?(head|norm|fc_norm|lm_head|conv_head|avgpool|clip_projector)\.", "the pre-training's classifier"),
    (r"^(backbone\.)?dcnv3_head_x[34]\.", "the pre-training's classifier"),
    (r"^(backbone\.)?mask_token$", "the pre-training's mask token"),
)
_POSITIONS = re.compile(r"(relative_position_bias_table|(^|\.)pos_embed)$")
_CLASSIFIER = re.compile(r"(decode_head\.(conv_seg|cls_embed)|auxiliary_head\.conv_seg)\.(weight|bias)")


@dataclass(frozen=True)
class Comparison:
    """What :func:`compare` found. Everything but ``missing``, ``unexpected`` and ``reshaped`` is as it should be.

    Attributes:
        matched: Our names that the file fills.
        renamed: Those of them that have another name in the file: ours to the file's.
        missing: Our names that the file lacks, with our shapes.
        unexpected: The file's names that we have no place for, with its shapes.
        reshaped: Our names whose shapes differ: the file's and ours.
        classifier: Classifiers of another number of classes: the file's shape and ours.
        allowed: Names that only one side has and may, each with the reason.
    """

    matched: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, Shape] = field(default_factory=dict)
    unexpected: Mapping[str, Shape] = field(default_factory=dict)
    reshaped: Mapping[str, tuple[Shape, Shape]] = field(default_factory=dict)
    classifier: Mapping[str, tuple[Shape, Shape]] = field(default_factory=dict)
    allowed: Mapping[str, str] = field(default_factory=dict)

    @property
    def fits(self) -> bool:
        """Whether the file fills the network, but for what is allowed."""
        return not (self.missing or self.unexpected or self.reshaped)


def compare(
    theirs: Mapping[str, Shape],
    ours: Mapping[str, Shape],
    *,
    origin: Mapping[str, str] | None = None,
    left_out: Mapping[str, Shape] | None = None,
    backbone_only: bool = False,
    skipped_positions: bool = False,
) -> Comparison:
    """Compare a file with a network.

    Args:
        theirs: Names and shapes of the file, under our names already.
        ours: Names and shapes of the network.
        origin: Our names to those that stand in the file, where it was translated.
        left_out: Names and shapes of the file, as they stand there, that have no name of ours.
        backbone_only: The file is of a pre-trained backbone: heads and adapters may stay fresh.
        skipped_positions: Position tables of another grid were left out on request.
    """
    shared = [name for name in ours if name in theirs]
    differing = {name: (theirs[name], ours[name]) for name in shared if theirs[name] != ours[name]}
    classifier = {name: pair for name, pair in differing.items() if _is_other_class_count(name, *pair)}

    surplus = {name: shape for name, shape in theirs.items() if name not in ours} | dict(left_out or {})
    lacking = {name: shape for name, shape in ours.items() if name not in theirs}
    excuses = {name: _first(SURPLUS if backbone_only else COMPUTED, name) for name in surplus}
    excuses |= {name: _first(REBUILT, name) for name in lacking}
    if backbone_only:
        groups = [rule for rule in FRESH if not any(re.search(rule[0], name) for name in theirs)]
        excuses |= {name: excuses[name] or _first(groups, name) for name in lacking}
    positions = (name for name in left_out or {} if _POSITIONS.search(name))
    # A whole network without its positions computes something else; pre-training is only a start.
    dropped = {name.removeprefix("backbone.") for name in positions if backbone_only or skipped_positions}
    for name in excuses:
        place = re.sub(r"^blocks\.\d+\.attn\.", "rel_pos_bias.", name.removeprefix("backbone."))  # shared by all blocks
        if dropped & {name.removeprefix("backbone."), place}:
            excuses[name] = "positions of another grid: left out" if skipped_positions else "positions of another kind"
    return Comparison(
        matched=tuple(name for name in shared if name not in differing),
        renamed={name: old for name, old in (origin or {}).items() if old != name and name in ours},
        missing={name: shape for name, shape in lacking.items() if not excuses[name]},
        unexpected={name: shape for name, shape in surplus.items() if not excuses[name]},
        reshaped={name: pair for name, pair in differing.items() if name not in classifier},
        classifier=classifier,
        allowed={name: reason for name, reason in excuses.items() if reason},
    )


def classes_of(shapes: Mapping[str, Shape]) -> int | None:
    """Return the number of classes of a file's classifier; None where it has none.

    >>> classes_of({"decode_head.conv_seg.weight": (150, 512, 1, 1)})
    150
    >>> classes_of({"decode_head.cls_embed.bias": (151,)})
    150
    """
    for name, more in (("conv_seg", 0), ("cls_embed", 1)):  # a query may be of no class
        for part in ("weight", "bias"):
            shape = shapes.get(f"decode_head.{name}.{part}")
            if shape:
                return shape[0] - more
    return None


def _is_other_class_count(name: str, theirs: Shape, ours: Shape) -> bool:
    return _CLASSIFIER.fullmatch(name) is not None and theirs[1:] == ours[1:] and len(theirs) == len(ours)


def _first(rules: Collection[tuple[str, str]], name: str) -> str:
    """Return the reason of the first rule that a name falls under, or nothing."""
    return next((reason for pattern, reason in rules if re.search(pattern, name)), "")
