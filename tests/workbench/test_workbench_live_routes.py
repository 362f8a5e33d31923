"""Packs over HTTP: kept, never changed under one address, and nothing else of the disk is served."""

import gzip
import json
import os
import shutil
import time

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.workbench.conftest import FIRST, SECOND
from vspwlib.checks import InputError
from vspwlib.ensemble.rule import choose_rule
from vspwlib.pipeline.fusing import write_ensemble
from vspwlib.predict.store import ScoreStore
from workbench.live import routes
from workbench.live.routes import PREFIX, ROUTES, Clips


@pytest.fixture(autouse=True)
def clips(monkeypatch) -> Clips:
    """The clips of a server of this test's own."""
    monkeypatch.setattr(routes, "CLIPS", Clips())
    return routes.CLIPS


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=ROUTES))


def pair(workspace):
    return [workspace.predictions(run, "vspw", "test2") for run in (FIRST, SECOND)]


def test_a_pack_is_made_once_and_cached_for_ever(workspace, client, clips, monkeypatch):
    clip = clips.add(workspace, pair(workspace), "walk")
    first = client.get(f"/packs/{clip.key}/0.bin")
    assert (first.status_code, first.headers["content-encoding"]) == (200, "gzip")
    assert "immutable" in first.headers["cache-control"]
    assert first.content == clip.resource("0.bin")[0]
    monkeypatch.setattr(type(clip), "resource", lambda *_: pytest.fail("made again"))
    assert client.get(f"/packs/{clip.key}/0.bin").content == first.content
    kept = workspace.path / PREFIX / clip.key / "0.bin.gz"
    assert gzip.decompress(kept.read_bytes()) == first.content


def test_everything_a_view_asks_for(workspace, client, clips):
    key = clips.add(workspace, pair(workspace), "walk").key
    for name, kind in {
        "clip.json": "application/json",
        "timeline.json": "application/json",
        "scores/0/3/4": "application/json",
        "2.jpg": "image/jpeg",
        "2.bin": "application/octet-stream",
    }.items():
        found = client.get(f"/packs/{key}/{name}")
        assert (found.status_code, found.headers["content-type"]) == (200, kind)


def test_a_clip_is_answered_for_after_a_restart(workspace, client, clips, monkeypatch):
    key = clips.add(workspace, pair(workspace), "walk").key
    monkeypatch.setattr(routes, "CLIPS", Clips())
    assert client.get(f"/packs/{key}/clip.json").json()["key"] == key


def test_predictions_that_changed_have_another_address(workspace, client, clips, monkeypatch):
    key = clips.add(workspace, pair(workspace), "walk").key
    store = ScoreStore.open(pair(workspace)[0])
    scores = [store.scores("walk", frame)[::-1].copy() for frame in store.frames("walk")]
    again = ScoreStore.create(pair(workspace)[0], store.manifest)
    again.write_video("walk", store.frames("walk"), [(32, 48)] * 3, scores)
    assert clips.add(workspace, pair(workspace), "walk").key != key
    monkeypatch.setattr(routes, "CLIPS", Clips())
    found = client.get(f"/packs/{key}/clip.json")
    assert found.status_code == 404
    assert found.json()["error"]["got"] == "others since"


@pytest.mark.parametrize(
    "address",
    [
        "/packs/0/clip.json",
        f"/packs/{'0' * 32}/clip.json",
        f"/packs/{'A' * 32}/clip.json",
        "/packs/..%2F..%2F/clip.json",
        "/packs/%2e%2e/workspace.json",
        "/packs/{key}/source.json",
        "/packs/{key}/..%2fsource.json",
        "/packs/{key}/../../workspace.json",
        "/packs/{key}/%2e%2e/%2e%2e/workspace.json",
        "/packs/{key}/%2fetc%2fpasswd",
        "/packs/{key}/0.bin.gz",
        "/packs/{key}/7.bin",
        "/packs/{key}/0.bin%00",
        "/packs/{key}/scores/0/0/0/0",
    ],
)
def test_nothing_else_is_served(workspace, client, clips, address):
    key = clips.add(workspace, pair(workspace), "walk").key
    found = client.get(address.format(key=key))
    assert found.status_code == 404
    assert str(workspace.path) not in found.text
    assert b"passwd" not in found.content.replace(b"%2fetc%2fpasswd", b"").replace(b"/etc/passwd", b"")


