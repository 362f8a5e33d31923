"""Build the parts of a run from its recipe: each function hands flat arguments to the package that does the work."""

import logging
import os
import platform
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from vspwlib.checks import fail, require
from vspwlib.config import Recipe
from vspwlib.data.dataset import ClipDataset
from vspwlib.data.joint import JointDataset
from vspwlib.data.loader import build_loader
from vspwlib.data.transforms import ClipAugment
from vspwlib.losses.contrast.memory import MemoryBank
from vspwlib.models.embedding import add_embedding_head
from vspwlib.models.initialise import LoadReport, initialise
from vspwlib.models.segmenter import semantic_scores
from vspwlib.models.zoo import NETWORKS, build
from vspwlib.predict.predictor import Predictor
from vspwlib.runs import Workspace
from vspwlib.train.contrast import ContrastTerm
from vspwlib.train.objective import Objective
from vspwlib.train.plan import Plan
from vspwlib.train.sharding import check_shardable, sharding_strategy

#: The data set that a recipe trains and tests on goes by this name on the command line (``--data vspw=PATH``).
VIDEO_DATA = "vspw"


def video_root(data: Mapping[str, Path]) -> Path:
    """Return the folder of the video data set.

    Raises:
        InputError: when none was named.
    """
    if VIDEO_DATA not in data:
        fail("--data", expected=f"{VIDEO_DATA}=PATH", got=", ".join(data) or "nothing", fix="name the video data set.")
    return data[VIDEO_DATA]


