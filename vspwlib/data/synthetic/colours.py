"""Choice of colours.

Things have usual colours (:data:`LOOKS`), some things have similar ones, and now and then a thing has a stray colour of
another: colour helps to name a class, but does not suffice.
"""

import numpy as np

from vspwlib.data.synthetic.materials import Colour

GREYS: tuple[Colour, ...] = ((0.55, 0.55, 0.54), (0.42, 0.42, 0.43), (0.66, 0.64, 0.6), (0.5, 0.47, 0.44))
TANS: tuple[Colour, ...] = ((0.68, 0.58, 0.44), (0.58, 0.49, 0.38), (0.76, 0.69, 0.55), (0.62, 0.55, 0.47))
BROWNS: tuple[Colour, ...] = ((0.42, 0.3, 0.2), (0.52, 0.37, 0.24), (0.34, 0.25, 0.19), (0.6, 0.45, 0.3))
GREENS: tuple[Colour, ...] = ((0.34, 0.44, 0.18), (0.42, 0.5, 0.24), (0.25, 0.37, 0.17), (0.5, 0.5, 0.26))
LEAVES: tuple[Colour, ...] = (
    (0.24, 0.36, 0.15),
    (0.32, 0.42, 0.17),
    (0.4, 0.45, 0.2),
    (0.18, 0.29, 0.16),
    (0.55, 0.42, 0.18),
)
BRICKS: tuple[Colour, ...] = ((0.55, 0.3, 0.23), (0.6, 0.42, 0.33), (0.48, 0.34, 0.3))
PAINTS: tuple[Colour, ...] = (
    (0.85, 0.83, 0.77),
    (0.78, 0.74, 0.62),
    (0.62, 0.68, 0.72),
    (0.72, 0.6, 0.55),
    (0.6, 0.66, 0.56),
)
BLUES: tuple[Colour, ...] = ((0.25, 0.42, 0.52), (0.33, 0.5, 0.58), (0.3, 0.38, 0.48), (0.42, 0.55, 0.58))
WHITES: tuple[Colour, ...] = ((0.9, 0.9, 0.88), (0.84, 0.85, 0.87), (0.88, 0.85, 0.8))
DARKS: tuple[Colour, ...] = ((0.12, 0.12, 0.14), (0.2, 0.19, 0.2), (0.16, 0.18, 0.24))
VIVIDS: tuple[Colour, ...] = (
    (0.72, 0.16, 0.14),
    (0.15, 0.32, 0.62),
    (0.85, 0.66, 0.15),
    (0.2, 0.5, 0.32),
    (0.86, 0.45, 0.16),
    (0.5, 0.22, 0.5),
)
SKINS: tuple[Colour, ...] = ((0.86, 0.67, 0.55), (0.72, 0.52, 0.4), (0.5, 0.34, 0.25), (0.36, 0.25, 0.19))
HAIRS: tuple[Colour, ...] = ((0.1, 0.08, 0.07), (0.25, 0.16, 0.1), (0.5, 0.38, 0.22), (0.45, 0.45, 0.45))

