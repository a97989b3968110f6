"""Where the training faces are: found once, cached as CSV."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fakeweb.errors import DatasetError, FakeWebError
from fakeweb.media import read_image, write_atomically
from fakeweb.types import Box, Face, FaceFinder, Image, Sample


@dataclass(frozen=True)
class FaceSample:
    """A sample together with the box of its face."""

    sample: Sample
    box: Box


@dataclass(frozen=True)
class Prepared:
    """The usable samples, and those left out with the reason (never silently)."""

    faces: tuple[FaceSample, ...]
    left_out: tuple[tuple[Sample, str], ...]


def prepare(
    samples: Sequence[Sample],
    finder: FaceFinder,
    cache_folder: Path,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Prepared:
    """Find the main face of every sample, or read it from the cache.

    The main face is the one with the largest area after weighing by its distance from the centre. A picture in
    which the finder sees nothing, or that cannot be read, is left out and listed.

    Args:
        samples: Labelled samples.
        finder: Says where the faces are.
        cache_folder: ``faces-<hash>.csv`` is written there, and partial results every thousand pictures.
        on_progress: Called with (done, total).

    Raises:
        DatasetError: No sample is left.
    """
    cache_file = cache_folder / f"faces-{_fingerprint(samples, finder.name)}.csv"
    cache = _read_cache(cache_file)
    for done, sample in enumerate(samples, 1):
        key = str(sample.path)
        if key not in cache:
            cache[key] = _main_face(sample, finder)
            if done % 1000 == 0:
                _write_cache(cache_file, cache)
        if done % 50 == 0 or done == len(samples):
            on_progress(done, len(samples))
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


def _main_face(sample: Sample, finder: FaceFinder) -> Box | str:
    try:
        image = read_image(sample.path).image
    except FakeWebError as error:
        return error.message
    faces = finder.find(image)
    return max(faces, key=lambda f: _importance(f, image)).box if faces else "no face found"


def _importance(face: Face, image: Image) -> float:
    x0, y0, x1, y1 = face.box
    off = abs((x0 + x1) / image.width - 1) + abs((y0 + y1) / image.height - 1)
    return (x1 - x0) * (y1 - y0) * (1 - 0.4 * min(off, 2))


def _fingerprint(samples: Sequence[Sample], finder: str) -> str:
    digest = hashlib.sha256(finder.encode())
    for sample in samples:
        digest.update(os.fsencode(sample.path))
    return digest.hexdigest()[:16]


def _read_cache(path: Path) -> dict[str, Box | str]:
    cache: dict[str, Box | str] = {}
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as stream:
            for name, x0, y0, x1, y1, reason in csv.reader(stream):
                cache[name] = reason or (float(x0), float(y0), float(x1), float(y1))
    return cache


def _write_cache(path: Path, cache: dict[str, Box | str]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    for name, found in cache.items():
        writer.writerow([name, "", "", "", "", found] if isinstance(found, str) else [name, *found, ""])
    write_atomically(path, text.getvalue().encode())