def test_only_reading_is_allowed(workspace, client, clips):
    key = clips.add(workspace, pair(workspace), "walk").key
    assert client.post(f"/packs/{key}/clip.json").status_code == 405
    assert client.delete(f"/packs/{key}/0.bin").status_code == 405


def test_the_clips_opened_longest_ago_go_first(workspace, clips, monkeypatch):
    old = clips.add(workspace, pair(workspace)[:1], "walk").key
    new = clips.add(workspace, pair(workspace), "walk").key
    for key, age in ((old, 100), (new, 50)):
        routes.answer(workspace, key, "0.bin")
        source = workspace.path / PREFIX / key / "source.json"
        os.utime(source, (time.time() - age,) * 2)
    size = sum(file.stat().st_size for file in (workspace.path / PREFIX / new).iterdir())
    monkeypatch.setattr(routes, "MOST_BYTES", size + 10)
    last = clips.add(workspace, pair(workspace), "yard").key
    assert {path.name for path in (workspace.path / PREFIX).iterdir()} == {new, last}


def test_open_clips_are_bounded(workspace, clips, monkeypatch):
    monkeypatch.setattr(routes, "MOST_OPEN", 1)
    first = clips.add(workspace, pair(workspace), "walk")
    clips.add(workspace, pair(workspace), "yard")
    assert clips.get(workspace, first.key) is not first
    assert json.loads(clips.get(workspace, first.key).resource("clip.json")[0])["video"] == "walk"


def test_an_open_clip_is_not_opened_again_until_something_changes(workspace, clips, tmp_path):
    root = tmp_path / "vspw"
    shutil.copytree(ScoreStore.open(pair(workspace)[0]).manifest["data_root"], root)
    for path in pair(workspace):
        manifest = path / "zarr.json"
        manifest.write_text(manifest.read_text().replace(ScoreStore.open(path).manifest["data_root"], str(root)))
    frame = root / "data" / "walk" / "origin" / "00000004.jpg"
    changes = {
        "an image": lambda: frame.write_bytes(frame.read_bytes()),
        "a mask": (root / "data" / "walk" / "mask" / "00000004.png").touch,
        "the sweep": workspace.sweep_file(FIRST, SECOND, "vspw", "test2").touch,
        "the list": (root / "test2.txt").touch,
        "the manifest": (pair(workspace)[1] / "zarr.json").touch,
        "the video's scores": (pair(workspace)[1] / "walk" / "zarr.json").touch,
        "another video's": (pair(workspace)[1] / "yard" / "zarr.json").touch,
    }
    clip = clips.add(workspace, pair(workspace), "walk")
    for what, change in changes.items():
        assert clips.add(workspace, pair(workspace), "walk") is clip
        time.sleep(0.01)  # or the stamp might be the same
        change()
        again = clips.add(workspace, pair(workspace), "walk")
        assert again is not clip, what
        clip = again
    assert clips.add(workspace, pair(workspace)[:1], "walk") is not clip
    assert clips.add(workspace, pair(workspace), "yard") is not clip
    shutil.copy(frame, frame.with_name("00000009.jpg"))
    with pytest.raises(InputError, match="none for walk/00000009"):
        clips.add(workspace, pair(workspace), "walk")
    frame.with_name("00000009.jpg").unlink()
    clips.add(workspace, pair(workspace), "walk")
    shutil.rmtree(pair(workspace)[1] / "yard")
    with pytest.raises(InputError, match="none for yard"):
        clips.add(workspace, pair(workspace), "walk")


def test_label_maps_that_change_are_seen(workspace, clips):
    folder = workspace.hard_predictions("votes", "vspw", "test2")
    write_ensemble(workspace, [FIRST, SECOND], "test2", choose_rule(2, vote=True), "votes", device="cpu")
    clip = clips.add(workspace, [folder], "walk")
    assert clips.add(workspace, [folder], "walk") is clip
    time.sleep(0.01)
    (folder / "walk" / "00000004.png").touch()
    assert clips.add(workspace, [folder], "walk").key != clip.key
