"""Names in a store, and what is refused before anything is touched."""

import errno
import json
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vspwlib.checks import InputError
from vspwlib.predict.store import ScoreStore
from vspwlib.predict.store_files import address, faults, linked, node_name, refuse_foreign


@settings(deadline=None)
@given(names=st.sets(st.text(min_size=1, max_size=12), min_size=2, max_size=4))
def test_every_video_has_a_group_name_of_its_own_that_zarr_allows(names: set[str]) -> None:
    found = {node_name(name) for name in names if name.encode("utf-8", "ignore").decode() == name}
    assert len(found) == sum(name.encode("utf-8", "ignore").decode() == name for name in names)
    for name in found:
        assert name.isascii()
        assert "/" not in name
        assert name.strip(".")
        assert not name.startswith("__")


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk: expected room .* got none left .*same command again"),
        (PermissionError(errno.EACCES, "Permission denied"), "expected access, got Permission denied"),
        (ValueError("checksum"), r"got damage \(checksum\) \(here\). Fix: mend it."),
        (FileNotFoundError("x"), "got a missing file"),
        (ImportError("Install s3fs to access S3"), "Install s3fs"),
    ],
)
def test_faults_become_one_message(raised: Exception, message: str) -> None:
    with pytest.raises(InputError, match=message), faults("here", fix="mend it."):
        raise raised


def test_a_message_passes_as_it_is() -> None:
    with pytest.raises(InputError, match=r"^mine$"), faults("here"):
        raise InputError("mine")


def test_what_is_no_store_is_refused_and_left_alone(tmp_path) -> None:
    file, folder, other = tmp_path / "file", tmp_path / "folder", tmp_path / "other.zarr"
    file.write_text("x")
    folder.mkdir()
    (folder / "thesis.tex").write_text("x")
    other.mkdir()
    (other / "zarr.json").write_text(json.dumps({"zarr_format": 3, "node_type": "array"}))
    for path, got in ((file, "a file"), (folder, "a folder of other files"), (other, "a zarr store of something else")):
        with pytest.raises(InputError, match=f"expected a prediction store or nothing, got {got}"):
            refuse_foreign(str(path), "ours")
    assert (folder / "thesis.tex").exists()


def test_nothing_an_empty_folder_our_store_and_a_broken_one_may_be_written(tmp_path) -> None:
    refuse_foreign(str(tmp_path / "new"), "ours")
    (tmp_path / "zarr.0123abcd.partial").write_text("{")  # which a kill has left
    refuse_foreign(str(tmp_path), "ours")
    (tmp_path / "zarr.json").write_text(json.dumps({"attributes": {"kind": "ours"}}))
    refuse_foreign(str(tmp_path), "ours")
    (tmp_path / "zarr.json").write_text("{")
    refuse_foreign(str(tmp_path), "ours")


def test_a_client_error_of_any_kind_is_one_message_and_a_local_one_is_ours() -> None:
    class NoCredentialsError(Exception):  # botocore's has no other base either
        pass

    with (
        pytest.raises(InputError, match=r"got Unable .*s3://b/a/v.*credentials in the environment"),
        faults("s3://b/a/v"),
    ):
        raise NoCredentialsError("Unable to locate credentials")
    with pytest.raises(InputError, match=r"nothing there \(no such bucket\)"), faults("s3://b/a"):
        raise FileNotFoundError("no such bucket")
    with pytest.raises(NoCredentialsError), faults("/a"):
        raise NoCredentialsError


@pytest.mark.parametrize("begin", [ScoreStore.open, lambda url: ScoreStore.create(url, {"run": "a"})])
def test_an_unknown_protocol_and_a_missing_client_are_told_apart(begin, monkeypatch) -> None:
    with pytest.raises(InputError, match=r"expected a known protocol, got s4:// .*s3://bucket/name"):
        begin("s4://bucket/a.zarr")
    monkeypatch.setitem(sys.modules, "s3fs", None)  # as where it is not installed
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    with pytest.raises(InputError, match=r"known kind of address, got Install s3fs .*Fix: install it"):
        begin("s3://bucket/a.zarr")


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(InputError, match="without a password") as refused:
        address("ftp://me:hunter2@host/a.zarr")
    assert "hunter2" not in str(refused.value)


def test_a_file_may_say_where_a_store_is(tmp_path) -> None:
    file = tmp_path / "a.zarr"
    assert linked(file) is linked(tmp_path) is None
    for text in ("", "[]", '{"store": 3}', '{"store": "/not/on/a/server"}'):
        file.write_text(text)
        assert linked(file) is None
        assert address(file) == str(file)
        with pytest.raises(InputError):
            ScoreStore.open(file)
        with pytest.raises(InputError, match="got a file"):
            ScoreStore.create(file, {"run": "a"}, overwrite=True)
    file.write_text('{"store": "s3://bucket/a.zarr"}')
    assert address(file) == linked(file) == "s3://bucket/a.zarr"


def test_a_client_that_remembers_listings_does_not_hide_videos_of_other_processes() -> None:
    from fsspec import register_implementation
    from fsspec.implementations.memory import MemoryFileSystem

    class Remembering(MemoryFileSystem):
        """Files of ``memory://`` with the cache of listings that s3fs has."""

        protocol = "remembering"

        @classmethod
        def _strip_protocol(cls, path):
            return super()._strip_protocol(path.replace("remembering://", "memory://"))

        def ls(self, path, detail=True, **kwargs):
            try:
                found = self.dircache[path]
            except KeyError:
                found = self.dircache[path] = super().ls(path, detail=True)
            return found if detail else sorted(one["name"] for one in found)

    register_implementation("remembering", Remembering, clobber=True)
    scores = np.zeros((6, 4, 4), np.float32)
    stated = {"run": "a", "num_classes": 6}
    ours = ScoreStore.create("remembering://bucket/listed.zarr", stated)
    ours.write_video("a", ["0"], [(16, 16)], [scores])
    assert ours.videos() == ["a"]
    ScoreStore.create("memory://bucket/listed.zarr", stated).write_video("b", ["0"], [(16, 16)], [scores])
    assert ours.videos() == ["a", "b"]
