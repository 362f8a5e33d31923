"""The joint stream: shares, orders and items against plain loops; workers, processes and restarts."""

import itertools
import pickle
import warnings
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data.image_sets import SIZE, own_mapping, write_pair
from vspwlib.checks import InputError
from vspwlib.data.dataset import ClipDataset
from vspwlib.data.index import open_split
from vspwlib.data.joint import BLOCK, Interleave, JointDataset, MappedMasks, source_seed, still_clips
from vspwlib.data.loader import build_loader
from vspwlib.data.stills import open_stills
from vspwlib.data.transforms import ClipAugment, normalise
from vspwlib.labels.mapping import load_mapping

LENGTH = 240


@pytest.fixture
def split(tmp_path):
    """Return two videos of seven frames: twelve clips of two."""
    generator = np.random.default_rng(0)
    for name, number in itertools.product("ab", range(7)):
        for kind, shape in (("origin", (*SIZE, 3)), ("mask", SIZE)):
            folder = tmp_path / "vspw" / "data" / name / kind
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(generator.integers(0, 125, shape, np.uint8)).save(folder / f"{number:08d}.png")
    return open_split(tmp_path / "vspw")


@pytest.fixture
def stills(tmp_path):
    """Return five photographs, one of them grey; the only value of a mask is its number."""
    for number in range(5):
        write_pair(tmp_path / "coco", "train2017", f"{number}", np.full(SIZE, number, np.uint8), grey=number == 3)
    return open_stills("cocostuff", tmp_path / "coco")


def plain():
    """Return an augmentation that changes nothing but the scale of values."""
    return ClipAugment(SIZE, (1.0, 1.0), flip=0.0, max_one_class=1.0, photometric=False)


def joint(split, stills, *, weights=None, seed=5, augment=None, frames=2):
    augment = augment or ClipAugment((12, 16))
    clips = ClipDataset(split, frames=frames, augment=augment, seed=seed, length=LENGTH)
    mapping = load_mapping("cocostuff")
    photos = still_clips(stills, mapping, augment=augment, seed=source_seed(seed, 1), length=LENGTH)
    return JointDataset([clips, photos], weights=weights, seed=seed, length=LENGTH)


def same(one, other):
    return all(torch.equal(one[key], other[key]) for key in ("images", "masks"))


WEIGHTS = [
    (1,),
    (1, 1),
    (3, 1),
    (198244, 118287),
    (198244, 118287, 22210),
    (0, 1),
    (1, 0, 2),
    (0.7, 0.2, 0.1),
    (1e-4, 1),
]


@pytest.mark.parametrize("weights", WEIGHTS, ids=str)
def test_shares_and_places_are_those_of_counting(weights):
    stream = Interleave(weights, seed=3)
    whole = sum(Fraction(weight) for weight in weights)
    assert stream.shares == pytest.approx([weight / sum(weights) for weight in weights])
    taken = Counter()
    for position in range(40 * BLOCK):
        if position % BLOCK == 0:
            for source, weight in enumerate(weights):
                assert abs(taken[source] - position * Fraction(weight) / whole) <= 1, (position, source)
            assert stream.taken(position) == tuple(taken[source] for source in range(len(weights)))
        source, place = stream.locate(position)
        assert place == taken[source]  # every place of a source, in order, none twice
        taken[source] += 1
    assert all((taken[source] > 0) == (weight > 0) for source, weight in enumerate(weights) if weight != 1e-4)


def test_a_place_far_away_is_found_without_the_way_there():
    stream, far = Interleave((2, 1), seed=0), 10**9 + 7
    block = far // BLOCK
    places = [stream.locate(position) for position in range(block * BLOCK, (block + 1) * BLOCK)]
    for source in (0, 1):
        own = [place for origin, place in places if origin == source]
        assert own == list(range(stream.taken(block * BLOCK)[source], stream.taken((block + 1) * BLOCK)[source]))
    assert stream.locate(far) == Interleave((2, 1), seed=0).locate(far)


def test_sources_are_mixed_within_batches_and_no_process_has_one_alone():
    stream = Interleave((1, 1), seed=0)
    sources = np.array([stream.locate(position)[0] for position in range(64 * BLOCK)])
    assert np.abs(sources.reshape(-1, 8).mean(0) - 0.5).max() < 0.1  # whichever of 8 processes, half of each
    assert (sources.reshape(-1, 8).var(1) > 0).mean() > 0.9
    other = Interleave((1, 1), seed=1)
    assert [other.locate(position)[0] for position in range(64)] != sources[:64].tolist()


