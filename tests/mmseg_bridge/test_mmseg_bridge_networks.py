"""Networks of the zoo as mmseg's models: our objective, our scores, our keys."""

import copy

import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.runner.checkpoint import get_state_dict, load_state_dict
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch.nn import functional

from vspwlib.checks import InputError
from vspwlib.losses.contrastive import pixel_contrast_loss
from vspwlib.mmseg_bridge.networks import VSPWNetwork
from vspwlib.models.checkpoint import save_weights
from vspwlib.models.segmenter import semantic_scores
from vspwlib.models.zoo import build
from vspwlib.train.objective import Objective

NAMES = ["upernet_swin_tiny", "upernet_internimage_tiny", "mask2former_beitv2_adapter_tiny"]
QUIET = {"drop_path": 0.0, "dropout": 0.0}
SIZE = (64, 64)


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope("mmseg")


def model(name, **settings):
    torch.manual_seed(0)
    settings = {"image_size": SIZE, "options": QUIET, "num_classes": 6, **settings}
    built = MODELS.build({"type": "VSPWNetwork", "network": name, **settings})
    assert isinstance(built, VSPWNetwork)
    return built


def own(name):
    torch.manual_seed(0)
    return build(name, image_size=SIZE, num_classes=6, **QUIET)


def batch(frames=2):
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(frames, 3, *SIZE, generator=generator)
    masks = torch.randint(0, 6, (frames, *SIZE), generator=generator)
    masks[0, :9] = 255
    info = {"ori_shape": (40, 52), "img_shape": (62, 60), "padding_size": (0, 4, 0, 2)}
    return images, masks, [SegDataSample(metainfo=info, gt_sem_seg=PixelData(data=mask[None])) for mask in masks]


@pytest.mark.parametrize("name", NAMES)
def test_loss_is_our_objective_and_all_of_it_is_trained(name):
    images, masks, samples = batch()
    settings = {"dice": 3.0, "points": 64}
    wrapped, network = model(name, objective=settings), own(name)
    torch.manual_seed(2)  # of the points that set losses draw
    losses = wrapped(images, samples, mode="loss")
    torch.manual_seed(2)
    wanted = Objective(**settings)(network(images), masks)
    assert losses.keys() == wanted.keys()
    assert all(torch.equal(losses[term], value) for term, value in wanted.items())
    total, logged = wrapped.parse_losses(losses)
    assert total.item() == pytest.approx(sum(value.item() for value in wanted.values()), rel=1e-6)
    assert logged.keys() == {"loss", *wanted}


@pytest.mark.parametrize("name", ["upernet_swin_tiny", "mask2former_beitv2_adapter_tiny"])
def test_the_contrastive_term_knows_the_clips(name):
    images, masks, samples = batch(4)
    for place, sample in enumerate(samples):
        sample.set_metainfo({"clip_id": place % 2})
    wrapped = model(name, contrast={"weight": 0.3}, embedding={"channels": 9}, objective={"points": 64})
    losses = wrapped(images, samples, mode="loss")
    embedding = wrapped.extract_feat(images).embedding
    assert embedding.shape[1] == 9
    wanted = 0.3 * pixel_contrast_loss(embedding, masks, clip_ids=[0, 1, 0, 1])
    assert losses["loss_nce"].item() == pytest.approx(wanted.item(), rel=1e-5)
    wrapped.parse_losses(losses)[0].backward()
    head = [value.grad for key, value in wrapped.named_parameters() if "embedding_head" in key]
    assert head
    assert all(grad.any() for grad in head)


@pytest.mark.parametrize("name", NAMES)
def test_predictions_are_our_scores_brought_to_the_frame(name):
    images, _, samples = batch()
    wrapped, network = model(name).eval(), own(name).eval()
    with torch.no_grad():
        scores = semantic_scores(network(images))
        assert torch.equal(wrapped(images), scores)
        done = wrapped(images, samples, mode="predict")
    unpadded = functional.interpolate(scores, size=SIZE, mode="bilinear", align_corners=False)[:, :, :62, :60]
    on_frame = functional.interpolate(unpadded, size=(40, 52), mode="bilinear", align_corners=False)
    for sample, mine in zip(done, on_frame, strict=True):
        assert torch.allclose(sample.seg_logits.data, mine, atol=1e-6)
        assert torch.equal(sample.pred_sem_seg.data[0], sample.seg_logits.data.argmax(dim=0))


def test_sliding_windows_average_their_scores():
    images, _, _ = batch(1)
    windows = {"mode": "slide", "crop_size": (64, 32), "stride": (64, 32)}
    wrapped, network = model("upernet_swin_tiny", test_cfg=windows).eval(), own("upernet_swin_tiny").eval()
    with torch.no_grad():
        (sample,) = wrapped(images, None, mode="predict")
        halves = [semantic_scores(network(half)) for half in images.split(32, dim=3)]
    want = [functional.interpolate(half, size=(64, 32), mode="bilinear", align_corners=False) for half in halves]
    assert torch.allclose(sample.seg_logits.data, torch.cat(want, dim=3)[0], atol=1e-6)


@pytest.mark.parametrize("save", [torch.nn.Module.state_dict, get_state_dict], ids=["torch", "mmengine"])
def test_keys_are_those_of_the_network(save):
    wrapped, network = model("upernet_swin_tiny"), own("upernet_swin_tiny")
    state = save(wrapped)
    assert state.keys() == network.state_dict().keys()
    assert all(torch.equal(state[key], value) for key, value in network.state_dict().items())
    other = model("upernet_swin_tiny")
    for parameter in other.parameters():
        torch.nn.init.zeros_(parameter)
    copied = copy.deepcopy(other)  # as for an average of weights
    other.load_state_dict(network.state_dict(), strict=True)
    load_state_dict(copied, network.state_dict(), strict=True)
    for model_ in (other, copied):
        assert all(torch.equal(a, b) for a, b in zip(model_.parameters(), network.parameters(), strict=True))
    nested = torch.nn.Sequential(wrapped).state_dict()
    assert nested.keys() == {f"0.{key}" for key in state}
    torch.nn.Sequential(other).load_state_dict(nested, strict=True)


def test_it_starts_from_a_file(tmp_path):
    torch.manual_seed(5)
    network = build("upernet_swin_tiny", num_classes=6)
    save_weights(tmp_path / "w.safetensors", network.state_dict())
    started = model("upernet_swin_tiny", init=str(tmp_path / "w.safetensors"))
    started.init_weights()  # which the Runner calls before it trains
    assert all(torch.equal(value, started.state_dict()[key]) for key, value in network.state_dict().items())
    with pytest.raises(InputError, match="an existing file"):
        model("upernet_swin_tiny", init=str(tmp_path / "no.pth"))
    with pytest.raises(InputError, match="did you mean 'upernet_swin_tiny'"):
        model("upernet_swin_tinny")
