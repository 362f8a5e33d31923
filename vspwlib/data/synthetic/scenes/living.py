"""A living room or bedroom: sofa, table, television, pictures, lamp, cat."""

import numpy as np

from vspwlib.data.synthetic import animals, furniture, people, plants
from vspwlib.data.synthetic.light import lamplight
from vspwlib.data.synthetic.scenes.room import Room, hand_camera, room
from vspwlib.data.synthetic.surfaces import Actor, Scene, Track, standing
from vspwlib.data.synthetic.take import Style, Take, film


def living(rng: np.random.Generator, style: Style) -> Take:
    """Draw a room to live or sleep in."""
    here = room(rng, hung="pictures", rug=rng.random() < style.rare)
    actors = [here.walls, *_furnish(rng, here, style), *_company(rng, here, style)]
    light = lamplight(rng, str(rng.choice(style.moods)))
    return film(rng, style, Scene(here.planes, tuple(actors)), light, hand_camera(rng, here.depth))


def _furnish(rng: np.random.Generator, here: Room, style: Style) -> list[Actor]:
    side = float(rng.choice([-1.0, 1.0]))
    back = here.depth - 0.6
    actors = []
    if rng.random() < 0.5 * style.rare:
        actors.append(Actor(Track((0.2 * side, 0.0, back - 0.7)), furniture.bed(rng), shadow=(1.1, 1.2)))
    else:
        x = 0.12 * here.width * side
        actors.append(Actor(Track((x, 0.0, back)), furniture.sofa(rng, rng.uniform(1.8, 2.6)), shadow=(1.2, 0.6)))
    if rng.random() < 0.75:
        low = furniture.table(rng, rng.uniform(1.0, 1.5), 0.7, rng.uniform(0.4, 0.5))
        x, z = rng.uniform(-0.5, 0.5), 0.5 * here.depth
        actors.append(Actor(Track((x, 0.0, z)), low, shadow=(0.7, 0.4)))
        spots = rng.uniform(-0.35, 0.35, int(rng.integers(0, 3))).tolist()
        actors += [standing(furniture.bottle(rng), x + dx, z, y=0.46) for dx in spots]
    wall = here.width / 2 - 0.3
    if rng.random() < 0.7:
        stand = furniture.cupboard(rng, 1.4, 0.5, 0.4)
        solids = stand + furniture.television(rng, rng.uniform(1.2, 1.6), 0.6)
        place = Track((side * wall, 0.0, rng.uniform(2.2, back - 0.9)), heading=side * np.pi / 2)
        actors.append(Actor(place, solids, shadow=(0.5, 0.8)))
    if rng.random() < 0.6:
        actors.append(standing(furniture.floor_lamp(rng), -side * (wall - 0.1), back - 0.1, (0.2, 0.15)))
    if rng.random() < 0.5:
        place = Track((-side * wall, 0.0, rng.uniform(1.8, back - 1.0)), heading=-side * np.pi / 2)
        actors.append(Actor(place, furniture.bookcase(rng), shadow=(0.3, 0.6)))
    if rng.random() < 0.6:
        figure = plants.potted(rng, rng.uniform(0.7, 1.3))
        actors.append(standing(figure, side * (wall - 0.2), back + 0.1, (0.3, 0.2)))
    if rng.random() < 0.6:
        place = Track((-side * 1.2, 0.0, 0.55 * here.depth), heading=rng.uniform(-2, 2))
        actors.append(Actor(place, furniture.armchair(rng), shadow=(0.4, 0.35)))
    return actors


def _company(rng: np.random.Generator, here: Room, style: Style) -> list[Actor]:
    actors = []
    back = here.depth - 0.6
    if rng.random() < 0.6:
        actors.append(standing(people.sitter(rng, 0.5), rng.uniform(-0.5, 0.5), back - 0.35, (0.4, 0.3)))
    if rng.random() < 0.5:
        way = float(rng.choice([-0.9, 0.9]))
        track = Track((-way * 1.2, 0.0, rng.uniform(2.3, back - 1)), (way, 0.0, 0.0))
        actors.append(Actor(track, figure=people.walker(rng), shadow=(0.35, 0.25)))
    if rng.random() < style.rare:
        kind = "cat" if rng.random() < 0.6 else "dog"
        facing = float(rng.choice([-1.0, 1.0]))
        track = Track((rng.uniform(-1, 1), 0.0, rng.uniform(2.2, 3.4)), (0.5 * facing, 0.0, 0.0))
        actors.append(Actor(track, figure=animals.four_legged(rng, kind, facing=facing), shadow=(0.3, 0.15)))
    return actors
