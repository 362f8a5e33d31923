"""The score store: what goes in comes out, and what breaks is named and can be mended."""

import errno
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.predict.random_scores import MANIFEST, K, field, softmax, write
from vspwlib.checks import InputError
from vspwlib.predict.scores import probabilities
from vspwlib.predict.store import ScoreStore


@pytest.fixture
def store(tmp_path: Path) -> ScoreStore:
    created = ScoreStore.create(tmp_path / "a.zarr", MANIFEST)
    write(created, "0_wHveSGjXyDY", [(21, 34), (21, 34), (34, 21), (21, 34)])
    write(created, "0001TP_test", [(16, 16)], seed=9)
    return created


def chunk(tmp_path: Path, row: int = 1) -> Path:
    return tmp_path / f"a.zarr/0_wHveSGjXyDY/21x34/c.{row}.0.0.0"


def test_what_goes_in_comes_out(store: ScoreStore, tmp_path: Path) -> None:
    opened = ScoreStore.open(tmp_path / "a.zarr")
    assert opened.videos() == ["0001TP_test", "0_wHveSGjXyDY"]
    assert opened.frames("0_wHveSGjXyDY") == ["00000170", "00000171", "00000172", "00000173"]
    sizes = [(21, 34), (21, 34), (34, 21), (21, 34)]
    for seed, (frame, size) in enumerate(zip(opened.frames("0_wHveSGjXyDY"), sizes, strict=True)):
        assert opened.size("0_wHveSGjXyDY", frame) == size
        found = opened.scores("0_wHveSGjXyDY", frame)
        assert found.dtype == np.float32
        assert found.shape == field(size).shape
        np.testing.assert_allclose(softmax(found), softmax(field(size, seed)), atol=1e-3)
        full = probabilities(field(size, seed), size)
        torch.testing.assert_close(probabilities(found, size), full, atol=1e-3, rtol=0)


def test_scores_lie_pixel_by_pixel_in_memory(store: ScoreStore) -> None:
    assert store.scores("0001TP_test", "00000170").transpose(1, 2, 0).flags.c_contiguous


def test_a_frame_is_one_file_and_stores_with_folders_are_read(tmp_path: Path, monkeypatch) -> None:
    flat, deep = (
        ScoreStore.create(tmp_path / "flat.zarr", MANIFEST),
        ScoreStore.create(tmp_path / "deep.zarr", MANIFEST),
    )
    write(flat, "v", [(16, 16)] * 3)
    monkeypatch.setattr("vspwlib.predict.writer.CHUNK_NAMES", {"name": "default", "separator": "/"})  # as before
    write(deep, "v", [(16, 16)] * 3)
    array = {
        path.relative_to(tmp_path / "flat.zarr/v/16x16").as_posix()
        for path in (tmp_path / "flat.zarr/v/16x16").rglob("*")
    }
    assert array == {"zarr.json", "c.0.0.0.0", "c.1.0.0.0", "c.2.0.0.0"}
    assert (tmp_path / "deep.zarr/v/16x16/c/2/0/0/0").is_file()
    old, new = ScoreStore.open(tmp_path / "deep.zarr"), ScoreStore.open(tmp_path / "flat.zarr")
    for frame in new.frames("v"):
        np.testing.assert_array_equal(old.scores("v", frame), new.scores("v", frame))


def test_tensors_are_taken_and_one_frame_is_held_at_a_time(tmp_path: Path) -> None:
    store, asked = ScoreStore.create(tmp_path / "b.zarr", MANIFEST), []

    def scores() -> Iterator[torch.Tensor]:
        for index in range(3):
            asked.append(sum(1 for _ in (tmp_path / "b.zarr").glob("v/16x16/c.*")))
            yield torch.from_numpy(field((16, 16), index)).to(torch.bfloat16)

    store.write_video("v", ["a", "b", "c"], [(16, 16)] * 3, scores())
    assert asked == [0, 1, 2]
    np.testing.assert_allclose(softmax(store.scores("v", "c")), softmax(field((16, 16), 2)), atol=0.05)


