"""Export of a network to torch.export or ONNX, with a check that the file computes what the network computes.

What leaves is the map from images ``(B, 3, H, W)``, normalised float32, to class scores ``(B, K, h, w)`` at stride 4,
float32. Resized bilinearly to ``(H, W)``, their softmax over K is the distribution P. H and W are fixed in the file,
because windows and position tables are laid out for them; B is one, or free.
"""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from vspwlib.checks import check_choice, check_range, fail
from vspwlib.models.segmenter import semantic_scores

INPUT, OUTPUT = "images", "scores"

#: Formats and how the names of their files end.
FORMATS = {"torch": ".pt2", "onnx": ".onnx"}

#: Entry of a ``.pt2`` file with the metadata, which ``torch.export.load(path, extra_files={METADATA: ""})`` fills in.
METADATA = "metadata.json"

#: Largest difference of a score that counts as rounding, as a share of the largest score, or of 1 where that is less.
TOLERANCE = 1e-4

Run = Callable[[Tensor], Tensor]


class SemanticScores(nn.Module):
    """A network whose output is the tensor of class scores alone: other runtimes know no ``SegOutput``."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images ``(B, 3, H, W)`` to float32 scores ``(B, K, h, w)`` at stride 4."""
        return semantic_scores(self.network(images))


@dataclass(frozen=True)
class Agreement:
    """How far an exported file is from its network, on random images.

    Attributes:
        error: Largest absolute difference of a score.
        largest: Largest absolute score of the network, which the error is to be seen against.
        other_labels: Share of grid cells whose best class is another one, 0 to 1.
    """

    error: float
    largest: float
    other_labels: float

    @classmethod
    def between(cls, expected: Tensor, got: Tensor) -> "Agreement":
        """Compare the network's scores ``(B, K, h, w)`` with the file's.

        >>> Agreement.between(torch.tensor([[[[2.0]], [[1.0]]]]), torch.tensor([[[[2.0]], [[2.5]]]]))
        Agreement(error=1.5, largest=2.0, other_labels=1.0)
        """
        return cls(
            error=(expected - got).abs().max().item(),
            largest=expected.abs().max().item(),
            other_labels=(expected.argmax(dim=1) != got.argmax(dim=1)).float().mean().item(),
        )

    def within(self, tolerance: float) -> bool:
        """Tell whether the error is at most ``tolerance`` of the largest score, or of 1; that of a NaN never is."""
        return self.error <= tolerance * max(1.0, self.largest)


class ExportMismatch(Exception):  # noqa: N818  a finding about the file, not a mistake in the call
    """An exported file does not compute what its network computes; it was deleted."""

    def __init__(self, agreement: Agreement, tolerance: float) -> None:
        super().__init__(
            f"scores of up to {agreement.largest:.3g} differ by up to {agreement.error:.2e}, "
            f"where a share of {tolerance:.0e} counts as rounding"
        )
        self.agreement = agreement


