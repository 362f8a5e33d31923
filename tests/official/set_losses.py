"""Mask2Former's set losses, as ViT-Adapter's training code computed them on given logits and random points."""

from collections.abc import Generator, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests.official.fixture import Check, Fixture, compare
from vspwlib.losses.matching import candidate_classes
from vspwlib.losses.points import PointDraws, sample_class_masks
from vspwlib.losses.set_criterion import (
    Outputs,
    Pairing,
    SetCriterion,
    SetLosses,
    loss_points,
    match_outputs,
    matched_maps,
    set_losses,
)

LOSS_TOLERANCE = 1e-5


def matches(fixture: Fixture) -> bool:
    """Recognise decoder outputs with their losses."""
    names = fixture.names
    return any(name.endswith("L0/cls_logits") for name in names) and any(name.endswith("/loss_cls") for name in names)


def run(fixture: Fixture) -> Iterator[Check]:
    """Compare costs, matches, points, losses and gradients of each case."""
    for prefix in sorted({name[: -len("L0/cls_logits")] for name in fixture.names if name.endswith("L0/cls_logits")}):
        cases = {name.rstrip("/"): meta for name, meta in fixture.meta.get("cases", {}).items()}
        meta = cases.get(prefix.rstrip("/"), fixture.meta.get("config", fixture.meta))
        outputs = [
            tuple(fixture.tensor(f"{prefix}L{layer}/{kind}_logits").requires_grad_() for kind in ("cls", "mask"))
            for layer in range(count(fixture, prefix + "L"))
        ]
        images = count(fixture, prefix + "img")
        labels = torch.stack([fixture.tensor(f"{prefix}img{image}/gt_semantic_seg") for image in range(images)]).long()
        losses = yield from compare_losses(fixture, prefix, outputs, labels, settings_of(meta))
        total_of(losses).backward()
        for layer, (class_logits, mask_logits) in enumerate(outputs):
            for kind, logits in (("cls", class_logits), ("mask", mask_logits)):
                name = f"{prefix}L{layer}/grad_{kind}"
                if name in fixture:
                    yield compare(name, logits.grad, fixture.array(name), gradient_tolerance(fixture.tensor(name)))


def count(fixture: Fixture, start: str) -> int:
    """Count the numbered folders that begin with ``start``: ``L0/…``, ``L1/…``."""
    rest = (name[len(start) :].partition("/")[0] for name in fixture.under(start))
    return len({number for number in rest if number.isdigit()})


def settings_of(meta: dict[str, Any]) -> SetCriterion:
    """Read the criterion's numbers; those that a fixture leaves out are the official ones."""
    weights = meta.get("class_weight", [1.0, 0.1])
    if set(weights[:-1]) != {1.0}:
        raise ValueError(f"class weights other than 1 are not supported: {weights}")
    return SetCriterion(
        classification=meta.get("cls_weight", 2.0),
        mask=meta.get("mask_weight", 5.0),
        dice=meta.get("dice_weight", 5.0),
        no_object=weights[-1],
        points=meta["num_points"],
        oversample=meta.get("oversample_ratio", 3.0),
        importance=meta.get("importance_sample_ratio", 0.75),
        smooth=meta.get("dice_eps", 1.0),
    )


def gradient_tolerance(official: Tensor) -> float:
    """Two units of the fifth figure of the largest entry, and of the sixth where all are small."""
    return 2e-5 * max(float(official.abs().max()), 1e-2) + 2e-6


def total_of(losses: SetLosses) -> Tensor:
    """Return what the official code minimises."""
    return (losses.classification + losses.mask + losses.dice).sum()


