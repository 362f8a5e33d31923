"""The contrastive loss against its definition, at the edges and for every form of input."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.losses.contrast_oracle import by_autograd, by_loops, make
from vspwlib.checks import InputError
from vspwlib.losses.contrast import chunked, symmetric, tiles
from vspwlib.losses.contrast.clip import Bank
from vspwlib.losses.contrastive import labels_of_patches, pixel_contrast_loss

BACKENDS = ["symmetric", "chunked"]
X, LABELS = make()
PLACES = torch.arange(len(X))

#: Features and labels of every kind that has an edge.
CASES = {
    "typical": (X, LABELS),
    "one class": (X, torch.full_like(LABELS, 3)),
    "all classes differ": (X, PLACES),
    "lone classes": (X, torch.cat([torch.full((50,), 7), torch.arange(100, 110)])),
    "all void": (X, torch.full_like(LABELS, 255)),
    "no void": (X, LABELS % 5),
    "identical": (X[:1].repeat(len(X), 1), LABELS),
    "duplicates across classes": (X[PLACES // 2], LABELS),
    "zero vectors": (X * (PLACES % 3 > 0)[:, None], LABELS),
    "two": (X[:2], torch.tensor([4, 4])),
    "three": (X[:3], torch.tensor([4, 4, 9])),
    "long vectors": (X * 20, LABELS),
}


@pytest.fixture
def small_tiles(monkeypatch):
    """Cut a few dozen rows into many tiles, so that their borders meet those of classes in every way."""
    for module in (tiles, symmetric):
        monkeypatch.setattr(module, "TILE", 7)
    monkeypatch.setattr(symmetric, "KEPT", 10 * 7 * 7)  # some tiles are kept, others computed again
    monkeypatch.setattr(chunked, "CPU_ENTRIES", 16 * 60)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("temperature", [1.0, 0.1, 0.01, 0.001])
@pytest.mark.parametrize("name", CASES)
@pytest.mark.usefixtures("small_tiles")
def test_equals_the_definition(name, temperature, backend):
    x, labels = CASES[name]
    expected = by_loops(x.numpy(), labels.numpy(), temperature)
    oracle = x.clone().requires_grad_()
    by_autograd(oracle, labels, temperature).backward()
    own = x.clone().requires_grad_()
    loss = pixel_contrast_loss(own, labels, temperature=temperature, backend=backend)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    torch.testing.assert_close(own.grad, oracle.grad, rtol=1e-11, atol=1e-12 * max(1.0, float(oracle.grad.abs().max())))
    assert float(pixel_contrast_loss(x, labels, temperature=temperature, backend=backend)) == float(loss.detach())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("option", ["plain", "balanced", "image", "bank", "bank, balanced"])
@pytest.mark.parametrize("logarithms", [False, True])
@pytest.mark.usefixtures("small_tiles")
def test_options_equal_the_definition_and_pass_gradcheck(option, backend, logarithms, monkeypatch):
    if logarithms:
        monkeypatch.setattr("vspwlib.losses.contrast.sums._fits", lambda *_: False)
    x, labels = make(24, 3, 4)
    images = torch.arange(24) // 8
    features, classes = make(15, 3, 5, seed=1)
    bank = Bank(features, torch.where(classes == 255, -1, classes)) if "bank" in option else None
    keywords = {
        "anchor_weights": "balanced" if "balanced" in option else "uniform",
        "negatives": "image" if option == "image" else "clip",
        "image_ids": images,
        "bank": bank,
        "backend": backend,
    }
    expected = by_loops(
        x.numpy(),
        labels.numpy(),
        0.5,
        images=images.numpy() if option == "image" else None,
        bank=None if bank is None else (bank.features.numpy(), bank.labels.numpy()),
        balanced="balanced" in option,
    )
    assert float(pixel_contrast_loss(x, labels, temperature=0.5, **keywords)) == pytest.approx(expected, rel=1e-12)
    temperature = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda rows, tau: pixel_contrast_loss(rows, labels, temperature=tau, **keywords),
        (x.requires_grad_(), temperature),
    )
    plain = float(pixel_contrast_loss(x, labels, temperature=0.5, backend=backend))
    assert (option == "plain") == (plain == pytest.approx(expected, rel=1e-6)), "the option changes nothing"


@pytest.mark.parametrize("backend", BACKENDS)
def test_clips_do_not_mix_and_one_without_anchor_counts_zero(backend):
    x, labels = make(60)
    ids = torch.arange(60) % 3  # interleaved
    labels[ids == 2] = 255
    parts = [by_loops(x[ids == clip].numpy(), labels[ids == clip].numpy(), 0.1) for clip in range(3)]
    assert parts[2] == 0.0
    loss = pixel_contrast_loss(x, labels, clip_ids=ids, backend=backend)
    assert float(loss) == pytest.approx(sum(parts) / 3, rel=1e-12)


def test_maps_are_patches_in_a_row():
    generator = torch.Generator().manual_seed(3)
    maps = torch.randn(2, 3, 4, 5, 6, generator=generator, dtype=torch.float64)  # two clips of three frames
    labels = torch.randint(0, 5, (2, 3, 10, 18), generator=generator)
    loss = pixel_contrast_loss(maps, labels, normalize=True)
    coarse = functional.interpolate(labels.double().flatten(0, 1)[:, None], (5, 6), mode="nearest-exact")[:, 0].long()
    rows = functional.normalize(maps.movedim(2, -1).reshape(2, -1, 4), dim=-1)
    expected = [by_loops(rows[clip].numpy(), coarse.view(2, -1)[clip].numpy(), 0.1) for clip in range(2)]
    assert float(loss) == pytest.approx(np.mean(expected), rel=1e-12)
    mixed = pixel_contrast_loss(
        maps.flatten(0, 1)[[3, 0, 4, 1, 5, 2]],
        labels.flatten(0, 1)[[3, 0, 4, 1, 5, 2]],
        clip_ids=[1, 0, 1, 0, 1, 0],
        normalize=True,
    )
    assert float(mixed) == pytest.approx(float(loss), rel=1e-12)
    by_image = [
        by_loops(rows[clip].numpy(), coarse.view(2, -1)[clip].numpy(), 0.1, images=np.arange(90) // 30)
        for clip in range(2)
    ]
    within = pixel_contrast_loss(maps, labels, normalize=True, negatives="image")
    assert float(within) == pytest.approx(np.mean(by_image), rel=1e-12)


@pytest.mark.parametrize("size", [(5, 6), (10, 18), (3, 7), (20, 40)])
def test_labels_of_patches_are_those_at_their_centres(size):
    labels = torch.randint(0, 256, (2, 20, 40))
    expected = functional.interpolate(labels[:, None].float(), size, mode="nearest-exact")[:, 0].long()
    assert torch.equal(labels_of_patches(labels, size), expected)


def test_nothing_to_compare_still_has_a_gradient():
    x = torch.randn(2, 2, 4, 3, 3, requires_grad=True)
    pixel_contrast_loss(x, torch.full((2, 2, 6, 6), 255)).backward()
    assert torch.equal(x.grad, torch.zeros_like(x))
    none = torch.zeros(0, 4, requires_grad=True)
    for backend in BACKENDS:
        assert pixel_contrast_loss(none, torch.zeros(0, dtype=torch.long), backend=backend) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": torch.zeros(5, dtype=torch.long)}, "labels: expected shape"),
        ({"temperature": 0.0}, "temperature: expected above 0"),
        ({"clip_ids": [0, 1]}, "clip_ids: expected 6"),
        ({"negatives": "image"}, "image_ids"),
        ({"negatives": "frame"}, "negatives: expected one of clip, image"),
        ({"negatives": "image", "image_ids": torch.zeros(6), "bank": Bank(torch.ones(1, 3), torch.ones(1))}, "bank"),
        ({"embedding": torch.ones(1, 2, 3)}, "embedding: expected one of"),
    ],
)
def test_wrong_input_is_refused(change, message):
    given = {"embedding": torch.ones(6, 3), "labels": torch.zeros(6, dtype=torch.long)} | change
    with pytest.raises(InputError, match=message):
        pixel_contrast_loss(**given)
