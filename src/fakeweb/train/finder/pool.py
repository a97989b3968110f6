"""The pictures scenes are made of: small copies, with the faces that the teachers agree on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from fakeweb.datasets import Sample, half_of_group
from fakeweb.errors import DatasetError, FakeWebError
from fakeweb.media import read_image
from fakeweb.train.finder.recipe import TeacherRecipe
from fakeweb.train.labels import Seen, read_labels
from fakeweb.types import Face, FloatArray, UInt8Array


@dataclass(frozen=True, eq=False)
class Cutting:
    """One picture to cut from.

    Attributes:
        pixels: uint8 RGB (H, W, 3).
        boxes: float32 (F, 4) in its pixels.
        points: float32 (F, 5, 2); NaN where no teacher gave any.
        agreed: bool (F,): taught as a face; the others are left alone.
        source: Where it comes from.
    """

    pixels: UInt8Array
    boxes: FloatArray
    points: FloatArray
    agreed: np.ndarray
    source: str


@dataclass(frozen=True)
class Pool:
    """Pictures of one part of the data: those with exactly one agreed face or more, and those without any."""

    faces: tuple[Cutting, ...]
    empty: tuple[Cutting, ...]


def agree(teachers: Sequence[Sequence[Face]], recipe: TeacherRecipe) -> list[tuple[Face, bool]]:
    """Join what the teachers see in one picture.

    Args:
        teachers: Each teacher's faces; of faces that are the same, the first teacher's box and points are kept.
        recipe: How much they must agree.

    Returns:
        Every face seen by anybody, and whether enough of them agree on it.
    """
    joined: list[tuple[Face, set[int]]] = []
    for number, faces in enumerate(teachers):
        for face in faces:
            best = max(joined, key=lambda known: _iou(known[0], face), default=None)
            if best is not None and _iou(best[0], face) >= recipe.overlap:
                best[1].add(number)
            else:
                joined.append((face, {number}))
    return [(face, len(who) >= recipe.agree) for face, who in joined]


def make_pools(
    samples: Sequence[Sample],
    root: Path,
    files: Iterable[Path],
    recipe: TeacherRecipe,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    *,
    needed: Sequence[str] = ("train", "A"),
) -> dict[str, Pool]:
    """Read the labelled pictures into pools ``train``, ``A`` and ``B``.

    A picture without a face in it (``label`` is None) in which nobody agrees on one serves as background; where
    teachers see one after all, it is left out.

    Args:
        samples: Pictures, with their split.
        root: The labels' paths are relative to it.
        files: Label files, one per teacher.
        recipe: How much the teachers must agree.
        on_progress: Called with (done, total).
        needed: Parts that may not be empty.

    Raises:
        DatasetError: A label file cannot be read, or a needed part holds nothing.
    """
    labels = [read_labels(file) for file in files]
    parts: dict[str, tuple[list[Cutting], list[Cutting]]] = {p: ([], []) for p in ("train", "A", "B")}
    for done, sample in enumerate(samples, 1):
        name = sample.path.relative_to(root).as_posix()
        if sample.split != "test" and name in labels[0]:
            part = "train" if sample.split == "train" else half_of_group(sample.source, sample.group)
            cutting = _cutting(sample, name, labels, recipe)
            if cutting is not None:
                parts[part][sample.label is None].append(cutting)
        if done % 50 == 0 or done == len(samples):
            on_progress(done, len(samples))
    for part in needed:
        if not all(parts[part]):
            raise DatasetError(
                f"the part {part} holds no picture with a face, or none without",
                hint="label the whole data set with every teacher; pictures without a face are needed too",
            )
    return {part: Pool(tuple(faces), tuple(empty)) for part, (faces, empty) in parts.items()}


def _cutting(sample: Sample, name: str, labels: Sequence[Seen], recipe: TeacherRecipe) -> Cutting | None:
    seen = agree([teacher.get(name, ()) for teacher in labels], recipe)
    agreed = np.array([ok for _, ok in seen], bool)
    if (sample.label is None) == bool(agreed.any()):
        return None
    try:
        pixels = read_image(sample.path).image.pixels
    except FakeWebError:
        return None
    boxes = np.array([face.box for face, _ in seen], np.float32).reshape(-1, 4)
    points = np.array(
        [np.full((5, 2), np.nan) if face.points is None else face.points for face, _ in seen], np.float32
    ).reshape(-1, 5, 2)
    largest = (boxes[agreed, 2:] - boxes[agreed, :2]).max() if agreed.any() else 1.0
    scale = min(1.0, recipe.side_px / max(pixels.shape[:2]), recipe.side_px / 2 / float(largest))
    if scale < 1:
        size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return Cutting(pixels, boxes * scale, points * scale, agreed, sample.source)


def _iou(one: Face, other: Face) -> float:
    a, b = np.array(one.box), np.array(other.box)
    shared = (np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])).clip(0).prod()
    return float(shared / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - shared))
