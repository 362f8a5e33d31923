"""The clip stream: what a clip is, that items depend on their position alone, and what happens to broken files."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vspwlib.checks import InputError
from vspwlib.data.dataset import ClipDataset, collate
from vspwlib.data.index import Split, open_split
from vspwlib.data.transforms import ClipAugment, normalise

SIZE = (24, 40)  # height, width


def write_video(folder: Path, numbers: list[int], unlabelled: tuple[int, ...] = ()) -> None:
    """Write noisy frames; the mask's only id is the frame number modulo 100."""
    (folder / "origin").mkdir(parents=True)
    (folder / "mask").mkdir()
    generator = np.random.default_rng(len(folder.name))
    for number in numbers:
        noise = generator.integers(0, 256, (*SIZE, 3), np.uint8)
        Image.fromarray(noise).save(folder / "origin" / f"{number:08d}.png")
        if number not in unlabelled:
            mask = np.full(SIZE, number % 100 + 1, np.uint8)
            Image.fromarray(mask).save(folder / "mask" / f"{number:08d}.png")


@pytest.fixture
def split(tmp_path: Path) -> Split:
    """Return three videos: numbers with a hole, a frame without mask, and a video of a single frame."""
    write_video(tmp_path / "data" / "a", [7, 8, 9, 12, 13])
    write_video(tmp_path / "data" / "bb", [50, 51, 52, 53, 54, 55], unlabelled=(52,))
    write_video(tmp_path / "data" / "ccc", [90])
    return open_split(tmp_path)


def plain() -> ClipAugment:
    """Return an augmentation that changes nothing but the scale of values."""
    return ClipAugment(SIZE, (1.0, 1.0), flip=0.0, max_one_class=1.0, photometric=False)


def numbers(dataset: ClipDataset, position: int) -> tuple[int, ...]:
    return tuple(int(frame.name) for frame in dataset.frames_at(position))


@pytest.mark.parametrize(
    ("frames", "gap", "expected"),
    [
        (1, 1, {(7,), (8,), (9,), (12,), (13,), (50,), (51,), (53,), (54,), (55,), (90,)}),
        (2, 1, {(7, 8), (8, 9), (9, 12), (12, 13), (50, 51), (53, 54), (54, 55)}),
        (2, 2, {(7, 9), (8, 12), (9, 13), (51, 53), (53, 55)}),
        (3, 1, {(7, 8, 9), (8, 9, 12), (9, 12, 13), (53, 54, 55)}),
        (5, 1, {(7, 8, 9, 12, 13)}),
    ],
)
def test_clips_are_runs_of_labelled_frames(split, frames, gap, expected):
    dataset = ClipDataset(split, frames=frames, gap=gap, augment=plain(), length=100)
    assert dataset.num_clips == len(expected)
    assert {numbers(dataset, position) for position in range(dataset.num_clips)} == expected


def test_no_clip_of_that_length_is_refused(split):
    with pytest.raises(InputError, match=r"at least one run of 6 labelled frames, 1 apart, got none among 11 labelled"):
        ClipDataset(split, frames=6, augment=plain(), length=1)


def test_split_without_masks_is_refused(tmp_path):
    write_video(tmp_path / "data" / "a", [1, 2], unlabelled=(1, 2))
    with pytest.raises(InputError, match="none among 0 labelled of 2 frames"):
        ClipDataset(open_split(tmp_path), augment=plain(), length=1)


def test_items_hold_the_frames_of_the_clip(split):
    dataset = ClipDataset(split, frames=3, augment=plain(), length=8)
    item = dataset[5]
    assert item["position"] == 5
    assert item["images"].shape == (3, 3, *SIZE)
    assert item["images"].dtype == torch.float32
    assert item["masks"].shape == (3, *SIZE)
    assert item["masks"].dtype == torch.int64
    assert type(item["images"]) is type(item["masks"]) is torch.Tensor
    for place, frame in enumerate(dataset.frames_at(5)):
        pixels = torch.from_numpy(np.asarray(Image.open(frame.image)).copy()).permute(2, 0, 1)
        torch.testing.assert_close(item["images"][place], normalise(pixels), atol=1e-5, rtol=0)
        assert (item["masks"][place] == int(frame.name) % 100).all()


