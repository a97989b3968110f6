"""Face mesh topology: which triangles, lines and regions the 468 points form, and which mirror each other.

A layer of its own below the rooms, so that ``faces``, ``forge``, ``render`` and ``train`` may all use it. The order
of the points is MediaPipe's; everything said about them here was derived from statistics of labelled faces by
``research/topology/draw.py`` and is drawn in docs/reference/mesh.md. Left and right are the person's own: the right eye
stands on the left in a picture.

Imports: numpy only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

POINTS = 468
"""How many points a mesh has."""


def _fixed(values: Any, dtype: type[np.generic]) -> npt.NDArray[Any]:
    array = np.array(values, dtype)
    array.flags.writeable = False
    return array


_DATA: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))

MEAN: npt.NDArray[np.float32] = _fixed(_DATA["mean"], np.float32)
"""(468, 3) the symmetric mean face, straight on: x to the right in the picture, y down, z away from the viewer;
the middle between the outer eye corners is the origin, their distance 1."""

MIRROR: npt.NDArray[np.int16] = _fixed(_DATA["mirror"], np.int16)
"""(468,) the partner of each point on the other side; a point on the midline is its own."""

TRIANGLES: npt.NDArray[np.int16] = _fixed(_DATA["triangles"], np.int16)
"""(852, 3) the skin and lips, counter-clockwise to the eye of the viewer; eyes and mouth stay open. Mirror images of
each other."""

CONTOURS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {k: tuple(v) for k, v in _DATA["contours"].items()}
)
"""Lines to stress, as points in order; a closed line repeats its first point at the end. ``oval``, ``right_eye``,
``left_eye``, ``right_brow``, ``left_brow``, ``lips_outer``, ``lips_inner`` are closed, ``nose_bridge`` and
``nose_base`` open."""

REGIONS: Mapping[str, tuple[int, ...]] = MappingProxyType({k: tuple(v) for k, v in _DATA["regions"].items()})
"""Every point in exactly one region: ``forehead``, ``right_brow``, ``left_brow``, ``right_eye``, ``left_eye``,
``nose``, ``upper_lip`` (the skin above), ``lips``, ``chin``, ``right_cheek``, ``left_cheek``."""

STABLE: npt.NDArray[np.int16] = _fixed(_DATA["stable"], np.int16)
"""The third of the points that lie most nearly in the same place on everybody, whatever the expression; for
aligning."""

FIVE: npt.NDArray[np.float32] = _fixed(_DATA["five"], np.float32)
"""(5, 2) where finders put their five points on the mean face: eyes, nose tip, mouth corners, each from left to
right."""

BOX: tuple[float, float, float, float] = tuple(_DATA["box"])
"""Where finders put their box around the mean face: x0, y0, x1, y1."""

EYE_CORNERS: tuple[int, int] = (CONTOURS["right_eye"][0], CONTOURS["left_eye"][0])
"""The outer corners of the right and the left eye; their distance in three dimensions is the unit of errors."""


def _edges() -> npt.NDArray[np.int16]:
    sides = np.sort(
        np.concatenate([TRIANGLES[:, [0, 1]], TRIANGLES[:, [1, 2]], TRIANGLES[:, [0, 2]]]), axis=1
    )
    return _fixed(np.unique(sides, axis=0), np.int16)


EDGES: npt.NDArray[np.int16] = _edges()
"""(E, 2) every side of a triangle once, the lower point first."""
