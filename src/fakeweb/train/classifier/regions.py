"""The surroundings of each training face, decoded once and kept: pixels in one memory-mapped file.

A region is a square around the face, as far as it lies in the picture, large enough for every crop the recipe can
draw, and made smaller where its longest side exceeds ``data.cache_px``. With it go the face's box, its mesh and the
mask of what was touched, all in coordinates of the region.
"""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.datasets import Sample
from fakeweb.datasets.csvfile import write_csv
from fakeweb.errors import DatasetError, FakeWebError
from fakeweb.media import read_image
from fakeweb.train.classifier.masks import touched, untouched
from fakeweb.train.classifier.meshes import Meshes
from fakeweb.train.classifier.prepare import FaceSample
from fakeweb.train.recipe import Recipe
from fakeweb.types import Box, Face, Image, UInt8Array

MASK_PX = 64
"""Side of the kept masks; a region's mask is stretched to it."""
_VERSION = 1
_MESH = 468 * 3 * 4
_COLUMNS = ("number", "offset", "height", "width", "x0", "y0", "x1", "y1", "mesh", "mask")


@dataclass(frozen=True, eq=False)
class Region:
    """What is kept of one face.

    Attributes:
        pixels: uint8 RGB (h, w, 3), read-only.
        box: The face in it.
        mesh: float32 (468, 3) in its pixels, or None.
        mask: uint8 (64, 64) stretched over it, 255 where touched; None where unknown.
    """

    pixels: UInt8Array
    box: Box
    mesh: npt.NDArray[np.float32] | None = None
    mask: UInt8Array | None = None

    @property
    def face(self) -> Face:
        """The face in the region's coordinates."""
        return Face(self.box, mesh=self.mesh)


def cut_region(image: Image, box: Box, reach: float, longest_px: int) -> tuple[UInt8Array, float, int, int]:
    """Cut a face with its surroundings.

    Args:
        image: The picture.
        box: The face.
        reach: Side of the square over the longer side of the box.
        longest_px: A longer side is made smaller, to this.

    Returns:
        uint8 RGB (h, w, 3); its scale against the picture; its left and top edge in the picture.
    """
    x0, y0, x1, y1 = box
    half = reach * max(x1 - x0, y1 - y0) / 2
    left, right = (int(np.clip(v, 0, image.width)) for v in ((x0 + x1) / 2 - half, (x0 + x1) / 2 + half + 1))
    top, below = (int(np.clip(v, 0, image.height)) for v in ((y0 + y1) / 2 - half, (y0 + y1) / 2 + half + 1))
    left, top = (
        left - left % 2,
        top - top % 2,
    )  # halves round to even: crops fall on the same pixels as in the picture
    pixels = image.pixels[top : max(below, top + 1), left : max(right, left + 1)]
    scale = longest_px / max(pixels.shape[:2])
    if scale >= 1:
        return np.ascontiguousarray(pixels), 1.0, left, top
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8), scale, left, top


class Regions:
    """The kept regions of a list of faces; safe to share with forked processes."""

    def __init__(self, path: Path, table: list[list[float]]) -> None:
        self.path, self.table = path, table
        self._bytes: Any = None

    def __len__(self) -> int:
        return len(self.table)

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "table": self.table, "_bytes": None}

    def __getitem__(self, index: int) -> Region:
        _, offset, height, width, x0, y0, x1, y1, meshed, masked = self.table[index]
        if self._bytes is None:
            self._bytes = np.memmap(self.path, np.uint8, "r")
        place, shape = int(offset), (int(height), int(width), 3)

        def take(count: int) -> UInt8Array:
            nonlocal place
            place += count
            return np.asarray(self._bytes[place - count : place])

        pixels = take(shape[0] * shape[1] * 3).reshape(shape)
        mesh = take(_MESH).copy().view(np.float32).reshape(468, 3) if meshed else None
        mask = take(MASK_PX * MASK_PX).reshape(MASK_PX, MASK_PX) if masked else None
        return Region(pixels, (x0, y0, x1, y1), mesh, mask)

    def mask_of(self, index: int) -> UInt8Array | None:
        """Return a region's mask alone."""
        return self[index].mask


def keep_regions(
    faces: Sequence[FaceSample],
    recipe: Recipe,
    meshes: Meshes | None,
    folder: Path,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    names: Mapping[Path, str] | None = None,
) -> Regions:
    """Cut and keep the region of every face, or go on where an interrupted run stopped.

    Args:
        faces: The faces.
        recipe: Says how large, and how masks are found.
        meshes: Knows the mesh of real faces to be forged; None: no meshes.
        folder: Where ``regions-<hash>.bin`` and ``.csv`` go.
        on_progress: Called with (done, total).
        names: By picture, the name that tells its parts (see :mod:`fakeweb.train.classifier.masks`), where the
            group does not.

    Raises:
        DatasetError: A picture or mask cannot be read any more, or the disk is full.
    """
    name = f"regions-{_fingerprint(faces, recipe, meshes)}"
    data, index = folder / f"{name}.bin", folder / f"{name}.csv"
    table, end = _read_index(data, index)
    if len(table) == len(faces):
        return Regions(data, table)
    reals = _only_reals(faces)
    try:
        with data.open("r+b" if data.is_file() else "w+b") as stream:
            stream.truncate(end)
            stream.seek(end)
            try:
                for number in range(len(table), len(faces)):
                    face, path = faces[number], faces[number].sample.path
                    name = (names or {}).get(path, face.sample.group)
                    key = (face.sample.source, face.sample.group)
                    table.append([number, *_append(stream, face, recipe, meshes, reals.get(key), name)])
                    if number % 500 == 499:
                        stream.flush()
                        _write_index(index, table)
                    if number % 50 == 49 or number == len(faces) - 1:
                        on_progress(number + 1, len(faces))
            finally:
                stream.flush()
                _write_index(index, table)
    except OSError as error:
        raise DatasetError(
            f"{data} cannot be written: {error.strerror}", hint="free the disk, or set data.cache_px = 0"
        ) from error
    return Regions(data, table)