def bf16_is_native(device: torch.device) -> bool:
    """Tell whether the device computes in bfloat16; elsewhere it is emulated and slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu" and platform.system() == "Linux":
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        return "avx512_bf16" in flags or "amx_bf16" in flags
    return False


def computes_in_bf16(precision: str, device: torch.device) -> bool:
    """Tell whether a network runs in bfloat16 on a device under ``auto``, ``fp32`` or ``bf16``."""
    return precision == "bf16" or (precision == "auto" and bf16_is_native(device))


def build_fabric(precision: str, *, device: str = "auto", strategy: str = "ddp") -> Fabric:
    """Build Fabric for one process, or for the processes that torchrun or Slurm started.

    Args:
        precision: ``auto``, ``fp32`` or ``bf16``.
        device: ``auto``, ``cpu`` or ``cuda``.
        strategy: ``ddp``: each process has the whole network; ``fsdp``: they share it out, one alone in a group of one.

    Raises:
        InputError: another device, or CUDA where there is none.
    """
    fix = "--device auto takes a GPU where there is one."
    require(device in {"auto", "cpu", "cuda"}, "--device", expected="auto, cpu or cuda", got=repr(device), fix=fix)
    there = device != "cuda" or torch.cuda.is_available()
    require(there, "--device cuda", expected="a CUDA device", got="none that PyTorch sees", fix="see vspw doctor.")
    accelerator = "cuda" if device == "auto" and torch.cuda.is_available() else "cpu" if device == "auto" else device
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # Fabric announces its precision under this name
    devices, nodes = (int(os.environ.get(name, "1")) for name in ("LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE"))
    fabric = Fabric(
        accelerator=accelerator,
        strategy=sharding_strategy(devices * nodes) if strategy == "fsdp" else "auto",
        devices=devices,
        num_nodes=nodes,
        precision="bf16-mixed" if computes_in_bf16(precision, torch.device(accelerator)) else "32-true",
    )
    fabric.launch()
    return fabric


def build_network(recipe: Recipe) -> nn.Module:
    """Build the recipe's network with fresh weights; position tables are stored for the recipe's crop.

    With a contrastive loss it has the embedding head that this loss reads.
    """
    model = recipe.model
    network: nn.Module = build(
        model.name,
        drop_path=model.drop_path,
        dropout=model.dropout,
        decoder_dropout=model.decoder_dropout,
        checkpointing=model.checkpointing,
        image_size=recipe.augment.crop,
    )
    contrast = recipe.contrast
    if contrast.weight:
        entry = NETWORKS[model.name]
        add_embedding_head(
            network,
            level=contrast.level,
            projection=contrast.projection,
            channels=contrast.channels,
            normalize=contrast.normalize,
            temperature=contrast.temperature if contrast.learn_temperature else None,
            backbone_channels=entry.hyper_parameters().channels if entry.family else (),
        )
    return network


def build_model(recipe: Recipe, fabric: Fabric) -> nn.Module:
    """Build the recipe's network to be trained; its fresh weights depend on the recipe's seed alone.

    Where several GPUs train, batch norm is synchronised between them, as the official configurations ask.
    """
    torch.manual_seed(recipe.train.seed)
    model = build_network(recipe)
    if recipe.train.strategy == "fsdp":
        check_shardable(model)
    if fabric.world_size > 1 and fabric.device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(model)  # in place but for the root, which is no batch norm
    return model


def start_from(recipe: Recipe, model: nn.Module, workspace: Workspace) -> LoadReport | None:
    """Give a freshly built network the weights that its recipe starts from; None for a start from scratch.

    Args:
        recipe: Its ``model.init`` names a run of the workspace, or what :func:`initialise` takes.
        model: The network, to be changed.
        workspace: Where runs are looked up.

    Raises:
        InputError: when they do not fit, or are not to be had.
    """
    chosen = recipe.model
    run = next((run for run in workspace.runs() if run.name == chosen.init), None)
    init = chosen.init if run is None else str(run.weights())
    return initialise(model, chosen.name, init, image_size=recipe.augment.crop, relpos=chosen.relpos)


def build_objective(
    recipe: Recipe, device: torch.device | str = "cpu", *, weighting: Mapping[str, Any] | None = None
) -> Objective:
    """Build the recipe's objective.

    Args:
        recipe: Its groups ``loss`` and ``contrast`` say how.
        device: Where the network runs: on a GPU the contrastive loss's matrix products take the network's precision.
        weighting: What classes weigh, as :func:`vspwlib.pipeline.weighting.weigh_classes` says it.
    """
    place = torch.device(device)
    narrow = place.type == "cuda" and computes_in_bf16(recipe.train.precision, place)
    loss, contrast = recipe.loss, recipe.contrast
    term = ContrastTerm(
        weight=contrast.weight,
        temperature=contrast.temperature,
        anchor_weights=contrast.anchor_weights,
        negatives=contrast.negatives,
        sampled=contrast.anchors == "sampled",
        bank=MemoryBank(contrast.bank, per_clip=contrast.bank_patches) if contrast.bank else None,
        precision=torch.bfloat16 if narrow else None,
    )
    rules = ("class_weights", "class_beta", "focus", "focus_weight")  # of which the weights were made
    settings = {name: value for name, value in _fields(loss).items() if name not in rules}
    for name in ("class_weights", "dice_weights"):
        values = (weighting or {}).get(name)
        settings[name] = None if values is None else torch.tensor(values, device=place)
    return Objective(**settings, contrast=term if contrast.weight else None)


def build_plan(recipe: Recipe) -> Plan:
    """Build the numbers of the training loop."""
    train = recipe.train
    return Plan(
        **_fields(recipe.optim),
        iterations=train.iterations,
        accumulate=train.accumulate,
        seed=train.seed,
        checkpoint_every=train.checkpoint_every,
        val_every=train.val_every,
        log_every=train.log_every,
        max_bad_steps=train.max_bad_steps,
    )


def build_augment(recipe: Recipe) -> ClipAugment:
    """Build what happens to training clips and photographs."""
    return ClipAugment(**_fields(recipe.augment))


def build_batches(
    recipe: Recipe, dataset: ClipDataset | JointDataset, fabric: Fabric
) -> Callable[[int], Iterable[dict[str, Any]]]:
    """Build the training batches of a stream: a function of the micro-batch to start from."""
    train = recipe.train

    def batches(start: int) -> Iterable[dict[str, Any]]:
        return build_loader(
            dataset,
            batch_size=train.batch_size,
            start=start * train.batch_size * fabric.world_size,
            rank=fabric.global_rank,
            world=fabric.world_size,
            workers=train.workers,
        )

    return batches


def build_predictor(
    recipe: Recipe, model: nn.Module, *, device: torch.device | str, single_view: bool = False
) -> Predictor:
    """Build the test-time predictor of a recipe.

    Args:
        recipe: Its ``predict`` group says how.
        model: Network in evaluation mode, on ``device``.
        device: Where to run.
        single_view: Whether to leave out the recipe's flip and scales.
    """
    place = torch.device(device)

    def score(images: Tensor) -> Tensor:
        return semantic_scores(model(images))

    settings = _fields(recipe.predict)
    if single_view:
        settings |= {"flip": False, "scales": (1.0,)}
    precision = "bf16" if computes_in_bf16(recipe.train.precision, place) else "fp32"
    return Predictor(score, **settings, device=place, precision=precision)


def _fields(group: Any) -> dict[str, Any]:
    """Return a group of settings as arguments: its fields are named as those of what it configures."""
    return {field.name: getattr(group, field.name) for field in fields(group)}
