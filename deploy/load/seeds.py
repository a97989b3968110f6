"""Whole uploads to start from: one small portrait in every format, and short clips."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow

from fakeweb.media import read_image

EXAMPLE = Path(__file__).parents[2] / "examples" / "collins.jpg"


def pictures() -> list[bytes]:
    """Return a portrait of 160 px as JPEG (plain and progressive), PNG, WebP, AVIF, GIF, TIFF and BMP."""
    pixels = np.asarray(read_image(EXAMPLE).image.pixels)[20:220, 125:325]
    face = Pillow.fromarray(cv2.resize(pixels, (160, 160), interpolation=cv2.INTER_AREA))
    kinds: list[tuple[str, dict[str, object]]] = [
        ("JPEG", {"quality": 90}),
        ("JPEG", {"quality": 80, "progressive": True}),
        ("PNG", {}),
        ("WEBP", {"quality": 90}),
        ("AVIF", {"quality": 80}),
        ("GIF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("BMP", {}),
    ]
    made = []
    for kind, options in kinds:
        out = io.BytesIO()
        face.save(out, kind, **options)
        made.append(out.getvalue())
    return made


def videos() -> list[bytes]:
    """Return animated pictures of a few frames."""
    pixels = np.asarray(read_image(EXAMPLE).image.pixels)[20:220, 125:325]
    frames = [Pillow.fromarray(np.roll(cv2.resize(pixels, (160, 160)), n, 1)) for n in range(4)]
    made = []
    for kind in ("GIF", "WEBP", "PNG"):
        out = io.BytesIO()
        frames[0].save(out, kind, save_all=True, append_images=frames[1:], duration=200)
        made.append(out.getvalue())
    return made
