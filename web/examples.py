"""Make the pictures that the page offers to try: NASA's portrait, and forgeries of it by our own forge.

PYTHONPATH=. python web/examples.py

They are data of the package, not of the bundle: the service serves them from ``fakeweb/examples``.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np

from fakeweb import registry
from fakeweb.media import encode_jpeg, read_image, write_atomically
from fakeweb.types import Face, Image
from research.reconstruct.method import Reconstruct

ROOT = Path(__file__).parents[1]
PORTRAIT = ROOT / "examples" / "collins.jpg"
OUT = ROOT / "src" / "fakeweb" / "examples"
BOX = (178.0, 62.0, 272.0, 176.0)
"""The face, brow to chin and cheek to cheek."""
QUALITY = 90
FORGED_TILE = 4
TILES = ((0, 1.0, 0), (1, 0.92, 8), (0, 0.86, -10), (1, 1.04, 4), (0, 0.95, 6), (1, 0.88, -6))
"""Of the group: mirrored or not, brightness, and how far the cut is moved in pixels."""
TILE_PX = 260


def main() -> None:
    """Write the pictures."""
    OUT.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PORTRAIT, OUT / "portrait.jpg")
    original = read_image(PORTRAIT).image
    face = measured(original, BOX)
    mirrored = Image(np.ascontiguousarray(original.pixels[:, ::-1]))
    donor = measured(mirrored, (original.width - BOX[2], BOX[1], original.width - BOX[0], BOX[3]))
    swap = registry.load("forge", "swap")(strength=(1.0, 1.0), donors=lambda *_: [(mirrored, donor)])
    beauty = registry.load("forge", "beauty")(strength=(1.0, 1.0))
    ways = {
        "swapped.jpg": (swap, 2),
        "beautified.jpg": (beauty, 3),
        "repainted.jpg": (Reconstruct(strength=(1.0, 1.0)), 1),
    }
    forged = {
        name: way(original, face, np.random.default_rng(seed)).image for name, (way, seed) in ways.items()
    }
    forged["group.jpg"] = group(original, forged["swapped.jpg"])
    for name, picture in forged.items():
        write_atomically(OUT / name, encode_jpeg(picture, QUALITY))


def measured(image: Image, box: tuple[float, float, float, float]) -> Face:
    """Return the face in a box, with its mesh."""
    face: Face = registry.load("mesh", "fakeweb")().mesh(image, [Face(box)])[0]
    return face


def group(genuine: Image, forged: Image) -> Image:
    """Return a sheet of six cuts of the portrait, one of them from the forged one; RGB uint8."""
    tiles = []
    for number, (turned, light, moved) in enumerate(TILES):
        pixels = (forged if number == FORGED_TILE else genuine).pixels[12:232, 115 + moved : 335 + moved]
        tile = cv2.resize(
            pixels[:, ::-1] if turned else pixels, (TILE_PX, TILE_PX), interpolation=cv2.INTER_CUBIC
        )
        tiles.append(np.clip(tile * light, 0, 255).astype(np.uint8))
    rows = (np.concatenate(tiles[:3], 1), np.concatenate(tiles[3:], 1))
    return Image(np.ascontiguousarray(np.concatenate(rows)))


if __name__ == "__main__":
    main()