@torch.no_grad()  # throughout: torch.onnx runs the graph again, where gradients give attention another memory layout
def export(
    network: nn.Module,
    path: Path,
    *,
    kind: str,
    size: tuple[int, int],
    metadata: Mapping[str, Any],
    dynamic_batch: bool = False,
    opset: int | None = None,
    tolerance: float = TOLERANCE,
) -> Agreement:
    """Write a network to a file; before it gets its name, it is loaded and compared with the network.

    Args:
        network: Maps images ``(B, 3, H, W)`` to :class:`~vspwlib.models.segmenter.SegOutput`; on the CPU, in float32.
            It is left in evaluation mode.
        path: File to write; an existing one is replaced. ONNX weights beyond 1.5 GB lie beside, in ``<path>.data``.
        kind: One of :data:`FORMATS`.
        size: ``(H, W)`` of the images.
        metadata: JSON values that go into the file: in ONNX an entry each, in torch.export one, :data:`METADATA`.
        dynamic_batch: Leave B free instead of one.
        opset: Version of ONNX's operators; None takes the exporter's own.
        tolerance: Largest error that passes, as :data:`TOLERANCE`.

    Returns:
        How well the file agrees, on other images than it was traced with.

    Raises:
        InputError: when a package is not installed, or the network does not fit the format; nothing is written then.
        ExportMismatch: when the file computes something else; nothing is left behind then.
    """
    check_choice("--format", kind, FORMATS)
    check_range("size", min(size), 1)
    if kind == "onnx":
        _require_onnx()
    module = SemanticScores(network)
    module.eval()
    generator = torch.Generator().manual_seed(0)
    # With a free batch two images are traced, because torch.export takes a size of one for a constant.
    traced, fresh = (
        torch.randn(images, 3, *size, generator=generator) for images in ((2, 3) if dynamic_batch else (1, 1))
    )
    program = _trace(module, traced, dynamic_batch=dynamic_batch)
    # In a folder of its own under its final name: an ONNX graph names the file of its weights, which then cannot move.
    folder = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    folder.mkdir(parents=True)
    try:
        run = _write(program, folder / path.name, kind=kind, metadata=metadata, opset=opset)
        agreement = Agreement.between(module(fresh), run(fresh))
        if not agreement.within(tolerance):
            raise ExportMismatch(agreement, tolerance)
        for written in sorted(folder.iterdir(), reverse=True):  # weights before the graph that names them
            written.replace(path.with_name(written.name))
    finally:
        shutil.rmtree(folder)
    return agreement


def _require_onnx() -> None:
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        fail(
            "--format onnx",
            expected="onnx, onnxscript and onnxruntime to be installed",
            got=f"no {', '.join(missing)}",
            fix="pip install 'vspwlib[export]'.",
        )


def _trace(module: nn.Module, images: Tensor, *, dynamic_batch: bool) -> ExportedProgram:
    shapes = {INPUT: {0: Dim("batch", min=1)}} if dynamic_batch else None
    try:
        return torch.export.export(module, (images,), dynamic_shapes=shapes, strict=False)
    except (RuntimeError, ValueError) as error:
        got = _first_line(error)
        if dynamic_batch and "batch" in str(error):
            fail("--dynamic-batch", expected="a network that takes any batch", got=got, fix="leave it out.")
        fix = "let forward() decide nothing by the values of a tensor."
        fail("network", expected="one that torch.export can trace", got=got, fix=fix)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _write(program: ExportedProgram, path: Path, *, kind: str, metadata: Mapping[str, Any], opset: int | None) -> Run:
    """Write the program; return the function that the file computes, loaded from it."""
    if kind == "torch":
        torch.export.save(program, path, extra_files={METADATA: json.dumps(dict(metadata))})
        loaded: Run = torch.export.load(path).module()
        return loaded
    return _write_onnx(program, path, metadata=metadata, opset=opset)


def _write_onnx(program: ExportedProgram, path: Path, *, metadata: Mapping[str, Any], opset: int | None) -> Run:
    import onnxruntime
    from torch.onnx import OnnxExporterError

    try:
        converted = torch.onnx.export(
            program, dynamo=True, input_names=[INPUT], output_names=[OUTPUT], opset_version=opset, verbose=False
        )
    except OnnxExporterError as error:
        got = _first_line(error.__cause__ or error)
        fail("network", expected="operators that ONNX has", got=got, fix="take --format torch.")
    if converted is None:  # only where a file is named
        raise TypeError("torch.onnx.export: expected an ONNXProgram, got None.")
    for name, value in metadata.items():
        converted.model.metadata_props[name] = value if isinstance(value, str) else json.dumps(value)
    converted.save(path)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors: it warns about every constant that it leaves to run time
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(images: Tensor) -> Tensor:
        return torch.from_numpy(session.run([OUTPUT], {INPUT: images.numpy()})[0])

    return run
