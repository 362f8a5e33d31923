"""Sums over processes, in two real gloo processes."""

import os
import socket

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

from vspwlib.losses.contrast.memory import MemoryBank
from vspwlib.losses.contrastive import pixel_contrast_loss
from vspwlib.losses.pixel import pixel_losses


def whole_batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(4, 3, 5, 5, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 4, (4, 5, 5), generator=generator)
    labels[:2, 1:] = 255  # the first process holds far fewer labelled pixels than the second
    return images, labels


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Conv2d(3, 4, 1).double()


WEIGHTS = {name: torch.tensor([0.2, 5.0, 1.0, 2.0]) for name in ("class_weights", "dice_weights")}


def loss_of(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, normalizer: str) -> torch.Tensor:
    """``local``, ``global``, or ``weighted``: global under class weights."""
    weights = WEIGHTS if normalizer == "weighted" else {}
    losses = pixel_losses(model(images), labels, normalizer="global" if weights else normalizer, **weights)
    return losses.cross_entropy + 5 * losses.dice


def contrast(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
    """Every two images are a clip: the loss, its gradients, and a memory of one patch a clip."""
    ids = torch.arange(len(images)) // 2
    embedding = model(images)
    loss = pixel_contrast_loss(embedding, labels, clip_ids=ids, normalize=True)
    loss.backward()
    bank = MemoryBank(4, per_clip=1)
    rows = embedding.detach().movedim(1, -1).flatten(0, 2).split(50)
    for _ in range(3):  # six patches into four slots
        bank.write(
            (features, torch.where(part == 255, -1, part))
            for features, part in zip(rows, labels.flatten().split(50), strict=True)
        )
    gradients = torch.cat([parameter.grad.flatten() for parameter in model.parameters()])
    return {"loss": loss.detach(), "gradients": gradients, "bank": bank.read().features}


def train_rank(rank: int, world: int, port: int, folder: str) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    dist.init_process_group("gloo", rank=rank, world_size=world)
    images, labels = whole_batch()
    share = len(images) // world
    mine = slice(rank * share, (rank + 1) * share)
    found = {}
    for normalizer in ("local", "global", "weighted"):
        model = nn.parallel.DistributedDataParallel(network())
        loss = loss_of(model, images[mine], labels[mine], normalizer)
        loss.backward()
        gradients = torch.cat([parameter.grad.flatten() for parameter in model.parameters()])
        found[normalizer] = {"loss": loss.detach(), "gradients": gradients}
    found["contrast"] = contrast(nn.parallel.DistributedDataParallel(network()), images[mine], labels[mine])
    torch.save(found, f"{folder}/{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()
    os._exit(0)  # all is written; gloo's threads may otherwise abort the interpreter while it winds up


@pytest.fixture(scope="module")
def ranks(tmp_path_factory) -> list[dict[str, dict[str, torch.Tensor]]]:
    """Loss and gradients of two processes, by normaliser."""
    folder = tmp_path_factory.mktemp("ranks")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    mp.spawn(train_rank, args=(2, port, str(folder)), nprocs=2)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.slow
@pytest.mark.parametrize(("normalizer", "alone"), [("global", "local"), ("weighted", "weighted")])
def test_global_sums_equal_one_process(ranks, normalizer, alone):
    model = network()
    loss = loss_of(model, *whole_batch(), alone)
    loss.backward()
    expected = torch.cat([parameter.grad.flatten() for parameter in model.parameters()])
    for rank in (found[normalizer] for found in ranks):
        assert rank["loss"].item() == pytest.approx(loss.item(), rel=1e-12)
        torch.testing.assert_close(rank["gradients"], expected, rtol=1e-12, atol=1e-14)


@pytest.mark.slow
def test_local_sums_differ_where_processes_hold_unequal_shares(ranks):
    model = network()
    loss = loss_of(model, *whole_batch(), "local")
    assert ranks[0]["local"]["loss"].item() != pytest.approx(loss.item(), rel=1e-3)


@pytest.mark.slow
def test_the_contrastive_loss_of_equal_batches_is_that_of_one_process(ranks):
    expected = contrast(network(), *whole_batch())
    parts = [found["contrast"] for found in ranks]
    assert float(parts[0]["loss"] + parts[1]["loss"]) / 2 == pytest.approx(float(expected["loss"]), rel=1e-12)
    assert float(parts[0]["loss"]) != pytest.approx(float(parts[1]["loss"]), rel=1e-3)
    for part in parts:  # which DDP has averaged
        torch.testing.assert_close(part["gradients"], expected["gradients"], rtol=1e-11, atol=1e-14)


@pytest.mark.slow
def test_all_processes_remember_the_same_patches(ranks):
    first, second = (found["contrast"]["bank"] for found in ranks)
    assert torch.equal(first, second)
    assert first.abs().sum(1).gt(0).all()
