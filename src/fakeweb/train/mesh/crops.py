"""Squares around labelled faces, and squares without one, cut once and kept on disk as memory-mapped arrays."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fakeweb.datasets import Sample, half_of_group
from fakeweb.errors import DatasetError
from fakeweb.faces.square import Affine, cut, square_affine
from fakeweb.media import read_image, write_atomically
from fakeweb.topology import EYE_CORNERS, MIRROR
from fakeweb.train.mesh.alarms import find_alarms
from fakeweb.train.mesh.label import MeshLabels
from fakeweb.train.mesh.recipe import MeshDataRecipe
from fakeweb.types import Face, Image, UInt8Array

PARTS = ("train", "A", "B")
_VERSION = 5
_PER_EMPTY_PICTURE = 5
_TRIES = 12


@dataclass(frozen=True, eq=False)
class Squares:
    """What the training draws from.

    Attributes:
        faces: uint8 (N, S, S, 3), levelled squares; the finder's box has its centre in the middle.
        mesh: float32 (N, 468, 3) in pixels of the square: the mean of the teacher's two looks.
        box_px: float32 (N,) longer side of the box in pixels of the square.
        eyes_px: float32 (N,) distance of the outer eye corners in three dimensions.
        doubt: float32 (N,) distance of the two looks over ``eyes_px``.
        source: (N,) name of the source.
        part: int8 (N,) place in :data:`PARTS`.
        path: (N,) the picture.
        empty: uint8 (M, S, S, 3) squares without a face in their middle.
        empty_part: int8 (M,).
        empty_kind: (M,) ``content``, ``background``, ``close`` (a part of a face), ``far`` (a face that is far too
            small in it) or ``alarm`` (what a finder took for a face where there is none, such as a dog; see
            :func:`fakeweb.train.mesh.alarms.find_alarms`).
    """

    faces: UInt8Array
    mesh: npt.NDArray[np.float32]
    box_px: npt.NDArray[np.float32]
    eyes_px: npt.NDArray[np.float32]
    doubt: npt.NDArray[np.float32]
    source: npt.NDArray[np.str_]
    part: npt.NDArray[np.int8]
    path: npt.NDArray[np.str_]
    empty: UInt8Array
    empty_part: npt.NDArray[np.int8]
    empty_kind: npt.NDArray[np.str_]


def believed(labels: MeshLabels) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the mean of the teacher's two looks, and how far they lie apart.

    Returns:
        float32 (N, 468, 3), NaN where one look failed, and float32 (N,): the mean distance of the two in the
        picture plane over that of the outer eye corners.
    """
    other = labels.mirrored[:, MIRROR]
    mean = np.asarray((labels.mesh + other) / 2, np.float32)
    eyes = np.linalg.norm(mean[:, EYE_CORNERS[0]] - mean[:, EYE_CORNERS[1]], axis=1)
    apart = np.linalg.norm((labels.mesh - other)[:, :, :2], axis=2).mean(axis=1)
    return mean, np.asarray(apart / eyes, np.float32)


def part_of(sample: Sample) -> int:
    """Return the place in :data:`PARTS`; validation groups are cut in two halves."""
    return 0 if sample.split == "train" else PARTS.index(half_of_group(sample.source, sample.group))


