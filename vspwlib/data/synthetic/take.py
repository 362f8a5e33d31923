"""A take: one scene, its light and the camera that films it. Styles say what a data set's takes have in common."""

from dataclasses import dataclass, replace

import numpy as np

from vspwlib.data.synthetic.camera import CameraPath
from vspwlib.data.synthetic.light import Light
from vspwlib.data.synthetic.surfaces import Scene


@dataclass(frozen=True)
class Lens:
    """How the camera turns light into numbers.

    Attributes:
        gain: Exposure, 1 = neutral.
        warmth: Colour temperature: above 0 redder, below 0 bluer.
        contrast: Slope around middle grey.
        saturation: 0 = grey, 1 = as lit.
        blur: Radius of the defocus, pixels.
        smear: Reach of the motion blur to each side, pixels.
        noise: Standard deviation of the sensor noise, 0..1.
        quality: JPEG quality.
    """

    gain: float = 1.0
    warmth: float = 0.0
    contrast: float = 1.0
    saturation: float = 1.0
    blur: float = 0.0
    smear: int = 0
    noise: float = 0.015
    quality: int = 85


@dataclass(frozen=True)
class Style:
    """What the takes of a split or data set have in common.

    Attributes:
        weather: Kinds of daylight to draw from, see :func:`vspwlib.data.synthetic.light.daylight`.
        moods: Kinds of lamplight to draw from.
        zoom: Range of the focal length relative to the template's.
        rare: Chance of rare guests (dogs, cats, sheep, bicycles, beds, rugs); 0 in the videos, so that the photographs
            hold what the videos do not.
        warmth: Mean colour temperature of the lens.
        gain: Mean exposure of the lens.
        bank: Noise bank of the textures.
        saturation: Mean saturation of the lens.
        nameless: Kinds without a VSPW class that fill close-ups.
    """

    weather: tuple[str, ...] = ("sun", "sun", "overcast", "dusk")
    moods: tuple[str, ...] = ("day", "warm", "cold")
    zoom: tuple[float, float] = (1.05, 1.45)
    rare: float = 0.0
    warmth: float = 0.0
    gain: float = 1.0
    bank: int = 0
    saturation: float = 1.0
    nameless: tuple[str, ...] = ("solid",)


@dataclass(frozen=True)
class Take:
    """A scene with light, camera and lens, ready to be filmed."""

    scene: Scene
    light: Light
    camera: CameraPath
    lens: Lens = Lens()
    bank: int = 0


def lens(rng: np.random.Generator, style: Style) -> Lens:
    """Draw a lens: no two cameras agree on colour, and some shake or hunt for focus."""
    return Lens(
        gain=style.gain * float(np.exp(rng.normal(0, 0.06))),
        warmth=style.warmth + rng.normal(0, 0.03),
        contrast=rng.normal(1.0, 0.05),
        saturation=style.saturation * rng.uniform(0.85, 1.15),
        blur=float(rng.choice([0.0, 0.0, 0.6, 0.9])),
        smear=int(rng.choice([0, 0, 0, 1])),
        noise=rng.uniform(0.003, 0.014),
        quality=int(rng.integers(72, 92)),
    )


def film(rng: np.random.Generator, style: Style, scene: Scene, light: Light, camera: CameraPath) -> Take:
    """Put a take together: zoom and lens come from the style."""
    camera = replace(camera, focal=camera.focal * float(rng.uniform(*style.zoom)))
    camera = camera.with_tremor(rng, min(abs(rng.normal(0.0, 0.003)), 0.006) + 0.001)
    return Take(scene, light, camera, lens(rng, style), style.bank)
