"""A kitchen: cupboards above and below, a refrigerator, a laid table, someone at work."""

import numpy as np

from vspwlib.data.synthetic import furniture, people, plants
from vspwlib.data.synthetic.light import lamplight
from vspwlib.data.synthetic.scenes.room import Room, hand_camera, room
from vspwlib.data.synthetic.surfaces import Actor, Scene, Track, standing
from vspwlib.data.synthetic.take import Style, Take, film


def kitchen(rng: np.random.Generator, style: Style) -> Take:
    """Draw a kitchen."""
    here = room(rng, hung="nothing", door=0.7)
    actors = [here.walls, *_units(rng, here), *_meal(rng, here)]
    if rng.random() < 0.75:
        way = float(rng.choice([-0.7, 0.0, 0.7]))
        track = Track((rng.uniform(-1, 1), 0.0, here.depth - 1.4), (way, 0.0, 0.0))
        actors.append(Actor(track, figure=people.walker(rng, swing=0.3 if way else 0.03), shadow=(0.35, 0.25)))
    light = lamplight(rng, str(rng.choice(style.moods)))
    return film(rng, style, Scene(here.planes, tuple(actors)), light, hand_camera(rng, here.depth))


def _units(rng: np.random.Generator, here: Room) -> list[Actor]:
    actors = []
    side = float(rng.choice([-1.0, 1.0]))
    back, run = here.depth - 0.32, here.width - 1.3
    middle = -side * 0.5
    state = rng.bit_generator.state
    actors.append(Actor(Track((middle, 0.0, back)), furniture.cupboard(rng, run, 0.88, 0.6), shadow=(run / 2, 0.4)))
    rng.bit_generator.state = state  # the wall units match the base units
    upper = furniture.cupboard(rng, 0.45 * run, 0.7, 0.35, y=1.45)
    actors.append(Actor(Track((middle - side * 0.25 * run, 0.0, back + 0.1)), upper))
    cold = Track((side * (here.width / 2 - 0.4), 0.0, back))
    actors.append(Actor(cold, furniture.refrigerator(rng), shadow=(0.5, 0.4)))
    spots = middle + (run / 2 - 0.2) * rng.uniform(-1, 1, int(rng.integers(2, 6)))
    actors += [standing(furniture.bottle(rng, rng.uniform(0.22, 0.38)), x, back - 0.1, y=0.88) for x in spots.tolist()]
    if rng.random() < 0.4:
        figure = plants.potted(rng, rng.uniform(0.35, 0.5))
        actors.append(standing(figure, rng.uniform(-1, 1), back, y=0.88))
    return actors


def _meal(rng: np.random.Generator, here: Room) -> list[Actor]:
    actors = []
    x, z = rng.uniform(-0.8, 0.8), rng.uniform(0.38, 0.52) * here.depth
    actors.append(Actor(Track((x, 0.0, z)), furniture.table(rng, rng.uniform(1.4, 1.9), 0.95), shadow=(0.9, 0.5)))
    spots = rng.uniform((-0.5, -0.3), (0.5, 0.3), (int(rng.integers(1, 5)), 2)).tolist()
    actors += [standing(furniture.bottle(rng), x + dx, z + dz, y=0.74) for dx, dz in spots]
    if rng.random() < 0.7:
        actors.append(standing(furniture.fruit_bowl(rng), x + rng.uniform(-0.4, 0.4), z, y=0.74))
    for dx, turn in ((-0.5, 0.0), (0.5, 0.2), (-1.15, 1.6)):
        if rng.random() < 0.75:
            place = Track((x + dx, 0.0, z + 0.65 if turn < 1 else z), heading=turn)
            actors.append(Actor(place, furniture.armchair(rng), shadow=(0.35, 0.3)))
    return actors
