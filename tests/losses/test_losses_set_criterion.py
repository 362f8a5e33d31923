"""Set losses against explicit loops over outputs, images, queries and points, in float64."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.losses.set_losses_oracle import (
    BATCH,
    CLASSES,
    LABELS,
    QUERIES,
    SETTINGS,
    batch,
    label_maps,
    numpy_losses,
    stacked,
)
from tests.official import set_losses as official
from tests.official.fixture import Fixture
from vspwlib.checks import InputError
from vspwlib.losses import set_criterion
from vspwlib.losses.counter_random import fold_in, uniform_points
from vspwlib.losses.matching import candidate_classes
from vspwlib.losses.points import PointDraws
from vspwlib.losses.set_criterion import SetCriterion, set_losses


def share(draws: PointDraws, image: int, first: int) -> PointDraws:
    """The draws of one of two images, the first of which has ``first`` masks."""
    rows = slice(first) if image == 0 else slice(first, None)
    return PointDraws(
        match=draws.match[:, image : image + 1], candidates=draws.candidates[:, rows], uniform=draws.uniform[:, rows]
    )


@pytest.mark.parametrize("name", LABELS)
def test_equals_loops(name):
    labels = LABELS[name]
    outputs, draws = batch(labels)
    losses = set_losses(outputs, labels, settings=SETTINGS, draws=draws)
    np.testing.assert_allclose(stacked(losses).detach(), numpy_losses(outputs, labels, draws), rtol=1e-10)


@pytest.mark.parametrize("name", LABELS)
def test_gradients_are_exact(name):
    labels = LABELS[name]
    outputs, both = batch(labels)
    draws = PointDraws(match=both.match[:1], candidates=both.candidates[:1], uniform=both.uniform[:1])

    def losses(class_logits, mask_logits):
        return stacked(set_losses([(class_logits, mask_logits)], labels, settings=SETTINGS, draws=draws))

    assert torch.autograd.gradcheck(losses, outputs[0], fast_mode=True)


@pytest.mark.parametrize("name", LABELS)
def test_class_weights_enter_the_class_term_alone(name):
    labels, weights = LABELS[name], (0.5, 3.0, 1.5, 0.0, 2.0)
    outputs, draws = batch(labels)
    settings = replace(SETTINGS, class_weights=torch.tensor(weights))
    losses = stacked(set_losses(outputs, labels, settings=settings, draws=draws))
    np.testing.assert_allclose(losses.detach(), numpy_losses(outputs, labels, draws, weights), rtol=1e-10)
    plain = stacked(set_losses(outputs, labels, settings=SETTINGS, draws=draws))
    assert torch.equal(losses[:, 1:], plain[:, 1:])
    assert (losses[:, 0] - plain[:, 0]).abs().min() > 0.01


def test_the_class_term_is_pytorchs_weighted_mean():
    labels, weights = LABELS["two images"], torch.tensor([0.5, 3.0, 1.5, 0.25, 2.0], dtype=torch.float64)
    outputs, draws = batch(labels)
    settings = replace(SETTINGS, class_weights=weights)
    losses = set_losses(outputs, labels, settings=settings, draws=draws)
    pairing = set_criterion.match_outputs(outputs, labels, settings, draws.match)
    for layer, (class_logits, _) in enumerate(outputs):
        target = torch.full((BATCH, QUERIES), CLASSES)
        target[pairing.matches.image[layer], pairing.matches.query[layer]] = pairing.classes[layer]
        every = torch.cat([weights, weights.new_tensor([0.2])])
        expected = torch.nn.functional.cross_entropy(class_logits.flatten(0, 1), target.flatten(), weight=every)
        assert losses.classification[layer].item() == pytest.approx(2 * expected.item(), rel=1e-12)


def test_nothing_labelled_leaves_the_class_term():
    labels = label_maps((), ())
    outputs, draws = batch(labels)
    losses = set_losses(outputs, labels, settings=SETTINGS, draws=draws)
    np.testing.assert_allclose(stacked(losses).detach(), numpy_losses(outputs, labels, draws), rtol=1e-10)
    assert not losses.mask.any()
    assert not losses.dice.any()
    stacked(losses).sum().backward()
    for class_logits, mask_logits in outputs:
        assert class_logits.grad.abs().sum() > 0
        assert not mask_logits.grad.any()  # there, and zero: DDP waits for every gradient
    weightless = set_losses(outputs, labels, settings=replace(SETTINGS, no_object=0.0), draws=draws)
    assert not weightless.classification.any()


def test_chance_comes_from_the_global_generator():
    labels = LABELS["two images"]
    outputs, _ = batch(labels)
    found = []
    for seed in (7, 7, 8):
        torch.manual_seed(seed)
        found.append(stacked(set_losses(outputs, labels, settings=SETTINGS)))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


@pytest.mark.parametrize("name", LABELS)
def test_points_follow_from_image_output_and_class(name):
    labels, keys = LABELS[name], torch.tensor([5, 2**61])
    outputs, _ = batch(labels)
    match = torch.stack([torch.stack([uniform_points(fold_in(key, layer, 0), 20) for key in keys]) for layer in (0, 1)])
    pairing = set_criterion.match_outputs(outputs, labels, SETTINGS, match)
    drawn = [
        [
            uniform_points(fold_in(keys[pairing.matches.image[layer, pair]], layer, 1 + kind), 65)
            for pair, kind in enumerate(pairing.classes[layer].tolist())
        ]
        for layer in (0, 1)
    ]
    points = torch.stack([torch.stack(row) for row in drawn])
    draws = PointDraws(match=match, candidates=points[:, :, :60], uniform=points[:, :, 60:])
    given, keyed = (set_losses(outputs, labels, settings=SETTINGS, **how) for how in ({"draws": draws}, {"keys": keys}))
    assert torch.equal(stacked(given), stacked(keyed))


def test_an_image_has_its_points_whatever_else_is_in_the_batch():
    labels, keys = LABELS["two images"], torch.tensor([3, 4])
    outputs, _ = batch(labels)
    whole = stacked(set_losses(outputs, labels, settings=SETTINGS, keys=keys))
    turned = [(classes.flip(0), masks.flip(0)) for classes, masks in outputs]
    same = stacked(set_losses(turned, labels.flip(0), settings=SETTINGS, keys=keys.flip(0)))
    torch.testing.assert_close(same, whole, rtol=1e-12, atol=0)
    sums = torch.zeros_like(whole)
    for image, masks in enumerate((2, 3)):
        part = slice(image, image + 1)
        held = [tuple(logits[part] for logits in pair) for pair in outputs]
        sums += masks * stacked(set_losses(held, labels[part], settings=SETTINGS, keys=keys[part]))
    torch.testing.assert_close(sums[:, 1:] / 5, whole[:, 1:], rtol=1e-12, atol=0)
    other = stacked(set_losses(outputs, labels, settings=SETTINGS, keys=keys + 1))
    assert not torch.isclose(other[:, 1:], whole[:, 1:]).any()


def test_autocast_does_not_narrow_the_losses():
    labels = LABELS["two images"]
    outputs, draws = batch(labels)
    narrow = [(c.detach().bfloat16(), m.detach().bfloat16()) for c, m in outputs]
    wide = [(c.float(), m.float()) for c, m in narrow]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under = set_losses(narrow, labels, settings=SETTINGS, draws=draws)
    assert stacked(under).dtype == torch.float32
    assert torch.equal(stacked(under), stacked(set_losses(wide, labels, settings=SETTINGS, draws=draws)))


def test_perfect_queries_are_nearly_free():
    """At pixel centres, where a mask is 0 or 1 and nothing between."""
    labels = label_maps((0, 3), (1, 2))
    class_logits = torch.full((BATCH, QUERIES, CLASSES + 1), -50.0)
    mask_logits = torch.full((BATCH, QUERIES, 12, 16), -50.0)
    class_logits[:, 2:, CLASSES] = 50.0
    for image, kinds in enumerate(((0, 3), (1, 2))):
        for query, kind in enumerate(kinds):
            class_logits[image, query, kind] = 50.0
            mask_logits[image, query][labels[image] == kind] = 50.0
    rows, columns = torch.meshgrid((torch.arange(12) + 0.5) / 12, (torch.arange(16) + 0.5) / 16, indexing="ij")
    centres = torch.stack([columns, rows], dim=-1).reshape(1, 1, -1, 2)
    draws = PointDraws(
        match=centres.expand(1, BATCH, -1, 2),
        candidates=centres.expand(1, 4, -1, 2),
        uniform=centres[:, :, :0].expand(1, 4, -1, 2),
    )
    settings = replace(SETTINGS, points=12 * 16, oversample=1.0, importance=1.0)
    losses = set_losses([(class_logits, mask_logits)], labels, settings=settings, draws=draws)
    assert stacked(losses).max() < 1e-5
    turned = set_losses([(class_logits, -mask_logits)], labels, settings=settings, draws=draws)
    assert stacked(turned)[0, 1:].min() > 1


def test_equals_the_official_losses(shared):
    found = list(official.run(Fixture(shared / "reference/fixtures/vit_adapter_loss.npz")))
    assert len(found) > 100
    assert [check for check in found if not check.passed] == []


def test_labels_of_another_batch_are_refused():
    outputs, draws = batch(LABELS["two images"])
    with pytest.raises(InputError, match="labels: expected shape"):
        set_losses(outputs, LABELS["two images"][:1], settings=SETTINGS, draws=draws)
    with pytest.raises(InputError, match="keys: expected shape"):
        set_losses(outputs, LABELS["two images"], settings=SETTINGS, keys=torch.arange(3))


@pytest.mark.parametrize("name", [*LABELS, "void"])
def test_all_classes_as_candidates_change_nothing(name, monkeypatch):
    """What an accelerator does, so as not to wait for the number of classes."""
    labels = LABELS.get(name, label_maps((), ()))
    outputs, draws = batch(labels)
    cut = stacked(set_losses(outputs, labels, settings=SETTINGS, draws=draws))

    def every(*args, cut, **rest):
        return candidate_classes(*args, cut=False, **rest)

    monkeypatch.setattr(set_criterion, "candidate_classes", every)
    np.testing.assert_allclose(
        stacked(set_losses(outputs, labels, settings=SETTINGS, draws=draws)).detach(), cut.detach(), rtol=1e-12
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_step_waits_for_the_device_once():
    labels = LABELS["two images"].cuda()
    outputs = [(c.detach().cuda().requires_grad_(), m.detach().cuda().requires_grad_()) for c, m in batch(labels)[0]]
    stacked(set_losses(outputs, labels, settings=SETTINGS)).sum().backward()  # loads kernels
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with pytest.warns(UserWarning, match="synchroniz") as waits:
            stacked(set_losses(outputs, labels, settings=SETTINGS)).sum().backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    places = [f"{wait.filename}:{wait.lineno}" for wait in waits]
    assert len(places) == 1, places


@pytest.fixture
def ranks(monkeypatch):
    """Losses and gradients of two processes that hold one image each: a function of the normaliser.

    What a process adds up does not depend on what it received, so the first pass records each process's shares and the
    second hands them to the other.
    """
    shares: dict[int, list[torch.Tensor]] = {0: [], 1: []}

    def run(labels: torch.Tensor, settings: SetCriterion) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        outputs, draws = batch(labels)
        first = len(labels[0].unique()) - 1  # masks of the first image
        found = []
        for recording in (True, False):
            for rank in (0, 1):
                other = iter(() if recording else list(shares[1 - rank]))

                def reduce(value, rank=rank, other=other, recording=recording):
                    shares[rank].append(value.clone()) if recording else value.add_(next(other))

                monkeypatch.setattr(torch.distributed, "all_reduce", reduce)
                image, mine = slice(rank, rank + 1), share(draws, rank, first)
                held = [tuple(part[image].detach().requires_grad_() for part in pair) for pair in outputs]
                losses = stacked(set_losses(held, labels[image], settings=settings, draws=mine))
                losses.sum().backward()
                found.append((losses.detach(), held[-1][0].grad, held[-1][1].grad))
        return found[2:]

    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    return run


@pytest.mark.parametrize("weights", [None, torch.tensor([0.5, 3.0, 1.5, 0.25, 2.0], dtype=torch.float64)])
@pytest.mark.parametrize("kinds", [((0, 3), (1, 2, 4)), ((2,), ())])
def test_two_processes_with_global_sums_equal_one(kinds, weights, ranks, monkeypatch):
    labels = label_maps(*kinds)
    settings = replace(SETTINGS, normalizer="global", class_weights=weights)
    found = ranks(labels, settings)
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: False)
    outputs, draws = batch(labels)
    expected = stacked(set_losses(outputs, labels, settings=settings, draws=draws))
    expected.sum().backward()
    for rank, (losses, class_grad, mask_grad) in enumerate(found):
        np.testing.assert_allclose(losses, expected.detach(), rtol=1e-12)
        # DDP averages over the two processes
        np.testing.assert_allclose(class_grad[0] / 2, outputs[-1][0].grad[rank], rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(mask_grad[0] / 2, outputs[-1][1].grad[rank], rtol=1e-10, atol=1e-14)


def test_local_sums_divide_masks_by_their_mean_number(ranks, monkeypatch):
    """The official normaliser: classes by the weights of the process, masks by the mean number over processes."""
    labels = label_maps((0, 3), (1, 2, 4))
    found = ranks(labels, SETTINGS)
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: False)
    outputs, draws = batch(labels)
    whole = numpy_losses(outputs, labels, draws)
    for rank, masks in enumerate((2, 3)):
        image, mine = slice(rank, rank + 1), share(draws, rank, first=2)
        alone = numpy_losses([(c[image], m[image]) for c, m in outputs], labels[image], mine)
        np.testing.assert_allclose(found[rank][0][:, 0], alone[:, 0], rtol=1e-10)
        np.testing.assert_allclose(found[rank][0][:, 1:], alone[:, 1:] * masks / 2.5, rtol=1e-10)
    # averaged as DDP averages gradients, the mask terms are those of the whole batch
    mean = (found[0][0] + found[1][0]) / 2
    np.testing.assert_allclose(mean[:, 1:], whole[:, 1:], rtol=1e-10)
