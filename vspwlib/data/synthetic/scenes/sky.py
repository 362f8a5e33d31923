"""Skies and far outlines, shared by all outdoor templates."""

import numpy as np

from vspwlib.data.synthetic import colours, noise
from vspwlib.data.synthetic.colours import darker, pick, usual
from vspwlib.data.synthetic.materials import Field, Material, confetti, windows
from vspwlib.data.synthetic.surfaces import Ridge, Sky


def sky_for(rng: np.random.Generator, weather: str) -> Sky:
    """Draw the sky of a kind of weather."""
    zenith, horizon, cloud, cover = {
        "sun": ((0.32, 0.52, 0.8), (0.74, 0.84, 0.92), (0.96, 0.96, 0.97), rng.uniform(-1.2, 0.3)),
        "overcast": ((0.62, 0.66, 0.7), (0.82, 0.84, 0.86), (0.74, 0.75, 0.77), rng.uniform(0.2, 1.2)),
        "dusk": ((0.34, 0.32, 0.48), (0.95, 0.62, 0.38), (0.62, 0.42, 0.42), rng.uniform(-0.8, 0.5)),
        "haze": ((0.74, 0.74, 0.72), (0.86, 0.84, 0.79), (0.84, 0.83, 0.8), rng.uniform(-0.5, 0.5)),
    }[weather]
    return Sky(_near(rng, zenith), _near(rng, horizon), cloud, float(cover), rng.uniform(0, 9))


def _near(rng: np.random.Generator, colour: colours.Colour) -> colours.Colour:
    return pick(rng, (colour,), spread=0.06)


def mountains(rng: np.random.Generator, height: float, distance: float, snow: bool = False) -> Ridge:
    """Return a chain of mountains; ``height`` is the tangent of its elevation."""
    shift = rng.uniform(0, 20)
    rugged = rng.uniform(0.5, 1.0)
    colour = usual(rng, "mountain")

    def outline(azimuth: Field) -> Field:
        wide = noise.read("cloud", azimuth + shift, np.full_like(azimuth, 0.3), 3.5)
        fine = noise.read("rough", azimuth + shift, np.full_like(azimuth, 0.7), 2.0)
        return height * (1 + 0.4 * wide + 0.07 * rugged * fine)

    top = (0.93, 0.94, 0.96) if snow else darker(colour, 0.6)
    cap = 0.85 * height * distance

    def capped(u: Field, v: Field) -> Field:
        patch = noise.read("rough", u, v, 0.25 * distance)
        return np.clip((v - cap) / (0.3 * cap) + 0.4 * patch, 0, 1) if snow else np.clip(0.3 + 0.4 * patch, 0, 1)

    material = Material("mountain", colour, top, capped, period=0.2 * distance, gain=0.15, stains=0.1)
    return Ridge(material, distance, outline)


def wood(rng: np.random.Generator, height: float, distance: float) -> Ridge:
    """Return a line of trees far off."""
    shift = rng.uniform(0, 20)
    leaf = darker(usual(rng, "tree"), 0.9)

    def outline(azimuth: Field) -> Field:
        crowns = noise.read("blobs", azimuth + shift, np.full_like(azimuth, 0.1), 4.0)
        fine = noise.read("grain", azimuth + shift, np.full_like(azimuth, 0.4), 1.5)
        return height * (1 + 0.22 * crowns + 0.05 * fine)

    material = Material(
        "tree", leaf, darker(leaf, 0.5), confetti(0.012 * distance, 3), period=0.1 * distance, gain=0.25
    )
    return Ridge(material, distance, outline)


def skyline(rng: np.random.Generator, height: float, distance: float) -> Ridge:
    """Return the outline of a town."""
    table = rng.uniform(0.35, 1.0, 64).astype(np.float32) * height
    block = rng.uniform(0.05, 0.09)
    colour = usual(rng, "building")
    panes = windows(0.012 * distance, 0.014 * distance, 0.5, int(rng.integers(1 << 20)))
    material = Material("building", colour, darker(colour, 0.6), panes, period=0.5 * distance, gain=0.08)
    return Ridge(material, distance, lambda azimuth: table[np.floor(azimuth / block).astype(np.int32) & 63])