def test_every_epoch_is_another_order_of_all_clips(split):
    dataset = ClipDataset(split, augment=plain(), length=100, seed=3)
    epochs = [[numbers(dataset, 11 * epoch + place) for place in range(11)] for epoch in range(4)]
    assert all(sorted(epoch) == sorted(epochs[0]) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4
    other = ClipDataset(split, augment=plain(), length=100, seed=4)
    assert [numbers(other, place) for place in range(11)] != epochs[0]


def test_items_depend_on_their_position_alone(split):
    first, second = (ClipDataset(split, augment=ClipAugment((16, 20)), length=60, seed=9) for _ in range(2))
    forward = [first[position] for position in range(30)]
    torch.manual_seed(123)
    before = torch.get_rng_state()
    for position in (29, 3, 17, 0):
        again = second[position]
        assert torch.equal(again["images"], forward[position]["images"])
        assert torch.equal(again["masks"], forward[position]["masks"])
    assert torch.equal(torch.get_rng_state(), before)  # reading leaves the caller's random numbers alone
    # One clip met in two epochs is augmented in two ways.
    twins = [position for position in range(30) if numbers(first, position) == numbers(first, 0)]
    assert len(twins) > 1
    assert not torch.equal(forward[twins[0]]["images"], forward[twins[1]]["images"])


def test_seeds_give_other_augmentations(split):
    one, other = (ClipDataset(split, augment=ClipAugment((16, 20)), length=9, seed=seed) for seed in (0, 1))
    assert not any(torch.equal(one[position]["images"], other[position]["images"]) for position in range(9))


def test_positions_outside_the_stream(split):
    dataset = ClipDataset(split, augment=plain(), length=4)
    assert len(dataset) == 4
    for position in (-1, 4):
        with pytest.raises(IndexError, match="outside the stream of 4"):
            dataset[position]


def test_broken_frames_warn_once_and_are_replaced(split):
    dataset = ClipDataset(split, augment=plain(), length=44, seed=0)
    broken = dataset.frames_at(2)[0]
    broken.image.write_bytes(b"")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        items = [dataset[position] for position in range(44)]  # four epochs meet it four times
    assert len(caught) == 1
    assert f"got an empty file (0 bytes) ({broken.image})" in str(caught[0].message)
    assert all((item["masks"] != int(broken.name) % 100).all() for item in items)
    assert torch.equal(items[2]["masks"], items[3]["masks"])  # the next of the permutation stands in
    assert torch.equal(dataset[2]["images"], items[2]["images"])


@pytest.mark.parametrize("fault", ["size", "colour"])
def test_unfit_masks_are_replaced_too(split, fault):
    dataset = ClipDataset(split, frames=2, augment=plain(), length=20)
    mask = dataset.frames_at(0)[1].mask
    shape = (SIZE[0], SIZE[1] + 1) if fault == "size" else (*SIZE, 3)
    Image.fromarray(np.ones(shape, np.uint8)).save(mask)
    with pytest.warns(UserWarning, match="41x24" if fault == "size" else "mode RGB"):
        assert dataset[0]["images"].shape == (2, 3, *SIZE)


def test_frames_of_a_clip_must_be_of_one_size(split):
    dataset = ClipDataset(split, frames=2, augment=plain(), length=20)
    frame = dataset.frames_at(0)[1]
    for path, shape in ((frame.image, (20, 30, 3)), (frame.mask, (20, 30))):
        Image.fromarray(np.ones(shape, np.uint8)).save(path)
    with pytest.warns(UserWarning, match="40x24, got 30x20"):
        dataset[0]


def test_nothing_readable_ends_with_one_message(split):
    dataset = ClipDataset(split, augment=plain(), length=4)
    for frame in split.frames():
        frame.image.write_bytes(b"")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(InputError, match=r"11 unreadable clips in a row.*vspw data check"):
            dataset[0]


def test_batches_lay_clips_and_stills_end_to_end(split):
    clips = ClipDataset(split, frames=3, augment=plain(), length=4)
    stills = ClipDataset(split, augment=plain(), length=4)
    items = [clips[0], stills[0], clips[1]]
    batch = collate(items)
    assert batch["images"].shape == (7, 3, *SIZE)
    assert batch["masks"].shape == (7, *SIZE)
    assert batch["clip_ids"].tolist() == [0, 0, 0, 1, 2, 2, 2]
    assert batch["clip_ids"].dtype == torch.int64
    assert batch["clips"] == 3
    assert batch["frame_ids"].tolist() == [[0, 0], [0, 1], [0, 2], [0, 0], [1, 0], [1, 1], [1, 2]]
    assert torch.equal(batch["images"][3], stills[0]["images"][0])
    assert torch.equal(batch["masks"][4:], clips[1]["masks"])


def test_real_driving_video_makes_clips(shared):
    split = open_split(shared / "data" / "camvid", "train")
    stills = ClipDataset(split, augment=ClipAugment((160, 192)), length=4)
    pairs = ClipDataset(split, frames=2, augment=ClipAugment((160, 192)), length=4)
    assert stills.num_clips == 367
    assert pairs.num_clips == 367 - 5
    item = pairs[0]
    assert item["images"].shape == (2, 3, 160, 192)
    assert set(item["masks"].unique().tolist()) <= set(range(124)) | {255}
    assert (item["masks"] != 255).any()
