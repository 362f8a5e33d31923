"""From a take to pictures: draw at twice the size, then let the lens have its way."""

import numpy as np
from numpy.typing import NDArray

from vspwlib.data.synthetic import noise
from vspwlib.data.synthetic.light import Light
from vspwlib.data.synthetic.materials import Field
from vspwlib.data.synthetic.raster import Canvas
from vspwlib.data.synthetic.take import Lens, Take

_OVER = 2
"""Canvas pixels along each side of a picture's pixel: smooth edges in the picture, hard ones in the labels."""

_CLEAR_AIR = 500.0
"""Metres beyond which haze grows no more: high ridges rise out of the lowest air."""


def shoot(
    take: Take, time: float, height: int, width: int, grain: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw one picture of a take.

    Args:
        take: What to draw.
        time: Seconds since the start of the take.
        height: Rows of the picture.
        width: Columns of the picture.
        grain: Number that picks the sensor noise; consecutive frames need different ones.

    Returns:
        Picture (H, W, 3) uint8 RGB and kind codes (H, W) uint8.
    """
    view = take.camera.at(time, _OVER * height, _OVER * width)
    canvas = Canvas(view, take.light, time, take.bank)
    eye = np.asarray(view.eye)
    # Near things first: what they hide is then neither divided nor painted.
    by_distance = sorted(take.scene.actors, key=lambda a: float(np.linalg.norm(np.asarray(a.track.at(time)) - eye)))
    for actor in by_distance:
        canvas.actor(actor)
    for plane in take.scene.planes:
        canvas.plane(plane)
    for ridge in sorted(take.scene.ridges, key=lambda r: r.distance):
        canvas.ridge(ridge)
    for actor in by_distance:
        canvas.shadow(actor)
    if take.scene.sky is not None:
        canvas.sky(take.scene.sky)
    rgb = canvas.rgb
    small = np.float32(0.25) * (rgb[0::2, 0::2] + rgb[1::2, 0::2] + rgb[0::2, 1::2] + rgb[1::2, 1::2])
    hazy = _through_air(small, canvas.nearness[::_OVER, ::_OVER], take.light)
    picture = _develop(hazy, take.lens, take.light.exposure(time), grain)
    return picture, canvas.kinds[::_OVER, ::_OVER].copy()


def _through_air(rgb: Field, nearness: Field, light: Light) -> Field:
    """Mix distant colours (H, W, 3) with the haze; the sky, of nearness 0, has its own."""
    murk = 1.0 / ((nearness + np.float32(1.0 / _CLEAR_AIR)) * np.float32(light.sight))
    share = np.where(nearness > 0, np.exp(-murk), np.float32(1))[..., None]
    haze = np.asarray(light.haze, np.float32)
    return haze + share * (rgb - haze)


def _develop(rgb: Field, lens: Lens, exposure: float, grain: int) -> NDArray[np.uint8]:
    """Apply a lens to lit colours (H, W, 3); returns uint8."""
    if lens.blur:
        rgb = _soften(rgb, lens.blur)
    if lens.smear:
        columns = np.arange(rgb.shape[1])
        shifts = range(-lens.smear, lens.smear + 1)
        rgb = np.stack([rgb[:, np.clip(columns + shift, 0, len(columns) - 1)] for shift in shifts]).mean(axis=0)
    balance = np.array([1 + lens.warmth, 1.0, 1 - lens.warmth], np.float32)
    rgb = rgb * (lens.gain * exposure * balance)
    grey = rgb.mean(axis=2, keepdims=True)
    rgb = grey + np.float32(lens.saturation) * (rgb - grey)
    rgb = np.float32(0.45) + np.float32(lens.contrast) * (rgb - np.float32(0.45))
    height, width = rgb.shape[:2]
    rows = (np.arange(height)[:, None] + 37 * grain) % noise.SIZE
    columns = (np.arange(width)[None, :] + 91 * grain) % noise.SIZE
    for channel in range(3):
        rgb[..., channel] += lens.noise * noise.tile("grain", 0)[rows, (columns + 71 * channel) % noise.SIZE]
    return (np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8)


def _soften(rgb: Field, radius: float) -> Field:
    """Blur with the weights (r, 1, r) in both directions; edges repeat."""
    for axis in (0, 1):
        pad = [(0, 0)] * 3
        pad[axis] = (1, 1)
        wide = np.pad(rgb, pad, mode="edge")
        before = wide[:-2] if axis == 0 else wide[:, :-2]
        after = wide[2:] if axis == 0 else wide[:, 2:]
        side = np.float32(radius / 2)
        rgb = (rgb + side * (before + after)) / (1 + 2 * side)
    return rgb
