"""Batches of the stream: the same for any number of workers, processes and restarts."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vspwlib.checks import InputError
from vspwlib.data.dataset import ClipDataset
from vspwlib.data.index import open_split
from vspwlib.data.loader import StreamSampler, build_loader
from vspwlib.data.transforms import ClipAugment


@pytest.fixture
def dataset(tmp_path: Path) -> ClipDataset:
    generator = np.random.default_rng(0)
    for kind, shape in (("origin", (20, 30, 3)), ("mask", (20, 30))):
        (tmp_path / "data" / "a" / kind).mkdir(parents=True)
        for number in range(7):
            values = generator.integers(0, 125, shape, np.uint8)
            Image.fromarray(values).save(tmp_path / "data" / "a" / kind / f"{number:08d}.png")
    return ClipDataset(open_split(tmp_path), frames=2, augment=ClipAugment((12, 16)), length=24, seed=5)


def stream(loader: torch.utils.data.DataLoader) -> torch.Tensor:
    return torch.cat([batch["images"] for batch in loader])


def test_workers_do_not_change_a_bit(dataset):
    alone, helped = (stream(build_loader(dataset, batch_size=3, total=12, workers=workers)) for workers in (0, 2))
    assert alone.shape == (24, 3, 12, 16)
    assert torch.equal(alone, helped)


def test_a_resumed_run_reads_what_the_unbroken_one_would(dataset):
    whole = stream(build_loader(dataset, batch_size=4))
    resumed = stream(build_loader(dataset, batch_size=4, start=8))
    assert torch.equal(resumed, whole[2 * 8 :])


def test_processes_share_out_one_stream():
    single = [position for step in StreamSampler(6, start=6, total=24) for position in step]
    shares = [list(StreamSampler(2, start=6, total=24, rank=rank, world=3)) for rank in range(3)]
    assert [len(share) for share in shares] == [3, 3, 3]
    together = [position for step in zip(*shares, strict=True) for share in step for position in share]
    assert together == single == list(range(6, 24))


def test_starting_a_loader_leaves_random_state_alone(dataset):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    next(iter(build_loader(dataset, batch_size=2)))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": 3}, r"start: expected a multiple of 4 \(4 x 1\), got 3"),
        ({"total": 10}, "total: expected a multiple of 4"),
        ({"total": 28}, "total: expected 0 to 24, got 28"),
        ({"rank": 1}, "rank: expected 0 to 0, got 1"),
    ],
)
def test_half_steps_are_refused(dataset, arguments, message):
    with pytest.raises(InputError, match=message):
        build_loader(dataset, batch_size=4, **arguments)


def test_workers_tell_each_other_what_was_warned_of(dataset):
    """pytest swallows what workers print, so this looks at the flags they share: set there, seen here."""
    dataset.frames_at(0)[0].image.write_bytes(b"")
    for _ in build_loader(dataset, batch_size=2, workers=2):
        pass
    assert dataset._warned.sum() == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset[0]
