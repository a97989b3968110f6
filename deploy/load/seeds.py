"""Whole uploads to start from: one small portrait in every format, and short clips."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow

from fakeweb.media import encode_clip, read_image
from fakeweb.types import Image

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
    """Return a second of a drifting portrait as MP4, and as animated GIF, WebP and PNG."""
    pixels = np.asarray(read_image(EXAMPLE).image.pixels)[20:220, 125:325]
    face = cv2.resize(pixels, (160, 160), interpolation=cv2.INTER_AREA)
    frames = [np.ascontiguousarray(np.roll(face, n, 1)) for n in range(5)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "clip.mp4")
        encode_clip(
            path, ((Image(np.asarray(f, np.uint8)), n / 5) for n, f in enumerate(frames)), fps=5, threads=1
        )
        made = [path.read_bytes()]
    first, *rest = [Pillow.fromarray(f) for f in frames]
    for kind in ("GIF", "WEBP", "PNG"):
        out = io.BytesIO()
        first.save(out, kind, save_all=True, append_images=rest, duration=200)
        made.append(out.getvalue())
    return made
