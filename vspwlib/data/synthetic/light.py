"""Light and air: sun, shade, haze, and how they change over time."""

from dataclasses import dataclass

import numpy as np

from vspwlib.data.synthetic.materials import Colour
from vspwlib.data.synthetic.surfaces import Vector


@dataclass(frozen=True)
class Light:
    """The light of a scene.

    Attributes:
        sun: Direction towards the sun; need not be of unit length.
        direct: Colour and strength of the sun.
        ambient: Colour and strength of the light from everywhere.
        haze: Colour of the air.
        sight: Metres after which two thirds of a thing's colour are lost in the air.
        dapple: Strength of the moving shade of clouds or leaves on the ground.
        drift: Relative change of brightness a second.
        flicker: Size of a slow wave of the brightness.
    """

    sun: Vector
    direct: Colour
    ambient: Colour
    haze: Colour = (0.75, 0.78, 0.82)
    sight: float = 400.0
    dapple: float = 0.0
    drift: float = 0.0
    flicker: float = 0.0

    def on(self, normal: np.ndarray) -> np.ndarray:
        """Return the (3,) light that falls on a surface with that unit normal."""
        sun = np.asarray(self.sun)
        facing = max(0.0, float(normal @ sun) / float(np.linalg.norm(sun)))
        return (np.asarray(self.ambient) + facing * np.asarray(self.direct)).astype(np.float32)

    def exposure(self, time: float) -> float:
        """Return the brightness at ``time`` relative to time 0."""
        return 1.0 + self.drift * time + self.flicker * float(np.sin(2.3 * time))


def daylight(rng: np.random.Generator, weather: str) -> Light:
    """Draw the light of a kind of weather.

    Args:
        rng: Source of randomness.
        weather: ``sun``, ``overcast``, ``dusk`` or ``haze``.
    """
    azimuth = rng.uniform(-2.6, 2.6)
    height = {"sun": rng.uniform(0.6, 1.4), "overcast": 1.5, "dusk": rng.uniform(0.15, 0.35), "haze": 0.9}[weather]
    direct, ambient, haze, sight = {
        "sun": ((0.62, 0.58, 0.48), (0.5, 0.53, 0.58), (0.72, 0.79, 0.88), rng.uniform(700, 1500)),
        "overcast": ((0.12, 0.12, 0.12), (0.78, 0.79, 0.81), (0.76, 0.78, 0.8), rng.uniform(450, 900)),
        "dusk": ((0.55, 0.36, 0.2), (0.6, 0.52, 0.54), (0.74, 0.58, 0.5), rng.uniform(300, 600)),
        "haze": ((0.25, 0.24, 0.2), (0.66, 0.66, 0.64), (0.8, 0.79, 0.74), rng.uniform(90, 180)),
    }[weather]
    return Light(
        sun=(float(np.sin(azimuth)), height, float(np.cos(azimuth))),
        direct=direct,
        ambient=ambient,
        haze=haze,
        sight=float(sight),
        dapple=float({"sun": rng.uniform(0.1, 0.3), "dusk": 0.1}.get(weather, 0.04)),
        drift=rng.normal(0, 0.05),
        flicker=float(abs(rng.normal(0, 0.03))),
    )


def lamplight(rng: np.random.Generator, mood: str) -> Light:
    """Draw the light of a room: ``day`` through the window, ``warm`` or ``cold`` lamps."""
    ambient, direct = {
        "day": ((0.68, 0.69, 0.72), (0.3, 0.3, 0.28)),
        "warm": ((0.7, 0.64, 0.54), (0.32, 0.28, 0.2)),
        "cold": ((0.66, 0.7, 0.73), (0.27, 0.29, 0.3)),
        "dim": ((0.54, 0.47, 0.41), (0.28, 0.22, 0.15)),
    }[mood]
    return Light(
        sun=(rng.uniform(-1, 1), 1.2, rng.uniform(-1.5, -0.2)),
        direct=direct,
        ambient=ambient,
        haze=(0.5, 0.45, 0.4),
        sight=120.0,
        drift=rng.normal(0, 0.04),
        flicker=float(abs(rng.normal(0, 0.02))),
    )
