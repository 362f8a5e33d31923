"""What a scene is made of: flat pieces, figures, planes, ridges and the sky."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vspwlib.data.synthetic.materials import Colour, Field, Material
from vspwlib.data.synthetic.shapes import Part

Vector = tuple[float, float, float]
Solids = tuple["Quad", ...]
Cut = Callable[[Field, Field], NDArray[np.bool_]]
Figure = Callable[[float], list[Part]]
Inside = Callable[[Field, Field, float], NDArray[np.bool_]]


@dataclass(frozen=True)
class Quad:
    """A flat parallelogram: ``origin + a * along + b * up`` for a, b in 0..1.

    It is seen from the side from which ``along`` points right when ``up`` points up.

    Attributes:
        origin: Corner, metres in the axes of its actor.
        along: Edge in which the material's u runs.
        up: Edge in which its v runs.
        material: Look and kind.
        cut: Keeps the points (u, v in metres) for which it is true; None keeps all.
    """

    origin: Vector
    along: Vector
    up: Vector
    material: Material
    cut: Cut | None = None


@dataclass(frozen=True)
class Track:
    """Where an actor stands: a straight line in time, with an optional bob.

    Attributes:
        start: Position at time 0, metres.
        velocity: Metres a second.
        heading: Direction of the actor's z axis, radians to the right of the world's.
        bob: Height of a slow up and down, metres.
    """

    start: Vector
    velocity: Vector = (0.0, 0.0, 0.0)
    heading: float = 0.0
    bob: float = 0.0

    def at(self, time: float) -> Vector:
        """Return the position at ``time`` seconds."""
        x, y, z = (start + speed * time for start, speed in zip(self.start, self.velocity, strict=True))
        return x, y + self.bob * float(np.sin(3.0 * time + self.start[0])), z


@dataclass(frozen=True)
class Actor:
    """A thing in the scene: solid pieces, a figure cut from shapes, or both.

    Attributes:
        track: Where it is.
        solids: Flat pieces in the actor's own axes.
        figure: Shapes at a time, drawn upright and facing the camera.
        shadow: Half axes (x, z) of its shadow on the ground, metres; None for none.
    """

    track: Track
    solids: tuple[Quad, ...] = ()
    figure: Figure | None = None
    shadow: tuple[float, float] | None = None


@dataclass(frozen=True)
class Region:
    """Part of a plane with its own material; later regions lie on top."""

    material: Material
    inside: Inside


@dataclass(frozen=True)
class Plane:
    """An endless level plane: the ground, a ceiling."""

    level: float
    material: Material
    regions: tuple[Region, ...] = ()


@dataclass(frozen=True)
class Ridge:
    """A far outline against the sky: mountains, a wood, a skyline.

    Attributes:
        material: Look and kind; u and v run in units of ``distance``.
        distance: Metres; sets parallax and haze.
        outline: Height over the horizon (tangent of the elevation) at azimuths in radians.
    """

    material: Material
    distance: float
    outline: Callable[[Field], Field]


@dataclass(frozen=True)
class Sky:
    """The sky: a gradient with drifting clouds."""

    zenith: Colour
    horizon: Colour
    cloud: Colour
    cover: float
    seed: float = 0.0


@dataclass(frozen=True)
class Scene:
    """Everything a camera can see."""

    planes: tuple[Plane, ...]
    actors: tuple[Actor, ...]
    ridges: tuple[Ridge, ...] = ()
    sky: Sky | None = None


def standing(figure: Figure, x: float, z: float, shadow: tuple[float, float] | None = None, y: float = 0.0) -> Actor:
    """Return a figure that stays where it is."""
    return Actor(Track((x, y, z)), figure=figure, shadow=shadow)


def still(parts: Iterable[Part]) -> Figure:
    """Return a figure that never moves."""
    fixed = list(parts)
    return lambda _time: fixed


@dataclass(frozen=True)
class Block:
    """Materials of a box's faces; ``None`` leaves a face out."""

    front: Material | None
    side: Material | None = None
    top: Material | None = None
    omit: frozenset[str] = field(default=frozenset())


def box(centre: Vector, size: Vector, look: Material | Block) -> tuple[Quad, ...]:
    """Build an upright box.

    Args:
        centre: Middle of its foot, metres.
        size: Width (x), height (y), depth (z).
        look: One material for all faces, or one a face: ``front`` faces -z (and its back +z).

    Returns:
        The quads of front, back, left, right and top.
    """
    block = look if isinstance(look, Block) else Block(look, look, look)
    (x, y, z), (w, h, d) = centre, size
    left, right, near, far = x - w / 2, x + w / 2, z - d / 2, z + d / 2
    side = block.side or block.front
    faces = {
        "front": ((left, y, near), (w, 0.0, 0.0), (0.0, h, 0.0), block.front),
        "back": ((right, y, far), (-w, 0.0, 0.0), (0.0, h, 0.0), block.front),
        "left": ((left, y, far), (0.0, 0.0, -d), (0.0, h, 0.0), side),
        "right": ((right, y, near), (0.0, 0.0, d), (0.0, h, 0.0), side),
        "top": ((left, y + h, near), (w, 0.0, 0.0), (0.0, 0.0, d), block.top or block.front),
    }
    return tuple(
        Quad(origin, along, up, material)
        for name, (origin, along, up, material) in faces.items()
        if material is not None and name not in block.omit
    )
