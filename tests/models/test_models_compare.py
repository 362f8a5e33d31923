"""Comparing names and shapes: what fits, what is allowed by name, and nothing else."""

import pytest

from vspwlib.models.compare import classes_of, compare

OURS = {
    "backbone.norm0.weight": (8,),
    "backbone.stem.weight": (8, 3, 4, 4),
    "backbone.stem.num_batches_tracked": (),
    "decode_head.conv_seg.weight": (124, 16, 1, 1),
    "decode_head.conv_seg.bias": (124,),
    "auxiliary_head.conv_seg.weight": (124, 4, 1, 1),
}


def without(*names):
    return {name: shape for name, shape in OURS.items() if name not in names}


def test_the_same_names_and_shapes_match():
    found = compare(OURS, OURS)
    assert found.fits
    assert found.matched == tuple(OURS)
    assert [found.renamed, found.missing, found.unexpected, found.reshaped, found.allowed] == [{}] * 5


@pytest.mark.parametrize(
    ("theirs", "group", "name"),
    [
        (without("backbone.stem.weight"), "missing", "backbone.stem.weight"),
        (without("backbone.norm0.weight"), "missing", "backbone.norm0.weight"),
        (without("decode_head.conv_seg.bias"), "missing", "decode_head.conv_seg.bias"),
        ({**OURS, "neck.weight": (1,)}, "unexpected", "neck.weight"),
        ({**OURS, "backbone.head.weight": (1,)}, "unexpected", "backbone.head.weight"),
        ({**OURS, "backbone.mask_token": (1,)}, "unexpected", "backbone.mask_token"),
        ({**OURS, "backbone.relative_position_index_2": (1,)}, "unexpected", "backbone.relative_position_index_2"),
        ({**OURS, "backbone.stem.weight": (8, 3, 7, 7)}, "reshaped", "backbone.stem.weight"),
        ({**OURS, "decode_head.conv_seg.weight": (150, 8, 1, 1)}, "reshaped", "decode_head.conv_seg.weight"),
        ({**OURS, "decode_head.conv_seg.weight": (150, 16)}, "reshaped", "decode_head.conv_seg.weight"),
    ],
)
def test_each_difference_is_named_and_does_not_fit(theirs, group, name):
    found = compare(theirs, OURS)
    assert not found.fits
    assert list(getattr(found, group)) == [name]


def test_both_shapes_of_a_difference_are_kept():
    found = compare({**OURS, "backbone.stem.weight": (8, 3, 7, 7)}, OURS)
    assert found.reshaped == {"backbone.stem.weight": ((8, 3, 7, 7), (8, 3, 4, 4))}


def test_allowed_differences_have_reasons():
    theirs = without("backbone.stem.num_batches_tracked") | {
        "backbone.blocks.0.attn.relative_position_index": (9, 9),
        "backbone.layers.0.blocks.1.attn_mask": (4, 9, 9),
    }
    found = compare(theirs, OURS)
    assert found.fits
    assert found.allowed.keys() == {*theirs, *OURS} - (theirs.keys() & OURS.keys())
    assert all(found.allowed.values())


def test_another_class_count_is_told_apart():
    theirs = {
        **OURS,
        "decode_head.conv_seg.weight": (150, 16, 1, 1),
        "decode_head.conv_seg.bias": (150,),
        "auxiliary_head.conv_seg.weight": (150, 4, 1, 1),
    }
    found = compare(theirs, OURS)
    assert found.fits
    assert len(found.classifier) == 3
    assert found.classifier["decode_head.conv_seg.bias"] == ((150,), (124,))
    assert not any("conv_seg" in name for name in found.matched)
    assert classes_of(theirs) == 150
    assert classes_of({"backbone.x": (3,)}) is None


def test_a_file_of_a_backbone_leaves_whole_groups_fresh():
    ours = {**OURS, "backbone.norm1.weight": (8,)}
    theirs = {"backbone.stem.weight": (8, 3, 4, 4)}
    found = compare(theirs, ours, backbone_only=True)
    assert found.fits
    assert "fresh" in found.allowed["backbone.norm1.weight"]
    assert not compare(theirs, ours).fits
    part = {**theirs, "backbone.norm0.weight": (8,)}
    assert list(compare(part, ours, backbone_only=True).missing) == ["backbone.norm1.weight"]


def test_what_the_translation_dropped_needs_a_reason():
    theirs = {"backbone.stem.weight": (8, 3, 4, 4)}
    found = compare(theirs, OURS, left_out={"head.weight": (9,), "odd.weight": (9,)}, backbone_only=True)
    assert list(found.unexpected) == ["odd.weight"]
    assert "classifier" in found.allowed["head.weight"]
    assert list(compare(OURS, OURS, left_out={"head.weight": (9,)}).unexpected) == ["head.weight"]


def test_a_whole_network_does_not_lose_its_positions():
    dropped = {"backbone.blocks.0.attn.relative_position_bias_table": (9, 2), "backbone.pos_embed": (1, 5, 8)}
    found = compare(OURS, OURS, left_out=dropped)
    assert not found.fits
    assert found.unexpected == dropped
    assert compare(OURS, OURS, left_out=dropped, backbone_only=True).fits


@pytest.mark.parametrize("skipped", [True, False])
def test_position_tables_of_pre_training_may_be_left_out(skipped):
    table = "backbone.blocks.{}.attn.relative_position_bias_table"
    ours = {**OURS, table.format(0): (9, 2), table.format(1): (9, 2)}
    dropped = {table.format(0): (4, 2), table.format(1): (4, 2)}
    found = compare(OURS, ours, left_out=dropped, backbone_only=True, skipped_positions=skipped)
    assert found.fits
    assert ("another grid" in found.allowed[table.format(0)]) == skipped
    lost = compare(OURS, ours, left_out={table.format(0): (4, 2)}, skipped_positions=skipped)
    assert list(lost.missing) == [table.format(number) for number in ((1,) if skipped else (0, 1))]
    shared = compare(
        without("backbone.norm0.weight"),
        ours,
        left_out={"rel_pos_bias.relative_position_bias_table": (4, 2)},
        skipped_positions=True,
    )
    assert list(shared.missing) == ["backbone.norm0.weight"]


def test_renamed_names_are_those_of_the_network():
    origin = {"backbone.stem.weight": "patch_embed.weight", "backbone.gone": "old", "backbone.norm0.weight": "norm0"}
    assert compare(OURS, OURS, origin=origin).renamed == {
        "backbone.stem.weight": "patch_embed.weight",
        "backbone.norm0.weight": "norm0",
    }
