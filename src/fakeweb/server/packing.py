"""Reports as they are stored: a seventh of their JSON, and the same to the last digit.

Most of a report is the mesh of each face, 468 points to a hundredth of a pixel. What is kept of it is by how much it
differs from a mean face that was laid over it (an affine map of ``assets/mean-face.npy``), and of that by how much a
point differs from its neighbour; then LZMA. Grids of evidence are kept as differences too. Numbers that do not come
back exactly, as those of a later version might not, stay in the JSON, which is deflated with the words that stand in
most reports (``assets/report-words-2.txt``). What version 1 has packed, with other words and zlib, is read as before.
"""

from __future__ import annotations

import functools
import lzma
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

Ints = npt.NDArray[np.int32]

_ASSETS = Path(__file__).parent / "assets"
_VERSION = 2
_HEAD = struct.Struct(">BI")
_COEFFICIENTS = 12
_MESH_SCALE = 100
_GRID_SCALE = 10_000
_LZMA: Final = [
    {
        "id": lzma.FILTER_LZMA1,
        "dict_size": 1 << 16,
        "lc": 0,
        "lp": 0,
        "pb": 0,
        "mf": lzma.MF_HC3,  # these three are the packer's alone: the preset takes half as long again for 0.5% less
        "nice_len": 16,
        "depth": 4,
    }
]


def pack(report: Mapping[str, Any]) -> bytes:
    """Return a report's JSON form in few bytes.

    Args:
        report: As :meth:`fakeweb.types.Report.to_dict` gives it, in plain JSON types.
    """
    numbers = bytearray()
    slim = {**report, "faces": [_without_numbers(face, numbers) for face in report["faces"]]}
    words = zlib.compressobj(9, zdict=_words(_VERSION))
    text = words.compress(orjson.dumps(slim)) + words.flush()
    return _HEAD.pack(_VERSION, len(text)) + text + lzma.compress(numbers, lzma.FORMAT_RAW, filters=_LZMA)


def unpack(data: bytes) -> dict[str, Any]:
    """Return the report that was packed.

    Raises:
        ValueError: A version that this code does not know.
    """
    version, length = _HEAD.unpack_from(data)
    if version not in (1, _VERSION):
        raise ValueError(f"a packed report of version {version}")
    text = zlib.decompressobj(zdict=_words(version)).decompress(data[_HEAD.size : _HEAD.size + length])
    report: dict[str, Any] = orjson.loads(text)
    rest = data[_HEAD.size + length :]
    numbers = _Numbers(
        zlib.decompress(rest) if version == 1 else lzma.decompress(rest, lzma.FORMAT_RAW, filters=_LZMA)
    )
    for face in report["faces"]:
        if face.get("mesh") == 1:
            face["mesh"] = _unpack_mesh(numbers)
        score = face.get("score")
        if score and isinstance(score.get("evidence"), dict):
            score["evidence"] = _unpack_grid(numbers, score["evidence"]["side"])
    return report


def _without_numbers(face: Mapping[str, Any], numbers: bytearray) -> dict[str, Any]:
    slim = dict(face)
    if face.get("mesh") and (mesh := _pack_mesh(face["mesh"])) is not None:
        numbers += mesh
        slim["mesh"] = 1
    score = face.get("score")
    if score and score.get("evidence") and (grid := _pack_grid(score["evidence"])) is not None:
        numbers += grid
        slim["score"] = {**score, "evidence": {"side": len(score["evidence"])}}
    return slim


def _pack_mesh(mesh: list[list[float]]) -> bytes | None:
    points = _fixed(mesh, _MESH_SCALE)
    mean, parents = _mean_face()
    if points is None or points.shape != (len(mean), 3):
        return None
    found = (_fit() @ points).astype(np.float32)
    rest = points - _laid(found)
    if np.abs(rest).max() >= 1 << 20:
        return None
    steps = rest - rest[parents]
    steps[parents < 0] = rest[parents < 0]
    return found.astype("<f4").tobytes() + _planes(steps)


