"""Validation shared by processes: the counts of one process whatever share each has, one end for all when one fails."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.fabric import Fabric
from torch import nn

from tests.faults.conftest import RUN, SET
from tests.faults.processes import command, end_of, start
from tests.pipeline.conftest import make_recipe, write_video
from tests.train.ranks import as_rank, free_port
from vspwlib.checks import InputError
from vspwlib.config import TrainConfig
from vspwlib.data.images import read_image, read_mask
from vspwlib.data.index import open_split
from vspwlib.metrics.iou import miou, pixel_accuracy
from vspwlib.models.checkpoint import load_weights, read_weights
from vspwlib.models.segmenter import SegOutput
from vspwlib.pipeline import validating
from vspwlib.pipeline.building import build_network, build_predictor
from vspwlib.pipeline.prediction import load_recipe
from vspwlib.runs import Run
from vspwlib.train.loop import fit
from vspwlib.train.objective import Objective
from vspwlib.train.plan import Plan

VIDEOS = ["1_aaaaaaaaaaa", "2_bbbbbbbbbbb", "3_ccccccccccc"]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Return a data set of three videos; the last has fewer frames, and one without a mask."""
    root = tmp_path_factory.mktemp("data") / "tiny"
    for seed, video in enumerate(VIDEOS):
        write_video(root / "data" / video, seed)
    for name in sorted(path.stem for path in (root / "data" / VIDEOS[2] / "mask").iterdir())[-4:]:
        (root / "data" / VIDEOS[2] / "mask" / f"{name}.png").unlink()
    (root / "val.txt").write_text("\n".join(VIDEOS))
    (root / "train.txt").write_text(VIDEOS[0])
    return root


def network_of(recipe):
    """Return an untrained network, the same in every process."""
    torch.manual_seed(3)
    return build_network(recipe).eval()


def counted(recipe, root: Path) -> np.ndarray:
    """Count in a plain loop over all frames with a mask."""
    predictor = build_predictor(recipe, network_of(recipe), device="cpu", single_view=True)
    table = np.zeros((124, 124), np.int64)
    for frame, mask in open_split(root, "val").labelled():
        truth = read_mask(mask)
        scores = predictor.scores(read_image(frame.image))[None]
        found = torch.nn.functional.interpolate(scores, truth.shape, mode="bilinear")[0].argmax(0).numpy()
        np.add.at(table, (truth[truth != 255], found[truth != 255]), 1)
    return table


def validate(folder: Path, root: Path, videos: int | None, rank: int, world: int, port: int) -> None:
    """Validate as a rank; files hold its scores and the counts that they were taken of."""
    as_rank(rank, world, port)
    torch.set_num_threads(1)
    recipe = make_recipe(train=TrainConfig(iterations=1, val_videos=videos))
    fabric = Fabric(accelerator="cpu", devices=world)
    fabric.launch()

    def noted(counts: np.ndarray) -> float:
        np.save(folder / f"{rank}.npy", counts)
        return miou(counts)

    validating.miou = noted
    evaluate = validating.build_evaluator(recipe, open_split(root, "val"), fabric)
    with torch.inference_mode():
        scores = evaluate(network_of(recipe))
    (folder / f"{rank}.txt").write_text(f"{scores['miou']!r} {scores['pixel_acc']!r}")
    os._exit(0)  # all is written; gloo's threads may otherwise abort the interpreter while it winds up


@pytest.mark.slow
@pytest.mark.parametrize(("world", "videos"), [(2, None), (3, 2)])
def test_shares_add_up_to_the_counts_of_one_process(world, videos, data, tmp_path):
    """Three videos for two processes, two for three."""
    port = free_port()
    processes = [start(validate, tmp_path, data, videos, rank, world, port) for rank in range(world)]
    assert [end_of(process) for process in processes] == [0] * world
    recipe = make_recipe(train=TrainConfig(iterations=1, val_videos=videos))
    root = data
    if videos:
        root = tmp_path / "first"
        root.mkdir()
        (root / "data").symlink_to(data / "data")
        (root / "val.txt").write_text("\n".join(VIDEOS[:videos]))
    expected = counted(recipe, root)
    assert expected.sum() > 10_000
    for rank in range(world):
        np.testing.assert_array_equal(np.load(tmp_path / f"{rank}.npy"), expected)
        said = (tmp_path / f"{rank}.txt").read_text()
        assert said == f"{miou(expected)!r} {pixel_accuracy(expected)!r}"


