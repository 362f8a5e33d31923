"""Mask2Former's head: official keys and outputs, what evaluation leaves out, every size, gradients, autocast."""

import json
from dataclasses import replace

import pytest
import torch

from tests.official import mask2former as official
from tests.official import vit_adapter
from tests.official.fixture import Fixture
from vspwlib.checks import InputError
from vspwlib.models.heads.mask2former import SIZES, Mask2FormerSize, build_mask2former
from vspwlib.models.segmenter import semantic_scores

WIDTHS = (8, 12, 16, 20)
SMALL = Mask2FormerSize(
    channels=32,
    queries=7,
    encoder_layers=2,
    encoder_heads=4,
    decoder_layers=4,
    decoder_heads=4,
    feedforward=48,
    decoder_feedforward=40,
    groups=8,
)
KEY_LISTS = {
    "large": "vit_adapter_beitv2_l_mask2former_ade20k_keys.json",
    "eva_9dec": "eva_g_mask2former_keys.json",
    "eva_8dec": "eva_g_mask2former_norelpos_8dec_keys.json",
}


def build(size=SMALL, *, seed=0, **options):
    torch.manual_seed(seed)
    return build_mask2former(WIDTHS, size, num_classes=5, **options)


def maps(height=64, width=96, *, batch=2, seed=1):
    torch.manual_seed(seed)
    sides = [(-(-height // stride), -(-width // stride)) for stride in (4, 8, 16, 32)]
    return [torch.randn(batch, channels, *side) for channels, side in zip(WIDTHS, sides, strict=True)]


def tensors(output):
    return [output.class_logits, output.mask_logits, *(logits for pair in output.intermediate for logits in pair)]


@pytest.mark.parametrize(("height", "width"), [(64, 96), (61, 83), (33, 32), (20, 150)])
def test_every_size_gives_stride_4(height, width):
    head = build().eval()
    features = maps(height, width)
    with torch.inference_mode():
        output = head(features)
    assert output.class_logits.shape == (2, 7, 6)
    assert output.mask_logits.shape == (2, 7, *features[0].shape[2:])
    assert output.embedding.shape == (2, 32, *features[1].shape[2:])
    assert semantic_scores(output).shape == (2, 5, *features[0].shape[2:])


def test_evaluation_leaves_earlier_predictions_out_unless_asked():
    head = build()
    features = maps()
    trained = head(features)
    head.eval()
    plain, asked = head(features), head(features, intermediate=True)
    assert (len(trained.intermediate), len(plain.intermediate), len(asked.intermediate)) == (4, 0, 4)
    for own, other in zip(tensors(asked), tensors(trained), strict=True):
        torch.testing.assert_close(own, other)
    assert torch.equal(plain.mask_logits, asked.mask_logits)
    first_classes, first_masks = asked.intermediate[0]
    assert first_classes.shape == plain.class_logits.shape
    assert first_masks.shape == plain.mask_logits.shape
    torch.testing.assert_close(first_classes[0], first_classes[1])  # from the raw queries: the same for all images


def test_images_of_a_batch_do_not_see_each_other():
    head = build().eval()
    features = maps()
    with torch.inference_mode():
        both, alone = head(features), head([level[1:] for level in features])
    torch.testing.assert_close(both.mask_logits[1:], alone.mask_logits, atol=1e-4, rtol=1e-4)


def test_gradients_reach_every_parameter():
    head = build()
    with torch.no_grad():  # initial sampling offsets do not look at the query, nor therefore at its position
        for weight in head.parameters():
            weight.add_(torch.randn_like(weight) * 0.01)
    sum(logits.square().mean() for logits in tensors(head(maps()))).backward()
    untouched = [name for name, weight in head.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert untouched == []


def test_checkpointing_gives_the_same_gradients():
    gradients = []
    for checkpointing in (False, True):
        head = build(checkpointing=checkpointing, dropout=0.2)
        torch.manual_seed(2)
        sum(logits.square().mean() for logits in tensors(head(maps()))).backward()
        gradients.append({name: weight.grad for name, weight in head.named_parameters()})
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, msg=name)


def test_dropout_reaches_both_decoders():
    head = build(dropout=0.25)
    rates = {name: module.p for name, module in head.named_modules() if isinstance(module, torch.nn.Dropout)}
    assert set(rates.values()) == {0.25}
    assert {name.partition(".")[0] for name in rates} == {"pixel_decoder", "transformer_decoder"}


def test_bfloat16_autocast_stays_close():
    head = build(SIZES["tiny"]).eval()
    features = maps()
    with torch.inference_mode():
        exact = semantic_scores(head(features))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = head(features)
        rough = semantic_scores(output)
    assert output.mask_logits.dtype == torch.bfloat16
    assert (rough - exact).abs().mean() < 0.01 * exact.abs().mean()


def test_a_few_steps_learn():
    """The last and the earlier predictions of one image move towards a target."""
    head = build()
    features, target = maps(batch=1), torch.tensor([0, 1, 2, 3, 4, 5, 5])
    optimizer = torch.optim.AdamW(head.parameters(), lr=1e-3)
    losses = []
    for _ in range(20):
        output = head(features)
        predicted = [output.class_logits, *(classes for classes, _ in output.intermediate)]
        loss = sum(torch.nn.functional.cross_entropy(logits[0], target) for logits in predicted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_masks_may_have_channels_of_their_own():
    head = build(replace(SMALL, mask_channels=12)).eval()
    assert head.mask_embed[4].out_features == head.pixel_decoder.mask_feature.out_channels == 12
    with torch.inference_mode():
        assert head(maps()).mask_logits.shape == (2, 7, 16, 24)


def test_misfits_are_refused():
    with pytest.raises(InputError, match="a multiple of 8, got 36"):
        replace(SMALL, channels=36)
    with pytest.raises(InputError, match="expected four maps, got 3"):
        build()(maps()[:3])


@pytest.mark.parametrize("name", KEY_LISTS)
def test_keys_and_shapes_are_those_released(name, shared):
    listed = json.loads((shared / "reference/keys" / KEY_LISTS[name]).read_text())["keys"]
    shapes = {key: value["shape"] if isinstance(value, dict) else value for key, value in listed.items()}
    expected = {key.removeprefix("decode_head."): shape for key, shape in shapes.items() if "decode_head." in key}
    width = expected["pixel_decoder.input_convs.0.conv.weight"][1]
    with torch.device("meta"):
        head = build_mask2former([width] * 4, SIZES[name], num_classes=150)
    assert {key: list(tensor.shape) for key, tensor in head.state_dict().items()} == expected


def test_equals_the_official_outputs(shared):
    found = list(official.run(Fixture(shared / "reference/fixtures/mask2former_head_a.npz")))
    assert len(found) == 8
    assert [check for check in found if not check.passed] == []


@pytest.mark.parametrize(("name", "outputs"), [("vit_adapter_a", 56), ("vit_adapter_seg_a", 8)])
def test_the_whole_network_equals_the_official_outputs(name, outputs, shared):
    found = list(vit_adapter.run(Fixture(shared / f"reference/fixtures/{name}.npz")))
    assert len(found) == outputs
    assert [check for check in found if not check.passed] == []