def compare_losses(
    fixture: Fixture,
    prefix: str,
    outputs: Outputs,
    labels: Tensor,
    settings: SetCriterion,
    *,
    cost_tolerance: float = LOSS_TOLERANCE,
) -> Generator[Check, None, SetLosses]:
    """Compare all that is stored under ``prefix`` on the way from decoder outputs to their losses; return those."""
    draws = stored_draws(fixture, prefix, len(outputs), len(labels), settings)
    pairing = match_outputs(outputs, labels, settings, draws.match)
    counts = yield from compare_masks(fixture, prefix, labels, outputs[0][0].shape[-1] - 1)
    yield from compare_pairing(fixture, prefix, pairing, counts, outputs[0][0].shape[1], cost_tolerance)
    maps = matched_maps(outputs, pairing.matches)
    points = loss_points(maps, draws.candidates, draws.uniform, settings).unflatten(0, (len(outputs), -1))
    losses = set_losses(outputs, labels, settings=settings, draws=draws)
    for layer in range(len(outputs)):
        name = f"{prefix}L{layer}/loss_points"
        if name in fixture:  # as sets: rounding may exchange two points that are equally uncertain
            yield compare(name, in_order(points[layer]), in_order(fixture.tensor(name)), 0.0)
        for kind, values in (("cls", losses.classification), ("mask", losses.mask), ("dice", losses.dice)):
            name = f"{prefix}L{layer}/loss_{kind}"
            if name in fixture:
                yield compare(name, values[layer], fixture.array(name), LOSS_TOLERANCE)
    name = f"{prefix}loss_total"
    if name in fixture:
        yield compare(name, total_of(losses), fixture.array(name), LOSS_TOLERANCE * 3 * len(outputs))
    return losses


def stored_draws(fixture: Fixture, prefix: str, layers: int, images: int, settings: SetCriterion) -> PointDraws:
    """Read the random points that the official code drew; a case without masks drew none for its losses."""

    def stored(name: str, points: int) -> Tensor:
        found = [fixture.tensor(f"{prefix}L{layer}/{name}") for layer in range(layers) if layer_has(layer, name)]
        return torch.stack(found) if found else torch.zeros(layers, 0, points, 2)

    def layer_has(layer: int, name: str) -> bool:
        return f"{prefix}L{layer}/{name}" in fixture

    match = [
        [fixture.tensor(f"{prefix}L{layer}/img{image}/match_points") for image in range(images)]
        for layer in range(layers)
    ]
    return PointDraws(
        match=torch.stack([torch.stack(row) for row in match]),
        candidates=stored("oversample_points", settings.candidates),
        uniform=stored("random_points", settings.points - settings.chosen),
    )


def compare_masks(fixture: Fixture, prefix: str, labels: Tensor, num_classes: int) -> Generator[Check, None, list[int]]:
    """Compare the classes of each image and, at pixel centres, their masks; return how many each image has."""
    classes, counts = candidate_classes(labels, num_classes, cut=True)
    height, width = labels.shape[1:]
    rows, columns = torch.meshgrid(
        (torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width, indexing="ij"
    )
    centres = torch.stack([columns, rows], dim=-1).reshape(1, -1, 2)
    for image, number in enumerate(counts.tolist()):
        mine = classes[image, :number]
        name = f"{prefix}img{image}/gt_labels"
        if name in fixture:
            yield compare(name, mine, fixture.array(name), 0.0)
        name = f"{prefix}img{image}/gt_masks"
        if name in fixture:
            masks = sample_class_masks(labels, centres, mine[None], torch.tensor([image]))
            yield compare(name, masks.reshape(number, height, width), fixture.array(name), 1e-4)
    return counts.tolist()


def compare_pairing(
    fixture: Fixture, prefix: str, pairing: Pairing, counts: list[int], queries: int, cost_tolerance: float
) -> Iterator[Check]:
    """Compare costs, and for each query the mask (from 1, 0 for none) and the class (-1 for none) that it got."""
    for layer, costs in enumerate(pairing.costs):
        for image, number in enumerate(counts):
            here = pairing.matches.image[layer] == image
            index, kind = torch.zeros(queries, dtype=torch.long), torch.full((queries,), -1)
            index[pairing.matches.query[layer, here]] = pairing.matches.column[layer, here] + 1
            kind[pairing.matches.query[layer, here]] = pairing.classes[layer, here]
            place = f"{prefix}L{layer}/img{image}/"
            own = {"gt_inds": index, "labels": kind}
            for name, cost in zip(("cls", "mask", "dice"), costs, strict=True):
                own[f"cost_{name}"] = cost[image, :, :number]
            for name, values in own.items():
                if place + name in fixture:
                    tolerance = cost_tolerance if values.is_floating_point() else 0.0
                    yield compare(place + name, values, fixture.array(place + name), tolerance)


def in_order(points: Tensor) -> Tensor:
    """Sort each row of points ``(M, P, 2)`` by x, then y."""
    rows = [np.array(row)[np.lexsort(np.array(row).T)] for row in points.detach()]
    return torch.from_numpy(np.stack(rows)) if rows else points
