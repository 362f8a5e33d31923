"""DCNv3, operator and layer, as InternImage's own code computed them in float64: outputs and every gradient."""

import json
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from tests.official.fixture import Check, Fixture, compare, load_exactly
from vspwlib.models.ops.dcnv3 import DCNv3, dcnv3


def matches(fixture: Fixture) -> bool:
    """Recognise operator cases or layers by what they store."""
    return bool(_groups(fixture))


def run(fixture: Fixture) -> Iterator[Check]:
    """Compare every case and layer in float64, then in float32."""
    for dtype in (torch.float64, torch.float32):
        for kind, prefix in _groups(fixture):
            yield from (_operator if kind == "case" else _layer)(fixture, prefix, dtype)


def _groups(fixture: Fixture) -> list[tuple[str, str]]:
    """Return ("case", prefix) where offsets are stored, ("module", prefix) where a layer's parameters are."""
    cases = {name.removesuffix("offset") for name in fixture.names if name.endswith("/offset")}
    layers = {name.partition("param:")[0] for name in fixture.names if "/param:offset.weight" in name}
    return [*(("case", prefix) for prefix in sorted(cases)), *(("module", prefix) for prefix in sorted(layers))]


def _settings(fixture: Fixture, prefix: str) -> dict[str, Any]:
    if f"{prefix}params" in fixture:
        return json.loads(str(fixture.array(f"{prefix}params")))
    number = int("".join(filter(str.isdigit, prefix)))
    return fixture.meta["cases"][number]


def _tolerance(official: Tensor, dtype: torch.dtype) -> float:
    """Rounding grows with the largest value; a gradient sums over many pixels."""
    rate = 1e-10 if dtype == torch.float64 else 2e-5
    return rate * max(float(official.abs().max()), 1.0)


def _compare(fixture: Fixture, name: str, own: Tensor | None, dtype: torch.dtype) -> Iterator[Check]:
    if name in fixture:
        official = fixture.tensor(name)
        stored = torch.float32 if official.dtype == torch.float32 else dtype
        yield compare(name, own, official, _tolerance(official, stored))


def _operator(fixture: Fixture, prefix: str, dtype: torch.dtype) -> Iterator[Check]:
    settings = _settings(fixture, prefix)
    inputs = {name: fixture.tensor(prefix + name, dtype).requires_grad_() for name in ("input", "offset", "mask")}
    output = dcnv3(
        *inputs.values(),
        kernel=(settings["kernel_h"], settings["kernel_w"]),
        groups=settings["group"],
        stride=settings["stride"],
        padding=settings["pad"],
        dilation=settings["dilation"],
        offset_scale=settings["offset_scale"],
    )
    yield from _compare(fixture, f"{prefix}output", output, dtype)
    if f"{prefix}grad_output" in fixture:
        output.backward(fixture.tensor(f"{prefix}grad_output", dtype))
        for name, tensor in inputs.items():
            yield from _compare(fixture, f"{prefix}grad_{name}", tensor.grad, dtype)


def _layer(fixture: Fixture, prefix: str, dtype: torch.dtype) -> Iterator[Check]:
    settings = _settings(fixture, prefix)
    layer = DCNv3(
        settings["channels"],
        kernel=settings["kernel_size"],
        dw_kernel=settings.get("dw_kernel_size"),
        stride=settings["stride"],
        padding=settings["pad"],
        dilation=settings["dilation"],
        groups=settings["group"],
        offset_scale=settings["offset_scale"],
        center_feature_scale=settings.get("center_feature_scale", False),
    ).to(dtype)
    load_exactly(layer, fixture.state(f"{prefix}param:"))
    features = fixture.tensor(f"{prefix}input", dtype).requires_grad_()
    output = layer(features)
    yield from _compare(fixture, f"{prefix}output", output, dtype)
    if f"{prefix}grad_output" in fixture:
        output.backward(fixture.tensor(f"{prefix}grad_output", dtype))
        yield from _compare(fixture, f"{prefix}grad_input", features.grad, dtype)
        for name, parameter in layer.named_parameters():
            yield from _compare(fixture, f"{prefix}grad:{name}", parameter.grad, dtype)
