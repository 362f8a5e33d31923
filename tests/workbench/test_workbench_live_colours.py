"""Colours of the live view: as canvases want them, and eight that stay apart however colour is seen."""

import numpy as np
import pytest

from vspwlib.report.figures import BLUE, ORANGE

pytestmark = pytest.mark.browser


def test_colours_lie_in_memory_as_canvases_want_them(run_js) -> None:
    found = run_js(
        "return Array.from(new Uint8Array(Uint32Array.of((await load('colours')).rgba('1a2b3c', 77)).buffer));",
    )
    assert found == [0x1A, 0x2B, 0x3C, 77]


def test_error_colours_are_those_of_the_figures(run_js) -> None:
    found = run_js("const { BLUE, ORANGE } = await load('colours'); return [BLUE, ORANGE];")
    assert [f"#{colour}" for colour in found] == [BLUE, ORANGE]


# Linear transformations of colour vision deficiency at full severity: Machado, Oliveira and Fernandes 2009, table 1.
PROTAN = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
DEUTAN = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
TRITAN = [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]


def lab(linear: np.ndarray) -> np.ndarray:
    """CIELAB of linear sRGB, D65."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = np.clip(linear, 0, 1) @ to_xyz.T
    t = xyz / [0.9505, 1.0, 1.089]
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


@pytest.mark.parametrize("vision", [np.eye(3), PROTAN, DEUTAN, TRITAN], ids=["normal", "protan", "deutan", "tritan"])
def test_the_eight_safe_colours_and_the_rest_stay_apart(run_js, vision) -> None:
    colours = run_js("const { SAFE, REST } = await load('colours'); return [...SAFE, REST];")
    assert len(colours) == 9
    srgb = np.array([list(bytes.fromhex(colour)) for colour in colours]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = lab(linear @ np.array(vision).T)
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=2)[~np.eye(9, dtype=bool)]
    assert apart.min() >= 30


def test_safe_colours_once_given_stay(run_js) -> None:
    first, second, fixed = run_js(
        """const { SafeColours, SAFE, REST } = await load("colours"), areas = (pairs) => {
          const all = new Int32Array(256);
          for (const [id, area] of pairs) all[id] = area;
          return all;
        };
        const safe = new SafeColours(), names = () => safe.colours(124).map((hex) => SAFE.indexOf(hex));
        safe.offer(areas([[3, 500], [7, 900], [255, 4000], [9, 1]]));
        const first = names();
        safe.offer(areas([[3, 1], [7, 1], ...[20, 21, 22, 23, 24, 25, 26, 27].map((id) => [id, 1000 - id])]));
        const fixed = new SafeColours([5, 6]);
        return [first, names(), [fixed.offer(areas([[1, 9]])), fixed.colours(8).map((hex) => SAFE.indexOf(hex))]];"""
    )
    assert {c: at for c, at in enumerate(first) if at >= 0} == {7: 0, 3: 1}
    assert {c: at for c, at in enumerate(second) if at >= 0} == {7: 0, 3: 1, 20: 2, 21: 3, 22: 4, 23: 5, 24: 6, 25: 7}
    assert fixed == [False, [-1, -1, -1, -1, -1, 0, 1, -1]]
