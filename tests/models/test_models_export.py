"""Export: files that compute what the network computes, refused where they do not, and nothing left half-written."""

import functools
import json

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from vspwlib.checks import InputError
from vspwlib.models.export import FORMATS, METADATA, Agreement, ExportMismatch, export
from vspwlib.models.ops.dcnv3 import dcnv3
from vspwlib.models.ops.deformable_attention import DeformableAttention, pixel_centres
from vspwlib.models.segmenter import SegOutput, semantic_scores
from vspwlib.models.zoo import NETWORKS, build

SIZE = (24, 40)


class Pixels(nn.Module):
    """A per-pixel network of one convolution, a sampled convolution and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 4, stride=4)
        self.offsets, self.mask = nn.Linear(8, 2 * 9 * 2), nn.Linear(8, 2 * 9)
        self.classifier = nn.Conv2d(8, 5, 1)
        self.dropout = nn.Dropout(0.5)  # shows whether the export is in evaluation mode

    def forward(self, images: Tensor) -> SegOutput:
        features = self.stem(images).permute(0, 2, 3, 1).contiguous()
        mixed = dcnv3(features, self.offsets(features), self.mask(features), kernel=(3, 3), groups=2)
        return SegOutput(logits=self.classifier(self.dropout(mixed).permute(0, 3, 1, 2)))


class Queries(nn.Module):
    """A query network: deformable attention over two levels, then six queries that attend to each other."""

    def __init__(self) -> None:
        super().__init__()
        self.fine, self.coarse = nn.Conv2d(3, 8, 4, stride=4), nn.Conv2d(3, 8, 8, stride=8)
        self.attention = DeformableAttention(8, heads=2, levels=2)
        self.queries, self.classes = nn.Embedding(6, 8), nn.Linear(8, 5)
        self.reading, self.bias = nn.Linear(8, 24), nn.Parameter(torch.zeros(2, 6, 6))

    def forward(self, images: Tensor) -> SegOutput:
        maps = [self.fine(images), self.coarse(images)]
        shapes = [(level.shape[2], level.shape[3]) for level in maps]
        tokens = torch.cat([level.flatten(2).transpose(1, 2) for level in maps], dim=1)
        centres = pixel_centres(shapes, device=tokens.device, dtype=tokens.dtype)
        tokens = tokens + self.attention(tokens, centres, tokens, shapes)
        fine = tokens[:, : shapes[0][0] * shapes[0][1]].transpose(1, 2).unflatten(2, shapes[0])
        queries = self.queries.weight.expand(images.shape[0], -1, -1) + tokens[:, :6]
        joint = self.reading(queries).unflatten(-1, (3, 2, 4)).permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(*joint, attn_mask=self.bias)
        queries = queries + mixed.transpose(1, 2).reshape(images.shape[0], 6, 8)
        masks = torch.einsum("bqc,bchw->bqhw", queries, fine)
        return SegOutput(class_logits=self.classes(queries), mask_logits=masks)


class Odd(nn.Module):
    """A network with one of the faults that an export has to notice."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault = fault
        self.classifier = nn.Conv2d(3, 5, 4, stride=4)

    def forward(self, images: Tensor) -> SegOutput:
        if self.fault == "decides by values" and images.mean() > 0:
            images = -images
        if self.fault == "fixes the batch":
            images = images.view(int(images.shape[0] / 1.0), *images.shape[1:])
        if self.fault == "exports otherwise" and torch.compiler.is_exporting():
            images = 1.001 * images
        return SegOutput(logits=self.classifier(images))


