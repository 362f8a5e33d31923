"""Choice of colours.

A class has several possible colours and shares most of them with other classes, so that colour alone does not name a
class: walls, roads, paths and houses are grey or tan, lakes and skies blue, trees and fields green.
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
CLOTHES = VIVIDS + DARKS + DARKS + WHITES + BLUES + TANS + GREYS
"""Colours of clothes; the quiet ones stand twice."""


def pick(rng: np.random.Generator, *choices: tuple[Colour, ...], spread: float = 0.09) -> Colour:
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
