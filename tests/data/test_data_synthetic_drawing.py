"""The renderer against slow, independent geometry, and the tables it labels with."""

import csv

import numpy as np
import pytest

from vspwlib.data.synthetic import kinds, noise
from vspwlib.data.synthetic.annotate import annotate
from vspwlib.data.synthetic.camera import CameraPath, View
from vspwlib.data.synthetic.light import Light
from vspwlib.data.synthetic.materials import Material
from vspwlib.data.synthetic.raster import Canvas
from vspwlib.data.synthetic.shapes import Part, rectangle
from vspwlib.data.synthetic.surfaces import Actor, Plane, Quad, Track, box, standing, still
from vspwlib.labels import CLASS_NAMES

NOON = Light(sun=(0.0, 1.0, 0.0), direct=(0.5, 0.5, 0.5), ambient=(0.5, 0.5, 0.5))


def view(**changes) -> View:
    settings = {
        "eye": (0.3, 1.6, -1.0),
        "yaw": 0.25,
        "roll": 0.04,
        "focal": 0.9,
        "horizon": 0.45,
        "height": 30,
        "width": 44,
    }
    return View(**{**settings, **changes})


def ray(camera: View, row: int, column: int) -> np.ndarray:
    """Direction of a pixel's ray in world axes, of depth 1, by the definition of the camera."""
    scale = camera.focal * camera.height
    x = (column + 0.5 - camera.width / 2) / scale
    y = (camera.horizon * camera.height - row - 0.5) / scale
    x, y = x * np.cos(camera.roll) - y * np.sin(camera.roll), x * np.sin(camera.roll) + y * np.cos(camera.roll)
    return np.array([x * np.cos(camera.yaw) + np.sin(camera.yaw), y, -x * np.sin(camera.yaw) + np.cos(camera.yaw)])


def hit(camera: View, direction: np.ndarray, quad: Quad) -> float:
    """Depth at which a ray meets a quad seen from its front; inf when it does not."""
    origin, along, up = (np.asarray(v, float) for v in (quad.origin, quad.along, quad.up))
    normal = np.cross(up, along)
    if normal @ direction >= 0:
        return np.inf
    depth = normal @ (origin - camera.eye) / (normal @ direction)
    point = camera.eye + depth * direction - origin
    a, b = np.linalg.lstsq(np.stack([along, up], 1), point, rcond=None)[0]
    return depth if depth > 0 and 0 <= a <= 1 and 0 <= b <= 1 else np.inf


def test_quads_and_ground_are_where_a_ray_caster_finds_them():
    camera = view()
    wall, house = Material("wall", (0.5, 0.5, 0.5)), Material("house", (0.5, 0.5, 0.5))
    quads = [
        *box((1.0, 0.0, 4.0), (2.0, 2.0, 1.5), wall),
        *box((0.2, 0.0, 2.5), (0.6, 0.9, 0.6), house),
        Quad((-1.0, 0.2, -2.0), (0.0, 0.0, 9.0), (0.3, 2.0, 0.0), house),  # passes the camera
    ]
    canvas = Canvas(camera, NOON, 0.0)
    canvas.actor(Actor(Track((0.0, 0.0, 0.0)), tuple(quads)))
    canvas.plane(Plane(0.0, Material("grass", (0.3, 0.5, 0.2))))
    sure = 0
    for row, column in np.ndindex(canvas.kinds.shape):
        direction = ray(camera, row, column)
        found = [(hit(camera, direction, quad), quad.material.kind) for quad in quads]
        found.append((-camera.eye[1] / direction[1] if direction[1] < 0 else np.inf, "grass"))
        depth, kind = min(found)
        if depth == np.inf or depth < 0.2 or depth > 1000:
            continue
        runner_up = sorted(found)[1][0]
        if runner_up - depth > 1e-3:
            sure += 1
            assert canvas.kinds[row, column] == kinds.code(kind), (row, column)
            assert canvas.nearness[row, column] == pytest.approx(1 / depth, rel=2e-3)
    assert sure > 600


def test_a_turned_actor_is_drawn_like_a_turned_box():
    camera, look = view(yaw=0.0, roll=0.0), Material("car", (0.6, 0.1, 0.1))
    angle, at = 0.6, (0.4, 0.0, 4.0)
    turned, plain = Canvas(camera, NOON, 0.0), Canvas(camera, NOON, 0.0)
    turned.actor(Actor(Track(at, heading=angle), box((0, 0, 0), (1.0, 1.2, 2.0), look)))

    def turn(vector) -> tuple[float, float, float]:
        x, y, z = vector
        return (x * np.cos(angle) + z * np.sin(angle), y, -x * np.sin(angle) + z * np.cos(angle))

    quads = [
        Quad(tuple(np.add(turn(q.origin), at)), turn(q.along), turn(q.up), look)
        for q in box((0, 0, 0), (1.0, 1.2, 2.0), look)
    ]
    plain.actor(Actor(Track((0.0, 0.0, 0.0)), tuple(quads)))
    assert (turned.kinds == kinds.code("car")).sum() > 30
    np.testing.assert_array_equal(turned.kinds, plain.kinds)


