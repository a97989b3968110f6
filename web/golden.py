"""Write the golden vectors that pin the checks in the browser (web/src/local) to this package: web/tests/golden/.

PYTHONPATH=src python web/golden.py

What OpenCV does to pixels; crops and qualities of given faces; norms; and whole reports of a small group, upright,
turned and mirrored. ``npm test`` holds the TypeScript against them, ``tests/unit/test_golden_vectors.py`` this package.
To be written anew when a model, a norm or a rule changes.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fakeweb.classifiers import OnnxClassifier
from fakeweb.faces import align, quality_of
from fakeweb.media import read_image
from fakeweb.scanner import Scanner
from fakeweb.scanner.decide import Rules, rarity_of
from fakeweb.types import Face, Image, Report, Score, UInt8Array

ROOT = Path(__file__).parents[1]
OUT = ROOT / "web" / "tests" / "golden"
PICTURE = ROOT / "src" / "fakeweb" / "examples" / "group.jpg"
SIDE_PX = 96
LOGITS = (-3.0, -1.0, 0.2, 1.5, 3.0, 3.7, 4.1, 5.0)
TURNS: dict[str, Callable[[UInt8Array], UInt8Array]] = {
    "upright": lambda pixels: pixels,
    "left": lambda pixels: np.rot90(pixels),
    "right": lambda pixels: np.rot90(pixels, -1),
    "mirrored": lambda pixels: pixels[:, ::-1],
}


def noise(width: int, height: int, seed: int) -> UInt8Array:
    """Return a picture (height, width, 3) of a linear congruential generator, which TypeScript has too."""
    out, state = bytearray(), seed
    for _ in range(width * height * 3):
        state = (state * 1664525 + 1013904223) % 2**32
        out.append(state >> 24)
    return np.frombuffer(bytes(out), np.uint8).reshape(height, width, 3)


def picture() -> Image:
    """Return the group at half its size, 390 x 260: faces small enough for the norm of small ones."""
    pixels = read_image(PICTURE).image.pixels
    return Image(cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))


def vectors() -> dict[str, Any]:
    """Return everything that is written as JSON."""
    small = picture()
    scanner = Scanner()
    turned = {name: Image(np.ascontiguousarray(turn(small.pixels))) for name, turn in TURNS.items()}
    reports = {name: scanner.scan(image.pixels, name=name) for name, image in turned.items()}
    return {
        "pixels": pixel_steps(),
        "crops": [one for name, report in reports.items() for one in crops(name, turned[name], report)],
        "norms": norms(),
        "reports": {name: told(report) for name, report in reports.items()},
    }


def pixel_steps() -> list[dict[str, Any]]:
    """Resize, turn and grey: what OpenCV makes of noise, as SHA-256."""
    odd, even = noise(61, 47, 1), noise(64, 48, 2)
    steps: list[dict[str, Any]] = []
    for width, height in ((33, 29), (30, 23), (60, 46), (128, 128), (200, 90), (62, 48)):
        how = cv2.INTER_AREA if width < 61 else cv2.INTER_LINEAR
        made = cv2.resize(odd, (width, height), interpolation=how)
        steps.append({"step": "resize", "of": "odd", "size": [width, height], "sha256": sha(made)})
    for width, height in ((32, 24), (16, 12), (21, 16)):
        made = cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA)
        steps.append({"step": "resize", "of": "even", "size": [width, height], "sha256": sha(made)})
    for matrix in ([[0.7, -0.2, 5.3], [0.2, 0.7, 3.1]], [[1.3, 0.4, -9.7], [-0.4, 1.3, 11.2]]):
        for border, mode in (("repeat", cv2.BORDER_REPLICATE), ("mirror", cv2.BORDER_REFLECT)):
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            made = cv2.warpAffine(even, np.array(matrix), (40, 40), flags=flags, borderMode=mode)
            flat = [value for row in matrix for value in row]
            steps.append({"step": "warp", "of": "even", "map": flat, "border": border, "sha256": sha(made)})
    steps.append({"step": "grey", "of": "even", "sha256": sha(cv2.cvtColor(even, cv2.COLOR_RGB2GRAY))})
    return steps


def crops(name: str, image: Image, report: Report) -> list[dict[str, Any]]:
    """Cut the faces as their meshes stand in the report, rounded, so that both sides start from the same numbers."""
    found = []
    for entry in report.to_dict()["faces"]:
        face = Face(tuple(entry["box"]), mesh=np.array(entry["mesh"], np.float32))
        quality = {key: round(float(value), 6) for key, value in vars(quality_of(image, face)).items()}
        crop = align(image, face, SIDE_PX, margin=1.4).pixels
        found.append({
            "picture": name, "box": entry["box"], "mesh": entry["mesh"], "side_px": SIDE_PX, "sha256": sha(crop),
            "quality": quality,
        })  # fmt: skip
    return found[:3] if name in ("upright", "left") else found[:1]


def norms() -> list[dict[str, Any]]:
    """Calibration and rarity of some logits."""
    classifier = OnnxClassifier()
    found = []
    for logit in LOGITS:
        one = rarity_of(Score(0.5, logit, "any"), Rules.of(classifier))
        found.append({
            "logit": logit, "p_fake": classifier.probability(logit),
            "one_in": one and one.one_in, "interval": one and list(one.interval),
        })  # fmt: skip
    return found


def told(report: Report) -> dict[str, Any]:
    """Return the report without what differs from run to run, and without the bulk."""
    whole = {**report.to_dict(), "content": None}  # which the browser does not look at
    for key in ("timings_s", "media_sha256", "provenance", "source"):
        del whole[key]
    for face in whole["faces"]:
        face["mesh"] = face["mesh"][::9]
        face["score"]["evidence"] = face["score"]["evidence"][::5]
    return whole


def sha(pixels: UInt8Array) -> str:
    """Return the SHA-256 of the bytes."""
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "vectors.json").write_text(json.dumps(vectors(), separators=(",", ":")) + "\n", encoding="utf-8")
    (OUT / "group.rgb.gz").write_bytes(gzip.compress(picture().pixels.tobytes(), 9, mtime=0))
