"""An office: desks with screens, chairs, cupboards, plants, colleagues."""

import numpy as np

from vspwlib.data.synthetic import furniture, people, plants
from vspwlib.data.synthetic.light import lamplight
from vspwlib.data.synthetic.scenes.room import hand_camera, room
from vspwlib.data.synthetic.surfaces import Actor, Scene, Track, standing
from vspwlib.data.synthetic.take import Style, Take, film


def office(rng: np.random.Generator, style: Style) -> Take:
    """Draw an office."""
    here = room(rng, hung="pictures" if rng.random() < 0.4 else "nothing")
    actors = [here.walls]
    for z in (0.45 * here.depth, here.depth - 0.7):
        for x in (-0.28 * here.width, 0.25 * here.width):
            if rng.random() < 0.85:
                actors += _desk(rng, float(x), float(z))
    wall = here.width / 2 - 0.3
    if rng.random() < 0.7:
        side = float(rng.choice([-1.0, 1.0]))
        place = Track((side * wall, 0.0, rng.uniform(2, here.depth - 0.8)), heading=side * np.pi / 2)
        case = furniture.bookcase(rng) if rng.random() < 0.5 else furniture.cupboard(rng, 1.0, 1.8)
        actors.append(Actor(place, case, shadow=(0.3, 0.6)))
    if rng.random() < 0.7:
        figure = plants.potted(rng, rng.uniform(0.8, 1.4))
        actors.append(standing(figure, float(rng.choice([-1, 1])) * (wall - 0.1), here.depth - 0.4, (0.3, 0.2)))
    for _ in range(rng.integers(0, 3)):
        way = float(rng.choice([-1.0, 1.0]))
        track = Track((-way * rng.uniform(0.3, 1.5), 0.0, rng.uniform(2.6, here.depth - 1)), (way, 0.0, 0.0))
        actors.append(Actor(track, figure=people.walker(rng), shadow=(0.35, 0.25)))
    light = lamplight(rng, str(rng.choice(style.moods)))
    return film(rng, style, Scene(here.planes, tuple(actors)), light, hand_camera(rng, here.depth))


def _desk(rng: np.random.Generator, x: float, z: float) -> list[Actor]:
    actors = [Actor(Track((x, 0.0, z)), furniture.table(rng, rng.uniform(1.2, 1.6), 0.75), shadow=(0.8, 0.45))]
    if rng.random() < 0.85:
        screen = furniture.television(rng, rng.uniform(0.5, 0.7), 0.82)
        turn = rng.uniform(-0.4, 0.4)
        actors.append(Actor(Track((x + rng.uniform(-0.2, 0.2), 0.0, z + 0.1), heading=turn), screen))
    if rng.random() < 0.5:
        actors.append(standing(furniture.bottle(rng), x + 0.5, z, y=0.74))
    if rng.random() < 0.7:
        chair = Track((x, 0.0, z - 0.6), heading=np.pi + rng.uniform(-0.5, 0.5))
        actors.append(Actor(chair, furniture.armchair(rng), shadow=(0.35, 0.3)))
    if rng.random() < 0.4:
        actors.append(standing(people.sitter(rng, 0.48), x, z + 0.6, (0.4, 0.3)))
    return actors
