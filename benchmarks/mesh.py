"""Measure the face mesh: error against its teacher by source, yaw and roll; presence; prints; time.

python benchmarks/mesh.py --labels mesh.npz [--data DATA] [--model runs/mesh/mesh.json] [--part B]

Faces and boxes are those of the labels; pictures are read and cut as in use. Only validation groups are looked at:
B chose nothing. The unit of errors is the distance of the outer eye corners in three dimensions.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from bench import EXAMPLE, arguments, head, line, validation
from fakeweb.datasets import half_of_group
from fakeweb.datasets.index import IndexLayout
from fakeweb.faces.mesh import OnnxMesher
from fakeweb.faces.square import cut, square_affine
from fakeweb.media import read_image
from fakeweb.metrics import auc
from fakeweb.topology import EYE_CORNERS, MEAN
from fakeweb.train.mesh.alarms import find_alarms
from fakeweb.train.mesh.crops import believed
from fakeweb.train.mesh.label import MeshLabels, read_labels
from fakeweb.train.mesh.prints import print_face
from fakeweb.types import Face, Image

MAX_DOUBT = 0.1
FRONTAL_DEG = 20.0


@dataclass
class Measured:
    """One face, or one place without a face."""

    source: str
    error: float = float("nan")
    plain_error: float = float("nan")
    yaw_deg: float = float("nan")
    width_px: float = float("nan")
    presence: float = float("nan")
    printed: float = float("nan")


def yaw_deg(mesh: np.ndarray) -> float:
    """Return how far a mesh is turned to the side: the rotation of the best similarity onto the mean face."""
    x, y = mesh - mesh.mean(axis=0), MEAN - MEAN.mean(axis=0)
    u, _, vt = np.linalg.svd(x.T @ y)
    u[:, 2] *= np.sign(np.linalg.det(u @ vt))
    return float(np.degrees(np.arcsin(np.clip((u @ vt)[2, 0], -1, 1))))


def error_of(found: Face, wanted: np.ndarray) -> float:
    """Return the mean distance in the picture plane over the distance of the eyes; 1 where nothing was found."""
    unit = float(np.linalg.norm(wanted[EYE_CORNERS[0]] - wanted[EYE_CORNERS[1]]))
    if found.mesh is None:
        return 1.0
    return float(np.linalg.norm(found.mesh[:, :2] - wanted[:, :2], axis=1).mean()) / unit


def faces_of(labels: MeshLabels, data: Path, part: str) -> Iterator[tuple[str, int, Image]]:
    """Yield source, row of the labels and picture of every trusted validation face of a part."""
    _, doubt = believed(labels)
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(labels.path.tolist()):
        if np.isfinite(doubt[row]) and doubt[row] <= MAX_DOUBT:
            rows.setdefault(name, []).append(row)
    for sample in validation(data, part):
        name = sample.path.relative_to(data).as_posix()
        if sample.label is not None and name in rows:
            image = read_image(sample.path).image
            for row in rows[name]:
                yield sample.source, row, image


def face_of(labels: MeshLabels, row: int, *, points: bool = True) -> Face:
    """Return the finder's face of a row."""
    five = labels.points[row] if points and np.isfinite(labels.points[row]).all() else None
    x0, y0, x1, y1 = (float(v) for v in labels.box[row])
    return Face((x0, y0, x1, y1), points=five)


def measure_faces(mesher: OnnxMesher, labels: MeshLabels, data: Path, part: str) -> list[Measured]:
    """Measure every face of a part."""
    mean, _ = believed(labels)
    out = []
    for source, row, image in faces_of(labels, data, part):
        face = face_of(labels, row)
        (found,) = mesher.mesh(image, [face])
        out.append(
            Measured(
                source, error_of(found, mean[row]), error_of(found, labels.mesh[row]), yaw_deg(mean[row]),
                face.width_px, found.presence or 0.0, found.printed or 0.0,
            )
        )  # fmt: skip
    return out


