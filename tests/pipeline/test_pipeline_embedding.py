"""Embeddings of clips against a forward pass written out; the similarity of a split against dense matrices."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vspwlib.checks import InputError
from vspwlib.config import ClipConfig, ContrastConfig
from vspwlib.data.index import Frame, Split, Video, open_split
from vspwlib.metrics.similarity import BINS, PairSimilarity
from vspwlib.models.segmenter import SegOutput
from vspwlib.pipeline.embedding import (
    ClipEmbedding,
    Embedder,
    embedding_of_clip,
    embedding_similarity,
    find_clip,
    labelled_clips,
)
from vspwlib.pipeline.prediction import load_network
from vspwlib.pipeline.publishing import publish
from vspwlib.pipeline.training import train
from vspwlib.runs import Workspace, read_json

VIDEO = "3_ccccccccccc"


def by_hand(run, frame: Frame, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Unit features and labels of the patches whose centre lies in a frame that is resized to ``size``."""
    height, width = size
    image = torch.from_numpy(np.array(Image.open(frame.image))).permute(2, 0, 1)[None].float()
    if image.shape[-2:] != size:
        image = torch.nn.functional.interpolate(image, size=size, mode="bilinear", antialias=True).round()
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)))
    canvas = torch.zeros(1, 3, (height + 31) // 32 * 32, (width + 31) // 32 * 32)
    canvas[:, :, :height, :width] = (image - mean) / std
    with torch.no_grad():
        embedding = load_network(run)(canvas).embedding[0].numpy().astype(np.float64)
    step = canvas.shape[-1] / embedding.shape[-1]
    mask = np.array(Image.open(frame.mask))
    down, across = mask.shape[0] / height, mask.shape[1] / width
    rows = [y for y in range(embedding.shape[1]) if (y + 0.5) * step < height]
    columns = [x for x in range(embedding.shape[2]) if (x + 0.5) * step < width]
    features = np.array([[embedding[:, y, x] / np.linalg.norm(embedding[:, y, x]) for x in columns] for y in rows])
    raw = np.array(
        [
            [
                mask[int((int((y + 0.5) * step) + 0.5) * down), int((int((x + 0.5) * step) + 0.5) * across)]
                for x in columns
            ]
            for y in rows
        ]
    )
    return features, np.where(raw == 0, 255, raw - 1).astype(np.uint8)


@pytest.mark.parametrize(("short_side", "size"), [(None, (32, 48)), (40, (40, 60)), (20, (20, 30))])
def test_a_clip_is_embedded_as_by_hand(finished, short_side, size):
    run = finished.runs[0]
    frames = open_split(finished.data["vspw"], "val").video(VIDEO).frames[2:4]
    embedder = Embedder.of(run, device="cpu")
    embedder.predictor.short_side = short_side
    clip = embedder.clip(frames)
    assert clip.names == ("00000019", "00000020")
    assert clip.images.shape == (2, 32, 48, 3)
    for index, frame in enumerate(frames):
        features, labels = by_hand(run, frame, size)
        assert clip.features[index].shape == features.shape
        assert np.abs(clip.features[index] - features).max() < (1e-5 if short_side is None else 2e-2)
        assert np.array_equal(clip.labels[index], labels)
    assert {0, 48} <= {*np.unique(clip.labels).tolist()}


def test_the_clip_of_a_run_is_at_its_own_scale(finished):
    clip = embedding_of_clip(finished.runs[0], "val", VIDEO, "00000019", device="cpu")
    again = Embedder.of(finished.runs[0], device="cpu").clip(
        open_split(finished.data["vspw"], "val").video(VIDEO).frames[2:4]
    )
    assert all(np.array_equal(one, other) for one, other in zip(clip[1:], again[1:], strict=True))
    three = embedding_of_clip(finished.runs[0], "val", VIDEO, "00000019", frames=3, device="cpu")
    assert three.names[-1] == "00000021"


def dense(clips: list[ClipEmbedding]) -> dict[str, np.ndarray]:
    """Cosines of all pairs i < j of each clip, from the matrix of all of them."""
    found: dict[str, list[np.ndarray]] = {"positive": [], "negative": []}
    for clip in clips:
        features = clip.features.reshape(-1, clip.features.shape[-1]).astype(np.float64)
        labels = clip.labels.ravel()
        later = np.triu(np.ones((len(labels),) * 2, bool), 1) & (labels != 255) & (labels != 255)[:, None]
        same = labels == labels[:, None]
        cosines = features @ features.T
        found["positive"].append(cosines[later & same])
        found["negative"].append(cosines[later & ~same])
    return {kind: np.concatenate(values) for kind, values in found.items()}


def test_the_similarity_of_a_split_is_that_of_all_pairs_of_its_clips(finished):
    run, seen = finished.runs[0], []
    found = embedding_similarity(
        run, "val", every=4, device="cpu", progress=lambda done, total: seen.append((done, total))
    )
    starts = ("00000017", "00000021", "00000025")
    clips = [
        embedding_of_clip(run, "val", video, start, device="cpu")
        for video in (VIDEO, "4_ddddddddddd")
        for start in starts
    ]
    assert (found.clips, seen) == (6, [(done, 6) for done in range(1, 7)])
    pairs = dense(clips)
    for sums, cosines in ((found.positive, pairs["positive"]), (found.negative, pairs["negative"])):
        assert sums.pairs == len(cosines)
        assert sums.mean == pytest.approx(cosines.mean(), abs=1e-6)
        moved = np.abs(sums.histogram - np.histogram(cosines, BINS, (-1, 1))[0]).sum()
        assert moved <= 1e-3 * len(cosines)  # float32 against float64 at the edges
    written = read_json(run.embedding_file("val"), "similarity")
    assert PairSimilarity.from_json(written).summary() == found.summary()
    assert written["provenance"]["every"] == 4
    assert written["provenance"]["dataset"] == "tiny"


def test_published_results_carry_what_was_measured_on_the_runs_own_data(finished, tmp_path):
    run = finished.runs[1]
    embedding_similarity(run, "val", every=5, device="cpu")
    path = publish(run, finished.workspace, "baselines", results=tmp_path)
    published = json.loads(path.read_text())["splits"]["val"]["embedding"]
    assert PairSimilarity.from_json(published).clips == 4
    assert published["provenance"]["every"] == 5
    assert str(finished.data["vspw"]) not in path.read_text()

    measured = read_json(run.embedding_file("val"), "similarity")
    measured["provenance"]["data_root"] = "/elsewhere"
    run.embedding_file("val").write_text(json.dumps(measured))
    publish(run, finished.workspace, "baselines", results=tmp_path)
    assert "embedding" not in json.loads(path.read_text())["splits"]["val"]


def test_a_frame_without_a_mask_has_patches_but_no_pairs(finished):
    frames = open_split(finished.data["vspw"], "val").video(VIDEO).frames[:2]
    clip = Embedder.of(finished.runs[0], device="cpu").clip([replace(frame, mask=None) for frame in frames])
    assert (clip.labels == 255).all()
    assert np.abs(np.linalg.norm(clip.features, axis=-1) - 1).max() < 1e-6
    assert clip.similarity().summary()["within"] is None


def test_frames_of_two_sizes_and_a_network_without_an_embedding_are_refused(finished, tmp_path):
    frames = open_split(finished.data["vspw"], "val").video(VIDEO).frames[:2]
    embedder = Embedder.of(finished.runs[0], device="cpu")
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(tmp_path / "small.png")
    with pytest.raises(InputError, match=r"frame: expected shape \(32, 48, 3\), got \(16, 16, 3\)"):
        embedder.clip([frames[0], replace(frames[1], image=tmp_path / "small.png", mask=None)])

    class Silent(torch.nn.Module):
        def forward(self, images):
            return SegOutput(logits=images)

    with pytest.raises(InputError, match="got Silent"):
        Embedder(Silent(), embedder.predictor).clip(frames)


def made_up(pattern: dict[str, str]) -> Split:
    """A split of videos whose frames have a mask (x) or none (-); frame numbers have holes."""
    videos = [
        Video(
            name,
            tuple(Frame(name, f"{3 * i:08d}", Path("i"), Path("m") if c == "x" else None) for i, c in enumerate(line)),
        )
        for name, line in pattern.items()
    ]
    return Split(Path("root"), "val", tuple(videos))


def firsts(clips: list[tuple[Frame, ...]]) -> list[tuple[str, int]]:
    return [(clip[0].video, int(clip[0].name) // 3) for clip in clips]


def test_clips_are_consecutive_labelled_and_every_video_begins_with_its_first():
    split = made_up({"a": "xxx-xx", "b": "-xxxx", "c": "x"})
    assert firsts(labelled_clips(split, every=1)) == [("a", 0), ("a", 1), ("a", 4), ("b", 1), ("b", 2), ("b", 3)]
    assert firsts(labelled_clips(split, every=2)) == [("a", 0), ("a", 4), ("b", 1), ("b", 3)]
    assert firsts(labelled_clips(split, frames=3, every=1)) == [("a", 0), ("b", 1), ("b", 2)]
    assert all(len(clip) == 4 for clip in labelled_clips(split, frames=4, every=1))
    with pytest.raises(InputError, match="at least one run of 5 labelled frames, got none among 10 labelled of 12"):
        labelled_clips(split, frames=5)


def test_a_clip_is_found_by_name_or_the_first_that_fits():
    split = made_up({"a": "x", "b": "--xx", "c": "x---"})
    assert [frame.name for frame in find_clip(split)] == ["00000006", "00000009"]
    assert firsts([find_clip(split, "b", "00000000")]) == [("b", 0)]
    assert firsts([find_clip(split, "b")]) == [("b", 2)]
    for names, message in (
        ((None, "00000000"), "--video with it"),
        (("d", None), "video"),
        (("b", "00000009"), "00000000 to 00000006, got '00000009', which has not 1 after it"),
        (("b", "00000001"), "got '00000001'"),
        (("a", "00000000"), "a video of at least 2 frames"),
        (("c", None), "none among 1 labelled of 4"),
    ):
        with pytest.raises(InputError, match=message):
            find_clip(split, *names)


def test_runs_are_compared_before_the_projection(tiny_recipe, tiny_data, tmp_path):
    """With the loss and without it the same level is looked at; behind the projection only on request."""
    workspace = Workspace(tmp_path / "ws")
    contrast = ContrastConfig(weight=0.1, channels=7)
    with_loss = train(tiny_recipe(contrast=contrast, clip=ClipConfig(frames=2)), workspace, {"vspw": tiny_data})
    assert embedding_of_clip(with_loss, "val", VIDEO, "00000017").features.shape[-1] == 96
    assert embedding_of_clip(with_loss, "val", VIDEO, "00000017", projected=True).features.shape[-1] == 7
    raw = embedding_similarity(with_loss, "val", every=5)
    kept = with_loss.embedding_file("val").read_text()
    projected = embedding_similarity(with_loss, "val", every=5, projected=True)
    assert projected.within != pytest.approx(raw.within, abs=1e-3)
    assert with_loss.embedding_file("val").read_text() == kept


def test_a_run_without_the_loss_has_nothing_projected(finished):
    with pytest.raises(InputError, match="projected: expected a run with the loss"):
        embedding_of_clip(finished.runs[0], "val", VIDEO, "00000017", projected=True)
