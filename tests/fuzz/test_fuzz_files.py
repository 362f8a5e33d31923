"""Damaged files: a reader gives what it read or says what is wrong in one InputError; nothing else comes out of it."""

import io
import json
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.fuzz.damage import COUNTS, CURVE, damaged_bytes, damaged_json, fuzzed
from vspwlib.checks import InputError
from vspwlib.data.images import image_size, read_image, read_image_size, read_mask
from vspwlib.data.index import open_split
from vspwlib.labels.mapping import load_mapping
from vspwlib.metrics.frames import FrameConfusions
from vspwlib.models.checkpoint import read_checkpoint, read_shapes
from vspwlib.pipeline.sources import open_source
from vspwlib.predict.store import ScoreStore
from vspwlib.predict.video import frame_source
from vspwlib.report.results import Result
from vspwlib.runs import Workspace


def encoded(kind: str, mode: str = "L") -> bytes:
    rng = np.random.default_rng(0)
    shape = (12, 17) if mode == "L" else (12, 17, 3)
    file = io.BytesIO()
    Image.fromarray(rng.integers(0, 125, shape, dtype=np.uint8)).save(file, kind)
    return file.getvalue()


def checkpoint(kind: str) -> bytes:
    state = {"layer.weight": torch.arange(6.0).reshape(2, 3), "layer.bias": torch.zeros(2)}
    if kind == "pth":
        file = io.BytesIO()
        torch.save({"state_dict": state, "meta": {"epoch": 3}}, file)
        return file.getvalue()
    from safetensors.torch import save

    return save(state)


def read_whole(read: Callable[[Path], Any], path: Path) -> None:
    """Read a file; whatever is wrong with it is one InputError."""
    with suppress(InputError):
        read(path)


FILES = {
    "image.png": (encoded("PNG", "RGB"), (read_image, read_image_size, image_size)),
    "image.jpg": (encoded("JPEG", "RGB"), (read_image, read_image_size, image_size)),
    "mask.png": (encoded("PNG"), (read_mask,)),
    "weights.pth": (checkpoint("pth"), (read_checkpoint, read_shapes)),
    "weights.safetensors": (checkpoint("safetensors"), (read_checkpoint, read_shapes)),
    "mapping.csv": (
        (Path(__file__).resolve().parents[2] / "vspwlib" / "labels" / "camvid_to_vspw.csv").read_bytes(),
        (load_mapping, partial(load_mapping, dataset="camvid")),
    ),
}


@pytest.mark.parametrize("name", FILES)
@fuzzed
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(name: str, data: st.DataObject, tmp_path: Path) -> None:
    whole, readers = FILES[name]
    path = tmp_path / name
    path.write_bytes(data.draw(damaged_bytes(whole)))
    for read in readers:
        read_whole(read, path)


@fuzzed
@given(data=st.data())
def test_damaged_frame_counts_are_read_or_refused(data: st.DataObject, tmp_path: Path) -> None:
    file = io.BytesIO()
    np.savez(file, videos=np.array(["a"]), frames=np.array(["b"]), starts=np.array([0, 1]), pixels=np.array([3]))
    path = tmp_path / "a.scores.npz"
    path.write_bytes(data.draw(damaged_bytes(file.getvalue())))
    read_whole(FrameConfusions.load, path)