def measure_rolls(
    mesher: OnnxMesher, labels: MeshLabels, data: Path, part: str, every: int
) -> dict[tuple[int, bool], list[float]]:
    """Turn some pictures and measure again, with and without the finder's five points."""
    mean, _ = believed(labels)
    errors: dict[tuple[int, bool], list[float]] = {}
    for number, (_, row, image) in enumerate(faces_of(labels, data, part)):
        if number % every:
            continue
        x0, y0, x1, y1 = labels.box[row]
        middle = (float(x0 + x1) / 2, float(y0 + y1) / 2)
        for degrees in (0, 15, 30, 45, 60, 90, 180):
            matrix = cv2.getRotationMatrix2D(middle, degrees, 1.0)
            pixels = cv2.warpAffine(
                image.pixels, matrix, (image.width, image.height), borderMode=cv2.BORDER_REPLICATE
            )
            wanted = mean[row].copy()
            wanted[:, :2] = wanted[:, :2] @ matrix[:, :2].T + matrix[:, 2]
            five = labels.points[row] @ matrix[:, :2].T + matrix[:, 2]
            for given in (True, False):
                face = Face(face_of(labels, row).box, points=five if given else None)
                (found,) = mesher.mesh(Image(np.asarray(pixels, np.uint8)), [face])
                errors.setdefault((degrees, given), []).append(error_of(found, wanted))
    return errors


def measure_nothing(mesher: OnnxMesher, labels: MeshLabels, data: Path, part: str) -> list[Measured]:
    """Ask about places without a face: squares of the content pictures, and what the finder took for faces there."""
    out = []
    empty: list[Path] = []
    boxes: dict[str, list[int]] = {}
    for row, name in enumerate(labels.path.tolist()):
        boxes.setdefault(name, []).append(row)
    for number, sample in enumerate(IndexLayout().index(data)):
        inside = sample.split == "val" and half_of_group(sample.source, sample.group) == part
        if sample.label is not None or not inside:
            continue
        own = boxes.get(sample.path.relative_to(data).as_posix(), [])
        if not any(np.isfinite(labels.mesh[row, 0, 0]) for row in own):
            empty.append(sample.path)
        image = read_image(sample.path).image
        rng = np.random.default_rng(number)
        places = [
            ("YuNet's false alarms", face_of(labels, r)) for r in own if face_of(labels, r).width_px > 40
        ]
        for _ in range(0 if own else 6):
            side = rng.uniform(0.15, 0.7) * min(image.width, image.height)
            x, y = rng.uniform(0, (image.width - side, image.height - side))
            places.append(("content", Face((x, y, x + side, y + side))))
        for name, face in places:
            (found,) = mesher.mesh(image, [face])
            out.append(Measured(name, presence=found.presence or 0.0))
    for square in find_alarms(empty, 60, 224, 2.0, 2):
        (found,) = mesher.mesh(Image(square), [Face((56, 56, 168, 168))])
        out.append(Measured("our finder's proposals in mosaics", presence=found.presence or 0.0))
    return out


def measure_prints(
    mesher: OnnxMesher, labels: MeshLabels, data: Path, part: str, every: int
) -> list[Measured]:
    """Simulate prints of the faces at the size of the square and ask about them."""
    out = []
    side = 160
    around = None
    for number, (source, row, image) in enumerate(faces_of(labels, data, part)):
        pixels = cut(image, square_affine(face_of(labels, row), side, 1.8), side)
        around, behind = pixels, pixels[::-1] if around is None else around
        if number % every:
            continue
        points = np.full((468, 3), side / 2, np.float32)
        points[:, :2] += np.random.default_rng(0).uniform(-side / 4, side / 4, (468, 2)).astype(np.float32)
        shown, _ = print_face(pixels, points, np.ascontiguousarray(behind), np.random.default_rng(row))
        low = side / 2 - side / 1.8 / 2
        (found,) = mesher.mesh(Image(shown), [Face((low, low, side - low, side - low))])
        out.append(Measured(source, presence=found.presence or 0.0, printed=found.printed or 0.0))
    return out


def times_ms(mesher: OnnxMesher, image: Image, face: Face, rounds: int = 60) -> tuple[float, float]:
    """Return the CPU time of one face in milliseconds: the best, and the median."""
    spent = []
    for _ in range(rounds):
        started = time.process_time()
        mesher.mesh(image, [face])
        spent.append(1e3 * (time.process_time() - started))
    return min(spent[3:]), float(np.median(spent[3:]))