def drop_untouched(
    faces: Sequence[FaceSample], regions: Regions, rules: dict[str, str]
) -> tuple[list[int], list[int]]:
    """Return the numbers of faces to keep, and of training fakes by ``pair`` in which nothing was touched.

    Validation faces stay: figures must not gain from leaving out what is hard.
    """
    dropped = [
        i
        for i, face in enumerate(faces)
        if face.sample.label == 1
        and face.sample.split == "train"
        and rules.get(face.sample.source) == "pair"
        and untouched(regions.mask_of(i))
    ]
    gone = set(dropped)
    return [i for i in range(len(faces)) if i not in gone], dropped


def reach_of(recipe: Recipe) -> float:
    """Return the side of a region over the longer side of its box: the largest crop the recipe can draw."""
    augment = recipe.augment
    widest = recipe.data.margin * max(1.0, augment.scale[1]) + 2 * augment.shift
    return float(np.ceil(20 * widest + 1) / 20)


def _append(
    stream: BinaryIO, face: FaceSample, recipe: Recipe, meshes: Meshes | None, real: Sample | None, name: str
) -> list[float]:
    """Write one record; return its row without the number."""
    sample, box = face.sample, face.box
    try:
        image = read_image(sample.path).image
    except FakeWebError as error:
        raise DatasetError(
            f"a picture changed since its face was found: {error.message}",
            hint="restore it, or delete faces-*.csv in the output folder and begin anew",
        ) from error
    pixels, scale, left, top = cut_region(image, box, reach_of(recipe), recipe.data.cache_px)
    x0, y0, x1, y1 = box
    inside = ((x0 - left) * scale, (y0 - top) * scale, (x1 - left) * scale, (y1 - top) * scale)
    mesh: npt.NDArray[np.float32] | None = None
    mask: UInt8Array | None = None
    if meshes is not None and sample.label == 0:
        mesh = meshes.of(sample.path, image, box)
        if mesh is not None:
            mesh = np.asarray((mesh - (left, top, 0)) * scale, np.float32)
    if sample.label == 0:
        mask = np.zeros((MASK_PX, MASK_PX), np.uint8)
    else:
        rule = recipe.data.masks.get(sample.source, "")
        found = touched(replace(sample, group=name), rule, image, box, None if real is None else real.path)
        if found is not None:
            below, right = top + round(pixels.shape[0] / scale), left + round(pixels.shape[1] / scale)
            cut = np.ascontiguousarray(found[top:below, left:right])
            mask = np.asarray(cv2.resize(cut, (MASK_PX, MASK_PX), interpolation=cv2.INTER_AREA), np.uint8)
    offset = stream.tell()
    stream.write(pixels.tobytes())
    if mesh is not None:
        stream.write(np.asarray(mesh, np.float32).tobytes())
    if mask is not None:
        stream.write(mask.tobytes())
    return [offset, *pixels.shape[:2], *inside, float(mesh is not None), float(mask is not None)]


def _only_reals(faces: Sequence[FaceSample]) -> dict[tuple[str, str], Sample]:
    """Return the real sample of each group that has exactly one."""
    found: dict[tuple[str, str], list[Sample]] = defaultdict(list)
    for face in faces:
        if face.sample.label == 0:
            found[face.sample.source, face.sample.group].append(face.sample)
    return {key: samples[0] for key, samples in found.items() if len(samples) == 1}


def _fingerprint(faces: Sequence[FaceSample], recipe: Recipe, meshes: Meshes | None) -> str:
    """Return a digest of everything a record depends on but the pictures' content."""
    digest = hashlib.sha256()
    data = recipe.data
    head = (_VERSION, reach_of(recipe), data.cache_px, sorted(data.masks.items()), meshes and meshes.name)
    digest.update(repr(head).encode())
    for face in faces:
        digest.update(
            repr((str(face.sample.path), face.box, face.sample.label)).encode("utf-8", "surrogateescape")
        )
    return digest.hexdigest()[:16]


def _read_index(data: Path, index: Path) -> tuple[list[list[float]], int]:
    """Return the rows whose records are wholly there, and where the last of them ends."""
    table: list[list[float]] = []
    end = 0
    if not (data.is_file() and index.is_file()):
        return table, end
    size = data.stat().st_size
    try:
        with index.open(newline="", encoding="utf-8") as stream:
            rows = csv.reader(stream)
            if next(rows, None) != list(_COLUMNS):
                return table, end
            for row in rows:
                values = [float(v) for v in row]
                length = values[2] * values[3] * 3 + _MESH * values[8] + MASK_PX * MASK_PX * values[9]
                if len(values) != len(_COLUMNS) or values[:2] != [len(table), end] or end + length > size:
                    break
                table.append(values)
                end += int(length)
    except (ValueError, IndexError, csv.Error, UnicodeDecodeError):
        return [], 0
    return table, end


def _write_index(path: Path, table: list[list[float]]) -> None:
    rows = ([int(v) if v == int(v) else repr(v) for v in row] for row in table)
    write_csv(path, [_COLUMNS, *rows])
