"""Who stands in a data set twice: pictures of one person by the look of aligned faces, without a recognition network.

Edited pictures of a person keep most of the original's pixels, cropped, scaled and graded anew. So faces are brought
into one place by their five points, cut into a grid of cells, and cells compared by normalised correlation, which
neither gain nor offset changes. An edit spoils some cells, so a pair's likeness is the mean of the better half of its
cells. Two photos of one person taken at different times stay unlike each other: this finds shared *pictures*, and
says nothing of persons beyond.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.datasets import Sample
from fakeweb.datasets.splits import Families
from fakeweb.errors import FakeWebError
from fakeweb.faces import main_face
from fakeweb.media import read_image
from fakeweb.types import Face, FaceFinder, FloatArray, Image, UInt8Array

THRESHOLD: Final = 0.86
"""Pairs at least so alike are one person; see docs/decisions/0016."""

_SIDE_PX: Final = 96
_CELLS: Final = 4
_KEPT: Final = 0.5
_FINE_PX, _COARSE_PX = 1.2, 5.0  # details between these sizes count: not noise, not light
# left eye, right eye, nose tip, mouth corners, as shares of the side: the face with some hair and neck around it
_PLACES: Final = np.array([[0.36, 0.40], [0.64, 0.40], [0.50, 0.56], [0.39, 0.70], [0.61, 0.70]], np.float32)


@dataclass(frozen=True)
class Pair:
    """Two samples that show one person, by their places in the list, and how alike they are."""

    one: int
    other: int
    likeness: float


def describe(image: Image, face: Face) -> FloatArray | None:
    """Return the face's cells, float32 (cells, pixels), each of mean 0 and length 1; None without five points.

    Args:
        image: RGB.
        face: Its five points say how it lies.
    """
    aligned = aligned_face(image, face)
    if aligned is None:
        return None
    grey = cv2.cvtColor(aligned, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey = cv2.GaussianBlur(grey, (0, 0), _FINE_PX) - cv2.GaussianBlur(grey, (0, 0), _COARSE_PX)
    wide = _SIDE_PX // _CELLS
    cells = grey.reshape(_CELLS, wide, _CELLS, wide).transpose(0, 2, 1, 3).reshape(_CELLS**2, -1)
    cells = cells - cells.mean(1, keepdims=True)
    # a flat cell (a wall, a blown-out cheek) is like any other flat cell: it counts for little
    return np.asarray(
        cells / np.maximum(np.linalg.norm(cells, axis=1, keepdims=True), 1.0 * wide), np.float32
    )


def aligned_face(image: Image, face: Face, side_px: int = _SIDE_PX) -> UInt8Array | None:
    """Return the face turned, moved and scaled so that its points fit, RGB (side_px, side_px, 3)."""
    if face.points is None:
        return None
    matrix, _ = cv2.estimateAffinePartial2D(face.points, _PLACES * side_px, method=cv2.LMEDS)
    if matrix is None:
        return None
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    pixels = image.pixels if scale >= 0.7 else cv2.GaussianBlur(image.pixels, (0, 0), 0.4 / scale)
    out = cv2.warpAffine(
        pixels, matrix, (side_px, side_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(out, np.uint8)


def likeness(cells: FloatArray, others: FloatArray) -> FloatArray:
    """Return how alike faces are, float32 (N, M): the mean correlation of the better half of the cells.

    Args:
        cells: (N, cells, pixels) from :func:`describe`.
        others: (M, cells, pixels).
    """
    kept = max(1, round(_KEPT * cells.shape[1]))
    every = np.stack([cells[:, c] @ others[:, c].T for c in range(cells.shape[1])])
    every = np.partition(every, len(every) - kept, axis=0)[-kept:]
    return np.asarray(every.mean(axis=0), np.float32)


def find_pairs(
    samples: Sequence[Sample],
    finder: FaceFinder,
    *,
    threshold: float = THRESHOLD,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[Pair]:
    """Find the pairs of samples that show one person, the most alike first.

    Args:
        samples: Of one source.
        finder: Must give five points: YuNet does, Haar does not.
        threshold: Least likeness.
        on_progress: Called with (done, total).
    """
    places: list[int] = []
    found: list[npt.NDArray[np.floating]] = []
    for at, sample in enumerate(samples):
        cells = _describe_file(sample, finder)
        if cells is not None:
            places.append(at)
            found.append(cells)
        on_progress(at + 1, len(samples))
    if len(found) < 2:
        return []
    cells = np.stack(found)
    pairs = []
    for start in range(0, len(cells), 256):
        block = likeness(cells[start : start + 256], cells)
        for row, column in np.argwhere(block >= threshold):
            if start + row < column:
                pairs.append(Pair(places[start + row], places[column], round(float(block[row, column]), 4)))
    return sorted(pairs, key=lambda p: (-p.likeness, p.one, p.other))


def _describe_file(sample: Sample, finder: FaceFinder) -> FloatArray | None:
    try:
        image = read_image(sample.path).image
    except FakeWebError:
        return None
    face, _ = main_face(finder.find(image), image)
    return None if face is None else describe(image, face)


def families(samples: Sequence[Sample], pairs: Sequence[Pair]) -> list[list[str]]:
    """Return the groups that show one person, as lists of at least two groups, sorted."""
    joined = Families()
    members: set[str] = set()
    for pair in pairs:
        one, other = samples[pair.one].group, samples[pair.other].group
        if one != other:
            joined.join(one, other)
            members |= {one, other}
    found: dict[str, list[str]] = {}
    for group in sorted(members):
        found.setdefault(joined.name_of(group), []).append(group)
    return sorted(found.values())


def contact_sheet(
    samples: Sequence[Sample], pairs: Sequence[Pair], finder: FaceFinder, *, columns: int = 6
) -> UInt8Array:
    """Return pairs side by side for the eye, RGB: aligned faces, the likeness written below, reds for fakes.

    Args:
        samples: As for :func:`find_pairs`.
        pairs: Which to show.
        finder: The same.
        columns: Pairs per row.
    """
    tiles = [_pair_tile(samples[p.one], samples[p.other], p.likeness, finder) for p in pairs]
    if not tiles:
        return np.zeros((1, 1, 3), np.uint8)
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    return np.ascontiguousarray(np.vstack(rows))


def _pair_tile(one: Sample, other: Sample, alike: float, finder: FaceFinder) -> UInt8Array:
    faces = []
    for sample in (one, other):
        image = read_image(sample.path).image
        face, _ = main_face(finder.find(image), image)
        shown = None if face is None else aligned_face(image, face, 112)
        picture = np.zeros((112, 112, 3), np.uint8) if shown is None else shown
        colour = (200, 60, 40) if sample.label else (40, 120, 60)
        faces.append(cv2.copyMakeBorder(picture, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=colour))
    tile = cv2.copyMakeBorder(np.hstack(faces), 0, 16, 0, 8, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    cv2.putText(
        tile,
        f"{alike:.3f} {one.path.stem} {other.path.stem}",
        (2, 128),
        cv2.FONT_HERSHEY_SIMPLEX,
        0.38,
        (0, 0, 0),
        1,
    )
    return np.asarray(tile, np.uint8)
