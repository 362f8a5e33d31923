"""``train.strategy=fsdp`` on the zoo's networks: layers, each process's share, the command in real gloo processes."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lightning.fabric import Fabric
from torch import nn

from tests.faults.conftest import SET
from tests.faults.processes import command, end_of, start
from tests.pipeline.conftest import write_video
from tests.train.test_train_ranks import as_rank, free_port, records
from vspwlib.checks import InputError
from vspwlib.config import Recipe
from vspwlib.models.checkpoint import load_weights
from vspwlib.models.zoo import build
from vspwlib.pipeline.building import build_fabric, build_model
from vspwlib.recipes import NETWORK_RECIPES
from vspwlib.runs import Run
from vspwlib.train.objective import Objective
from vspwlib.train.plan import Plan
from vspwlib.train.sharding import layers_of, local
from vspwlib.train.training import Training

NETWORKS = ("mask2former_beitv2_adapter_tiny", "upernet_swin_tiny")


def networks_in_turn(folder: Path, arguments: list[list[str]], rank: int, world: int, port: int) -> None:
    """Count what a rank keeps of a network in training, then do commands one after the other."""
    as_rank(rank, world, port)
    fabric = build_fabric("fp32", device="cpu", strategy="fsdp")
    network = build("mask2former_beitv2_adapter_tiny", image_size=(32, 32), checkpointing=True)
    whole = sum(value.numel() for value in network.parameters())
    plan = Plan(iterations=9, lr=1e-3, weight_decay=0.05, ema=0.9, checkpoint_every=9)
    training = Training(network, Objective(points=16), plan, fabric)
    gradients: list[torch.Tensor] = []
    training.optimizer.register_step_pre_hook(lambda *_: gradients.extend(p.grad for p in network.parameters()))
    batch = {"images": torch.randn(2, 3, 32, 32), "masks": torch.randint(9, (2, 32, 32))}
    training.advance(iter([batch]))
    average = training.average.state_dict()
    states = training.optimizer.state.values()
    kept = {
        "weights": [*network.parameters()],
        "gradients": gradients,
        "first moments": [state["exp_avg"] for state in states],
        "second moments": [state["exp_avg_sq"] for state in states],
        "average": [average[name] for name, _ in network.named_parameters()],
    }
    shares = {name: sum(local(value).numel() for value in values) / whole for name, values in kept.items()}
    (folder / f"{rank}.json").write_text(json.dumps(shares))
    try:
        for each in arguments:
            with suppress(SystemExit):
                command(each, folder / f"{rank}.txt")
    finally:
        os._exit(0)


@pytest.fixture(scope="module")
def commands(tmp_path_factory) -> Path:
    """Return a folder of what ``vspw train`` made in two processes, of two networks under both strategies."""
    folder = tmp_path_factory.mktemp("commands")
    for seed, split in enumerate(("train", "val")):
        write_video(folder / "data" / "data" / f"{seed}_video", seed)
        (folder / "data" / f"{split}.txt").write_text(f"{seed}_video")
    shared = ["--data", str(folder / "data"), "--json", "--workspace", str(folder / "ws"), *SET]
    shared += ["--set", "train.iterations=2", "--set", "train.val_every=2", "--set", "train.precision=fp32"]
    arguments = [
        ["train", name, *shared, "--name", f"{name}_{strategy}", "--set", f"train.strategy={strategy}"]
        for name in NETWORKS
        for strategy in ("ddp", "fsdp")
    ]
    port = free_port()
    processes = [start(networks_in_turn, folder, arguments, rank, 2, port) for rank in range(2)]
    assert [end_of(process) for process in processes] == [0, 0]
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_the_command_gives_the_losses_of_unsharded_training(name, commands):
    runs = [Run(commands / "ws" / "runs" / f"{name}_{strategy}") for strategy in ("ddp", "fsdp")]
    one, other = (records(run, "loss") for run in runs)
    assert len(one) == 2, (commands / "0.txt").read_text()
    assert other == pytest.approx(one, rel=1e-5)
    networks = [build(name, image_size=(32, 32)) for _ in runs]
    for network, run in zip(networks, runs, strict=True):
        load_weights(network, run.weights("last"))  # strictly: the files hold whole tensors under the usual names
    for parameter, expected in zip(*(network.parameters() for network in reversed(networks)), strict=True):
        torch.testing.assert_close(parameter, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_each_process_keeps_its_share(commands):
    """Half of all, but for tensors of an odd number of rows."""
    for rank in range(2):
        shares = json.loads((commands / f"{rank}.json").read_text())
        assert len(shares) == 5
        assert shares == pytest.approx(dict.fromkeys(shares, 0.5), abs=0.01)


@pytest.mark.parametrize("family", ["swin", "focalnet", "internimage", "beitv2_adapter", "eva_adapter"])
def test_repeated_layers_of_all_networks_are_found(family):
    """Most weights lie in parts that are gathered one at a time, none of them in two."""
    (name,) = [name for name in NETWORK_RECIPES if name.endswith(f"{family}_tiny")]
    network = build(name, image_size=(64, 64))
    inside = [parameter for layer in layers_of(network) for parameter in layer.parameters()]
    assert len({id(parameter) for parameter in inside}) == len(inside)
    share = sum(value.numel() for value in inside) / sum(value.numel() for value in network.parameters())
    assert share > 0.65


def test_of_another_network_the_children_are_gathered():
    """Lists are not: they are never called."""
    network = nn.Module()
    network.first, network.act = nn.Linear(2, 2), nn.ReLU()
    network.rest = nn.ModuleList([nn.Linear(2, 2)])
    assert layers_of(network) == [network.first]


def test_a_scalar_cannot_be_shared_out(tiny_recipe: Callable[..., Recipe]):
    made = tiny_recipe()
    contrast = replace(made.contrast, weight=0.1, learn_temperature=True)
    made = replace(made, contrast=contrast, train=replace(made.train, strategy="fsdp"))
    fabric = Fabric(accelerator="cpu", devices=1)
    with pytest.raises(InputError, match=r"expected parameters with rows, got embedding_head.log_temperature"):
        build_model(made, fabric)
    build_model(replace(made, contrast=replace(contrast, learn_temperature=False)), fabric)