LOOKS: dict[str, tuple[Colour, ...]] = {
    "wall": ((0.86, 0.82, 0.7), (0.82, 0.74, 0.62), (0.78, 0.8, 0.72), (0.87, 0.77, 0.7)),
    "ceiling": ((0.93, 0.93, 0.91), (0.88, 0.88, 0.91)),
    "floor": ((0.56, 0.39, 0.25), (0.48, 0.34, 0.22), (0.62, 0.47, 0.32)),
    "door": ((0.34, 0.23, 0.16), (0.3, 0.37, 0.35)),
    "curtain": ((0.55, 0.16, 0.2), (0.6, 0.28, 0.36), (0.42, 0.2, 0.4)),
    "sofa": ((0.18, 0.34, 0.56), (0.22, 0.46, 0.5), (0.32, 0.38, 0.52)),
    "table": ((0.36, 0.21, 0.11), (0.44, 0.27, 0.15)),
    "chair": ((0.15, 0.15, 0.17), (0.24, 0.2, 0.2), (0.5, 0.18, 0.12)),
    "cupboard": ((0.74, 0.52, 0.32), (0.67, 0.45, 0.27), (0.8, 0.62, 0.42)),
    "refrigerator": ((0.76, 0.82, 0.86), (0.68, 0.73, 0.78)),
    "rug": ((0.62, 0.2, 0.26), (0.24, 0.28, 0.5)),
    "road": ((0.36, 0.36, 0.38), (0.42, 0.42, 0.43), (0.31, 0.31, 0.34)),
    "path": ((0.72, 0.64, 0.58), (0.69, 0.66, 0.64), (0.74, 0.6, 0.52)),
    "ground": ((0.5, 0.33, 0.21), (0.56, 0.39, 0.27)),
    "sand": ((0.86, 0.77, 0.56), (0.8, 0.7, 0.5)),
    "grass": ((0.46, 0.56, 0.2), (0.52, 0.57, 0.27)),
    "field": ((0.16, 0.48, 0.2), (0.22, 0.54, 0.24), (0.2, 0.46, 0.28)),
    "tree": ((0.16, 0.3, 0.13), (0.2, 0.34, 0.14), (0.26, 0.36, 0.16), (0.45, 0.34, 0.14)),
    "plant": ((0.42, 0.64, 0.18), (0.34, 0.56, 0.22)),
    "building": ((0.56, 0.38, 0.31), (0.46, 0.48, 0.54), (0.52, 0.44, 0.42), (0.6, 0.46, 0.38)),
    "house": ((0.92, 0.88, 0.78), (0.9, 0.84, 0.66), (0.84, 0.86, 0.88)),
    "roof": ((0.6, 0.24, 0.16), (0.5, 0.2, 0.16), (0.3, 0.22, 0.22)),
    "mountain": ((0.4, 0.42, 0.55), (0.46, 0.43, 0.5), (0.36, 0.44, 0.5)),
    "stone": ((0.56, 0.56, 0.55), (0.46, 0.46, 0.48)),
    "sea": ((0.08, 0.37, 0.48), (0.12, 0.43, 0.5)),
    "lake": ((0.36, 0.5, 0.7), (0.42, 0.56, 0.72)),
    "car": ((0.9, 0.9, 0.92), (0.75, 0.1, 0.1), (0.7, 0.72, 0.76), (0.8, 0.16, 0.12)),
    "bus": ((0.92, 0.7, 0.1), (0.9, 0.5, 0.12)),
    "truck": ((0.18, 0.32, 0.64), (0.3, 0.45, 0.7)),
    "train": ((0.12, 0.42, 0.32), (0.55, 0.12, 0.2)),
    "hull": ((0.9, 0.9, 0.9), (0.16, 0.18, 0.4), (0.75, 0.2, 0.15)),
    "fence": ((0.88, 0.88, 0.85), (0.44, 0.29, 0.19)),
    "pole": ((0.3, 0.32, 0.33), (0.2, 0.2, 0.22)),
    "billboard": ((0.12, 0.28, 0.72), (0.8, 0.12, 0.42), (0.95, 0.85, 0.2)),
    "parasol": ((0.9, 0.18, 0.16), (0.95, 0.72, 0.12), (0.2, 0.5, 0.8)),
    "grandstand": ((0.32, 0.34, 0.6), (0.44, 0.24, 0.46)),
    "shirt": ((0.9, 0.46, 0.12), (0.62, 0.2, 0.56), (0.16, 0.3, 0.72), (0.86, 0.2, 0.4)),
    "trousers": ((0.12, 0.12, 0.15), (0.16, 0.2, 0.34), (0.24, 0.22, 0.22)),
    "horse": ((0.42, 0.24, 0.13), (0.32, 0.18, 0.11), (0.2, 0.13, 0.1)),
    "cattle": ((0.9, 0.89, 0.86), (0.14, 0.13, 0.13), (0.62, 0.36, 0.18)),
    "sheep": ((0.9, 0.88, 0.82), (0.82, 0.78, 0.7)),
    "dog": ((0.72, 0.54, 0.32), (0.2, 0.17, 0.16), (0.85, 0.8, 0.72)),
    "cat": ((0.5, 0.48, 0.46), (0.8, 0.55, 0.3), (0.15, 0.14, 0.15)),
}
"""Usual colours of things."""

STRAY = 0.01
"""How often a thing has the usual colour of another; raise it to make the data set harder."""


def usual(rng: np.random.Generator, thing: str) -> Colour:
    """Draw a colour for a thing of :data:`LOOKS`: mostly a usual one, at times a stray one."""
    if rng.random() < STRAY:
        return pick(rng, *LOOKS.values())
    return pick(rng, LOOKS[thing])


def pick(rng: np.random.Generator, *choices: tuple[Colour, ...], spread: float = 0.04) -> Colour:
    """Draw one colour of the lists and vary brightness and hue a little.

    Args:
        rng: Source of randomness.
        choices: Lists of colours, see this module.
        spread: Standard deviation of the brightness; hue varies by a third of it.
    """
    together = [colour for group in choices for colour in group]
    base = np.asarray(together[rng.integers(len(together))])
    varied = base * (1 + spread * rng.standard_normal()) + spread / 3 * rng.standard_normal(3)
    red, green, blue = np.clip(varied, 0.03, 0.97).tolist()
    return red, green, blue


def darker(colour: Colour, factor: float) -> Colour:
    """Scale a colour; factors above 1 brighten it."""
    red, green, blue = (min(1.0, channel * factor) for channel in colour)
    return red, green, blue
