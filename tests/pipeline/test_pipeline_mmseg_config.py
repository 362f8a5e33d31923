"""Models of mmseg's configs as predictions of the workspace: equal to our own, resumable, and kept apart by name."""

import numpy as np
import pytest
import torch

from tests.mmseg_bridge.tiny_config import PIPELINE, PREPROCESSOR, save, tiny_config
from tests.pipeline.score_stores import every_frame, score_stores
from vspwlib.checks import InputError
from vspwlib.data.index import open_split
from vspwlib.ensemble.rule import choose_rule
from vspwlib.mmseg_bridge.other_classes import other_classes
from vspwlib.models.checkpoint import save_weights
from vspwlib.models.zoo import build
from vspwlib.pipeline.building import build_predictor
from vspwlib.pipeline.fusing import write_ensemble
from vspwlib.pipeline.mmseg_config import predict_mmseg_config
from vspwlib.pipeline.prediction import weights_digest
from vspwlib.pipeline.scoring import score, stored_truth
from vspwlib.predict.split import predict_split
from vspwlib.predict.store import ScoreStore
from vspwlib.runs import read_json, scores_file

LOAD, ANNOTATE, PACK = PIPELINE
SWIN = {
    "type": "SwinTransformer",
    "embed_dims": 48,
    "depths": (2, 2, 4, 2),
    "num_heads": (2, 4, 8, 16),
    "window_size": 6,
}
UPER = {"type": "UPerHead", "in_channels": [48, 96, 192, 384], "in_index": [0, 1, 2, 3], "channels": 96}
SLIDE = {"mode": "slide", "crop_size": (32, 32), "stride": (16, 16)}


@pytest.fixture
def made(tmp_path):
    return score_stores(tmp_path)


@pytest.fixture
def files(tmp_path):
    return save(tmp_path / "theirs", tiny_config())


def predict(made, files, name="theirs", **settings):
    return predict_mmseg_config(*files, made.workspace, name, **{"root": made.data, "split": "val", **settings})


MODELS = {
    "mmseg's own": {
        "type": "EncoderDecoder",
        "data_preprocessor": PREPROCESSOR,
        "backbone": SWIN,
        "decode_head": {**UPER, "pool_scales": (1, 2, 3, 6), "num_classes": 124, "norm_cfg": {"type": "SyncBN"}},
        "test_cfg": SLIDE,
    },
    "VSPWNetwork": {
        "type": "VSPWNetwork",
        "network": "upernet_swin_tiny",
        "init": "timm",  # which is not fetched
        "data_preprocessor": PREPROCESSOR,
        "test_cfg": SLIDE,
    },
}


@pytest.mark.parametrize("kind", MODELS)
def test_a_network_that_both_have_gives_the_same_store(tmp_path, tiny_data, tiny_recipe, kind):
    torch.manual_seed(0)
    network = build("upernet_swin_tiny").eval()
    save_weights(tmp_path / "weights.safetensors", network.state_dict())
    (tmp_path / "their.py").write_text(f"model = {MODELS[kind]!r}\ntest_pipeline = {PIPELINE!r}\n")
    files = tmp_path / "their.py", tmp_path / "weights.safetensors"
    found = predict(score_stores(tmp_path), files, root=tiny_data, settings={"flip": "true"})
    ours = ScoreStore.create(tmp_path / "ours.zarr", {"run": "ours"})
    predict_split(build_predictor(tiny_recipe(), network, device="cpu"), open_split(tiny_data, "val"), ours)
    assert ScoreStore.open(found.store).checksum() == ours.checksum()
    assert found.dropped == (0 if kind == "VSPWNetwork" else 8)


def test_the_store_says_what_it_is_and_serves_as_any_other(made, files):
    reports = []
    found = predict(made, files, progress=lambda done, total: reports.append((done, total)))
    assert found.store == made.workspace.predictions("theirs", "tiny", "val")
    assert (found.counts.videos, found.counts.frames, reports[-1]) == (2, 5, (5, 5))
    assert found.notes == [f"left out: {found.dropped} tensors of auxiliary heads"]
    stated = ScoreStore.open(found.store).manifest
    assert (stated["run"], stated["dataset"], stated["split"]) == ("theirs", "tiny", "val")
    assert stated["weights"] == weights_digest(files[1])
    whole = {"window": [65536, 65536], "stride": [65536, 65536], "short_side": None, "flip": False}
    assert whole.items() <= stated["predict"].items()
    assert (stated["predict"]["mmseg"], len(stated["predict"]["config"])) == ("their.py", 16)
    assert {"mmseg", "mmcv", "mmengine", "torch"} <= stated["versions"].keys()
    result = score(found.store, *stored_truth(found.store))
    assert read_json(scores_file(found.store), "scores")["provenance"]["predict"] == stated["predict"]
    assert result.confusion.sum() > 1000
    assert write_ensemble(made.workspace, ["theirs", "a"], "val", choose_rule(2, tau=0.4), "pair").frames == 5


