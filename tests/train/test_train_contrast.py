"""The contrastive term: settings reach the loss, samples and memory enter as they should, a memory survives a stop."""

import pytest
import torch
from lightning.fabric import Fabric
from torch import nn

from vspwlib.checks import InputError
from vspwlib.losses.contrast.memory import MemoryBank
from vspwlib.losses.contrast.sampled import sample_anchors
from vspwlib.losses.contrastive import labels_of_patches, pixel_contrast_loss
from vspwlib.models.segmenter import SegOutput
from vspwlib.runs import Run
from vspwlib.train.contrast import ContrastTerm
from vspwlib.train.loop import fit
from vspwlib.train.objective import Objective
from vspwlib.train.plan import Plan


def drawn(frames=4, classes=3, side=6):
    generator = torch.Generator().manual_seed(1)
    features = torch.nn.functional.normalize(torch.randn(frames, 5, side, side, generator=generator), dim=1)
    masks = torch.randint(0, classes, (frames, 2 * side, 2 * side), generator=generator)
    masks[:, 0] = 255
    logits = torch.randn(frames, classes, side, side, generator=generator)
    return SegOutput(logits=logits, embedding=features), masks


def test_settings_reach_the_loss():
    output, masks = drawn()
    ids = torch.tensor([0, 0, 1, 1])
    found = ContrastTerm(weight=0.5, temperature=0.3, anchor_weights="balanced", negatives="image")(output, masks, ids)
    expected = pixel_contrast_loss(
        output.embedding, masks, clip_ids=ids, temperature=0.3, anchor_weights="balanced", negatives="image"
    )
    assert float(found) == pytest.approx(0.5 * float(expected), rel=1e-6)


def test_a_learned_temperature_comes_with_the_output():
    output, masks = drawn()
    temperature = torch.tensor(0.5, requires_grad=True)
    term = ContrastTerm(weight=1.0, temperature=0.1)
    loss = term(output._replace(temperature=temperature), masks, None)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(float(ContrastTerm(weight=1.0, temperature=0.5)(output, masks, None)))
    assert temperature.grad.abs() > 0


def test_samples_are_contrasted_across_the_batch():
    output, masks = drawn(side=30)
    torch.manual_seed(7)
    found = ContrastTerm(weight=1.0, sampled=True)(output, masks, torch.arange(4))
    torch.manual_seed(7)
    labels = labels_of_patches(masks, (30, 30))
    places = sample_anchors(labels.flatten(1), output.logits.argmax(1).flatten(1))
    assert 900 < len(places) <= 1024
    rows = output.embedding.movedim(1, -1).flatten(0, 2)[places]
    expected = pixel_contrast_loss(rows, labels.flatten()[places])
    assert float(found) == pytest.approx(float(expected), rel=1e-6)


def test_a_memory_is_read_before_it_is_written():
    output, masks = drawn()
    bank = MemoryBank(64, per_clip=8)
    term = ContrastTerm(weight=1.0, bank=bank)
    ids = torch.tensor([0, 0, 1, 1])
    first = term(output, masks, ids)
    assert float(first) == pytest.approx(float(ContrastTerm(weight=1.0)(output, masks, ids)), rel=1e-6)
    kept = bank.read()
    assert int((kept.labels >= 0).sum()) == 16  # eight of each of two clips
    second = term(output, masks, ids)
    expected = pixel_contrast_loss(output.embedding, masks, clip_ids=ids, bank=kept)
    assert float(second) == pytest.approx(float(expected), rel=1e-6)
    assert float(second) != pytest.approx(float(first), rel=1e-4)


def test_a_network_without_an_embedding_is_refused():
    output, masks = drawn()
    with pytest.raises(InputError, match="contrast: expected a network with an embedding"):
        ContrastTerm()(output._replace(embedding=None), masks, None)


class Embedder(nn.Module):
    """One convolution each for classes and features."""

    def __init__(self) -> None:
        super().__init__()
        self.classes, self.features = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 6, 1)

    def forward(self, images: torch.Tensor) -> SegOutput:
        return SegOutput(logits=self.classes(images), embedding=nn.functional.normalize(self.features(images), dim=1))


def clips(start: int):
    for index in range(start, 1000):
        images = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(index))
        yield {"images": images, "masks": images.argmax(1), "clip_ids": torch.tensor([0, 0, 1, 1]), "clips": 2}


def test_resuming_with_a_memory_is_bit_for_bit(tmp_path):
    plan = Plan(iterations=8, lr=0.05, weight_decay=0.0, checkpoint_every=4, log_every=1)

    def trained(name, **arguments):
        run = Run(tmp_path / name)
        run.checkpoints.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(0)
        fabric = Fabric(accelerator="cpu", devices=1, precision="32-true")
        objective = Objective(contrast=ContrastTerm(weight=1.0, bank=MemoryBank(40, per_clip=6)))
        return fit(Embedder(), clips, objective, plan, run=run, fabric=fabric, **arguments).features.weight

    def stop(record):
        if record["step"] == 6:
            raise KeyboardInterrupt

    whole = trained("whole")
    with pytest.raises(KeyboardInterrupt):
        trained("cut", on_record=stop)
    assert torch.equal(trained("cut", resume=True), whole)
