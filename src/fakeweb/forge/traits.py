"""Traits of a face, measured from its mesh and its pixels: pose, light, skin, sharpness, glasses, what covers it.

Colours and edges are read where the points of the mesh lie, so a turned or tilted face is read in the same places as a
straight one. Who lends a face to whom (:mod:`fakeweb.forge.donors`) and which swap is broken
(:mod:`fakeweb.forge.swap`) both go by them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from fakeweb.forge.patch import Patch
from fakeweb.forge.regions import BROWS, EYE_CENTRES, EYES, LIPS, MOUTH, SHAPE, IndexArray
from fakeweb.types import FloatArray

_UNIT_PX = 24.0
"""Half the width of a face at which colours and edges are read: what is finer differs from day to day."""
_FINE_PX = 64.0
"""The same, at which sharpness is read."""
_BAND_PX = 40
"""The same, at which glasses are looked for."""
_BARE, _FRAMED = -4.6, -3.7
"""Edges of a frame, in logarithms. Of 320 faces sorted by eye they rank those with glasses above the others with an AUC
of 0.96; of the 41 with glasses 30 lie above -3.8, of the 279 without 9."""
_CELL = 0.25
"""Width of a cell, in face units."""
_LEVEL = float(EYE_CENTRES[:, 1].mean())


@dataclass(frozen=True, eq=False)
class Traits:
    """What a face looks like.

    Attributes:
        pose: (5,): yaw, pitch and roll in degrees, how far the mouth and the eyes are open, as area over width squared.
        cells: (C, 4): CIE L*a*b* and the strength of edges, means over the cells of the face; see :func:`cells`.
        skin: (3,): CIE L*a*b* of the skin, the median.
        spread: (3,): How much the skin's colours vary, a robust standard deviation.
        sharpness: Natural logarithm of the finest contrast over all contrast.
        glasses: How sure it is that the face wears glasses, 0 to 1.
        fringe: How much darker than the skin the darkest part of the forehead is, in L*: hair, a hat.
        unit_px: Pixels per face unit.
    """

    pose: FloatArray
    cells: FloatArray
    skin: FloatArray
    spread: FloatArray
    sharpness: float
    glasses: float
    fringe: float
    unit_px: float


@lru_cache(maxsize=1)
def cells() -> tuple[IndexArray, ...]:
    """Return the points of the mesh in each cell of a grid on the mean face; mirrored, it is the same."""
    column = np.rint(SHAPE[:, 0] / _CELL).astype(int)
    row = np.rint((SHAPE[:, 1] - _LEVEL) / _CELL).astype(int)
    names = sorted(set(zip(row.tolist(), column.tolist(), strict=True)))
    return tuple(np.flatnonzero((row == r) & (column == c)) for r, c in names)


@lru_cache(maxsize=1)
def _averaging() -> FloatArray:
    """Return the matrix that takes the means over the cells, (C, 468)."""
    out = np.zeros((len(cells()), len(SHAPE)), np.float32)
    for row, cell in zip(out, cells(), strict=True):
        row[cell] = 1 / len(cell)
    return out


@lru_cache(maxsize=1)
def cell_centres() -> FloatArray:
    """Return the middle of each cell on the mean face, (C, 2) in face units."""
    return np.stack([SHAPE[cell, :2].mean(0) for cell in cells()])


@lru_cache(maxsize=1)
def forehead() -> IndexArray:
    """Return the cells between the brows and the hair."""
    x, y = cell_centres().T
    return np.flatnonzero((np.abs(x) < 0.3) & (y < -0.55))


@lru_cache(maxsize=1)
def bare_points() -> IndexArray:
    """Return the points that lie on skin in most faces: neither eyes, brows, lips nor the rim."""
    near = np.concatenate([*EYES, *BROWS, LIPS, MOUTH])
    apart = SHAPE[:, None, :2] - SHAPE[None, near, :2]
    inner = np.hypot(SHAPE[:, 0], SHAPE[:, 1] * 0.8) < 0.88
    return np.flatnonzero((np.hypot(apart[..., 0], apart[..., 1]).min(1) > 0.07) & inner)


def traits_of(patch: Patch) -> Traits:
    """Measure a face."""
    read = _read(patch)
    bare = read[bare_points(), :3]
    skin = np.median(bare, 0)
    spread = 1.48 * np.median(np.abs(bare - skin), 0) + 1
    means = np.asarray(_averaging() @ read, np.float32)
    fringe = float(skin[0] - means[forehead(), 0].min())
    return Traits(
        pose_of(patch), means, skin, spread, _sharpness(patch), glasses_of(patch), fringe, patch.unit_px
    )


def pose_of(patch: Patch) -> FloatArray:
    """Return yaw, pitch and roll in degrees, and how far mouth and eyes are open, (5,)."""
    axes, unit = patch.axes, patch.unit_px + 1e-6
    roll = float(np.arctan2(axes[1, 0], axes[0, 0]))
    turn = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
    yaw, pitch = np.degrees(np.arcsin(np.clip(turn @ axes[:, 2] / unit, -1, 1)))

    def opened(inside: IndexArray, across: IndexArray) -> float:
        return cv2.contourArea(patch.points[inside]) / (
            float(np.ptp(patch.points[across] @ turn[0])) ** 2 + 1e-3
        )

    eyes = np.mean([opened(eye, eye) for eye in EYES])
    return np.array((yaw, pitch, np.degrees(roll), opened(MOUTH, LIPS), eyes), np.float32)


def _read(patch: Patch) -> FloatArray:
    """Return L*a*b* and the strength of edges at the points of the mesh, (468, 4)."""
    scale = _UNIT_PX / patch.unit_px
    small = _resized(patch.pixels, scale)
    lab = cv2.cvtColor(small * np.float32(1 / 255), cv2.COLOR_RGB2Lab)
    lab = np.asarray(cv2.GaussianBlur(lab, (0, 0), 0.8), np.float32)
    light = np.ascontiguousarray(lab[..., 0])
    edges = cv2.magnitude(cv2.Sobel(light, -1, 1, 0, scale=0.125), cv2.Sobel(light, -1, 0, 1, scale=0.125))
    at = ((patch.points + 0.5) * scale - 0.5).astype(np.float32)[:, None]
    both = cv2.merge([*cv2.split(lab), edges])
    out = cv2.remap(both, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out, np.float32)[:, 0]


def _resized(pixels: FloatArray, scale: float) -> FloatArray:
    size = tuple(max(4, round(n * scale)) for n in pixels.shape[1::-1])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size, interpolation=how), np.float32)


def _sharpness(patch: Patch) -> float:
    """Return the logarithm of the finest contrast about eyes and mouth, all faces brought to one size."""
    part = patch.around(patch.points[np.concatenate([*EYES, *BROWS, LIPS])], 0.1)
    grey = cv2.cvtColor(_resized(part.pixels, _FINE_PX / patch.unit_px), cv2.COLOR_RGB2GRAY)
    fine = grey - cv2.GaussianBlur(grey, (0, 0), 1.0)
    return float(np.log(np.sqrt(float((fine * fine).mean())) / (float(grey.std()) + 1) + 1e-3))


@lru_cache(maxsize=2)  # who tries several donors asks again
def glasses_of(patch: Patch) -> float:
    """Return how sure it is that a face wears glasses, 0 to 1.

    A frame shows as level edges on the bridge, under the eyes and at the temples, with few in the eyes.
    """
    left, top, wide, high = -1.0, -0.95, 2.0, 1.25
    at = (patch.points - SHAPE @ patch.axes.T).mean(0)  # where the origin lies
    place = np.empty((2, 3), np.float32)
    place[:, :2] = patch.axes[:, :2] / _BAND_PX
    place[:, 2] = at + patch.axes @ np.array((left, top, -0.35), np.float32)
    size = (int(wide * _BAND_PX), int(high * _BAND_PX))
    shrink = patch.unit_px / _BAND_PX
    part = patch.pixels if shrink < 1.5 else cv2.GaussianBlur(patch.pixels, (0, 0), 0.4 * shrink)
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    band = cv2.warpAffine(part, place, size, flags=how, borderMode=cv2.BORDER_REPLICATE)
    light = cv2.GaussianBlur(cv2.cvtColor(np.asarray(band, np.float32), cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
    level = np.abs(np.diff(light, axis=0)) / (float(light.std()) + 4)
    grid = np.log(np.asarray(cv2.resize(level, (20, 12), interpolation=cv2.INTER_AREA)) + 0.02)
    grid = (grid + grid[:, ::-1]) / 2
    bridge, under = grid[3:7, 9].mean(), grid[8, 3:7].mean()
    frame = float(bridge + under - grid[3:6, 3:6].mean() + 0.5 * grid[3:6, :2].mean())
    return float(np.clip((frame - _BARE) / (_FRAMED - _BARE), 0, 1))