class Normed(nn.Module):
    """A network whose batch norm counts what its own process sees."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))

    def forward(self, images: torch.Tensor) -> SegOutput:
        return SegOutput(logits=self.body(images))


def note_statistics(folder: Path, ema: float | None, rank: int, world: int, port: int) -> None:
    """Train as a rank; a file holds what batch norm knew at each validation."""
    as_rank(rank, world, port)
    torch.manual_seed(0)
    fabric, noted = Fabric(accelerator="cpu", devices=world), []
    fabric.launch()

    def batches(begin: int):
        for step in range(begin, 2):
            generator = torch.Generator().manual_seed(10 * step + rank)
            images = torch.randn(2, 3, 8, 8, generator=generator)
            yield {"images": images, "masks": images.argmax(1)}

    def evaluate(network: nn.Module) -> dict[str, float]:
        noted.append([value.tolist() for value in network.buffers()])
        return {"miou": 0.0}

    run = Run(folder)
    run.checkpoints.mkdir(parents=True, exist_ok=True)
    plan = Plan(iterations=2, lr=0.1, weight_decay=0.0, checkpoint_every=2, val_every=1, ema=ema)
    fit(Normed(), batches, Objective(), plan, run=run, fabric=fabric, evaluate=evaluate)
    (folder / f"{rank}.json").write_text(json.dumps(noted))
    os._exit(0)  # all is written; gloo's threads may otherwise abort the interpreter while it winds up


@pytest.mark.slow
@pytest.mark.parametrize("ema", [None, 0.5])
def test_all_validate_the_network_that_is_kept(ema, tmp_path):
    """On CPUs batch norm is not synchronised."""
    port = free_port()
    processes = [start(note_statistics, tmp_path, ema, rank, 2, port) for rank in range(2)]
    assert [end_of(process) for process in processes] == [0, 0]
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2))
    assert first == second
    assert first[0] != first[1]
    kept = read_weights(Run(tmp_path).weights("last"))
    assert first[-1] == [kept[f"body.1.{name}"].tolist() for name, _ in nn.BatchNorm2d(4).named_buffers()]


def vspw_as_rank(arguments: list[str], said: Path, rank: int, world: int, port: int) -> None:
    as_rank(rank, world, port)
    code = 0
    try:
        command(arguments, said)
    except SystemExit as end:
        code = end.code
    finally:
        os._exit(code)


def train_in_two(data: Path, folder: Path) -> tuple[list[int], list[str]]:
    """Train by the command in two processes; return how they ended and what they said."""
    arguments = ["train", "upernet_swin_tiny", "--data", str(data), "--json", "--workspace", str(folder / "ws"), *SET]
    arguments += ["--set", "train.val_videos=none"]
    port, said = free_port(), [folder / "0", folder / "1"]
    processes = [start(vspw_as_rank, arguments, said[rank], rank, 2, port) for rank in range(2)]
    return [end_of(process) for process in processes], [file.read_text() for file in said]


@pytest.mark.slow
def test_the_command_records_once_what_one_process_finds(data, tmp_path):
    ended, said = train_in_two(data, tmp_path)
    assert ended == [0, 0], said
    run = Run(tmp_path / "ws" / "runs" / RUN)
    records = [record for record in run.log() if record["kind"] == "val"]
    assert [record["step"] for record in records] == [2, 4, 5]
    recipe = load_recipe(run)
    alone = Fabric(accelerator="cpu", devices=1)
    network = build_network(recipe)
    load_weights(network, run.weights("last"))
    with torch.inference_mode():
        scores = validating.build_evaluator(recipe, open_split(data, "val"), alone)(network.eval())
    assert {name: records[-1][name] for name in scores} == scores


@pytest.mark.slow
def test_the_others_are_told_when_one_cannot_read_its_share(data, tmp_path):
    broken = Path(shutil.copytree(data, tmp_path / "broken"))
    mask = min((broken / "data" / VIDEOS[1] / "mask").iterdir())
    mask.write_bytes(mask.read_bytes()[:40])
    (tmp_path / "run").mkdir()
    ended, said = train_in_two(broken, tmp_path / "run")
    assert "validation: expected counts of all 2 processes, got none of process 1" in said[0]
    assert str(mask) in said[1]
    assert ended == [2, 2]


def test_frames_without_masks_validate_nothing(data, tmp_path):
    root = Path(shutil.copytree(data, tmp_path / "bare"))
    for video in VIDEOS:
        shutil.rmtree(root / "data" / video / "mask")
    with pytest.raises(InputError, match="validation: expected frames with masks, got none"):
        validating.build_evaluator(make_recipe(), open_split(root, "val"), Fabric(accelerator="cpu", devices=1))
