"""Pictures to try: the project's own portrait, what the forge made of it, and a drawn landscape."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

import fakeweb
from fakeweb.media import encode_png, write_atomically
from fakeweb.types import Image

FOLDER = Path(fakeweb.__file__).parent / "examples"
"""The pictures that the service's page offers, too."""

PICTURES = {
    "portrait.jpg": "genuine: Eileen Collins, NASA, 1993",
    "swapped.jpg": "with the face from another picture",
    "beautified.jpg": "the same, through a phone's beauty filter",
    "group.jpg": "six faces, one of them swapped",
    "repainted.jpg": "redrawn by a neural network: goes unnoticed",
}


def examples(folder: Path) -> list[tuple[Path, str]]:
    """Put the pictures to try into a folder.

    Args:
        folder: Where to; it exists.

    Returns:
        Paths, and what each picture is. One is genuine, four are forged, one has no face.
    """
    made = []
    for name, title in PICTURES.items():
        made.append((Path(shutil.copyfile(FOLDER / name, folder / name)), title))
    drawn = folder / "landscape.png"
    write_atomically(drawn, encode_png(landscape()))
    return [*made, (drawn, "a drawn landscape, no face")]


def landscape(width: int = 640, height: int = 400) -> Image:
    """Draw hills under an evening sky: a picture without a face.

    Args:
        width: In pixels.
        height: In pixels.

    Returns:
        uint8 RGB (height, width, 3).
    """
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    share = (y / height)[..., None]
    pixels = (1 - share) * np.array([88, 126, 190], np.float32) + share * np.array(
        [250, 196, 140], np.float32
    )
    for number, (base, tall, wave) in enumerate(((0.62, 0.08, 90.0), (0.72, 0.1, 140.0), (0.84, 0.06, 60.0))):
        ridge = height * (base + tall * np.sin(x / wave + 2 * number) * np.cos(x / (2.7 * wave)))
        pixels[y > ridge] = np.array([70 - 18 * number, 98 - 20 * number, 84 - 22 * number], np.float32)
    return Image(np.ascontiguousarray(pixels.clip(0, 255).astype(np.uint8)))