@pytest.mark.parametrize("weights", [(), (0, 0), (1, -1), (float("nan"), 1), (float("inf"), 1)], ids=str)
def test_weights_that_are_no_shares(weights):
    with pytest.raises(InputError, match="weights: expected a number for each source"):
        Interleave(weights)


def test_items_are_those_of_the_sources(split, stills):
    dataset = joint(split, stills, augment=plain())
    assert (dataset.num_clips, len(dataset)) == (12 + 5, LENGTH)
    mapping = load_mapping("cocostuff")
    lengths = Counter()
    for position in range(40):
        item, frames = dataset[position], dataset.frames_at(position)
        assert item["position"] == position
        assert len(item["images"]) == len(frames)
        lengths[len(frames)] += 1
        if len(frames) == 1:
            value = int(frames[0].name)
            assert (item["masks"] == int(mapping.lookup[value])).all()
            pixels = np.asarray(Image.open(frames[0].image).convert("RGB")).copy()
            expected = normalise(torch.from_numpy(pixels).permute(2, 0, 1))
            torch.testing.assert_close(item["images"][0], expected, atol=1e-5, rtol=0)
    assert set(lengths) == {1, 2}


def test_by_default_every_item_comes_once_an_epoch_of_the_union(split, stills):
    dataset = joint(split, stills)
    epoch, blocks = dataset.num_clips, 2
    names = [tuple((frame.video, frame.name) for frame in dataset.frames_at(p)) for p in range(LENGTH)]
    counts = Counter(names[: blocks * BLOCK])
    assert len(counts) == epoch
    assert {abs(count - blocks * BLOCK / epoch) < 1 for count in counts.values()} == {True}
    for source, size in ((1, 5), (2, 12)):  # each source is a permutation an epoch of its own
        own = [name for name in names if len(name) == source]
        epochs = [own[start : start + size] for start in range(0, len(own) - size + 1, size)]
        assert len(epochs) > 3
        assert all(sorted(part) == sorted(set(names) & set(own)) for part in epochs)
        assert len({tuple(part) for part in epochs}) > 1


def test_one_source_alone_is_the_plain_stream(split, stills):
    augment = ClipAugment((12, 16))
    clips = ClipDataset(split, frames=2, augment=augment, seed=5, length=LENGTH)
    alone = JointDataset([clips], seed=5, length=LENGTH)
    assert all(same(alone[position], clips[position]) for position in (0, 7, 70))
    weighted = joint(split, stills, weights=[1, 0])
    assert all(same(weighted[position], clips[position]) for position in (0, 7, 70))


def test_sources_of_one_size_are_not_cropped_and_ordered_alike(stills):
    seeds = [source_seed(5, source) for source in range(3)]
    assert len({*seeds}) == 3
    mapping, augment = load_mapping("cocostuff"), plain()
    one, other = (still_clips(stills, mapping, augment=augment, seed=seed, length=50) for seed in seeds[1:])
    assert [one.frames_at(p)[0].name for p in range(50)] != [other.frames_at(p)[0].name for p in range(50)]


def test_items_depend_on_their_position_alone(split, stills):
    forward = [joint(split, stills)[position] for position in range(30)]
    other = joint(split, stills)
    assert all(same(other[position], forward[position]) for position in (29, 3, 17, 0))


def batches(dataset, **options):
    names = ("images", "masks", "clip_ids", "frame_ids")
    return [tuple(batch[name] for name in names) for batch in build_loader(dataset, **options)]


def equal(one, other):
    return len(one) == len(other) and all(
        torch.equal(a, b) for pair in zip(one, other, strict=True) for a, b in zip(*pair, strict=True)
    )


def test_workers_and_restarts_do_not_change_a_bit(split, stills):
    dataset = joint(split, stills)
    whole = batches(dataset, batch_size=4, total=48)
    assert any(0 < clips.numel() - len(clips.unique()) < 4 for _, _, clips, _ in whole)  # clips and stills in one batch
    assert equal(batches(joint(split, stills), batch_size=4, total=48, workers=2), whole)
    assert equal(batches(joint(split, stills), batch_size=4, start=20, total=48), whole[5:])


