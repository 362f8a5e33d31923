"""Every row of Table 1 trains, keeps its weights and predicts: on a tiny data set, and on real driving video."""

import numpy as np
import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.config import override
from vspwlib.models.checkpoint import save_weights
from vspwlib.models.zoo import build
from vspwlib.pipeline.prediction import load_network, predict
from vspwlib.pipeline.training import train
from vspwlib.recipes import RECIPES, recipe
from vspwlib.runs import Workspace

ROWS = [name for name in RECIPES if name.startswith("t1_")]
SHORT = {
    "train.iterations": "3",
    "train.batch_size": "2",
    "train.workers": "0",
    "train.log_every": "1",
    "train.val_every": "0",
    "optim.warmup": "0",
    "loss.points": "256",
}


def short(row, profile, **settings):
    return override(recipe(row, profile), SHORT | settings)


@pytest.mark.parametrize("row", ROWS)
def test_a_row_trains_and_predicts(row, tiny_data, tmp_path):
    workspace = Workspace.locate(tmp_path)
    plan = short(row, "mini", **{"augment.crop": "[32,64]", "predict.window": "[32,64]", "predict.stride": "[32,64]"})
    plan = override(plan, {"augment.short_side": "32", "predict.short_side": "32", "val_split": "val"})
    run = train(plan, workspace, {"vspw": tiny_data}, device="cpu")
    losses = [record["loss"] for record in run.log() if "loss" in record]
    assert len(losses) == 3
    assert np.isfinite(losses).all()
    _, counts = predict(run, workspace, "val", data={"vspw": tiny_data}, device="cpu")
    assert counts.frames == 20


@pytest.mark.parametrize("row", ROWS)
def test_a_row_trains_on_real_video(row, shared, tmp_path):
    plan = short(row, "camvid", **{"train.iterations": "2", "train.workers": "0"})
    run = train(plan, Workspace.locate(tmp_path), {"vspw": shared / "data/camvid"}, device="cpu")
    assert [record["step"] for record in run.log() if "loss" in record] == [1, 2]
    network = load_network(run, which="last")
    assert all(tensor.isfinite().all() for tensor in network.state_dict().values() if tensor.is_floating_point())


def test_layer_decay_checkpointing_and_dropout_reach_the_training(tiny_data, tmp_path):
    settings = {
        "augment.crop": "[32,32]",
        "augment.short_side": "32",
        "optim.layer_decay": "0.9",
        "optim.decay_rule": "beit",
        "model.checkpointing": "true",
        "model.decoder_dropout": "0.5",
        "model.drop_path": "0.5",
    }
    plan = short("t1_beitv2", "mini", **settings)
    run = train(plan, Workspace.locate(tmp_path), {"vspw": tiny_data}, device="cpu")
    state = torch.load(next(run.path.rglob("*.pt")), weights_only=True)
    scales = {group["lr_scale"] for group in state["optimizer"]["param_groups"]}
    assert min(scales) == pytest.approx(0.9 ** (8 + 1))
    assert max(scales) == 1.0


def test_a_run_starts_from_anothers_weights(tiny_data, tmp_path):
    """A file of another class count and another crop: everything but classifiers and resized tables is taken."""
    torch.manual_seed(5)
    source = build("mask2former_beitv2_adapter_tiny", num_classes=9, image_size=(64, 64))
    save_weights(tmp_path / "other.safetensors", source.state_dict())
    settings = {"augment.crop": "[32,64]", "augment.short_side": "32", "optim.lr": "0.0", "train.iterations": "1"}
    plan = short("t1_beitv2", "mini", **settings, **{"model.init": str(tmp_path / "other.safetensors")})
    run = train(plan, Workspace.locate(tmp_path / "workspace"), {"vspw": tiny_data}, device="cpu")
    note = next(record["note"] for record in run.log() if record["kind"] == "init")
    assert "9 classes are not ours" in note
    trained, began = load_network(run, which="last").state_dict(), source.state_dict()
    assert torch.equal(trained["backbone.patch_embed.proj.weight"], began["backbone.patch_embed.proj.weight"])
    assert torch.equal(trained["decode_head.query_feat.weight"], began["decode_head.query_feat.weight"])
    assert trained["decode_head.cls_embed.weight"].shape[0] == 125
    table = "backbone.blocks.0.attn.relative_position_bias_table"
    assert trained[table].shape != began[table].shape


def test_weights_that_are_not_there_leave_no_run(tiny_data, tmp_path):
    plan = short("t1_swin", "mini", **{"model.init": str(tmp_path / "none.pth")})
    with pytest.raises(InputError, match=r"model\.init"):
        train(plan, Workspace.locate(tmp_path), {"vspw": tiny_data}, device="cpu")
    assert not list(tmp_path.glob("runs/*"))
