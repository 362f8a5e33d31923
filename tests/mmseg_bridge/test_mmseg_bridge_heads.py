"""The head: UPerHead and nothing else but for one more term, which is the library's loss on the head's own features."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.models.decode_heads import UPerHead
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from tests.losses.contrast_oracle import by_loops
from vspwlib.checks import InputError
from vspwlib.losses.contrastive import pixel_contrast_loss
from vspwlib.mmseg_bridge.heads import VSPWContrastUPerHead

SHARED = {
    "in_channels": [8, 16, 32, 64],
    "in_index": [0, 1, 2, 3],
    "channels": 12,
    "num_classes": 5,
    "norm_cfg": {"type": "BN"},
}


@pytest.fixture
def batch():
    """Four frames, a backbone's maps that want gradients, and data samples without clips."""
    torch.manual_seed(0)
    maps = [torch.randn(4, 8 * 2**i, 8 >> i, 8 >> i, requires_grad=True) for i in range(4)]
    samples = [SegDataSample(gt_sem_seg=PixelData(data=torch.randint(0, 5, (1, 32, 32)))) for _ in range(4)]
    samples[0].gt_sem_seg.data[:, :10] = 255
    return maps, samples


def name_clips(samples, clips):
    for sample, clip in zip(samples, clips, strict=True):
        sample.set_metainfo({"clip_id": clip})


def build(**settings):
    torch.manual_seed(1)
    return MODELS.build({"type": "VSPWContrastUPerHead", **SHARED, **settings})


def test_keys_are_those_of_mmsegs_head_and_the_projection():
    theirs = UPerHead(**SHARED).state_dict()
    with_projection = build(projection_channels=7).state_dict()
    assert with_projection.keys() - theirs.keys() == {"projection.weight", "projection.bias"}
    assert theirs.keys() <= with_projection.keys()
    assert all(with_projection[key].shape == tensor.shape for key, tensor in theirs.items())
    assert with_projection["projection.weight"].shape == (7, 12, 1, 1)
    assert build(projection_channels=None).state_dict().keys() == theirs.keys()


def test_it_predicts_and_loses_as_mmsegs_head_does(batch):
    maps, samples = batch
    ours, theirs = build(), UPerHead(**SHARED)
    theirs.load_state_dict(ours.state_dict(), strict=False)
    torch.manual_seed(2)  # of the dropout
    losses = ours.loss(maps, samples, None)
    torch.manual_seed(2)
    wanted = theirs.loss(maps, samples, None)
    assert losses.keys() - wanted.keys() == {"loss_nce"}
    assert all(torch.equal(losses[name], value) for name, value in wanted.items())
    assert torch.equal(ours.eval()(maps), theirs.eval()(maps))


@pytest.mark.parametrize("projection", [None, 6])
def test_the_term_is_the_loss_on_the_heads_features(batch, projection):
    maps, samples = batch
    name_clips(samples, ["a", "b", "a", "b"])
    head = build(projection_channels=projection, loss_contrast={"type": "VSPWPixelContrast", "loss_weight": 0.2})
    value = head.loss(maps, samples, None)["loss_nce"]
    with torch.no_grad():
        features = head.projection(head._forward_feature(maps))
    labels = torch.cat([sample.gt_sem_seg.data for sample in samples])
    direct = pixel_contrast_loss(features, labels, clip_ids=[0, 1, 0, 1], temperature=0.1, normalize=True)
    assert value.item() == pytest.approx(0.2 * direct.item(), rel=1e-6)
    assert value.item() > 0.1
    unit = torch.nn.functional.normalize(features.double(), dim=1).movedim(1, -1)
    centres = labels[:, 2::4, 2::4]
    clips = [(unit[[0, 2]], centres[[0, 2]]), (unit[[1, 3]], centres[[1, 3]])]
    looped = [by_loops(x.reshape(-1, x.shape[-1]).numpy(), ids.flatten().numpy(), 0.1) for x, ids in clips]
    assert value.item() == pytest.approx(0.2 * sum(looped) / 2, rel=1e-5)


def test_its_gradient_reaches_projection_head_and_backbone(batch):
    maps, samples = batch
    head = build()
    head.loss(maps, samples, None)["loss_nce"].backward()
    assert all(level.grad.abs().sum() > 0 for level in maps)
    without = {name for name, parameter in head.named_parameters() if parameter.grad is None}
    assert without == {"conv_seg.weight", "conv_seg.bias"}
    assert all(
        parameter.grad.abs().sum() > 0 for name, parameter in head.named_parameters() if name == "projection.weight"
    )


def test_frames_without_a_clip_are_clips_of_their_own(batch):
    maps, samples = batch
    head = build()
    alone = head.loss(maps, samples, None)["loss_nce"]
    name_clips(samples, [3, 2, 1, 0])
    assert torch.equal(head.loss(maps, samples, None)["loss_nce"], alone)
    name_clips(samples, [0, 0, 0, 0])
    assert not torch.isclose(head.loss(maps, samples, None)["loss_nce"], alone)


def test_a_name_already_among_the_losses_is_refused():
    with pytest.raises(InputError, match="a loss_name besides loss_ce, got loss_ce"):
        VSPWContrastUPerHead(**SHARED, loss_contrast={"type": "VSPWPixelContrast", "loss_name": "loss_ce"})