def test_shards_and_stopped_calls_go_on_in_one_store(made, files, tmp_path):
    whole = ScoreStore.open(predict(made, files, "whole").store)
    first = predict(made, files, shard=(0, 2))
    with pytest.raises(InputError, match=r"none for 2_bbbbbbbbbbb.*give its `vspw import mmseg-config` again"):
        write_ensemble(made.workspace, ["theirs", "a"], "val", choose_rule(2, tau=0.4), "pair")
    assert (first.counts.videos, first.counts.kept) == (1, 0)
    second = predict(made, files, shard=(1, 2))
    assert (second.counts.videos, second.counts.kept, second.store) == (1, 0, first.store)
    assert predict(made, files).counts.kept == 2
    assert ScoreStore.open(first.store).checksum() == whole.checksum()
    others = save(tmp_path / "others", tiny_config(), seed=1)
    with pytest.raises(InputError, match=r"weights: expected .* --overwrite predicts anew"):
        predict(made, others)
    with pytest.raises(InputError, match=r"predict: expected .*"):
        predict(made, files, settings={"flip": "true"})
    assert predict(made, others, overwrite=True).counts.kept == 0
    assert ScoreStore.open(first.store).checksum() != whole.checksum()


def test_settings_take_the_place_of_the_configs(made, tmp_path):
    resize = {"type": "Resize", "scale": (2048, 24), "keep_ratio": True}
    files = save(tmp_path / "slide", tiny_config(test_cfg=SLIDE, pipeline=[LOAD, resize, PACK]))
    stated = ScoreStore.open(predict(made, files).store).manifest["predict"]
    assert (stated["short_side"], stated["window"], stated["stride"]) == (24, [32, 32], [16, 16])
    changes = {"short_side": "none", "window": "[16,16]", "stride": "[8,12]", "flip": "true"}
    changed = ScoreStore.open(predict(made, files, "changed", settings=changes).store).manifest["predict"]
    assert (changed["short_side"], changed["window"], changed["stride"]) == (None, [16, 16], [8, 12])
    assert changed["flip"] is True
    with pytest.raises(InputError, match="did you mean 'stride'"):
        predict(made, files, "wrong", settings={"strid": "[8,12]"})


def test_a_config_that_does_not_say_how_it_tests_needs_a_short_side(made, files):
    text = files[0].read_text()
    files[0].write_text("\n".join(line for line in text.splitlines() if not line.startswith("test_")))
    with pytest.raises(InputError, match=r"expected a test pipeline, .*, got none .*their.py.* --set short_side=480"):
        predict(made, files)
    assert predict(made, files, settings={"short_side": "none"}).counts.frames == 5


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("trained", "expected a new name, got 'trained', a run"),
        ("pair", "expected a new name, got 'pair', an ensemble or an import"),
        ("a", "expected a new name, got 'a', other predictions"),
        ("../a", "expected a name that can be a folder's"),
    ],
)
def test_a_name_that_is_taken_is_refused(made, files, name, message):
    made.workspace.create_run("trained", {}, {}, overwrite=False)
    write_ensemble(made.workspace, ["a", "b"], "val", choose_rule(2, tau=0.4), "pair")
    before = [ScoreStore.open(store).checksum() for store in made.workspace.stored_predictions()]
    with pytest.raises(InputError, match=message):
        predict(made, files, name, overwrite=True)
    assert [ScoreStore.open(store).checksum() for store in made.workspace.stored_predictions()] == before


def test_a_model_that_is_refused_leaves_no_trace(made, tmp_path):
    files = save(tmp_path / "other", tiny_config(num_classes=150))
    with pytest.raises(InputError, match=r"expected 124 classes, got 150"):
        predict(made, files)
    assert not made.workspace.predictions("theirs", "tiny", "val").parent.exists()


def test_a_model_of_another_data_set_is_read_through_a_mapping(made, tmp_path):
    classes = other_classes("ade20k")
    notes = {"dataset_meta": {"classes": classes.names}}
    files = save(tmp_path / "ade", tiny_config(num_classes=150), notes=notes)
    with pytest.raises(InputError, match=r"expected 124 classes, got 150 .* --mapping ade20k"):
        predict(made, files)
    found = predict(made, files, mapping="ade20k")
    assert found.unknown == ()
    store = ScoreStore.open(found.store)
    assert (store.manifest["predict"]["mapping"], store.manifest["predict"]["targets"]) == ("ade20k", classes.digest)
    winners = {int(one) for video, frame in every_frame() for one in np.unique(store.scores(video, frame).argmax(0))}
    assert winners <= set(classes.targets)
    assert len(winners) > 3
    with pytest.raises(InputError, match="num_classes: expected 171 classes, got 150"):
        predict(made, files, "wrong", mapping="cocostuff")
