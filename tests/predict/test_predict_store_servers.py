"""Score stores on servers: as good as a local one, and never complete before they are."""

import errno
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest

from tests.predict.random_scores import MANIFEST, field, softmax, write
from vspwlib.checks import InputError
from vspwlib.predict.store import ScoreStore


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A bucket on a server of this machine that speaks S3; or what VSPW_TEST_URL names, which then must be there."""
    if "VSPW_TEST_URL" in os.environ:
        yield os.environ["VSPW_TEST_URL"]
        return
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    account = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**account, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
            patch.setenv(name, value)
        fsspec.filesystem("s3", skip_instance_cache=True).mkdir("bucket")
        yield "s3://bucket"
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    server.stop()


@pytest.fixture(params=["memory", "s3"])
def url(request: pytest.FixtureRequest) -> str:
    """A new address on a server."""
    place = "memory://bucket" if request.param == "memory" else request.getfixturevalue("bucket")
    return f"{place}/{uuid.uuid4()}/a.zarr"


def test_a_store_on_a_server_gives_the_bytes_of_a_local_one(url: str, tmp_path: Path) -> None:
    for where in (tmp_path / "a.zarr", url):
        write(ScoreStore.create(where, MANIFEST), "0_wHveSGjXyDY", [(21, 34), (21, 34), (34, 21), (21, 34)])
        write(ScoreStore.create(where, MANIFEST), "0001TP_test", [(16, 16)], seed=9)
    store, opened = ScoreStore.open(tmp_path / "a.zarr"), ScoreStore.open(url)
    assert opened.videos() == store.videos() == ["0001TP_test", "0_wHveSGjXyDY"]
    for video in store.videos():
        assert opened.frames(video) == store.frames(video)
        for frame in store.frames(video):
            assert opened.size(video, frame) == store.size(video, frame)
            assert opened.scores(video, frame).tobytes() == store.scores(video, frame).tobytes()
    assert opened.checksum() == store.checksum()


def test_on_a_server_an_unfinished_video_counts_as_absent_and_is_overwritten(url: str) -> None:
    store = ScoreStore.create(url, MANIFEST)
    write(store, "late_2", [(16, 16)])
    writer = store.writer("late", ["0", "1"])
    writer.add((21, 34), field((21, 34), 1))
    with pytest.raises(InputError, match="expected 2 frames, got 1"):
        writer.close()
    again = ScoreStore.create(url, {**MANIFEST, "commit": "later"})
    assert (again.finished("late"), again.videos()) == (False, ["late_2"])
    with pytest.raises(InputError, match="expected a finished one, got 'late'"):
        again.scores("late", "0")
    write(again, "late", [(16, 16)] * 2, seed=3)
    assert ScoreStore.open(url).videos() == ["late", "late_2"]  # a name that begins another's leaves that one alone
    np.testing.assert_allclose(softmax(again.scores("late", "00000171")), softmax(field((16, 16), 4)), atol=1e-3)
    with pytest.raises(KeyError):
        again._group["late/21x34"]


def test_two_shards_on_a_server_see_what_the_other_has_written(url: str) -> None:
    first, second = ScoreStore.create(url, MANIFEST), ScoreStore.create(url, MANIFEST)
    assert first.videos() == second.videos() == []
    write(first, "a", [(16, 16)])
    write(second, "b", [(16, 16)], seed=1)
    assert first.videos() == second.videos() == ["a", "b"]
    assert first.finished("b")
    assert second.finished("a")


def test_on_a_server_other_predictions_and_other_files_are_left_alone(url: str) -> None:
    write(ScoreStore.create(url, MANIFEST), "v", [(16, 16)])
    with pytest.raises(InputError, match=r'predict: expected {"flip": false}'):
        ScoreStore.create(url, {**MANIFEST, "predict": {"flip": False}})
    for overwrite in (False, True):
        with pytest.raises(InputError, match="got a folder of other files"):
            ScoreStore.create(url.removesuffix("/a.zarr"), MANIFEST, overwrite=overwrite)
    assert ScoreStore.open(url).videos() == ["v"]
    assert ScoreStore.create(url, {**MANIFEST, "predict": {}}, overwrite=True).videos() == []


@pytest.mark.parametrize("place", ["local", "server"])
def test_what_a_stopped_overwriting_leaves_is_neither_read_nor_gone_on_with(
    place: str, url: str, tmp_path: Path, monkeypatch
) -> None:
    from zarr.storage import FsspecStore, LocalStore

    where = url if place == "server" else str(tmp_path / "a.zarr")
    write(ScoreStore.create(where, MANIFEST), "v", [(16, 16)])

    async def lost(self, prefix: str) -> None:
        raise OSError(errno.EIO, "connection lost")

    for kind in (FsspecStore, LocalStore):
        monkeypatch.setattr(kind, "delete_dir", lost)
    with pytest.raises(InputError, match="connection lost"):
        ScoreStore.create(where, MANIFEST, overwrite=True)
    monkeypatch.undo()
    for call in (lambda: ScoreStore.open(where), lambda: ScoreStore.create(where, MANIFEST)):
        with pytest.raises(InputError, match="--overwrite"):
            call()
    assert ScoreStore.create(where, MANIFEST, overwrite=True).videos() == []
