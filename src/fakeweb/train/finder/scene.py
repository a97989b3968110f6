"""Compose training scenes: faces of known place, size and turn on pictures without any.

Pastes of pictures without a face are cut, blended and degraded like those with one, so that a seam says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.forge import degrade
from fakeweb.train.finder.pool import Cutting, Pool
from fakeweb.train.finder.recipe import SceneRecipe
from fakeweb.types import FloatArray, UInt8Array

_SEEN, _GONE = 0.6, 0.2  # visible share from which a face is taught, and below which it is no face any more
_FLIPPED = [1, 0, 2, 4, 3]  # the points of a mirrored face


@dataclass(frozen=True, eq=False)
class Scene:
    """A composed picture.

    Attributes:
        pixels: uint8 RGB (S, S, 3).
        boxes: float32 (F, 4); a turned face's box is the hull of the turned ellipse.
        points: float32 (F, 5, 2), NaN where unknown.
        taught: bool (F,): False for faces that are half hidden or that the teachers dispute.
        roll_deg: float32 (F,).
    """

    pixels: UInt8Array
    boxes: FloatArray
    points: FloatArray
    taught: np.ndarray
    roll_deg: FloatArray


class Composer:
    """Makes scenes; the same generator state gives the same scene.

    Args:
        pool: What to cut from.
        recipe: What the scenes look like.
    """

    def __init__(self, pool: Pool, recipe: SceneRecipe) -> None:
        self.pool, self.recipe = pool, recipe
        by_source: dict[str, list[Cutting]] = {}
        for cutting in pool.faces:
            by_source.setdefault(cutting.source, []).append(cutting)
        self._sources = [by_source[name] for name in sorted(by_source)]
        weights = np.sqrt([len(s) for s in self._sources])
        self._weights = weights / weights.sum()

    def compose(self, rng: np.random.Generator) -> Scene:
        """Return a new scene."""
        recipe, side = self.recipe, self.recipe.side_px
        canvas = _Canvas(self.background(rng, side, side))
        low, high = recipe.face_px
        kind = rng.random()
        if kind < recipe.crowd:
            count, widths = int(rng.integers(5, 22)), (low, max(low * 1.5, side / 6))
        elif kind < recipe.crowd + recipe.few:
            count, widths = int(rng.integers(1, 5)), (1.6 * low, min(high, side / 1.5))
        elif kind < recipe.crowd + recipe.few + recipe.close:
            count, widths = 1, (min(0.3 * side, high / 2), high)
        else:
            count, widths = 0, (low, high)
        for _ in range(count):
            width = float(np.exp(rng.uniform(*np.log(widths))))
            self._paste_face(canvas, rng, width)
            if rng.random() < recipe.hidden:
                self._hide(canvas, rng)
        for _ in range(int(rng.integers(0, 4))):
            cutting = self.pool.empty[rng.integers(len(self.pool.empty))]
            width = float(np.exp(rng.uniform(np.log(low), np.log(side / 2))))
            x, y = rng.uniform(0, side, 2)
            canvas.paste(cutting, _placed(cutting, width * 1.6, x, y, rng, self._roll(rng)), rng)
        scene = canvas.scene()
        return Scene(
            self._degrade(scene.pixels, rng), scene.boxes, scene.points, scene.taught, scene.roll_deg
        )

    def plant(
        self, rng: np.random.Generator, size: tuple[int, int], cuttings: Sequence[Cutting], width_px: float,
        roll_deg: float,
    ) -> Scene:  # fmt: skip
        """Return an undegraded scene in which every face lies apart from the others: for measuring.

        Args:
            rng: Chooses places and shapes.
            size: Height and width of the scene.
            cuttings: One face each is pasted, its largest agreed one, as far as there is room.
            width_px: Width of the faces, before they are turned.
            roll_deg: How far they are turned, to one side or the other.
        """
        canvas = _Canvas(self.background(rng, *size))
        taken: list[npt.NDArray[np.float64]] = []
        for cutting in cuttings:
            wide = cutting.boxes[:, 2] - cutting.boxes[:, 0]
            face = int(np.argmax(np.where(cutting.agreed, wide, -1)))
            height, width = cutting.pixels.shape[:2]
            reach = width_px / wide[face] * float(np.hypot(height, width)) / 2 + 2
            for _ in range(60):
                at = rng.uniform((0, 0), (size[1], size[0]))
                room = np.array([*at, reach])
                inside = (at > 0.8 * width_px).all() and (at < np.array(size[::-1]) - 0.8 * width_px).all()
                if inside and all(np.hypot(*(room - t)[:2]) > reach + t[2] for t in taken):
                    x, y = at.tolist()
                    turn = roll_deg * (1 if rng.random() < 0.5 else -1) + rng.normal(0, 4)
                    canvas.paste(cutting, _placed(cutting, width_px, x, y, rng, turn, face), rng, face)
                    taken.append(room)
                    break
        return canvas.scene()

    def background(self, rng: np.random.Generator, height: int, width: int) -> UInt8Array:
        """Return a mosaic of pictures without a face, or something flat, uint8 RGB (height, width, 3)."""
        if rng.random() < 0.08:
            flat = rng.integers(0, 256, (1 + int(rng.integers(3)), 1 + int(rng.integers(3)), 3), np.uint8)
            return np.asarray(cv2.resize(flat, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
        out = np.empty((height, width, 3), np.uint8)
        tile = int(np.exp(rng.uniform(np.log(64), np.log(2 * max(height, width)))))
        tile = max(tile, max(height, width) // 10)
        for top in range(0, height, tile):
            for left in range(0, width, tile):
                cutting = self.pool.empty[rng.integers(len(self.pool.empty))]
                part = out[top : top + tile, left : left + tile]
                part[:] = _crop(cutting.pixels, part.shape[0], part.shape[1], rng)
        return out

    def _roll(self, rng: np.random.Generator) -> float:
        if rng.random() < self.recipe.upright:
            return float(
                np.clip(rng.normal(0, self.recipe.tilt_deg / 2), -self.recipe.tilt_deg, self.recipe.tilt_deg)
            )
        return float(rng.uniform(-180, 180))

    def _paste_face(self, canvas: _Canvas, rng: np.random.Generator, width: float) -> None:
        source = self._sources[rng.choice(len(self._sources), p=self._weights)]
        cutting = source[rng.integers(len(source))]
        face = int(rng.choice(np.flatnonzero(cutting.agreed)))
        side = self.recipe.side_px
        reach = 0.25 if width > side / 3 else 0.0
        x, y = rng.uniform(-reach * width, side + reach * width, 2)
        if width > side / 2:  # close: near the middle
            x, y = rng.uniform(0.3 * side, 0.7 * side, 2)
        canvas.paste(cutting, _placed(cutting, width, x, y, rng, self._roll(rng), face), rng, face)

    def _hide(self, canvas: _Canvas, rng: np.random.Generator) -> None:
        x, y, size = canvas.last()
        cutting = self.pool.empty[rng.integers(len(self.pool.empty))]
        angle = rng.uniform(0, 2 * np.pi)
        x, y = x + 0.55 * size * np.cos(angle), y + 0.55 * size * np.sin(angle)
        canvas.paste(
            cutting, _placed(cutting, rng.uniform(0.4, 0.9) * size, x, y, rng, rng.uniform(-180, 180)), rng
        )

    def _degrade(self, pixels: UInt8Array, rng: np.random.Generator) -> UInt8Array:
        chance, side = self.recipe.degrade, self.recipe.side_px
        if rng.random() < 0.6:  # contrast, brightness, colour
            gain = np.exp(rng.normal(0, 0.25)) * np.exp(rng.normal(0, 0.08, 3))
            table = np.arange(256.0)[:, None] / 255
            table = (table ** np.exp(rng.normal(0, 0.25))) * gain + rng.normal(0, 0.08)
            if rng.random() < chance:
                table = table * rng.uniform(0.08, 0.5)
            lut = (table.clip(0, 1) * 255).astype(np.uint8)
            pixels = np.asarray(cv2.LUT(pixels, lut[None]), np.uint8)
        if rng.random() < chance / 2:
            pixels = degrade.grey(pixels)
        if rng.random() < chance:
            pixels = degrade.blur(pixels, rng.uniform(0.4, 2.0))
        if rng.random() < chance / 2:
            kernel = np.zeros((9, 9), np.float32)
            length, angle = rng.uniform(2, 4), rng.uniform(0, np.pi)
            step = np.array([np.cos(angle), np.sin(angle)]) * length
            ends = [tuple(int(v) for v in np.round(4 + sign * step)) for sign in (-1, 1)]
            cv2.line(kernel, ends[0], ends[1], 1.0)
            pixels = np.asarray(cv2.filter2D(pixels, -1, kernel / kernel.sum()), np.uint8)
        if rng.random() < chance:
            small = round(side * rng.uniform(0.5, 0.9))
            pixels = degrade.resize(degrade.resize(pixels, small, small), side, side)
        if rng.random() < chance:
            pixels = degrade.noise(pixels, rng.normal(0, rng.uniform(2, 14), pixels.shape).astype(np.float32))
        if rng.random() < self.recipe.encode:
            pixels = degrade.jpeg_bgr(pixels, int(rng.integers(20, 96)))
        return pixels


@dataclass(frozen=True, eq=False)
class _Place:
    """Where a cutting goes: ``affine`` (2, 3) from its pixels to the scene's."""

    affine: npt.NDArray[np.float64]
    roll_deg: float
    mirrored: bool


