"""Trees, bushes and flowers, cut from shapes."""

import numpy as np

from vspwlib.data.synthetic import colours
from vspwlib.data.synthetic.colours import darker, pick, usual
from vspwlib.data.synthetic.materials import Colour
from vspwlib.data.synthetic.shapes import Part, blob, ellipse, limb, polygon
from vspwlib.data.synthetic.surfaces import Figure, still


def tree(rng: np.random.Generator, height: float, form: str | None = None) -> Figure:
    """Return a tree of that height, metres: ``broad``, ``fir``, ``palm`` or ``bare``; drawn when None."""
    form = form or str(rng.choice(["broad", "broad", "broad", "fir", "bare"]))
    maker = {"broad": _broad, "fir": _fir, "palm": _palm, "bare": _bare}[form]
    return still(maker(rng, height))


def _broad(rng: np.random.Generator, height: float) -> list[Part]:
    leaf, bark = usual(rng, "tree"), pick(rng, colours.BROWNS, colours.GREYS)
    crown = 0.62 * height
    wide = rng.uniform(0.28, 0.42) * height
    parts = [Part(limb((0, 0), (0, 0.6 * height), 0.07 * height, 0.04 * height), darker(bark, 0.7), "tree")]
    for lean in (-0.14, 0.14):
        bough = limb((0, 0.3 * height), (lean * height, 0.6 * height), 0.035 * height, 0.02 * height)
        parts += [Part(bough, bark, "tree")]
    # Dark clumps low and far, bright ones high and near, so that the crown looks round.
    for layer, (shade, count, reach) in enumerate(((0.6, 7, 1.0), (0.85, 8, 0.85), (1.08, 7, 0.65), (1.3, 5, 0.45))):
        for _ in range(count):
            angle, radius = rng.uniform(0, 2 * np.pi), reach * np.sqrt(rng.uniform(0.1, 1.0))
            x = wide * radius * np.cos(angle) * 0.75 - 0.04 * wide * layer
            y = crown + 0.34 * height * radius * np.sin(angle) * 0.8 + 0.03 * height * layer
            size = wide * rng.uniform(0.22, 0.38)
            parts.append(Part(blob(rng, x, y, size, 0.8 * size), darker(leaf, shade * rng.uniform(0.9, 1.1)), "tree"))
    return parts


def _fir(rng: np.random.Generator, height: float) -> list[Part]:
    leaf, bark = darker(usual(rng, "tree"), 0.8), pick(rng, colours.BROWNS)
    parts = [Part(limb((0, 0), (0, 0.3 * height), 0.06 * height, 0.05 * height), bark, "tree")]
    for step, low in enumerate(np.linspace(0.1, 0.78, 7)):
        wide = (1.02 - low) * 0.28 * height
        top = min(low + 0.3, 1.0) * height
        jag = [
            (x * wide, (low + (0.04 if k % 2 else -0.02)) * height + rng.normal(0, 0.01) * height)
            for k, x in enumerate(np.linspace(-1, 1, 9))
        ]
        parts.append(Part(polygon((0.0, top), *jag[::-1]), darker(leaf, 0.75 + 0.08 * step), "tree"))
    return parts


def _palm(rng: np.random.Generator, height: float) -> list[Part]:
    leaf, bark = usual(rng, "tree"), pick(rng, colours.BROWNS, colours.TANS)
    lean = rng.uniform(-0.2, 0.2) * height
    bend = (0.35 * lean, 0.5 * height)
    parts = [
        Part(limb((0, 0), bend, 0.06 * height, 0.045 * height), bark, "tree"),
        Part(limb(bend, (lean, 0.9 * height), 0.045 * height, 0.035 * height), bark, "tree"),
    ]
    for angle in np.linspace(-0.7, np.pi + 0.7, 9):
        reach = 0.4 * height * rng.uniform(0.8, 1.1)
        tip = (lean + reach * np.cos(angle), 0.9 * height + 0.55 * reach * np.sin(angle) - 0.08 * height)
        knee = (lean + 0.5 * reach * np.cos(angle), 0.93 * height + 0.4 * reach * np.sin(angle))
        shade = darker(leaf, 0.8 + 0.4 * float(np.sin(angle)))
        parts.append(Part(limb((lean, 0.9 * height), knee, 0.05 * height, 0.09 * height), shade, "tree"))
        parts.append(Part(limb(knee, tip, 0.09 * height, 0.01 * height), shade, "tree"))
    return parts


