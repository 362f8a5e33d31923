"""Folded links against sums by hand and by a loop; the histogram against a count of each bin."""

import numpy as np
import pytest

from vspwlib.checks import InputError
from vspwlib.labels.mapping import load_mapping
from vspwlib.report.figures import BLUE, GREY, ORANGE
from vspwlib.report.mapping import faint, source_rows
from vspwlib.report.mapping_flow import flow_figure, flow_rows, group_of, ratio_figure


def row(source, vspw, kind, pixels=None):
    return {"source": source, "vspw": vspw, "kind": kind, "reason": "why"} | (
        {} if pixels is None else {"pixels": pixels}
    )


ROWS = [
    row("oak", "tree", "narrower", 5),
    row("elm", "tree", "exact", 50),
    row("lawn", "grass", "exact", 3),
    row("haze", "sky", "broader", 40),
    row("tin", "void", "none", 2),
    row("unseen", "sky", "exact", 0),
]


def told(links):
    return {(link["source"], link["target"]): (link["weight"], link["classes"], link["kind"]) for link in links}


def test_the_largest_stand_singly_and_the_rest_is_folded_by_group():
    assert told(flow_rows(ROWS, singly=2)) == {
        ("elm", "nature"): (50, 1, "exact"),
        ("haze", "nature"): (40, 1, "broader"),
        ("3 others", "nature"): (5, 1, "narrower"),
        ("3 others", group_of("grass")): (3, 1, "exact"),
        ("3 others", "void"): (2, 1, "none"),
    }


def test_classes_that_no_single_link_reaches_are_other():
    assert told(flow_rows(ROWS, singly=2, groups=False)) == {
        ("elm", "tree"): (50, 1, "exact"),
        ("haze", "sky"): (40, 1, "broader"),
        ("3 others", "tree"): (5, 1, "narrower"),
        ("3 others", "other"): (3, 1, "exact"),
        ("3 others", "void"): (2, 1, "none"),
    }


def test_without_pixels_doubt_comes_first_and_each_class_weighs_one():
    plain = [{key: value for key, value in one.items() if key != "pixels"} for one in ROWS]
    links = flow_rows(plain, singly=2)
    assert [link["source"] for link in links[:2]] == ["haze", "oak"]
    assert sum(link["weight"] for link in links) == len(ROWS)


@pytest.mark.parametrize("groups", [True, False])
@pytest.mark.parametrize("singly", [1, 30, 1000])
def test_folding_loses_no_pixel_and_no_class(groups, singly):
    pixels = np.random.default_rng(0).integers(0, 1000, 256) * (np.arange(256) % 3 > 0)
    rows = source_rows(load_mapping("cocostuff"), pixels)
    links = flow_rows(rows, singly=singly, groups=groups)
    assert sum(link["weight"] for link in links) == sum(one["pixels"] for one in rows)
    assert sum(link["classes"] for link in links) == sum(one["pixels"] > 0 for one in rows)
    if groups:
        wanted: dict[str, int] = {}
        for one in rows:
            wanted[group_of(one["vspw"])] = wanted.get(group_of(one["vspw"]), 0) + one["pixels"]
        found = {target: sum(link["weight"] for link in links if link["target"] == target) for target in wanted}
        assert found == wanted


def test_the_figure_draws_the_links_in_the_colours_of_their_kinds():
    links = flow_rows([*ROWS, row("fog", "sky", "exact", 1)], singly=2)
    sankey = flow_figure(links, unit="pixels").data[0]
    names = sankey.node.label
    drawn = {
        (names[source], names[target]): (value, colour)
        for source, target, value, colour in zip(
            sankey.link.source, sankey.link.target, sankey.link.value, sankey.link.color, strict=True
        )
    }
    assert drawn["elm", "nature"] == (50, faint(BLUE))
    assert drawn["haze", "nature"] == (40, faint(ORANGE))
    assert drawn["4 others", "nature"] == (6, faint(GREY))  # narrower and exact
    assert len(drawn) == len(links)


def test_at_least_one_class_stands_singly():
    with pytest.raises(InputError, match="classes that stand singly"):
        flow_rows(ROWS, singly=0)


@pytest.mark.parametrize("threshold", [0.0, 0.8, 0.95, 1.0])
def test_the_histogram_counts_each_image_once_on_its_side_of_the_threshold(threshold):
    ratios = [0.0, 0.049, 0.05, 0.8, 0.8001, 0.95, 0.999, 1.0, 1.0]
    kept, left = (np.array(bar.y) for bar in ratio_figure(ratios, threshold).data)
    assert kept.sum() == sum(ratio > threshold for ratio in ratios)
    bins = [0] * 20
    for ratio in ratios:
        bins[min(int(ratio * 20 + 1e-9), 19)] += 1
    assert (kept + left).tolist() == bins
    with pytest.raises(InputError, match="threshold"):
        ratio_figure(ratios, 1.5)