def _placed(
    cutting: Cutting, width: float, x: float, y: float, rng: np.random.Generator, roll_deg: float,
    face: int | None = None,
) -> _Place:  # fmt: skip
    """Put a face (or the whole cutting) of a width at a point, turned and slightly stretched."""
    height, full = cutting.pixels.shape[:2]
    box = (0.0, 0.0, float(full), float(height)) if face is None else tuple(map(float, cutting.boxes[face]))
    scale = width / (box[2] - box[0])
    mirrored = bool(rng.random() < 0.5)
    stretch = np.exp(rng.normal(0, 0.05))
    shear = rng.normal(0, 0.04)
    roll = np.deg2rad(roll_deg)
    turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    form = np.array([[(-1 if mirrored else 1) * stretch, shear], [0, 1 / stretch]])
    linear = scale * turn @ form
    middle = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
    return _Place(np.column_stack([linear, np.array([x, y]) - linear @ middle]), roll_deg, mirrored)


class _Canvas:
    """A scene in the making; remembers who owns each pixel, to know what is hidden."""

    def __init__(self, pixels: UInt8Array) -> None:
        self.pixels = pixels
        self.height, self.width = pixels.shape[:2]
        self.owner = np.zeros(pixels.shape[:2], np.int16)
        self.count = 0
        self.faces: list[tuple[int, FloatArray, FloatArray, bool, float, npt.NDArray[np.float64]]] = []

    def last(self) -> tuple[float, float, float]:
        """Return the middle and the width of the face pasted last."""
        box = self.faces[-1][1] if self.faces else np.array([0, 0, self.width, self.height])
        return float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2, float(box[2] - box[0])

    def paste(
        self, cutting: Cutting, place: _Place, rng: np.random.Generator, face: int | None = None
    ) -> None:
        """Paste a cutting: as a rectangle, or around its face (or middle) with a soft or a sharp edge."""
        affine, pixels, share = _shrunk(cutting, place.affine)
        mask, window = _mask(cutting, face, share, pixels.shape[:2], rng)
        left, top, right, bottom = window
        corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
        where = corners @ affine[:, :2].T + affine[:, 2]
        x0, y0 = np.floor(where.min(0)).astype(int).clip(0, (self.width, self.height))
        x1, y1 = np.ceil(where.max(0)).astype(int).clip(0, (self.width, self.height))
        if x1 - x0 < 2 or y1 - y0 < 2:
            return
        local = affine - np.array([[0, 0, x0], [0, 0, y0]])
        size = (int(x1 - x0), int(y1 - y0))
        flat = np.asarray(cv2.warpAffine(mask, local, size, flags=cv2.INTER_LINEAR), np.float32)
        warped = cv2.warpAffine(pixels, local, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        part = self.pixels[y0:y1, x0:x1]
        part[:] = part + (warped.astype(np.float32) - part) * flat[..., None]
        self.count += 1
        self.owner[y0:y1, x0:x1][flat > 0.5] = self.count
        for i in range(len(cutting.boxes)):
            self._add(cutting, place, i)

    def _add(self, cutting: Cutting, place: _Place, i: int) -> None:
        box, linear = cutting.boxes[i], place.affine[:, :2]
        middle = linear @ np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]) + place.affine[:, 2]
        axes = linear * (
            np.array([box[2] - box[0], box[3] - box[1]]) / 2
        )  # columns: half axes of the ellipse
        half = np.sqrt((axes**2).sum(1))
        points = cutting.points[i] @ linear.T + place.affine[:, 2]
        if place.mirrored:
            points = points[_FLIPPED]
        where = np.concatenate([middle - half, middle + half]).astype(np.float32)
        self.faces.append(
            (self.count, where, points.astype(np.float32), bool(cutting.agreed[i]), place.roll_deg, axes)
        )

    def scene(self) -> Scene:
        """Return what stands here, with the share of every face that can be seen."""
        boxes, points, taught, rolls = [], [], [], []
        for number, box, five, agreed, roll, axes in self.faces:
            seen = self._visible(number, box, axes)
            if seen < _GONE:
                continue
            boxes.append(box)
            points.append(five)
            taught.append(agreed and seen >= _SEEN)
            rolls.append(roll)
        return Scene(
            self.pixels,
            np.array(boxes, np.float32).reshape(-1, 4),
            np.array(points, np.float32).reshape(-1, 5, 2),
            np.array(taught, bool),
            np.array(rolls, np.float32),
        )

    def _visible(self, number: int, box: FloatArray, axes: npt.NDArray[np.float64]) -> float:
        """Return the share of the face's ellipse that lies in the scene and is its own."""
        spots = _SPOTS @ axes.T + (box[:2] + box[2:]) / 2
        at = np.floor(spots).astype(int)
        inside = ((at >= 0) & (at < (self.width, self.height))).all(1)
        own = self.owner[at[inside, 1], at[inside, 0]] == number
        return float(own.sum()) / len(spots)