def test_a_figure_has_the_height_that_its_distance_gives():
    camera = view(yaw=0.0, roll=0.0, eye=(0.0, 1.6, 0.0), height=200, width=200, horizon=0.5)
    canvas = Canvas(camera, NOON, 0.0)
    canvas.actor(standing(still([Part(rectangle(-0.5, 0.0, 0.5, 2.0), (0.5, 0.5, 0.5), "person")]), 0.0, 8.0))
    rows, columns = np.nonzero(canvas.kinds == kinds.code("person"))
    scale = camera.focal * camera.height / 8.0
    assert rows.max() - rows.min() + 1 == pytest.approx(2.0 * scale, abs=1.5)
    assert columns.max() - columns.min() + 1 == pytest.approx(1.0 * scale, abs=1.5)
    assert rows.max() == pytest.approx(100 + 1.6 * scale, abs=1.5)


def test_near_things_hide_far_ones_in_any_order():
    near = standing(still([Part(rectangle(-1, 0, 1, 2), (0.5, 0.5, 0.5), "person")]), 0.0, 5.0)
    far = Actor(Track((0.0, 0.0, 9.0)), box((0, 0, 0), (8.0, 6.0, 1.0), Material("building", (0.5, 0.5, 0.5))))
    drawn = []
    for order in ((near, far), (far, near)):
        canvas = Canvas(view(), NOON, 0.0)
        for actor in order:
            canvas.actor(actor)
        drawn.append(canvas.kinds)
    assert {kinds.code("person"), kinds.code("building")} <= set(np.unique(drawn[0]))
    np.testing.assert_array_equal(*drawn)


def test_the_camera_moves_smoothly_and_stands_where_it_is_told():
    path = CameraPath((1.0, 2.0, 3.0), (0.5, 0.0, -1.0), pan=0.1).with_tremor(np.random.default_rng(0), 0.005)
    assert path.at(2.0, 10, 10).eye == pytest.approx((2.0, 2.0, 1.0))
    yaws = np.array([path.at(t / 15, 10, 10).yaw for t in range(30)])
    assert np.abs(np.diff(yaws)).max() < 0.02
    assert np.ptp(yaws) > 0.1


@pytest.mark.parametrize("name", ["soft", "cloud", "rough", "grain", "strokes", "waves", "blobs"])
def test_noise_is_normed_and_repeats_without_a_seam(name):
    tile = noise.tile(name)
    assert tile.mean() == pytest.approx(0, abs=0.05)
    assert tile.std() == pytest.approx(1, abs=0.1)
    inner = np.abs(np.diff(tile, axis=1)).mean()
    seam = np.abs(tile[:, 0] - tile[:, -1]).mean()
    assert seam < 1.5 * inner
    u = np.linspace(-3, 3, 50, dtype=np.float32)
    np.testing.assert_array_equal(noise.read(name, u + 8.0, u, 4.0), noise.read(name, u, u, 4.0))


def test_the_kinds_table_uses_the_ids_of_each_data_set(shared):
    with (shared / "reference" / "cocostuff_classes.csv").open() as file:
        coco = {int(row["png_id"]): row["name"] for row in csv.DictReader(file)}
    with (shared / "reference" / "ade20k_classes.csv").open() as file:
        ade = {int(row["id"]) + 1: row["name"] for row in csv.DictReader(file)}
    with (kinds.resources.files(kinds.__package__) / "kinds.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 50
    for row in rows:
        assert (row["vspw"] or "wall") in CLASS_NAMES
        assert coco.get(int(row["coco"]), "") == row["coco_name"]
        assert ade.get(int(row["ade"]), "") == row["ade_name"]
        if row["vspw"]:
            assert label_of(row["kind"], "vspw") == CLASS_NAMES.index(row["vspw"]) + 1


def label_of(kind: str, space: str) -> int:
    return int(kinds.label_table(space)[kinds.code(kind)])


def test_kinds_outside_a_label_space_are_unlabelled_there():
    assert (label_of("kite", "vspw"), label_of("kite", "cocostuff"), label_of("kite", "ade20k")) == (0, 37, 0)
    assert label_of("painting", "cocostuff") == 255


def test_void_stands_on_outlines_only_and_grows_with_carelessness():
    drawn = np.full((40, 60), kinds.code("sky"), np.uint8)
    drawn[10:30, 20:40] = kinds.code("house")
    exact = kinds.label_table("vspw")[drawn]
    shares = []
    for care in (9.0, 0.0, -9.0):
        labels = annotate(drawn, "vspw", care)
        void = labels == 255
        np.testing.assert_array_equal(labels[~void], exact[~void])
        rows, columns = np.nonzero(void)
        assert all(
            len(np.unique(exact[max(r - 1, 0) : r + 1, max(c - 1, 0) : c + 1])) > 1
            for r, c in zip(rows, columns, strict=True)
        )
        shares.append(void.sum())
    assert shares[0] == 0 < shares[2]
    assert shares[1] <= shares[2]
    assert (annotate(drawn, "ade20k", -9.0) == 0).sum() == shares[2]
