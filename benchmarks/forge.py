"""Measure the forge: CPU time of each method on one core, into docs/reference/forge.md.

    python benchmarks/forge.py [--write]

The face is that of examples/collins.jpg, enlarged until its box is 256 px on the longer side, in a picture of 512 px;
donors are the same face mirrored. Median over fifteen seeds, as strengths and details differ, of the best of five calls
each, as other work on the machine only ever slows a call down.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import time

import cv2
import numpy as np

from bench import EXAMPLE, head, line, put
from fakeweb import registry
from fakeweb.forge import DonorPool, ForgeMethod, keep_freed_memory
from fakeweb.topology import MEAN, MIRROR
from fakeweb.types import Face, Image

SIDE_PX = 512


def scene() -> tuple[Image, Face]:
    """Return the portrait with its face 256 px tall, and the mean mesh laid on it."""
    pixels = cv2.imread(str(EXAMPLE))[:, :, ::-1]
    box = np.array((178.0, 62.0, 272.0, 176.0))  # brow to chin, by eye
    scale = 256 / (box[3] - box[1])
    x, y = (box[:2] + box[2:]) / 2
    move = np.array([[scale, 0, SIDE_PX / 2 - scale * x], [0, scale, SIDE_PX / 2 - scale * y]])
    big = cv2.warpAffine(
        pixels, move, (SIDE_PX, SIDE_PX), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    mesh = (MEAN - (MEAN.min(0) + MEAN.max(0)) / 2) * (256 / np.ptp(MEAN[:, 1]))
    mesh[:, :2] += SIDE_PX / 2
    half = np.ptp(mesh[:, :2], axis=0) / 2
    centre = (SIDE_PX / 2 - half, SIDE_PX / 2 + half)
    return Image(big), Face((*centre[0], *centre[1]), mesh=mesh)


def mirrored(image: Image, face: Face) -> tuple[Image, Face]:
    """Return the scene mirrored left to right."""
    mesh = np.array(face.mesh)[MIRROR]
    mesh[:, 0] = image.width - 1 - mesh[:, 0]
    mesh[:, 1] += 1
    return Image(np.ascontiguousarray(image.pixels[:, ::-1])), Face(face.box, mesh=mesh)


def timed(method: ForgeMethod, image: Image, face: Face, seed: int) -> float:
    """Return the CPU seconds of one call."""
    started = time.process_time()
    method(image, face, np.random.default_rng(seed))
    return time.process_time() - started


def measure() -> list[tuple[str, str, float]]:
    """Return (method, kind, milliseconds) for every method."""
    cv2.setNumThreads(1)
    keep_freed_memory()  # as the forging processes do
    image, face = scene()
    other, donor = mirrored(image, face)
    pool = DonorPool([donor], lambda _: other)
    rows = []
    for name in registry.names("forge"):
        make = registry.load("forge", name)
        method = make(donors=pool) if make.needs_donors else make()
        times = [min(timed(method, image, face, seed) for _ in range(5)) for seed in range(15)]
        rows.append((name, method.kind, 1000 * float(np.median(times))))
    return rows


def main() -> None:
    """Print the table, or write it into the page."""
    rows = measure()
    table = [*head("method", "kind", "ms"), *(line(f"`{n}`", k, f"{t:.1f}") for n, k, t in rows)]
    if "--write" in sys.argv:
        put("forge.md", "speed", table)
    else:
        print("\n".join(table))


if __name__ == "__main__":
    main()