def _disc() -> npt.NDArray[np.float64]:
    steps = np.linspace(-0.93, 0.93, 15)
    x, y = np.meshgrid(steps, steps)
    spots = np.stack([x.ravel(), y.ravel()], 1)
    return np.asarray(spots[(spots**2).sum(1) <= 0.9], np.float64)


_SPOTS = _disc()


def _shrunk(
    cutting: Cutting, affine: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], UInt8Array, npt.NDArray[np.float64]]:
    """Shrink a cutting by area where warping alone would alias.

    Returns:
        The affine from the shrunk pixels, those pixels, and their size over the size before, (2,).
    """
    pixels = cutting.pixels
    height, width = pixels.shape[:2]
    zoom = float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))
    if zoom >= 0.6:
        return affine, pixels, np.ones(2)
    wanted = max(zoom * 1.15, 4 / min(height, width))
    size = (max(2, round(width * wanted)), max(2, round(height * wanted)))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    share = np.array([size[0] / width, size[1] / height])
    return np.column_stack([affine[:, :2] / share, affine[:, 2]]), small, share


def _mask(
    cutting: Cutting, face: int | None, share: npt.NDArray[np.float64], shape: tuple[int, ...],
    rng: np.random.Generator,
) -> tuple[FloatArray, tuple[float, ...]]:  # fmt: skip
    """Return how much of each pixel is pasted, float32 (H, W) in [0, 1], and the rectangle that holds it."""
    height, width = shape
    form = rng.random()
    if form < 0.5:
        return np.ones((height, width), np.float32), (0, 0, width, height)
    if face is None:
        middle = np.array([width / 2, height / 2])
        half = np.array([width, height]) * rng.uniform(0.3, 0.5, 2)
    else:
        x0, y0, x1, y1 = cutting.boxes[face]
        middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2 - 0.06 * (y1 - y0)]) * share
        half = np.array([x1 - x0, y1 - y0]) / 2 * rng.uniform((1.15, 1.2), (1.8, 1.6)) * share
    x = (np.arange(width, dtype=np.float32) - np.float32(middle[0])) / np.float32(half[0])
    y = (np.arange(height, dtype=np.float32) - np.float32(middle[1])) / np.float32(half[1])
    radius = np.sqrt((x * x)[None] + (y * y)[:, None])
    edge = np.float32(rng.uniform(0.15, 0.5) if form < 0.85 else 0.02)
    mask = ((1 + edge / 2 - radius) / edge).clip(0, 1)
    low, high = np.maximum(middle - 1.3 * half, 0), np.minimum(middle + 1.3 * half, (width, height))
    return mask, (*low.tolist(), *high.tolist())


def _crop(pixels: UInt8Array, height: int, width: int, rng: np.random.Generator) -> UInt8Array:
    """Cut a random part out, at least half the picture wide, mirror it at times, and bring it to a size."""
    share = rng.uniform(0.5, 1.0)
    tall, wide = pixels.shape[:2]
    aspect = width / height
    part_w = min(wide, tall * aspect) * share
    part_h = part_w / aspect
    left, top = rng.uniform(0, wide - part_w), rng.uniform(0, tall - part_h)
    part = pixels[int(top) : int(top + part_h) + 1, int(left) : int(left + part_w) + 1]
    if rng.random() < 0.5:
        part = part[:, ::-1]
    smaller = part.shape[1] > width
    sized = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    return np.asarray(sized, np.uint8)
