"""Sums over processes, in two real gloo processes."""

import os
import socket

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

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


def loss_of(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, normalizer: str) -> torch.Tensor:
    losses = pixel_losses(model(images), labels, normalizer=normalizer)
    return losses.cross_entropy + 5 * losses.dice


def train_rank(rank: int, world: int, port: int, folder: str) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    dist.init_process_group("gloo", rank=rank, world_size=world)
    images, labels = whole_batch()
    share = len(images) // world
    mine = slice(rank * share, (rank + 1) * share)
    found = {}
    for normalizer in ("local", "global"):
        model = nn.parallel.DistributedDataParallel(network())
        loss = loss_of(model, images[mine], labels[mine], normalizer)
        loss.backward()
        gradients = torch.cat([parameter.grad.flatten() for parameter in model.parameters()])
        found[normalizer] = {"loss": loss.detach(), "gradients": gradients}
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


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
def test_global_sums_equal_one_process(ranks):
    model = network()
    loss = loss_of(model, *whole_batch(), "local")
    loss.backward()
    expected = torch.cat([parameter.grad.flatten() for parameter in model.parameters()])
    for rank in (found["global"] for found in ranks):
        assert rank["loss"].item() == pytest.approx(loss.item(), rel=1e-12)
        torch.testing.assert_close(rank["gradients"], expected, rtol=1e-12, atol=1e-14)


@pytest.mark.slow
def test_local_sums_differ_where_processes_hold_unequal_shares(ranks):
    model = network()
    loss = loss_of(model, *whole_batch(), "local")
    assert ranks[0]["local"]["loss"].item() != pytest.approx(loss.item(), rel=1e-3)
