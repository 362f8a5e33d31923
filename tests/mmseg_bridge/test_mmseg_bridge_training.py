"""mmseg's Runner on the documented config, made small, and on a network of the zoo."""

import copy
import json
import math
import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from vspwlib.data.images import read_raw_mask
from vspwlib.data.index import open_split
from vspwlib.losses.contrastive import pixel_contrast_loss
from vspwlib.metrics.scoring import score_split
from vspwlib.models.initialise import initialise
from vspwlib.models.zoo import build
from vspwlib.pipeline.mmseg_config import predict_mmseg_config
from vspwlib.predict.labels import StoreLabels
from vspwlib.predict.store import ScoreStore
from vspwlib.runs import Workspace

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ITERATIONS = 3
SMALL_MODEL = {
    "model.backbone.embed_dims": 8,
    "model.backbone.depths": [1, 1, 1, 1],
    "model.backbone.num_heads": [1, 1, 2, 2],
    "model.backbone.drop_path_rate": 0.0,
    "model.backbone.init_cfg": None,
    "model.decode_head.in_channels": [8, 16, 32, 64],
    "model.decode_head.channels": 16,
    "model.decode_head.projection_channels": 8,
    "model.auxiliary_head.in_channels": 32,
    "model.auxiliary_head.channels": 8,
    "model.data_preprocessor.size": (32, 32),
}


def small(repository: Path, data: Path, place: Path, **model) -> Config:
    """The documented config on the tiny data for a few iterations; what it says about size is overridden."""
    config = Config.fromfile(repository / "docs/mmseg_config.py")
    if model:
        config.model = model
    config.merge_from_dict(
        {
            **({} if model else SMALL_MODEL),
            "work_dir": str(place),
            "experiment_name": place.name,
            "train_dataloader.num_workers": 0,
            "train_dataloader.persistent_workers": False,
            "train_dataloader.dataset.data_root": str(data),
            "train_dataloader.dataset.crop": (32, 32),
            "train_dataloader.dataset.length": 2 * ITERATIONS,
            "val_dataloader.num_workers": 0,
            "val_dataloader.persistent_workers": False,
            "val_dataloader.dataset.data_root": str(data),
            "optim_wrapper.optimizer.lr": 1e-3,
            "param_scheduler": None,
            "train_cfg.max_iters": ITERATIONS,
            "train_cfg.val_interval": ITERATIONS,
            "default_hooks.logger.interval": 1,
            "default_hooks.checkpoint.interval": ITERATIONS,
            "log_level": "WARNING",
        }
    )
    for unused in ("test_dataloader", "test_evaluator", "test_cfg"):
        config.pop(unused)
    return config


def logged(place: Path) -> list[dict]:
    """What the Runner wrote to its log: one record an iteration, one a validation."""
    (file,) = place.glob("*/vis_data/scalars.json")
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture(scope="module")
def trained(repository, bridge_data, tmp_path_factory):
    place = tmp_path_factory.mktemp("contrast")
    torch.manual_seed(0)
    runner = Runner.from_cfg(small(repository, bridge_data, place))
    first = {name: parameter.detach().clone() for name, parameter in runner.model.named_parameters()}
    runner.train()
    return runner, place, first


def test_the_contrastive_term_is_logged_and_trained(trained):
    runner, place, first = trained
    records = [record for record in logged(place) if "loss" in record]
    terms = {"decode.loss_ce", "decode.loss_dice", "decode.loss_nce", "aux.loss_ce"}
    assert len(records) == ITERATIONS
    for record in records:
        assert {name for name in record if "loss" in name} == {"loss", *terms}
        assert all(math.isfinite(record[name]) and record[name] > 0 for name in terms)
        assert record["loss"] == pytest.approx(sum(record[name] for name in terms), rel=1e-4)
    now = dict(runner.model.named_parameters())
    assert not torch.equal(first["decode_head.projection.weight"], now["decode_head.projection.weight"])