def test_an_unfinished_video_counts_as_absent_and_is_overwritten(store: ScoreStore, tmp_path: Path) -> None:
    writer = store.writer("late", ["0", "1"])
    writer.add((21, 34), field((21, 34), 1))
    again = ScoreStore.create(tmp_path / "a.zarr", {**MANIFEST, "commit": "later"})
    assert again.finished("0001TP_test")
    assert not again.finished("late")
    assert not again.finished("never")
    assert "late" not in again.videos()
    write(again, "late", [(16, 16), (16, 16)], seed=3)
    assert again.videos() == ["0001TP_test", "0_wHveSGjXyDY", "late"]
    assert not (tmp_path / "a.zarr/late/21x34").exists()
    np.testing.assert_allclose(softmax(again.scores("late", "00000171")), softmax(field((16, 16), 4)), atol=1e-3)


def test_other_predictions_are_not_mixed_in(store: ScoreStore, tmp_path: Path) -> None:
    other = {**MANIFEST, "predict": {"flip": False}}
    with pytest.raises(InputError, match=r'predict: expected {"flip": false}, got {"flip": true} .*--overwrite'):
        ScoreStore.create(tmp_path / "a.zarr", other)
    assert len(ScoreStore.open(tmp_path / "a.zarr").videos()) == 2
    fresh = ScoreStore.create(tmp_path / "a.zarr", other, overwrite=True)
    assert fresh.videos() == []
    assert ScoreStore.open(tmp_path / "a.zarr").manifest["predict"] == {"flip": False}


def test_a_flipped_bit_is_found(store: ScoreStore, tmp_path: Path) -> None:
    path = chunk(tmp_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"got damage .*21x34, row 1, frame 00000171\). Fix: delete .*0_wHveSGjXyDY"):
        store.scores("0_wHveSGjXyDY", "00000171")
    assert store.scores("0_wHveSGjXyDY", "00000170").shape == (K, 6, 9)


def test_a_truncated_and_a_lost_chunk_are_found(store: ScoreStore, tmp_path: Path) -> None:
    chunk(tmp_path).write_bytes(chunk(tmp_path).read_bytes()[:7])
    with pytest.raises(InputError, match="got damage"):
        store.scores("0_wHveSGjXyDY", "00000171")
    chunk(tmp_path).unlink()
    with pytest.raises(InputError, match=r"expected a chunk, got none .*frame 00000171"):
        store.scores("0_wHveSGjXyDY", "00000171")


@pytest.mark.filterwarnings("ignore:Object at 0001TP_test is not recognized")
@pytest.mark.parametrize(
    "content", [None, "{", '{"zarr_format": 3, "node_type": "group", "attributes": {"complete": true}}']
)
def test_a_video_without_its_metadata_is_no_finished_video(store: ScoreStore, tmp_path: Path, content) -> None:
    path = tmp_path / "a.zarr/0001TP_test/zarr.json"
    path.unlink()
    if content is not None:
        path.write_text(content)
    opened = ScoreStore.open(tmp_path / "a.zarr")
    with pytest.raises(InputError, match=r"0001TP_test"):
        opened.scores("0001TP_test", "00000170")


def test_damaged_metadata_of_the_store_is_named_and_overwriting_mends_it(store: ScoreStore, tmp_path: Path) -> None:
    (tmp_path / "a.zarr/zarr.json").write_text("{")
    for call in (
        lambda: ScoreStore.open(tmp_path / "a.zarr"),
        lambda: ScoreStore.create(tmp_path / "a.zarr", MANIFEST),
    ):
        with pytest.raises(InputError, match=r"got damage .*a\.zarr\). Fix: predict again with --overwrite"):
            call()
    assert ScoreStore.create(tmp_path / "a.zarr", MANIFEST, overwrite=True).videos() == []


