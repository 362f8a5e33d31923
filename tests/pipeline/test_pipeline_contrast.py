"""Rows of Table 3 train, stop and go on, predict and hand on their weights: on a tiny data set, and on real video."""

import numpy as np
import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.config import override
from vspwlib.models.checkpoint import read_weights
from vspwlib.pipeline.prediction import load_network, predict
from vspwlib.pipeline.training import train
from vspwlib.recipes import recipe
from vspwlib.runs import Workspace

SHORT = {
    "train.iterations": "3",
    "train.workers": "0",
    "train.log_every": "1",
    "train.val_every": "0",
    "optim.warmup": "0",
    "optim.ema": "none",
    "loss.points": "256",
}
SMALL = {
    "augment.crop": "[32,64]",
    "augment.short_side": "32",
    "predict.window": "[32,64]",
    "predict.stride": "[32,64]",
    "predict.short_side": "32",
    "train.batch_size": "1",
}


def short(row, profile="mini", **settings):
    return override(recipe(row, profile), SHORT | (SMALL if profile == "mini" else {}) | settings)


def losses(run):
    return [record["loss_nce"] for record in run.log() if "loss_nce" in record]


@pytest.mark.parametrize("row", ["t3_nce2", "t3_nce4"])
def test_a_row_trains_and_predicts(row, tiny_data, tmp_path):
    workspace = Workspace.locate(tmp_path)
    run = train(short(row), workspace, {"vspw": tiny_data}, device="cpu")
    assert len(losses(run)) == 3
    assert np.isfinite(losses(run)).all()
    assert min(losses(run)) > 0.01
    _, counts = predict(run, workspace, "val", data={"vspw": tiny_data}, device="cpu")
    assert counts.frames == 20


def test_the_control_has_neither_loss_nor_head(tiny_data, tmp_path):
    run = train(short("t3_clips2"), Workspace.locate(tmp_path), {"vspw": tiny_data}, device="cpu")
    assert losses(run) == []
    assert not [name for name in read_weights(run.weights("last")) if "embedding_head" in name]


@pytest.mark.parametrize(
    "settings",
    [
        {"contrast.bank": "200", "contrast.bank_patches": "20"},
        {"contrast.learn_temperature": "true", "contrast.projection": "mlp", "contrast.level": "backbone"},
        {"contrast.anchors": "sampled"},
        {"contrast.negatives": "image", "contrast.anchor_weights": "balanced", "contrast.projection": "none"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_options_train(settings, tiny_data, tmp_path):
    run = train(short("t3_nce2", **settings), Workspace.locate(tmp_path), {"vspw": tiny_data}, device="cpu")
    assert len(losses(run)) == 3
    assert np.isfinite(losses(run)).all()
    if "contrast.learn_temperature" in settings:
        assert float(read_weights(run.weights("last"))["embedding_head.log_temperature"].exp()) != 0.1


def test_weights_go_from_a_row_with_the_head_to_one_without_and_back(tiny_data, tmp_path):
    still = {"optim.lr": "0.0", "train.iterations": "1"}
    first = train(short("t3_nce2"), Workspace.locate(tmp_path / "a"), {"vspw": tiny_data}, device="cpu")
    source = first.weights("last")
    for name, row in (("b", "t3_baseline"), ("c", "t3_nce2")):
        settings = still | {"model.init": str(source)} | ({"train.batch_size": "2"} if row == "t3_baseline" else {})
        run = train(short(row, **settings), Workspace.locate(tmp_path / name), {"vspw": tiny_data}, device="cpu")
        trained, began = load_network(run, which="last").state_dict(), read_weights(source)
        for key in ("decode_head.conv_seg.weight", "backbone.patch_embed.projection.weight"):
            assert torch.equal(trained[key], began[key])
        source = run.weights("last")


def test_a_contradiction_is_refused():
    with pytest.raises(InputError, match="at most one of bank"):
        short("t3_nce2", **{"contrast.bank": "100", "contrast.negatives": "image"})


@pytest.mark.parametrize("row", ["t3_nce2", "t3_nce4"])
def test_a_row_trains_on_real_video(row, shared, tmp_path):
    plan = short(row, "camvid", **{"train.iterations": "2"})
    run = train(plan, Workspace.locate(tmp_path), {"vspw": shared / "data/camvid"}, device="cpu")
    assert len(losses(run)) == 2
    assert 0.05 < losses(run)[0] < 1.5  # 0.1 times a few nats
