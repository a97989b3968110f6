"""Where the training faces are: found once, cached as CSV."""

from __future__ import annotations

import csv
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fakeweb.datasets import Sample
from fakeweb.datasets.csvfile import write_csv
from fakeweb.errors import DatasetError, FakeWebError
from fakeweb.faces.align import stand_of
from fakeweb.faces.main_face import importance, middle_inside
from fakeweb.media import read_image
from fakeweb.types import Box, Face, FaceFinder, FaceMesher

NO_FACE = "no face found"
OUTSIDE = "the face lies outside the picture"
UNTOUCHED = "the fake differs nowhere from its real"


@dataclass(frozen=True)
class FaceSample:
    """A sample together with where its face stands: the square of :func:`stand_square`, or the finder's box."""

    sample: Sample
    box: Box


@dataclass(frozen=True)
class Prepared:
    """The usable samples, and those left out with the reason (never silently)."""

    faces: tuple[FaceSample, ...]
    left_out: tuple[tuple[Sample, str], ...]

    def reasons(self) -> dict[str, int]:
        """Count the left-out samples by reason, without the paths that messages about single files hold."""
        known = (NO_FACE, OUTSIDE, UNTOUCHED)
        return dict(Counter(why if why in known else "cannot be read" for _, why in self.left_out))


def labels_and_sources(faces: Sequence[FaceSample]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.str_]]:
    """Return the labels (N,) and sources (N,) of training faces."""
    return np.array([f.sample.label for f in faces]), np.array([f.sample.source for f in faces])


def prepare(
    samples: Sequence[Sample],
    finder: FaceFinder,
    cache_folder: Path,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    mesher: FaceMesher | None = None,
) -> Prepared:
    """Find the main face of every sample, or read it from the cache.

    The main face is the one with the largest area after weighing by its distance from the centre. A picture in
    which the finder sees nothing, or that cannot be read, is left out and listed. What is found is kept on any
    interruption.

    Args:
        samples: Labelled samples.
        finder: Says where the faces are.
        cache_folder: ``faces-<hash>.csv`` is written there, and partial results every thousand pictures.
        on_progress: Called with (done, total).
        mesher: Says where exactly a face stands, as in use; None: the finder's box does.

    Raises:
        DatasetError: No sample is left.
    """
    if not samples:
        raise DatasetError(
            "no labelled picture to train on", hint="is it the right folder, or all of it skipped?"
        )
    cache_file = cache_folder / f"faces-{_fingerprint(samples, _names(finder, mesher))}.csv"
    cache = _read_cache(cache_file)
    try:
        for done, sample in enumerate(samples, 1):
            key = str(sample.path)
            if key not in cache:
                cache[key] = _main_face(sample, finder, mesher)
                if done % 1000 == 0:
                    _write_cache(cache_file, cache)
            if done % 50 == 0 or done == len(samples):
                on_progress(done, len(samples))
    finally:
        _write_cache(cache_file, cache)
    faces, left_out = [], []
    for sample in samples:
        found = cache[str(sample.path)]
        if isinstance(found, str):
            left_out.append((sample, found))
        else:
            faces.append(FaceSample(sample, found))
    if not faces:
        raise DatasetError(
            f"the finder '{finder.name}' sees no face in any of {len(samples)} pictures",
            hint="is it the right folder? another finder may help",
        )
    return Prepared(tuple(faces), tuple(left_out))


def stand_square(face: Face) -> Box:
    """Return the upright square, brow to chin wide, around the middle of a meshed face.

    As a box it makes :func:`fakeweb.faces.align.align` cut what it cuts by the mesh, but for faces turned so far that
    they are levelled: those are learned as they lie.
    """
    stand = stand_of(face)
    half = stand.length_px / 2
    return (stand.x - half, stand.y - half, stand.x + half, stand.y + half)


def _main_face(sample: Sample, finder: FaceFinder, mesher: FaceMesher | None) -> Box | str:
    try:
        image = read_image(sample.path).image
    except FakeWebError as error:
        return error.message
    faces = finder.find(image)
    if not faces:
        return NO_FACE
    face = max(faces, key=lambda f: importance(f, image))
    box = face.box
    if mesher is not None:
        (meshed,) = mesher.mesh(image, [face])
        box = box if meshed.mesh is None else stand_square(meshed)
    return box if middle_inside(box, image) else OUTSIDE


def _names(finder: FaceFinder, mesher: FaceMesher | None) -> str:
    """Return who found the faces; other models find other places."""
    parts = (finder,) if mesher is None else (finder, mesher)
    return " ".join(getattr(part, "reference", part.name) for part in parts)


def _fingerprint(samples: Sequence[Sample], finder: str) -> str:
    digest = hashlib.sha256(finder.encode())
    for sample in samples:
        digest.update(os.fsencode(sample.path))
    return digest.hexdigest()[:16]


def _read_cache(path: Path) -> dict[str, Box | str]:
    """Read what was found before; nothing, where somebody has damaged the file."""
    cache: dict[str, Box | str] = {}
    if path.is_file():
        try:
            with path.open(newline="", encoding="utf-8", errors="surrogateescape") as stream:
                for name, x0, y0, x1, y1, reason in csv.reader(stream):
                    cache[name] = reason or (float(x0), float(y0), float(x1), float(y1))
        except (ValueError, csv.Error):
            return {}
    return cache


def _write_cache(path: Path, cache: dict[str, Box | str]) -> None:
    write_csv(
        path,
        ([name, "", "", "", "", found] if isinstance(found, str) else [name, *found, ""]
         for name, found in cache.items()),
    )  # fmt: skip