def test_a_full_disk_is_one_message_and_leaves_nothing_complete(store: ScoreStore, tmp_path: Path, monkeypatch) -> None:
    from zarr.storage import LocalStore

    put, calls = LocalStore.set, []

    async def put_until_full(self, key, value):
        calls.append(key)
        if "/c.1." in key:
            raise OSError(errno.ENOSPC, "No space left on device")
        await put(self, key, value)

    monkeypatch.setattr(LocalStore, "set", put_until_full)
    with pytest.raises(InputError, match="disk: expected room for the prediction store, got none left"):
        write(store, "late", [(16, 16)] * 3)
    assert any("/c.0." in key for key in calls)
    monkeypatch.undo()
    assert not ScoreStore.open(tmp_path / "a.zarr").finished("late")
    write(store, "late", [(16, 16)] * 3)
    assert store.finished("late")


def test_wrong_names_are_answered_with_near_ones(store: ScoreStore) -> None:
    with pytest.raises(InputError, match=r"got '0_wHveSGjXyDy' .*did you mean '0_wHveSGjXyDY'"):
        store.frames("0_wHveSGjXyDy")
    with pytest.raises(InputError, match=r"got '0000017' .*video 0_wHveSGjXyDY.*did you mean"):
        store.scores("0_wHveSGjXyDY", "0000017")


def test_nothing_there_and_nothing_of_ours(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected a zarr store, got none there .*nope"):
        ScoreStore.open(tmp_path / "nope.zarr")
    (tmp_path / "x").mkdir()
    (tmp_path / "x/zarr.json").write_text(json.dumps({"zarr_format": 3, "node_type": "group", "attributes": {}}))
    with pytest.raises(InputError, match="expected kind vspw-scores"):
        ScoreStore.open(tmp_path / "x")
    for overwrite in (False, True):
        with pytest.raises(InputError, match="got a zarr store of something else"):
            ScoreStore.create(tmp_path / "x", MANIFEST, overwrite=overwrite)


def test_the_checksum_follows_the_scores_and_nothing_else(tmp_path: Path) -> None:
    first, second = (ScoreStore.create(tmp_path / name, MANIFEST) for name in ("1.zarr", "2.zarr"))
    write(first, "a", [(16, 16)] * 2)
    write(first, "b", [(16, 16)])
    write(second, "b", [(16, 16)])
    write(second, "a", [(16, 16)] * 2)
    assert first.checksum() == second.checksum() == ScoreStore.open(tmp_path / "1.zarr").checksum()
    write(second, "b", [(16, 16)], seed=1)
    assert first.checksum() != second.checksum()


def test_any_name_may_be_a_videos_name(tmp_path: Path) -> None:
    names = ["__main__", "a/b", "..", "straße 7", "%41", "A"]
    store = ScoreStore.create(tmp_path / "a.zarr", MANIFEST)
    for seed, name in enumerate(names):
        write(store, name, [(16, 16)], seed)
    opened = ScoreStore.open(tmp_path / "a.zarr")
    assert opened.videos() == sorted(names)
    for seed, name in enumerate(names):
        np.testing.assert_allclose(softmax(opened.scores(name, "00000170")), softmax(field((16, 16), seed)), atol=1e-3)


def test_chunks_are_sealed_and_compressed(store: ScoreStore, tmp_path: Path) -> None:
    metadata = json.loads((tmp_path / "a.zarr/0_wHveSGjXyDY/21x34/zarr.json").read_text())
    assert [codec["name"] for codec in metadata["codecs"]] == ["bytes", "zstd", "crc32c"]
    assert metadata["chunk_grid"]["configuration"]["chunk_shape"] == [1, 6, 9, K]
    chunks = sorted(path.name for path in (tmp_path / "a.zarr/0_wHveSGjXyDY/21x34").glob("c.*"))
    assert chunks == [f"c.{row}.0.0.0" for row in (0, 1, 3)]
