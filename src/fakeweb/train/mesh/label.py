"""Labels for the mesh: a teacher's 468 points on every face a finder sees, kept in one ``.npz``.

Each face is shown to the teacher twice, as it is and mirrored; :class:`MeshLabels` keeps both answers, since
their distance tells how far the teacher can be believed. numpy only.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fakeweb.datasets import Sample
from fakeweb.errors import DatasetError, FakeWebError
from fakeweb.media import read_image, write_atomically
from fakeweb.types import Face, FaceFinder, FaceMesher, Image

_SAVE_EVERY = 1000


@dataclass(frozen=True, eq=False)
class MeshLabels:
    """What finder and teacher say, one row per face; faces of one picture stand together.

    Attributes:
        path: Of the picture, relative to the data set's root, with slashes.
        box: float32 (N, 4), the finder's.
        confidence: float32 (N,), the finder's.
        points: float32 (N, 5, 2), the finder's; NaN where it gives none.
        presence: float32 (N,), the teacher's.
        mesh: float32 (N, 468, 3) in pixels of the picture; NaN where the teacher saw no face.
        mirrored: The same from the mirrored picture, brought back, with the points in the order the teacher gave
            them: the person's right side stands where ``mesh`` has the left.
        seen: Paths of all pictures that were looked at, with or without a face.
    """

    path: npt.NDArray[np.str_]
    box: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float32]
    points: npt.NDArray[np.float32]
    presence: npt.NDArray[np.float32]
    mesh: npt.NDArray[np.float32]
    mirrored: npt.NDArray[np.float32]
    seen: npt.NDArray[np.str_]


def label_meshes(
    samples: Sequence[Sample],
    root: Path,
    finder: FaceFinder,
    teacher: FaceMesher,
    out: Path,
    *,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> MeshLabels:
    """Label every face of a data set; goes on where an earlier, interrupted call stopped.

    Args:
        samples: The pictures; those that cannot be read count as seen, without a face.
        root: Root of the data set, to which paths are relative.
        finder: Says where faces are, with five points if it can.
        teacher: Says where their 468 points are.
        out: The ``.npz`` file; written every thousand pictures, whole or not at all.
        on_progress: Called with (done, total) now and then.

    Raises:
        DatasetError: ``out`` exists and does not hold such labels.
    """
    known = read_labels(out) if out.is_file() else None
    seen = set() if known is None else set(known.seen.tolist())
    names = {s.path.relative_to(root).as_posix(): s.path for s in samples}
    todo = [name for name in names if name not in seen]
    rows: list[dict[str, Any]] = []
    fresh: list[str] = []
    done = len(names) - len(todo)
    for name in todo:
        rows += [{"path": name, **row} for row in _label(names[name], finder, teacher)]
        fresh.append(name)
        done += 1
        if len(fresh) == _SAVE_EVERY or done == len(names):
            known = _join(known, rows, fresh)
            _write(out, known)
            rows, fresh = [], []
        if done % 20 == 0 or done == len(names):
            on_progress(done, len(names))
    if known is None:
        raise DatasetError("no picture to label", hint="is it the right folder?")
    return known


def read_labels(path: Path) -> MeshLabels:
    """Read what :func:`label_meshes` wrote.

    Raises:
        DatasetError: Not there, or something else.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return MeshLabels(**{f.name: arrays[f.name] for f in fields(MeshLabels)})
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise DatasetError(
            f"{path} holds no mesh labels: {error}", hint="docs/guide/mesh.md says how to write them"
        ) from error


def _label(path: Path, finder: FaceFinder, teacher: FaceMesher) -> list[dict[str, Any]]:
    try:
        image = read_image(path).image
    except FakeWebError:
        return []
    faces = finder.find(image)
    plain = teacher.mesh(image, faces)
    turned = Image(np.ascontiguousarray(image.pixels[:, ::-1]))
    mirrored = teacher.mesh(turned, [_mirror(f, image.width) for f in faces])
    return [
        {
            "box": face.box,
            "confidence": face.confidence,
            "points": np.full((5, 2), np.nan) if face.points is None else face.points,
            "presence": one.presence or 0.0,
            "mesh": _or_nan(one),
            "mirrored": _or_nan(other) * (-1, 1, 1) + (image.width - 1, 0, 0),
        }
        for face, one, other in zip(faces, plain, mirrored, strict=True)
    ]


def _mirror(face: Face, width: int) -> Face:
    x0, y0, x1, y1 = face.box
    points = None
    if face.points is not None:
        points = face.points[[1, 0, 2, 4, 3]] * (-1, 1) + (width - 1, 0)
    return replace(face, box=(width - x1, y0, width - x0, y1), points=points)


def _or_nan(face: Face) -> npt.NDArray[np.float64]:
    return np.full((468, 3), np.nan) if face.mesh is None else face.mesh.astype(np.float64)


def _join(known: MeshLabels | None, rows: list[dict[str, Any]], seen: list[str]) -> MeshLabels:
    shapes = {"box": (4,), "confidence": (), "points": (5, 2), "presence": (), "mesh": (468, 3)}
    shapes["mirrored"] = shapes["mesh"]
    new: dict[str, Any] = {
        key: np.array([row[key] for row in rows], np.float32).reshape(-1, *shape)
        for key, shape in shapes.items()
    }
    new["path"] = np.array([row["path"] for row in rows], np.str_).reshape(-1)
    new["seen"] = np.array(seen, np.str_)
    if known is None:
        return MeshLabels(**new)
    return MeshLabels(**{key: np.concatenate([getattr(known, key), value]) for key, value in new.items()})


def _write(path: Path, labels: MeshLabels) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **{f.name: getattr(labels, f.name) for f in fields(labels)})
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, buffer.getvalue())