def _unpack_mesh(numbers: _Numbers) -> list[list[float]]:
    mean, parents = _mean_face()
    found = np.frombuffer(numbers.take(4 * _COEFFICIENTS), "<f4").reshape(4, 3)
    rest = numbers.ints(3 * len(mean)).reshape(3, -1).T.copy()
    for level in _levels():
        rest[level] += rest[parents[level]]
    return _floats(rest + _laid(found), _MESH_SCALE)


def _laid(found: npt.NDArray[np.float32]) -> Ints:
    """Return the mean face under an affine map, (468, 3) in hundredths of a pixel.

    Sums of products are written out: what a library for matrices gives may differ by machine in the last digit.
    """
    mean, _ = _mean_face()
    laid = sum(mean[:, k, None] * found[k].astype(np.float64) for k in range(4))
    return np.rint(np.clip(laid, -(2**30), 2**30)).astype(np.int32)


def _pack_grid(grid: list[list[float]]) -> bytes | None:
    cells = _fixed(grid, _GRID_SCALE)
    if cells is None or cells.ndim != 2 or cells.shape[0] != cells.shape[1]:
        return None
    return _planes(np.diff(cells.ravel(), prepend=0).astype(np.int32))


def _unpack_grid(numbers: _Numbers, side: int) -> list[list[float]]:
    return _floats(np.cumsum(numbers.ints(side * side)).reshape(side, side), _GRID_SCALE)


def _fixed(values: Any, scale: int) -> Ints | None:
    """Return numbers as integers, or None where they would not come back the same, or not fit."""
    try:
        floats = np.array(values, np.float64)
    except (ValueError, TypeError):
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        ints = np.rint(floats * scale)
    if not (np.abs(ints) < 2**20).all() or not (ints / scale == floats).all():
        return None
    return ints.astype(np.int32)


def _floats(ints: npt.NDArray[np.integer[Any]], scale: int) -> Any:
    return (ints / scale).tolist()


def _planes(ints: Ints) -> bytes:
    """Return integers as three planes of bytes, signs in the lowest bit: high planes are nearly all zeros."""
    flat = ints.T.ravel()  # one axis after the other
    folded = ((flat << 1) ^ (flat >> 31)).astype(np.uint32)
    return b"".join((folded >> shift & 255).astype(np.uint8).tobytes() for shift in (0, 8, 16))


class _Numbers:
    """Bytes that are read from the front."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        self._at += count
        return self._data[self._at - count : self._at]

    def ints(self, count: int) -> Ints:
        planes = np.frombuffer(self.take(3 * count), np.uint8).reshape(3, count).astype(np.int32)
        folded = planes[0] | planes[1] << 8 | planes[2] << 16
        return (folded >> 1) ^ -(folded & 1)


@functools.cache
def _words(version: int) -> bytes:
    return (_ASSETS / f"report-words-{version}.txt").read_bytes()


@functools.cache
def _mean_face() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
    """Return the mean face, (468, 4) with a column of ones, and each point's neighbour, -1 for the first."""
    stored = np.load(_ASSETS / "mean-face.npy").astype(np.int32)
    mean = np.column_stack([stored[:, :3] / 10_000, np.ones(len(stored))])
    return mean, stored[:, 3]


@functools.cache
def _fit() -> npt.NDArray[np.float64]:
    """Return what makes the best affine map of measured points, (4, 468)."""
    return np.asarray(np.linalg.pinv(_mean_face()[0]), np.float64)


@functools.cache
def _levels() -> list[npt.NDArray[np.intp]]:
    """Return the points by how many neighbours lie between them and the first."""
    parents = _mean_face()[1]
    depth = np.zeros(len(parents), np.int32)
    for _ in range(len(parents)):
        deeper = np.where(parents >= 0, depth[parents] + 1, 0).astype(np.int32)
        if (deeper == depth).all():
            break
        depth = deeper
    return [np.flatnonzero(depth == n) for n in range(1, depth.max() + 1)]
