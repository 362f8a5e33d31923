"""The resources of a clip against the files that they are made of."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.workbench.conftest import FIRST, FRAMES, SECOND, SIZE
from vspwlib.checks import InputError
from vspwlib.data.images import read_mask
from vspwlib.labels import CLASS_NAMES
from vspwlib.metrics.iou import confusion, miou
from vspwlib.predict.labels import StoreLabels
from vspwlib.predict.scores import probabilities
from vspwlib.predict.store import ScoreStore
from workbench.live.clip import Clip
from workbench.live.container import unpack
from workbench.live.timeline import TAUS, timeline

VIDEO = "yard"


def stores(workspace, *runs):
    return [workspace.predictions(run, "vspw", "test2") for run in runs]


@pytest.fixture
def pair(workspace) -> Clip:
    return Clip(workspace, stores(workspace, FIRST, SECOND), VIDEO)


def dense(path, frame):
    return probabilities(ScoreStore.open(path).scores(VIDEO, frame), SIZE).double().numpy()


def mask(path, frame):
    root = ScoreStore.open(path).manifest["data_root"]
    return read_mask(f"{root}/data/{VIDEO}/mask/{frame}.png")


def decode(clip, name):
    content, kind = clip.resource(name)
    assert kind == "application/json"
    return json.loads(content)


def test_what_a_pair_says_of_itself(pair, measured):
    found = decode(pair, "clip.json")
    assert [run["name"] for run in found["runs"]] == [FIRST, SECOND]
    assert (found["kind"], found["video"], found["split"], found["grid"]) == ("pair", VIDEO, "vspw-test2", 1000)
    assert [frame["name"] for frame in found["frames"]] == list(FRAMES)
    assert {(frame["width"], frame["height"], frame["truth"]) for frame in found["frames"]} == {(48, 32, True)}
    assert found["classes"] == list(CLASS_NAMES)
    assert len(found["palettes"]["glasbey"]) == 124 * 6
    sweep = measured.sweep()
    assert found["curve"]["miou"] == sweep.miou.tolist()
    assert found["curve"]["best"] == {"tau": sweep.best_tau, "miou": sweep.best_miou}


def test_a_pack_holds_the_labels_at_every_step_of_tau(pair, workspace):
    paths = stores(workspace, FIRST, SECOND)
    for index, frame in enumerate(FRAMES):
        found = unpack(pair.resource(f"{index}.bin")[0])
        p1, p2 = (dense(path, frame) for path in paths)
        assert np.array_equal(found.sections["truth"], mask(paths[0], frame))
        for k in (0, 137, 500, 1000):
            labels = found.sections["start"].copy()
            due = found.sections["step"] <= k
            labels.reshape(-1)[found.sections["pixel"][due]] = found.sections["label"][due]
            assert np.array_equal(labels, (k / 1000 * p1 + (1 - k / 1000) * p2).argmax(0))


def test_a_pair_that_was_never_swept_is_fused_on_demand(pair, workspace):
    swept = pair.resource("1.bin")
    other = Clip(workspace, stores(workspace, SECOND, FIRST), VIDEO)
    assert decode(other, "clip.json")["curve"] is None
    there, back = (unpack(content).sections for content in (swept[0], other.resource("1.bin")[0]))
    assert len(there["step"]) > 0
    assert np.array_equal(np.sort(back["pixel"]), np.sort(there["pixel"]))


def test_one_run_and_three(workspace):
    single = Clip(workspace, stores(workspace, FIRST), VIDEO)
    found = unpack(single.resource("2.bin")[0]).sections["labels.0"]
    store = ScoreStore.open(stores(workspace, FIRST)[0])
    assert np.array_equal(found, StoreLabels(store).labels(VIDEO, FRAMES[2]))
    joint = Clip(workspace, [*stores(workspace, FIRST, SECOND), *stores(workspace, FIRST)], VIDEO)
    parts = unpack(joint.resource("2.bin")[0]).sections
    assert parts["prob"].shape[0] == 3
    assert decode(joint, "clip.json")["approximate"] is True
    assert decode(joint, "clip.json")["kind"] == "joint"


def test_images_are_the_files_or_made_of_them(pair, workspace, tmp_path):
    root = ScoreStore.open(stores(workspace, FIRST)[0]).manifest["data_root"]
    content, kind = pair.resource("0.jpg")
    file = Path(root) / "data" / VIDEO / "origin" / f"{FRAMES[0]}.jpg"
    assert (content, kind) == (file.read_bytes(), "image/jpeg")


def test_the_scores_at_a_pixel(pair, workspace):
    found = decode(pair, "scores/1/30/17")
    for path, told in zip(stores(workspace, FIRST, SECOND), found["runs"], strict=True):
        p = dense(path, FRAMES[1])[:, 17, 30]
        np.testing.assert_allclose(told, p[found["classes"]], rtol=1e-5)
        assert {*np.argsort(-p)[:8]} <= {*found["classes"]}
    assert found["truth"] == mask(stores(workspace, FIRST)[0], FRAMES[1])[17, 30]
    assert decode(pair, "scores/1/2/0")["truth"] is None  # void


def test_the_timeline_is_that_of_the_frames(pair, workspace):
    found = timeline(pair)
    series = {row["key"]: row["values"] for row in found["series"]}
    paths = stores(workspace, FIRST, SECOND)
    maps = [[dense(path, frame).argmax(0) for frame in FRAMES] for path in paths]
    truths = [mask(paths[0], frame) for frame in FRAMES]
    for short, own in zip("AB", maps, strict=True):
        scores = [miou(confusion(ids.astype(np.uint8), truth)) for ids, truth in zip(own, truths, strict=True)]
        assert series[f"miou.{short}"] == pytest.approx(scores)
        assert found["worst"][f"miou.{short}"] == sorted(range(3), key=lambda index: scores[index])
        still = (truths[1] == truths[0]) & (truths[1] != 255)
        assert series[f"consistency.{short}"][0] is None
        assert series[f"consistency.{short}"][1] == pytest.approx((own[1] == own[0])[still].mean())
    assert series["disagreement"] == pytest.approx([(a != b).mean() for a, b in zip(*maps, strict=True)])
    curve = found["frame_miou"]["values"][2]
    assert len(curve) == found["frame_miou"]["taus"] == TAUS
    assert (curve[0], curve[-1]) == pytest.approx((series["miou.B"][2], series["miou.A"][2]))
    fused = (0.37 * dense(paths[0], FRAMES[2]) + 0.63 * dense(paths[1], FRAMES[2])).argmax(0).astype(np.uint8)
    assert curve[37] == pytest.approx(miou(confusion(fused, truths[2])))


def test_a_clip_without_truth(workspace):
    clip = Clip(workspace, [workspace.predictions(FIRST, "clips", "all")], VIDEO)
    assert "truth" not in unpack(clip.resource("0.bin")[0]).sections
    found = decode(clip, "timeline.json")
    assert [row["key"] for row in found["series"]] == ["consistency.A"]
    assert found["frame_miou"] is None


@pytest.mark.parametrize(
    "name",
    ["../clip.json", "clip.json/..", "3.bin", "9999999.bin", "-1.bin", "0.png", "scores/0/48/0", "scores/0/0/32", ""],
)
def test_other_names_are_refused(pair, name):
    with pytest.raises(InputError):
        pair.resource(name)


def test_what_makes_no_clip_is_refused(workspace):
    with pytest.raises(InputError, match="runs: expected 1 to 8, got 9"):
        Clip(workspace, stores(workspace, FIRST) * 9, VIDEO)
    with pytest.raises(InputError, match="nobody"):
        Clip(workspace, stores(workspace, FIRST), "nobody")
    with pytest.raises(InputError, match=r"expected (split|data set|the frames)"):
        Clip(workspace, [*stores(workspace, FIRST), workspace.predictions(FIRST, "clips", "all")], VIDEO)


def test_a_png_image_is_sent_as_a_jpeg(pair, tmp_path):
    from dataclasses import replace

    file = tmp_path / "a.png"
    Image.new("RGB", (8, 6), (250, 0, 0)).save(file)
    pair.frames[0] = replace(pair.frames[0], image=file)
    content, kind = pair.resource("0.jpg")
    assert kind == "image/jpeg"
    assert content[:2] == b"\xff\xd8"
