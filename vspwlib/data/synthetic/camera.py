"""The camera: where it stands at a time, and how metres become pixels.

Axes of the world: x to the right, y up, z away from a camera with yaw 0. Looking up or down shifts the picture (as a
shift lens does), so that upright lines stay upright and a figure can be drawn as a flat cut-out.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class View:
    """One picture's camera.

    Attributes:
        eye: Position in the world, metres.
        yaw: Turn to the right, radians.
        roll: Tilt of the picture, radians.
        focal: Focal length in picture heights.
        horizon: Height of the horizon as a share of the picture from the top.
        height: Rows of the canvas.
        width: Columns of the canvas.
    """

    eye: tuple[float, float, float]
    yaw: float
    roll: float
    focal: float
    horizon: float
    height: int
    width: int

    @cached_property
    def rotation(self) -> Matrix:
        """(3, 3) world to camera."""
        cos, sin = np.cos(self.yaw), np.sin(self.yaw)
        return np.array([[cos, 0.0, -sin], [0.0, 1.0, 0.0], [sin, 0.0, cos]])

    @cached_property
    def rays(self) -> Matrix:
        """(3, 3): (column, row, 1) in pixels to the ray (x, y, 1) in camera axes."""
        scale = 1.0 / (self.focal * self.height)
        centre, level = self.width / 2, self.horizon * self.height
        pixels = np.array([[scale, 0.0, -scale * centre], [0.0, -scale, scale * level], [0.0, 0.0, 1.0]])
        cos, sin = np.cos(self.roll), np.sin(self.roll)
        turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        return turn @ pixels

    @cached_property
    def to_pixels(self) -> Matrix:
        """(3, 3) inverse of :attr:`rays`."""
        return np.linalg.inv(self.rays)

    def see(self, points: Matrix) -> Matrix:
        """Turn world points (N, 3) into camera axes (N, 3)."""
        return (points - np.asarray(self.eye)) @ self.rotation.T


@dataclass(frozen=True)
class CameraPath:
    """A camera that glides, pans, zooms and shakes smoothly.

    Attributes:
        eye: Position at time 0, metres.
        velocity: Metres a second.
        yaw: Direction at time 0, radians; ``pan`` is its change a second.
        focal: Focal length in picture heights; ``zoom`` is its relative change a second.
        horizon: See :class:`View`; ``tilt`` is its change a second.
        shake: Size of the tremor of a hand, radians; its phases come from ``tremor``.
    """

    eye: tuple[float, float, float]
    velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
    yaw: float = 0.0
    pan: float = 0.0
    focal: float = 1.0
    zoom: float = 0.0
    horizon: float = 0.45
    tilt: float = 0.0
    shake: float = 0.0
    tremor: tuple[float, ...] = field(default=(0.0,) * 6)

    def with_tremor(self, rng: np.random.Generator, shake: float) -> Self:
        """Return the path with a tremor of that size and random phases."""
        phases = tuple(rng.uniform(0, 2 * np.pi, 6).tolist())
        return type(self)(**{**self.__dict__, "shake": shake, "tremor": phases})

    def at(self, time: float, height: int, width: int) -> View:
        """Return the camera at ``time`` seconds for a canvas of that size."""
        p = self.tremor
        sway = [np.sin(5.1 * time + p[k]) + 0.6 * np.sin(11.3 * time + p[k + 3]) for k in range(3)]
        x, y, z = (start + speed * time for start, speed in zip(self.eye, self.velocity, strict=True))
        return View(
            eye=(x, y, z),
            yaw=self.yaw + self.pan * time + self.shake * sway[0],
            roll=0.7 * self.shake * sway[1],
            focal=self.focal * (1 + self.zoom * time),
            horizon=self.horizon + self.tilt * time + self.shake * sway[2],
            height=height,
            width=width,
        )