def _bare(rng: np.random.Generator, height: float) -> list[Part]:
    bark = darker(pick(rng, colours.BROWNS, colours.GREYS), 0.7)
    parts: list[Part] = []

    def grow(x: float, y: float, angle: float, length: float, thick: float) -> None:
        end = (x + length * np.sin(angle), y + length * np.cos(angle))
        parts.append(Part(limb((x, y), end, thick, 0.7 * thick), bark, "tree"))
        if length > 0.09 * height:
            for turn in (-0.45, 0.4):
                grow(*end, angle + turn + rng.normal(0, 0.12), 0.7 * length, 0.66 * thick)

    grow(0.0, 0.0, rng.normal(0, 0.05), 0.33 * height, 0.07 * height)
    return parts


def bush(rng: np.random.Generator, width: float, height: float) -> Figure:
    """Return a low bush (``plant``)."""
    leaf = usual(rng, "plant")
    parts = []
    for shade, count in ((0.6, 6), (0.9, 6), (1.15, 5)):
        for _ in range(count):
            x, y = rng.uniform(-0.4, 0.4) * width, rng.uniform(0.2, 0.7) * height
            parts.append(
                Part(blob(rng, x, y, 0.2 * width, 0.3 * height), darker(leaf, shade * rng.uniform(0.9, 1.1)), "plant")
            )
    return still(parts)


def flowers(rng: np.random.Generator, width: float, height: float) -> Figure:
    """Return a clump of flowers over green."""
    petal = pick(rng, colours.VIVIDS, colours.WHITES)
    leaf = usual(rng, "plant")
    parts = [
        Part(
            blob(rng, x * width, 0.35 * height, 0.22 * width, 0.34 * height),
            darker(leaf, rng.uniform(0.7, 1.1)),
            "flower",
        )
        for x in np.linspace(-0.4, 0.4, 5)
    ]
    for _ in range(16):
        x, y = rng.uniform(-0.5, 0.5) * width, rng.uniform(0.3, 0.95) * height
        parts.append(
            Part(
                ellipse(x, y, 0.055 * width, 0.055 * width, corners=7), darker(petal, rng.uniform(0.75, 1.2)), "flower"
            )
        )
    return still(parts)


def potted(rng: np.random.Generator, height: float) -> Figure:
    """Return a plant in a pot: the pot is ``pot``, the leaves ``plant`` or ``flower``."""
    clay = pick(rng, colours.BRICKS, colours.WHITES, colours.GREYS, colours.VIVIDS)
    leaf = usual(rng, "plant")
    kind = "flower" if rng.random() < 0.3 else "plant"
    tip_colour: Colour = pick(rng, colours.VIVIDS) if kind == "flower" else leaf
    pot = 0.34 * height
    wide = 0.2 * height
    parts = []
    for angle in np.linspace(-1.1, 1.1, 11) + rng.normal(0, 0.08, 11):
        reach = 0.62 * height * rng.uniform(0.75, 1.1)
        tip = (reach * np.sin(angle), pot + reach * np.cos(angle))
        knee = (0.4 * tip[0], pot + 0.6 * (tip[1] - pot))
        shade = darker(leaf, rng.uniform(0.7, 1.25))
        parts.append(Part(limb((0, pot), knee, 0.03 * height, 0.09 * height), shade, kind))
        parts.append(Part(limb(knee, tip, 0.09 * height, 0.02 * height), shade, kind))
        if kind == "flower":
            parts.append(Part(ellipse(*tip, 0.06 * height, 0.06 * height, corners=9), tip_colour, kind))
    parts.append(Part(polygon((-wide, pot), (wide, pot), (0.7 * wide, 0), (-0.7 * wide, 0)), clay, "pot"))
    parts.append(
        Part(limb((-1.1 * wide, pot), (1.1 * wide, pot), 0.05 * height, 0.05 * height), darker(clay, 0.85), "pot")
    )
    return still(parts)