def errors_table(title: str, rows: dict[str, list[float]]) -> list[str]:
    """Return a table of errors, a row for each name that has any."""
    lines = head(title, "faces", "median", "mean", "95th percentile", "over 10 %")
    for name, errors in rows.items():
        if errors:
            v = np.array(errors)
            shares = (np.median(v), v.mean(), np.quantile(v, 0.95), (v > 0.1).mean())
            digits = (2, 2, 1, 2)
            cells = (f"{100 * s:.{d}f} %" for s, d in zip(shares, digits, strict=True))
            lines.append(line(name, len(v), *cells))
    return [*lines, ""]


def error_rows(faces: list[Measured], doubts: list[float]) -> dict[str, list[float]]:
    """Return the errors of all faces, and by pose, source and size."""
    rows = {
        "all": [f.error for f in faces],
        f"frontal (yaw to {FRONTAL_DEG:.0f} degrees)": [
            f.error for f in faces if abs(f.yaw_deg) <= FRONTAL_DEG
        ],
        "all, against the teacher's plain answer": [f.plain_error for f in faces],
        "the teacher against itself, mirrored": doubts,
    }
    rows |= {s: [f.error for f in faces if f.source == s] for s in sorted({f.source for f in faces})}
    for low, high in ((0, 10), (10, 20), (20, 30), (30, 45), (45, 91)):
        rows[f"yaw {low} to {high} degrees"] = [f.error for f in faces if low <= abs(f.yaw_deg) < high]
    for low, high in ((0, 48), (48, 96), (96, 192), (192, 9999)):
        name = f"{low} to {high} px wide" if high < 9999 else f"from {low} px wide"
        rows[name] = [f.error for f in faces if low <= f.width_px < high]
    return rows


def report(mesher: OnnxMesher, labels: MeshLabels, data: Path, part: str) -> list[str]:
    """Measure everything; return the tables."""
    faces = measure_faces(mesher, labels, data, part)
    _, doubt = believed(labels)
    doubts = [float(doubt[row]) for _, row, _ in faces_of(labels, data, part)]
    rolls = {
        f"{degrees} degrees, {'five points' if given else 'box only'}": errors
        for (degrees, given), errors in measure_rolls(mesher, labels, data, part, 8).items()
    }
    lines = errors_table(f"held-out people, part {part}", error_rows(faces, doubts))
    lines += errors_table("turned in the plane (every 8th face)", rolls)
    nothing = measure_nothing(mesher, labels, data, part)
    there = np.array([f.presence for f in faces])
    lines += head("presence", "places", "AUC", "rejected")
    lines.append(line("faces", len(there), "", f"{100 * np.mean(there < mesher.min_presence):.2f} %"))
    for name in sorted({n.source for n in nothing}):
        own = np.array([n.presence for n in nothing if n.source == name])
        rejected = f"{100 * np.mean(own < mesher.min_presence):.1f} %"
        lines.append(line(name, len(own), f"{auc(there, own):.4f}", rejected))
    real = np.array([f.printed for f in faces])
    shown = np.array([p.printed for p in measure_prints(mesher, labels, data, part, 4)])
    false, called = (100 * np.mean(p > mesher.max_printed) for p in (real, shown))
    lines += ["", *head("prints", "faces", "AUC", "called printed")]
    lines.append(line("faces themselves", len(real), "", f"{false:.2f} %"))
    lines.append(line("simulated prints", len(shown), f"{auc(shown, real):.4f}", f"{called:.1f} %"))
    example = read_image(EXAMPLE).image
    best, median = times_ms(mesher, example, Face((178.0, 62.0, 272.0, 176.0)))
    said = f"Time per face, one thread, CPU time: {best:.2f} ms at best, {median:.2f} ms in the median."
    return [*lines, "", said]


def main() -> None:
    """Print the tables."""
    parser = arguments(__doc__)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--model", default="mesh")
    parser.add_argument("--part", choices=("A", "B"), default="B")
    options = parser.parse_args()
    lines = report(OnnxMesher(options.model), read_labels(options.labels), options.data, options.part)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