def make_squares(
    samples: Sequence[Sample],
    root: Path,
    labels: MeshLabels,
    recipe: MeshDataRecipe,
    folder: Path,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Squares:
    """Cut all squares, or open those that an earlier call cut from the same labels.

    Raises:
        DatasetError: No face is left.
    """
    mark = folder / "squares.json"
    wanted = _fingerprint(labels, recipe)
    if not (mark.is_file() and json.loads(mark.read_text(encoding="utf-8")).get("fingerprint") == wanted):
        _cut_all(samples, root, labels, recipe, folder, on_progress)
        write_atomically(mark, json.dumps({"fingerprint": wanted}).encode())
    with np.load(folder / "squares.npz", allow_pickle=False) as arrays:
        rest = {name: arrays[name] for name in arrays.files}
    return Squares(
        faces=np.load(folder / "faces.npy", mmap_mode="r"),
        empty=np.load(folder / "empty.npy", mmap_mode="r"),
        **rest,
    )


def _fingerprint(labels: MeshLabels, recipe: MeshDataRecipe) -> str:
    cuts = (recipe.min_face_px, recipe.max_doubt, recipe.cache_px, recipe.reach, recipe.alarms)
    digest = hashlib.sha256(f"{_VERSION} {cuts}".encode())
    for array in (labels.path, labels.box, labels.mesh[:, ::13]):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _cut_all(
    samples: Sequence[Sample],
    root: Path,
    labels: MeshLabels,
    recipe: MeshDataRecipe,
    folder: Path,
    on_progress: Callable[[int, int], None],
) -> None:
    mesh, doubt = believed(labels)
    good = np.isfinite(doubt) & (doubt <= recipe.max_doubt)
    good &= labels.box[:, 2] - labels.box[:, 0] >= recipe.min_face_px
    if not good.any():
        raise DatasetError(
            "no labelled face is large and sure enough", hint="see data.min_face_px and max_doubt"
        )
    rows_of: dict[str, list[int]] = {}
    for row, name in enumerate(labels.path.tolist()):
        rows_of.setdefault(name, []).append(row)
    side = recipe.cache_px
    folder.mkdir(parents=True, exist_ok=True)
    faces = np.lib.format.open_memmap(folder / "faces.npy", "w+", np.uint8, (int(good.sum()), side, side, 3))
    rows: list[dict[str, Any]] = []
    empty: list[tuple[UInt8Array, int, str]] = []
    for done, sample in enumerate(samples, 1):
        name = sample.path.relative_to(root).as_posix()
        own = rows_of.get(name, [])
        usable = [r for r in own if good[r] and sample.label is not None]
        if usable or sample.label is None:
            image = read_image(sample.path).image
            for row in usable:
                face = _face(labels, row)
                to_image = square_affine(face, side, recipe.reach)
                faces[len(rows)] = cut(image, to_image, side)
                rows.append(_row(mesh[row], float(doubt[row]), face, to_image, sample, name))
            known, rng = [_face(labels, r) for r in own], np.random.default_rng([_VERSION, done])
            empty += [(p, part_of(sample), k) for p, k in _without_face(image, sample, known, recipe, rng)]
        if done % 50 == 0 or done == len(samples):
            on_progress(done, len(samples))
    empty += _alarms(samples, root, labels, recipe, on_progress)
    faces.flush()
    _write(folder, rows, empty, side)


def _write(
    folder: Path, rows: list[dict[str, Any]], empty: list[tuple[UInt8Array, int, str]], side: int
) -> None:
    np.save(
        folder / "empty.npy",
        np.stack([p for p, _, _ in empty]) if empty else np.zeros((0, side, side, 3), np.uint8),
    )
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    arrays["empty_part"] = np.array([p for _, p, _ in empty], np.int8)
    arrays["empty_kind"] = np.array([k for _, _, k in empty], np.str_)
    np.savez(buffer, **arrays)
    write_atomically(folder / "squares.npz", buffer.getvalue())


def _alarms(
    samples: Sequence[Sample],
    root: Path,
    labels: MeshLabels,
    recipe: MeshDataRecipe,
    on_progress: Callable[[int, int], None],
) -> list[tuple[UInt8Array, int, str]]:
    """Return what our own finder takes for faces in mosaics of pictures in which the teacher measured none."""
    if not recipe.alarms:
        return []
    measured = set(labels.path[np.isfinite(labels.mesh[:, 0, 0])].tolist())
    out: list[tuple[UInt8Array, int, str]] = []
    for part, share in enumerate((1.0, 0.1, 0.1)):
        pictures = [
            s.path
            for s in samples
            if s.label is None
            and s.split != "test"
            and part_of(s) == part
            and s.path.relative_to(root).as_posix() not in measured
        ]
        mosaics = round(share * recipe.alarms)
        if not mosaics:
            continue
        squares = find_alarms(pictures, mosaics, recipe.cache_px, recipe.reach, part, on_progress)
        out += [(square, part, "alarm") for square in squares]
    return out


def _face(labels: MeshLabels, row: int) -> Face:
    points = labels.points[row]
    x0, y0, x1, y1 = (float(v) for v in labels.box[row])
    return Face((x0, y0, x1, y1), points=points if np.isfinite(points).all() else None)


def _row(
    mesh: npt.NDArray[np.float32], doubt: float, face: Face, to_image: Affine, sample: Sample, name: str
) -> dict[str, Any]:
    turn = to_image[:, :2]
    scale = float(np.sqrt(np.linalg.det(turn)))
    flat = (mesh[:, :2] - to_image[:, 2]) @ np.linalg.inv(turn).T
    there = np.column_stack([flat, mesh[:, 2] / scale]).astype(np.float32)
    return {
        "mesh": there,
        "box_px": np.float32(max(face.width_px, face.height_px) / scale),
        "eyes_px": np.float32(np.linalg.norm(there[EYE_CORNERS[0]] - there[EYE_CORNERS[1]])),
        "doubt": np.float32(doubt),
        "source": sample.source,
        "part": np.int8(part_of(sample)),
        "path": name,
    }


def _without_face(
    image: Image, sample: Sample, faces: Sequence[Face], recipe: MeshDataRecipe, rng: np.random.Generator
) -> list[tuple[UInt8Array, str]]:
    """Return squares without a face in their middle, with what they are."""
    side, content = recipe.cache_px, sample.label is None
    tight = sample.source == "dfdc"  # one face fills the picture: there is nothing around it
    out: list[tuple[UInt8Array, str]] = []
    if content:
        wide = [f for f in faces if f.width_px >= recipe.min_face_px]
        out += [(cut(image, square_affine(f, side, recipe.reach), side), "alarm") for f in wide]
    short = min(image.width, image.height)
    wanted = _PER_EMPTY_PICTURE if content and not faces else (0 if tight or content else 1)
    for _ in range(wanted):
        for _ in range(_TRIES):
            size = short * rng.uniform(0.12, 0.95)
            centre = rng.uniform(0, (image.width, image.height))
            if not any(_meets(centre, size, face) for face in faces):
                out.append((_square(image, centre, size, side, rng), "content" if content else "background"))
                break
    if content:
        return out
    for face in faces[:1] if rng.random() < (0.1 if tight else 0.5) else ():
        x0, y0, x1, y1 = face.box
        if rng.random() < 0.5 or tight:
            size, kind = face.width_px * rng.uniform(0.25, 0.55), "close"
            centre = rng.uniform((x0, y0), (x1, y1))
        else:
            size, kind = face.width_px * rng.uniform(5.0, 9.0), "far"
            centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2]) + rng.uniform(-0.25, 0.25, 2) * size
        out.append((_square(image, centre, size, side, rng), kind))
    return out


def _meets(centre: npt.NDArray[np.float64], size: float, face: Face) -> bool:
    """Tell whether a square comes near a face that is not tiny in it."""
    x0, y0, x1, y1 = face.box
    reach = size / 2
    apart = max(
        x0 - centre[0] - reach, centre[0] - reach - x1, y0 - centre[1] - reach, centre[1] - reach - y1
    )
    return apart < 0 and face.width_px > 0.15 * size


def _square(
    image: Image, centre: npt.NDArray[np.float64], size: float, side: int, rng: np.random.Generator
) -> UInt8Array:
    half = size / 2
    box = (centre[0] - half, centre[1] - half, centre[0] + half, centre[1] + half)
    turn = rng.normal(0, 0.3)
    return cut(image, square_affine(Face(box), side, 1.0, turn_rad=float(turn)), side)