def load(path, kind):
    """The function in a file, and its metadata, read as another program would read them."""
    if kind == "torch":
        found = {METADATA: ""}
        module = torch.export.load(path, extra_files=found).module()
        return lambda images: module(images).detach(), json.loads(found[METADATA])
    session = onnxruntime.InferenceSession(path)
    entries = session.get_modelmeta().custom_metadata_map
    (argument,), (result,) = session.get_inputs(), session.get_outputs()
    assert (argument.name, result.name) == ("images", "scores")
    return lambda images: torch.from_numpy(session.run(None, {"images": images.numpy()})[0]), entries


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(("make", "dynamic"), [(Pixels, False), (Queries, True)])
def test_a_file_computes_the_scores(make, dynamic, kind, tmp_path):
    torch.manual_seed(1)
    network = make()
    path = tmp_path / f"network{FORMATS[kind]}"
    metadata = {"stride": 4, "classes": ["wall", "sky"], "network": "mine"}
    agreement = export(network, path, kind=kind, size=SIZE, metadata=metadata, dynamic_batch=dynamic)
    assert agreement.error <= 1e-5
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    run, entries = load(path, kind)
    if kind == "torch":
        assert entries == metadata
    else:
        assert entries == {"stride": "4", "classes": '["wall", "sky"]', "network": "mine"}
    assert not network.training
    images = torch.randn(4 if dynamic else 1, 3, *SIZE)
    with torch.no_grad():
        torch.testing.assert_close(run(images), semantic_scores(network(images)), atol=1e-5, rtol=1e-5)


def test_agreement_is_the_largest_error_and_the_share_of_other_labels():
    rng = np.random.default_rng(0)
    expected, got = rng.normal(size=(2, 2, 5, 4, 3))
    got[0] = expected[0]
    found = Agreement.between(torch.from_numpy(expected), torch.from_numpy(got))
    assert found.error == pytest.approx(max(abs(a - b) for a, b in zip(expected.flat, got.flat, strict=True)))
    assert found.largest == pytest.approx(np.abs(expected).max())
    assert found.other_labels == pytest.approx((expected.argmax(1) != got.argmax(1)).mean())


@pytest.mark.parametrize(
    ("error", "largest", "passes"),
    [(9e-4, 10.0, True), (2e-3, 10.0, False), (9e-5, 0.1, True), (2e-4, 0.1, False), (float("nan"), 1.0, False)],
)
def test_tolerance_is_a_share_of_the_largest_score(error, largest, passes):
    assert Agreement(error=error, largest=largest, other_labels=0.0).within(1e-4) is passes


def test_a_file_that_differs_is_not_left_behind(tmp_path):
    with pytest.raises(ExportMismatch, match="differ by up to") as found:
        export(Odd("exports otherwise"), tmp_path / "a.pt2", kind="torch", size=SIZE, metadata={})
    assert 1e-4 < found.value.agreement.error < 1e-2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("fault", "dynamic", "message"),
    [
        ("decides by values", False, "network: expected one that"),
        ("fixes the batch", True, "--dynamic-batch: expected"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(fault, dynamic, message, tmp_path):
    with pytest.raises(InputError, match=message):
        export(Odd(fault), tmp_path / "a.pt2", kind="torch", size=SIZE, metadata={}, dynamic_batch=dynamic)
    assert list(tmp_path.iterdir()) == []


def test_an_absent_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("vspwlib.models.export.find_spec", lambda name: None if name == "onnxscript" else name)
    with pytest.raises(InputError, match=r"got no onnxscript\. Fix: pip install 'vspwlib\[export\]'"):
        export(Pixels(), tmp_path / "a.onnx", kind="onnx", size=SIZE, metadata={})


def test_large_weights_lie_in_a_file_beside(tmp_path, monkeypatch):
    monkeypatch.setattr(
        torch.onnx.ONNXProgram, "save", functools.partialmethod(torch.onnx.ONNXProgram.save, external_data=True)
    )
    network = Odd("none")
    export(network, tmp_path / "a.onnx", kind="onnx", size=SIZE, metadata={})
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.onnx", "a.onnx.data"]
    run, _ = load(tmp_path / "a.onnx", "onnx")
    images = torch.randn(1, 3, *SIZE)
    torch.testing.assert_close(run(images), network(images).logits.detach(), atol=1e-5, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NETWORKS if name.endswith("_tiny") and "eva" not in name])
def test_every_tiny_network_exports_at_a_size_that_is_padded_inside(name, tmp_path):
    torch.manual_seed(2)
    agreement = export(build(name, num_classes=5), tmp_path / "network", kind="onnx", size=(70, 90), metadata={})
    assert agreement.error <= 1e-4 * max(1.0, agreement.largest)