def test_its_gradient_reaches_the_backbone_and_it_is_the_librarys_loss(trained):
    runner, *_ = trained
    model = copy.deepcopy(runner.model).train()  # batch norm would move with every pass
    data = model.data_preprocessor(next(iter(runner.train_dataloader)), training=True)
    samples = data["data_samples"]
    assert [sample.metainfo["clip_id"] for sample in samples] == [0, 0, 1, 1]
    model.zero_grad()
    value = model.loss(**data)["decode.loss_nce"]
    value.backward()
    for name in ("decode_head.projection", "backbone.patch_embed.projection", "decode_head.fpn_bottleneck.conv"):
        assert model.get_submodule(name).weight.grad.abs().sum() > 0
    assert model.decode_head.conv_seg.weight.grad is None
    head = model.decode_head
    features = head.projection(head._forward_feature(model.extract_feat(data["inputs"])))
    labels = torch.cat([sample.gt_sem_seg.data for sample in samples])
    clips = features.unflatten(0, (2, 2)), labels.unflatten(0, (2, 2))
    assert value.item() == pytest.approx(0.1 * pixel_contrast_loss(*clips, normalize=True).item(), rel=1e-5)


def test_validation_gives_the_librarys_scores(trained, bridge_data):
    runner, place, _ = trained
    predicted = {}
    for batch in runner.val_dataloader:
        (sample,) = runner.model.eval().val_step(batch)
        predicted[sample.img_path] = sample.pred_sem_seg.data[0].numpy()
    videos = [
        (video.name, [(f.name, predicted[str(f.image)], read_raw_mask(f.mask)) for f in video.frames])
        for video in open_split(bridge_data, "val").videos
    ]
    score = score_split(videos)
    (record,) = [record for record in logged(place) if "vspw/mIoU" in record]
    assert record["vspw/mIoU"] == pytest.approx(100 * score.miou, rel=1e-12)
    assert record["vspw/VC8"] == pytest.approx(100 * score.consistency(8), rel=1e-12)
    assert list(place.glob("best_vspw_mIoU_iter_*.pth"))


def test_what_the_runner_leaves_is_predicted_by_ours_as_by_mmseg(trained, bridge_data, tmp_path):
    runner, place, _ = trained
    files = place / "mmseg_config.py", place / f"iter_{ITERATIONS}.pth"
    found = predict_mmseg_config(*files, Workspace(tmp_path), "theirs", root=bridge_data, split="val")
    assert found.unknown == ()
    ours = StoreLabels(ScoreStore.open(found.store))
    for batch in runner.val_dataloader:
        (sample,) = runner.model.eval().val_step(batch)
        image = Path(sample.img_path)
        ids = ours.labels(image.parent.parent.name, image.stem)
        same = ids == sample.pred_sem_seg.data[0].numpy()
        assert same.mean() > 0.99  # the store rounds to fp16, and three iterations leave many scores close


def test_a_network_of_the_zoo_trains_and_its_file_is_read_by_ours(repository, bridge_data, tmp_path):
    page = (repository / "docs/mmseg.md").read_text("utf-8")
    (block,) = [block for block in BLOCK.findall(page) if "VSPWNetwork" in block]
    names: dict[str, dict] = {}
    exec(compile(block, "docs/mmseg.md", "exec"), names)
    tiny = {"network": "upernet_swin_tiny", "image_size": (32, 32), "init": "none"}
    runner = Runner.from_cfg(small(repository, bridge_data, tmp_path, **{**names["model"], **tiny}))
    runner.train()
    first, *_, last = logged(tmp_path)
    assert {name for name in first if "loss" in name} == {"loss", "loss_ce", "loss_dice", "loss_aux", "loss_nce"}
    assert math.isfinite(last["vspw/mIoU"])
    trained = dict(runner.model.network.named_parameters())  # with the projection of the contrastive loss, which stays
    (published,) = tmp_path.glob(f"iter_{ITERATIONS}-*.pth")  # of the published keys alone
    for file in (published, tmp_path / f"iter_{ITERATIONS}.pth"):  # the other with optimiser, logs and all
        network = build("upernet_swin_tiny")
        report = initialise(network, "upernet_swin_tiny", str(file))
        assert report.loaded == report.total
        assert all(torch.equal(parameter, trained[name]) for name, parameter in network.named_parameters())