def test_processes_share_out_one_stream(split, stills):
    dataset = joint(split, stills)
    whole = batches(dataset, batch_size=6, total=24)
    ranks = [batches(joint(split, stills), batch_size=2, total=24, rank=rank, world=3) for rank in range(3)]
    for step, (images, masks, _, frame_ids) in enumerate(whole):
        assert torch.equal(torch.cat([rank[step][0] for rank in ranks]), images)
        assert torch.equal(torch.cat([rank[step][1] for rank in ranks]), masks)
        assert torch.equal(torch.cat([rank[step][3] for rank in ranks]), frame_ids)
    every = torch.cat([frame_ids for *_, frame_ids in whole])
    assert len(every.unique(dim=0)) == len(every)


def test_positions_and_weights_outside(split, stills):
    dataset = joint(split, stills)
    for position in (-1, LENGTH):
        with pytest.raises(IndexError, match=f"outside the stream of {LENGTH}"):
            dataset[position]
    with pytest.raises(InputError, match="weights: expected one for each of 2 sources, got 3"):
        joint(split, stills, weights=[1, 1, 1])


def test_only_kept_images_are_read(stills):
    kept = ["images/train2017/1.jpg", "images/train2017/4.jpg"]
    mapping = load_mapping("cocostuff")
    dataset = still_clips(stills, mapping, kept, augment=plain(), length=10)
    assert dataset.num_clips == 2
    assert {frame.name for position in range(10) for frame in dataset.frames_at(position)} == {"1", "4"}
    with pytest.raises(InputError, match="expected images to train on, got none of 5 kept"):
        still_clips(stills, mapping, [], augment=plain(), length=10)


def test_broken_photographs_are_replaced_with_a_warning(stills):
    dataset = still_clips(stills, load_mapping("cocostuff"), augment=plain(), length=10)
    broken = dataset.frames_at(0)[0]
    broken.image.write_bytes(b"")
    with pytest.warns(UserWarning, match="0 bytes"):
        assert torch.equal(dataset[0]["masks"], dataset[1]["masks"])
    for still in stills.stills:
        still.image.write_bytes(b"")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(InputError, match="run `vspw map filter --dataset cocostuff` on the folder"):
            dataset[0]


def test_unknown_values_are_void_but_not_in_silence(tmp_path):
    mapping = own_mapping(tmp_path / "own.csv", {0: "person", 255: "void"})
    write_pair(tmp_path, "s", "a", np.array([[0, 7], [9, 255]], np.uint8))
    path = tmp_path / "annotations/s/a.png"
    read = pickle.loads(pickle.dumps(MappedMasks(mapping)))  # as a worker has it
    with pytest.warns(UserWarning, match="not in the mapping own") as caught:
        assert read(path).tolist() == [[60, 255], [255, 255]]
    assert [str(warning.message).split(":")[0] for warning in caught] == [
        "value 7 is not in the mapping own",
        "value 9 is not in the mapping own",
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(path)  # said once


def test_the_real_samples_make_one_stream(shared):
    augment, data = ClipAugment((64, 80)), shared / "data"
    clips = ClipDataset(open_split(data / "camvid", "train"), frames=2, augment=augment, length=20)
    photos = [
        still_clips(open_stills(name, data / f"{name}_sample"), load_mapping(name), augment=augment, length=20)
        for name in ("cocostuff", "ade20k")
    ]
    assert [source.num_clips for source in photos] == [139, 37]
    dataset = JointDataset([clips, *photos], weights=[1, 1, 1], length=20)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        items = [dataset[position] for position in range(12)]
    assert {item["images"].shape for item in items} == {(1, 3, 64, 80), (2, 3, 64, 80)}
    assert all(set(item["masks"].unique().tolist()) <= set(range(124)) | {255} for item in items)
    grey = next(still for still in open_stills("cocostuff", data / "cocostuff_sample").stills if "10125" in still.name)
    assert Image.open(grey.image).mode == "L"
    one = still_clips(
        open_stills("cocostuff", data / "cocostuff_sample"),
        load_mapping("cocostuff"),
        [f"images/train2017/{grey.image.name}"],
        augment=augment,
        length=1,
    )
    assert one[0]["images"].shape == (1, 3, 64, 80)
