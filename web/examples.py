"""Make the pictures that the page offers to try: NASA's portrait, and forgeries of it by our own forge.

PYTHONPATH=. python web/examples.py

They are data of the package, not of the bundle: the service serves them from ``fakeweb/examples``.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from fakeweb import registry
from fakeweb.media import encode_jpeg, read_image, write_atomically
from fakeweb.types import Face
from research.reconstruct.method import Reconstruct

ROOT = Path(__file__).parents[1]
PORTRAIT = ROOT / "examples" / "collins.jpg"
OUT = ROOT / "src" / "fakeweb" / "examples"
BOX = (178.0, 62.0, 272.0, 176.0)
"""The face, brow to chin and cheek to cheek."""
WAYS = {"beautified.jpg": (registry.load("forge", "beauty"), 3), "repainted.jpg": (Reconstruct, 1)}
QUALITY = 90


def main() -> None:
    """Write the pictures."""
    OUT.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PORTRAIT, OUT / "portrait.jpg")
    original = read_image(PORTRAIT).image
    face = registry.load("mesh", "fakeweb")().mesh(original, [Face(BOX)])[0]
    for name, (way, seed) in WAYS.items():
        method = way(strength=(1.0, 1.0))
        forged = method(original, face, np.random.default_rng(seed))
        write_atomically(OUT / name, encode_jpeg(forged.image, QUALITY))


if __name__ == "__main__":
    main()
