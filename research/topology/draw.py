"""Derive the face mesh's topology from labels, and draw it.

python -m research.topology.draw --labels mesh.npz --data DATA   # writes src/fakeweb/topology.json, then draws
python -m research.topology.draw                                 # draws docs/reference/mesh.png only
"""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).parents[2]
FILE = ROOT / "src" / "fakeweb" / "topology.json"
PICTURE = ROOT / "docs" / "reference" / "mesh.png"
COLOURS = {
    "forehead": (222, 203, 228),
    "right_brow": (166, 118, 29),
    "left_brow": (166, 118, 29),
    "right_eye": (141, 160, 203),
    "left_eye": (102, 194, 165),
    "nose": (255, 217, 47),
    "upper_lip": (229, 216, 189),
    "lips": (231, 138, 195),
    "chin": (179, 205, 227),
    "right_cheek": (254, 217, 166),
    "left_cheek": (204, 235, 197),
}


def derive_file(labels_file: Path, data: Path) -> None:
    """Write topology.json."""
    from fakeweb.media import read_image
    from fakeweb.train.mesh.label import read_labels
    from research.topology.derive import derive

    labels = read_labels(labels_file)
    found = derive(labels, lambda row: read_image(data / str(labels.path[row])).image.pixels)
    lines = [f'  "{key}": {json.dumps(value, separators=(",", ":"))}' for key, value in found.items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def draw(side: int = 1200, *, numbers: bool = True) -> np.ndarray:
    """Draw regions, triangles, contours and numbers of the mean shape, RGB."""
    topology = importlib.import_module("fakeweb.topology")
    flat = topology.MEAN[:, :2].astype(np.float64)
    low, high = flat.min(axis=0), flat.max(axis=0)
    place = (flat - low) / (high - low).max() * (side - 80) + 40
    canvas = np.full((side, int(place[:, 0].max()) + 40, 3), 255, np.uint8)
    region_of = {i: name for name, points in topology.REGIONS.items() for i in points}
    shift = 4
    fixed = np.rint(place * (1 << shift)).astype(np.int32)
    for t in topology.TRIANGLES:
        names = [region_of[int(i)] for i in t]
        colour = COLOURS[max(sorted(set(names)), key=names.count)]
        cv2.fillConvexPoly(canvas, fixed[t], colour, cv2.LINE_AA, shift)
    for t in topology.TRIANGLES:
        cv2.polylines(canvas, [fixed[t]], True, (120, 120, 120), 1, cv2.LINE_AA, shift)
    for line in topology.CONTOURS.values():
        cv2.polylines(canvas, [fixed[list(line)]], False, (200, 30, 30), 2, cv2.LINE_AA, shift)
    for i, (x, y) in enumerate(place):
        stable = i in set(topology.STABLE.tolist())
        cv2.circle(
            canvas,
            (round(x), round(y)),
            3 if stable else 2,
            (0, 90, 200) if stable else (0, 0, 0),
            -1,
            cv2.LINE_AA,
        )
        if numbers:
            cv2.putText(canvas, str(i), (round(x) + 3, round(y) - 2), 0, 0.3, (0, 0, 0), 1, cv2.LINE_AA)
    return canvas


def main() -> None:
    """Derive if labels are given, then draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    options = parser.parse_args()
    if options.labels:
        derive_file(options.labels, options.data)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(PICTURE), cv2.cvtColor(draw(), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