@fuzzed
@given(data=st.data())
def test_a_damaged_store_is_read_or_refused(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """One file of a store, any of them."""
    root = tmp_path_factory.mktemp("store") / "a.zarr"
    store = ScoreStore.create(root, {"run": "a", "num_classes": 4})
    store.write_video("v", ["1", "2"], [(9, 11)] * 2, [np.random.default_rng(0).normal(0, 2, (4, 3, 3))] * 2)
    files = sorted(path for path in root.rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    path.write_bytes(data.draw(damaged_bytes(path.read_bytes())))

    def read(place: Path) -> None:
        opened = open_source(place).scores()
        for video in opened.videos():
            for frame in opened.frames(video):
                opened.scores(video, frame)

    read_whole(read, root)


@fuzzed
@given(data=st.data())
def test_a_damaged_workspace_is_listed_or_refused(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = Workspace(tmp_path_factory.mktemp("ws"))
    place.add_data("vspw", place.path / "data")
    run = place.create_run("a", {"recipe": {"name": "x", "profile": "mini", "train": {"seed": 0}}}, {}, overwrite=False)
    run.append_log({"kind": "train", "step": 1, "loss": 1.0})
    files = [path for path in place.path.rglob("*") if path.is_file()]
    path = data.draw(st.sampled_from(files))
    path.write_bytes(data.draw(damaged_bytes(path.read_bytes())))
    for read in (lambda: place.data_sets, place.runs, run.log, lambda: run.config, lambda: run.finished):
        with suppress(InputError):
            read()


NAME = st.text(max_size=12) | st.sampled_from(["../../etc", "/etc", "..", ".", "a/../../b", "1_a\x00"])


@fuzzed
@given(names=st.lists(NAME, max_size=4))
def test_a_list_of_videos_leads_nowhere_else(names: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    root = outside / "set"
    for folder in (root / "data" / "1_a", outside / "b"):
        (folder / "origin").mkdir(parents=True)
        (folder / "origin" / "1.jpg").write_bytes(encoded("JPEG", "RGB"))
    (root / "val.txt").write_text("\n".join(["1_a", *names]), encoding="utf-8", errors="replace")
    with suppress(InputError):
        for frame in open_split(root, "val").frames():
            assert frame.image.resolve().is_relative_to((root / "data").resolve())


FACTS = {"schema": 1, "table": "table2", "environment": {}, "fingerprint": "0"}
FITTED = {"split": "test1", "tau": 0.5, "miou": {"test2": 0.1}}
RESULTS = [
    {**FACTS, "recipe": {"name": "t2_480", "train": {"seed": 0}}, "splits": {"test1": COUNTS}},
    {**FACTS, "ensemble": {"key": "t4_pair"}, "seed": 0, "fitted": FITTED, "splits": {"test2": CURVE}},
]


@fuzzed
@given(data=st.data())
def test_damaged_results_are_read_or_refused(data: st.DataObject, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(data.draw(damaged_json(data.draw(st.sampled_from(RESULTS))))))

    def read(place: Path) -> None:
        result = Result.read(place)
        for split in result.splits:
            for tau in (None, "best", "fitted", 0.5):
                result.miou(split, tau)
        assert isinstance(result.key, str)
        assert isinstance(result.seed, int)

    read_whole(read, path)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    """A PNG of a few hundred bytes whose header states 60000 x 60000 pixels."""
    whole = bytearray(encoded("PNG"))
    whole[16:24] = struct.pack(">II", 60_000, 60_000)
    import zlib

    whole[29:33] = struct.pack(">I", zlib.crc32(whole[12:29]))
    path = tmp_path / "bomb.png"
    path.write_bytes(whole)
    for read in (read_image, read_mask, read_image_size):
        with pytest.raises(InputError, match=r"bomb\.png"):
            read(path)


def test_a_checkpoint_that_runs_code_is_refused(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
            return Path.touch, (Path(tmp_path / "ran"),)

    path = tmp_path / "trap.pth"
    torch.save({"state_dict": {"a": torch.zeros(1)}, "meta": Trap()}, path)
    with pytest.raises(InputError):
        read_checkpoint(path)
    assert not (tmp_path / "ran").exists()


@fuzzed
@given(data=st.data())
def test_a_damaged_film_is_read_or_refused(data: st.DataObject, film: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(data.draw(damaged_bytes(film)))
    read_whole(lambda place: sum(1 for _ in frame_source(place)), path)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    from vspwlib.predict.video import write_mp4

    path = tmp_path_factory.mktemp("film") / "a.mp4"
    write_mp4(path, [np.full((16, 16, 3), level, np.uint8) for level in (0, 100, 200)], 5)
    return path.read_bytes()
