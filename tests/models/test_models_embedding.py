"""The embedding head: levels, widths, length 1, and that prediction does not change by it."""

import pytest
import torch
from torch import nn

from vspwlib.checks import InputError
from vspwlib.models.compare import compare
from vspwlib.models.embedding import EmbeddingHead, add_embedding_head
from vspwlib.models.segmenter import SegOutput
from vspwlib.models.zoo import NETWORKS, build

UPERNET, MASK2FORMER = "upernet_swin_tiny", "mask2former_beitv2_adapter_tiny"


def with_head(name, **options):
    torch.manual_seed(0)
    network = build(name, num_classes=5)
    add_embedding_head(network, backbone_channels=NETWORKS[name].hyper_parameters().channels, **options)
    return network


@pytest.mark.parametrize(
    ("name", "level", "stride"),
    [
        (UPERNET, "decoder", 4),
        (UPERNET, "backbone", 8),
        (MASK2FORMER, "decoder", 8),
        (MASK2FORMER, "backbone", 8),
        (MASK2FORMER, "mask_features", 4),
    ],
)
@pytest.mark.parametrize("projection", ["linear", "mlp", "none"])
def test_levels_have_their_strides_and_length_one(name, level, stride, projection):
    network = with_head(name, level=level, projection=projection, channels=24)
    output = network(torch.randn(2, 3, 64, 96))
    channels = output.embedding.shape[1]
    assert output.embedding.shape == (2, channels, 64 // stride, 96 // stride)
    assert (channels == 24) == (projection != "none")
    torch.testing.assert_close(output.embedding.norm(dim=1), torch.ones(2, 64 // stride, 96 // stride))
    output.embedding.square().mul(torch.randn_like(output.embedding)).sum().backward()
    reached = [name for name, value in network.named_parameters() if value.grad is not None and value.grad.any()]
    assert any(name.startswith("backbone") for name in reached)
    assert (projection == "none") == (not any(name.startswith("embedding_head") for name in reached))


def test_linear_projection_is_the_product_written_out():
    head = EmbeddingHead(6, channels=4, normalize=False)
    maps = torch.randn(1, 6, 2, 3)
    weight, bias = head.projection.weight[:, :, 0, 0], head.projection.bias
    expected = torch.einsum("oc,bchw->bohw", weight, maps) + bias[:, None, None]
    torch.testing.assert_close(head([], maps).features, expected)


def test_a_learned_temperature_is_a_parameter_that_does_not_decay():
    network = with_head(UPERNET, temperature=0.07)
    output = network(torch.randn(2, 3, 32, 32))
    assert float(output.temperature.detach()) == pytest.approx(0.07)
    parameter = dict(network.named_parameters())["embedding_head.log_temperature"]
    assert parameter.ndim == 0
    assert with_head(UPERNET)(torch.randn(2, 3, 32, 32)).temperature is None


def test_predictions_stay_as_they_are():
    torch.manual_seed(0)
    plain = build(UPERNET, num_classes=5).eval()
    headed = with_head(UPERNET).eval()
    images = torch.randn(1, 3, 40, 40)
    with torch.inference_mode():
        assert torch.equal(plain(images).logits, headed(images).logits)


def test_files_may_lack_the_head_or_have_one_too_many():
    plain = {"backbone.x": (1,), "decode_head.y": (2,)}
    headed = plain | {"embedding_head.projection.weight": (256, 96, 1, 1)}
    assert compare(plain, headed).fits
    assert compare(headed, plain).fits
    assert "fresh" in compare(plain, headed).allowed["embedding_head.projection.weight"]


def test_levels_that_are_not_there_are_refused():
    with pytest.raises(InputError, match=r"contrast\.level: expected one of backbone, decoder, got 'mask_features'"):
        with_head(UPERNET, level="mask_features")


def test_a_network_of_ones_own_hands_out_its_own():
    class Own(nn.Module):
        def forward(self, images):
            return SegOutput(logits=images, embedding=images)

    own = Own()
    add_embedding_head(own, projection="none")
    assert not list(own.parameters())
    with pytest.raises(InputError, match="embedding head: expected a network built as a Segmenter, got Own"):
        add_embedding_head(own, projection="linear")
