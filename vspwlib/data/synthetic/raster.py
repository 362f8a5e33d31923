"""A canvas with a depth buffer: projects surfaces and fills pixels with colour, kind and depth.

A point of a flat piece is ``origin + a * along + b * up``. With H = [along, up, origin - eye] in camera axes, the
inverse of H times the pixel's ray is (a, b, 1) / depth; so every test is linear in the pixel's row and column, and
only pixels that are really seen are divided and painted. The buffer keeps 1 / depth: 0 is the sky.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from vspwlib.data.synthetic import kinds, noise
from vspwlib.data.synthetic.camera import Matrix, View
from vspwlib.data.synthetic.light import Light
from vspwlib.data.synthetic.surfaces import Actor, Plane, Quad, Ridge, Sky

_NEAR = 0.15
_FAR = 2500.0
_SKY_CODE = "sky"
_CLOUD_CODE = "cloud"


class Canvas:
    """Buffers of one picture.

    Attributes:
        rgb: (H, W, 3) float32, lit colours.
        kinds: (H, W) uint8, see :func:`vspwlib.data.synthetic.kinds.code`.
        nearness: (H, W) float32, 1 / depth in metres; 0 where nothing was drawn.
        level: (H, W) bool, where the ground was drawn (shadows fall there).
    """

    def __init__(self, view: View, light: Light, time: float, bank: int = 0) -> None:
        shape = (view.height, view.width)
        self.view, self.light, self.time, self.bank = view, light, time, bank
        self.rgb = np.zeros((*shape, 3), np.float32)
        self.kinds = np.full(shape, kinds.code(_SKY_CODE), np.uint8)
        self.nearness = np.zeros(shape, np.float32)
        self.level = np.zeros(shape, bool)
        self._rows = np.arange(view.height, dtype=np.float32) + 0.5
        self._columns = np.arange(view.width, dtype=np.float32) + 0.5

    def actor(self, actor: Actor) -> None:
        """Draw a thing where it is at the canvas's time."""
        at = np.asarray(actor.track.at(self.time))
        cos, sin = np.cos(actor.track.heading), np.sin(actor.track.heading)
        turn = np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])
        for quad in actor.solids:
            self._quad(quad, turn, at)
        if actor.figure is not None:
            self._figure(actor, at)

    def _quad(self, quad: Quad, turn: Matrix, at: Matrix) -> None:
        edges = np.array([quad.along, quad.up, quad.origin]) @ turn.T
        edges[2] += at - self.view.eye
        frame = self.view.rotation @ edges.T
        if np.linalg.det(frame) <= 1e-9:  # seen from behind, or edge on
            return
        corners = frame @ np.array([[0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]])
        block = self._extent(corners.T)
        if block is None:
            return
        rows, columns = block
        to_plane = np.linalg.inv(frame) @ self.view.rays
        a, b, near = (self._field(line, rows, columns) for line in to_plane)
        seen = (a >= 0) & (a <= near) & (b >= 0) & (b <= near) & (near > self.nearness[rows, columns])
        if not seen.any():
            return
        near = near[seen]
        length, height = float(np.linalg.norm(quad.along)), float(np.linalg.norm(quad.up))
        u, v = a[seen] / near * length, b[seen] / near * height
        if quad.cut is not None:
            kept = quad.cut(u, v)
            seen[seen] = kept
            u, v, near = u[kept], v[kept], near[kept]
        normal = np.cross(edges[1], edges[0])
        shade = self.light.on(normal / np.linalg.norm(normal))
        shade = np.maximum(shade, quad.material.glow)
        texel = 1.0 / (near * (self.view.focal * self.view.height))
        self._fill((rows, columns), seen, quad.material.paint(u, v, texel, self.bank) * shade, quad.material.kind, near)

    def _figure(self, actor: Actor, at: Matrix) -> None:
        place = self.view.see(at[None])[0]
        if actor.figure is None or place[2] < _NEAR:
            return
        scale = self.view.focal * self.view.height / place[2]
        foot = self.view.to_pixels @ (place / place[2])
        parts = actor.figure(self.time)
        drawn = [np.stack([foot[0] + scale * p.points[:, 0], foot[1] - scale * p.points[:, 1]], 1) for p in parts]
        cloud = np.concatenate(drawn)
        low, high = np.floor(cloud.min(0)).astype(int), np.ceil(cloud.max(0)).astype(int) + 1
        rows, columns = self._clip(low[1], high[1], low[0], high[0])
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return
        stencil = Image.new("L", (columns.stop - columns.start, rows.stop - rows.start))
        pen = ImageDraw.Draw(stencil)
        for number, points in enumerate(drawn, start=1):
            pen.polygon((points - (columns.start, rows.start)).ravel().tolist(), fill=number)
        number_of = np.asarray(stencil)
        near = np.float32(1.0 / place[2])
        seen = (number_of > 0) & (near > self.nearness[rows, columns])
        which = number_of[seen] - 1
        palette = np.array([p.colour for p in parts], np.float32)
        row, column = np.nonzero(seen)
        # Rounder than flat: brighter towards the sun and the top, with a little grain fixed to the figure.
        x = (column + columns.start - foot[0]) / scale
        y = (foot[1] - row - rows.start) / scale
        height = max((foot[1] - cloud[:, 1].min()) / scale, 0.1)
        sideways = 0.1 * np.sign(self.light.sun[0]) * np.clip(2 * x / height, -1, 1)
        grain = noise.read("rough", (x + at[0]).astype(np.float32), y.astype(np.float32), 2.0)
        tone = (0.8 + 0.22 * y / height + sideways + 0.07 * grain).astype(np.float32)
        shade = self.light.on(np.array([0.0, 0.7, -0.7]))
        part_kinds = np.array([kinds.code(p.kind) for p in parts], np.uint8)
        self._fill((rows, columns), seen, palette[which] * tone[:, None] * shade, part_kinds[which], near)

    def plane(self, plane: Plane) -> None:
        """Draw an endless level plane under (or over) everything drawn before."""
        rise = plane.level - self.view.eye[1]
        rotation = self.view.rotation
        frame = np.stack([rotation[:, 0], rotation[:, 2], rotation @ np.array([0.0, rise, 0.0])], axis=1)
        x, z, near = (self._field(line, slice(None), slice(None)) for line in np.linalg.inv(frame) @ self.view.rays)
        seen = near > np.maximum(self.nearness, 1.0 / _FAR)
        near = near[seen]
        u = (x[seen] / near + np.float32(self.view.eye[0])).astype(np.float32)
        v = (z[seen] / near + np.float32(self.view.eye[2])).astype(np.float32)
        texel = 1.0 / (near**2 * (self.view.focal * self.view.height * max(abs(rise), 0.1)))
        owner = np.zeros(u.shape, np.uint8)
        for number, region in enumerate(plane.regions, start=1):
            owner[region.inside(u, v, self.time)] = number
        rgb, codes = np.empty((len(u), 3), np.float32), np.empty(len(u), np.uint8)
        for number, material in enumerate([plane.material, *(region.material for region in plane.regions)]):
            own = owner == number
            rgb[own] = material.paint(u[own], v[own], texel[own], self.bank)
            codes[own] = kinds.code(material.kind)
        shade = self.light.on(np.array([0.0, -np.sign(rise), 0.0]))
        if self.light.dapple:
            drifting = noise.read("cloud", u + np.float32(1.5 * self.time), v, 60.0)
            rgb *= (1 - self.light.dapple * np.clip(0.6 + drifting, 0, 1))[:, None]
        self._fill((slice(None), slice(None)), seen, rgb * shade, codes, near)
        if rise < 0:
            self.level |= seen

    def ridge(self, ridge: Ridge) -> None:
        """Draw a far outline behind everything drawn before."""
        x, y, azimuth = self._directions()
        azimuth += self.view.eye[0] / ridge.distance
        height = ridge.outline(azimuth.astype(np.float32)) * np.sqrt(1 + x[0] ** 2)
        near = np.float32(1.0 / ridge.distance)
        seen = (y < height) & (near > self.nearness)
        if not seen.any():
            return
        u = np.broadcast_to(azimuth.astype(np.float32) * ridge.distance, seen.shape)[seen]
        v = y[seen] * np.float32(ridge.distance)
        texel = np.full(u.shape, ridge.distance / (self.view.focal * self.view.height), np.float32)
        rgb = ridge.material.paint(u, v, texel, self.bank) * self.light.on(np.array([0.0, 0.7, -0.7]))
        self._fill((slice(None), slice(None)), seen, rgb, ridge.material.kind, near)

    def sky(self, sky: Sky) -> None:
        """Fill what is left with sky."""
        seen = self.nearness == 0
        if not seen.any():
            return
        x, y, _ = self._directions()
        up = np.maximum(y[seen], 0.02)
        across = np.broadcast_to(x, seen.shape)[seen] + np.float32(self.view.yaw)
        rise = np.minimum(up / 0.7, 1.0)[:, None] ** 0.7
        rgb = np.asarray(sky.horizon, np.float32) * (1 - rise) + np.asarray(sky.zenith, np.float32) * rise
        flat = 1.0 / (up + 0.12)
        cover = noise.read("cloud", across * flat + np.float32(sky.seed + 0.02 * self.time), flat * 1.3, 9.0)
        weight = np.clip(0.9 * (cover + sky.cover), 0, 1)[:, None]
        rgb += weight * (np.asarray(sky.cloud, np.float32) * (0.9 + 0.08 * cover[:, None]) - rgb)
        codes = np.where(weight[:, 0] > 0.75, kinds.code(_CLOUD_CODE), kinds.code(_SKY_CODE)).astype(np.uint8)
        self.rgb[seen], self.kinds[seen] = rgb, codes

    def shadow(self, actor: Actor) -> None:
        """Darken the ground under a thing."""
        if actor.shadow is None:
            return
        x, _, z = actor.track.at(self.time)
        slant = self.light.sun[0] / max(self.light.sun[1], 0.4)
        centre = np.array([[x - 0.35 * slant * actor.shadow[0], 0.0, z]])
        place = self.view.see(centre)[0]
        if place[2] < 2 * _NEAR:
            return
        foot = self.view.to_pixels @ (place / place[2])
        scale = self.view.focal * self.view.height / place[2]
        rx = scale * actor.shadow[0] * 1.25
        ry = max(scale * actor.shadow[1] * self.view.eye[1] / place[2], 1.0)
        rows, columns = self._clip(int(foot[1] - ry), int(foot[1] + ry) + 1, int(foot[0] - rx), int(foot[0] + rx) + 1)
        across = ((self._columns[columns] - foot[0]) / rx) ** 2
        down = ((self._rows[rows] - foot[1]) / ry) ** 2
        inside = np.clip(1.6 * (1 - across[None, :] - down[:, None]), 0, 1) * self.level[rows, columns]
        depth = 0.5 if max(self.light.direct) > 0.2 else 0.3
        self.rgb[rows, columns] *= (1 - depth * inside)[..., None].astype(np.float32)

    def _directions(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Return x (1, W) and y (H, W) of the rays and each column's azimuth (W,); the roll is applied to y alone."""
        x, y, _ = (self._field(line, slice(None), slice(None)) for line in self.view.rays)
        middle = x[len(x) // 2]
        return middle[None], y, np.arctan(middle) + np.float32(self.view.yaw)

    def _field(self, line: Matrix, rows: slice, columns: slice) -> NDArray[np.float32]:
        """Evaluate ``line . (column, row, 1)`` on a block of pixels."""
        a, b, c = line.astype(np.float32)
        return (a * self._columns[columns])[None, :] + (b * self._rows[rows] + c)[:, None]

    def _extent(self, corners: Matrix) -> tuple[slice, slice] | None:
        """Block of pixels a convex polygon (N, 3) in camera axes can cover; None when it is out of the picture."""
        front = corners[:, 2] > _NEAR
        if not front.any():
            return None
        points = list(corners[front])
        if not front.all():  # cut the polygon where it passes the camera
            for one, two in zip(corners, np.roll(corners, -1, axis=0), strict=True):
                if (one[2] > _NEAR) != (two[2] > _NEAR):
                    points.append(one + (two - one) * (_NEAR - one[2]) / (two[2] - one[2]))
        seen = np.array(points) @ self.view.to_pixels.T
        seen = seen[:, :2] / seen[:, 2:]
        low, high = np.floor(seen.min(0)), np.ceil(seen.max(0)) + 1
        rows, columns = self._clip(low[1], high[1], low[0], high[0])
        return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None

    def _clip(self, top: float, bottom: float, left: float, right: float) -> tuple[slice, slice]:
        height, width = self.nearness.shape
        rows = slice(int(min(max(top, 0), height)), int(min(max(bottom, 0), height)))
        return rows, slice(int(min(max(left, 0), width)), int(min(max(right, 0), width)))

    def _fill(
        self,
        block: tuple[slice, slice],
        seen: NDArray[np.bool_],
        rgb: NDArray[np.float32],
        kind: str | NDArray[np.uint8],
        near: NDArray[np.float32] | np.float32,
    ) -> None:
        self.rgb[block][seen] = rgb
        self.kinds[block][seen] = kinds.code(kind) if isinstance(kind, str) else kind
        self.nearness[block][seen] = near
