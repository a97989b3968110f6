"""What a teacher sees in a data set: every face of every picture, as CSV, resumable.

A teacher is any face finder; each may run in an environment of its own, without torch. The finder's training
reads several such files and keeps what the teachers agree on.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from fakeweb.datasets import Sample
from fakeweb.datasets.csvfile import write_csv
from fakeweb.errors import DatasetError, FakeWebError
from fakeweb.media import read_image
from fakeweb.types import Face, FaceFinder

COLUMNS = (
    "path", "width", "height", "confidence", "x0", "y0", "x1", "y1",
    *(f"{axis}{i}" for i in range(5) for axis in ("px", "py")),
)  # fmt: skip
"""One row per face; a picture without one has a single row with nothing behind its size."""

Seen = dict[str, tuple[Face, ...]]
"""Path relative to the data set's root -> the faces, the most confident first."""


def label(
    samples: Sequence[Sample],
    root: Path,
    finder: FaceFinder,
    out: Path,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> int:
    """Write what a finder sees in every picture; pictures already in the file are not looked at again.

    Args:
        samples: Which pictures; those that cannot be read are passed over.
        root: Paths in the file are relative to it.
        finder: The teacher.
        out: CSV file, made or carried on; what is found is kept on any interruption.
        on_progress: Called with (done, total).

    Returns:
        How many pictures could not be read.

    Raises:
        DatasetError: ``out`` holds something else.
    """
    rows = _read_rows(out) if out.is_file() else []
    known = {row[0] for row in rows}
    unread = 0
    try:
        for done, sample in enumerate(samples, 1):
            name = sample.path.relative_to(root).as_posix()
            if name not in known:
                try:
                    image = read_image(sample.path).image
                except FakeWebError:
                    unread += 1
                    continue
                faces = finder.find(image)
                rows += [_row(name, image.width, image.height, f) for f in faces or (None,)]
            if done % 1000 == 0:
                write_csv(out, [COLUMNS, *rows])
            if done % 20 == 0 or done == len(samples):
                on_progress(done, len(samples))
    finally:
        write_csv(out, [COLUMNS, *rows])
    return unread


def read_labels(path: Path) -> Seen:
    """Read a file that :func:`label` wrote.

    Raises:
        DatasetError: It is not there or holds something else.
    """
    return {name: tuple(_faces(rows)) for name, rows in groupby(_read_rows(path), key=lambda row: row[0])}


def _faces(rows: Iterable[list[str]]) -> list[Face]:
    faces = []
    for row in rows:
        if row[3]:
            points = np.array(row[8:18], np.float32).reshape(5, 2) if row[8] else None
            x0, y0, x1, y1 = (float(v) for v in row[4:8])
            faces.append(Face((x0, y0, x1, y1), float(row[3]), points))
    return faces


def _row(name: str, width: int, height: int, face: Face | None) -> list[str]:
    if face is None:
        return [name, str(width), str(height), *[""] * (len(COLUMNS) - 3)]
    points = [""] * 10 if face.points is None else [f"{v:.2f}" for v in face.points.ravel()]
    return [
        name, str(width), str(height), f"{face.confidence:.4f}", *(f"{v:.2f}" for v in face.box), *points,
    ]  # fmt: skip


def _read_rows(path: Path) -> list[list[str]]:
    hint = "write it with 'fakeweb label DATA --finder NAME --out FILE'"
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as stream:
            head, *rows = list(csv.reader(stream)) or [[]]
    except (OSError, csv.Error) as error:
        raise DatasetError(f"cannot read the face labels {path}: {error}", hint=hint) from error
    if tuple(head) != COLUMNS or any(len(row) != len(COLUMNS) for row in rows):
        raise DatasetError(f"{path} holds no face labels", hint=hint)
    return rows
