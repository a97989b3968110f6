"""What pictures cost to read, in milliseconds of CPU per megapixel: ``python deploy/load/decode.py [MEGAPIXELS]``.

A photograph with noise and an even picture are written in every format and variant that is installed, and read as the
service's workers read them. The weights of :mod:`fakeweb.media.cost` come from here.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from page import RESULTS, write
from PIL import Image

from fakeweb.errors import Unreadable
from fakeweb.media import Limits, read_image
from fakeweb.media.cost import decoding_cost

ROOT = Path(__file__).parents[2]
LIMITS = Limits.of_megapixels(100)


def photograph(pixels: int) -> np.ndarray:
    """Return the example enlarged to so many pixels, with the noise of a sensor: uint8 RGB (H, W, 3)."""
    side = round((pixels * 3 / 4) ** 0.5)
    small = np.asarray(Image.open(ROOT / "examples" / "collins.jpg").convert("RGB"))
    large = cv2.resize(small, (side * 4 // 3, side), interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(0).normal(0, 6, large.shape)
    return np.clip(large + noise, 0, 255).astype(np.uint8)


def variants(rgb: np.ndarray) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of a picture in every format and variant."""
    picture = Image.fromarray(rgb)
    yield "JPEG", _encoded(picture, "JPEG", quality=90)
    progressive = _encoded(picture, "JPEG", quality=90, progressive=True)
    yield "JPEG, progressive, 10 scans", progressive
    for more in (10, 40, 190):
        yield f"JPEG, progressive, {10 + more} scans", with_scans(progressive, more)
    yield "PNG, 8 bits", _encoded(picture, "PNG", compress_level=3)
    deep = rgb.astype(np.uint16)[..., ::-1] * 257
    yield "PNG, 16 bits", cv2.imencode(".png", deep, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
    yield "WebP, lossy", _encoded(picture, "WebP", quality=85, method=0)
    yield "WebP, lossless", _encoded(picture, "WebP", lossless=True, method=0)
    yield "AVIF", _encoded(picture, "AVIF", speed=10)
    yield "GIF", _encoded(picture, "GIF")
    yield "TIFF", _encoded(picture, "TIFF")
    yield "TIFF, LZW", _encoded(picture, "TIFF", compression="tiff_lzw")
    yield "TIFF, Deflate", _encoded(picture, "TIFF", compression="tiff_adobe_deflate")
    yield "BMP", _encoded(picture, "BMP")
    yield "JPEG 2000", _encoded(picture, "JPEG2000", quality_mode="rates", quality_layers=[10])
    yield from _guests(picture, rgb)


def with_scans(progressive: bytes, more: int) -> bytes:
    """Return a progressive JPEG that has its last scan so many times more."""
    at = progressive.rindex(b"\xff\xda")
    return progressive[:-2] + progressive[at:-2] * more + progressive[-2:]


def _guests(picture: Image.Image, rgb: np.ndarray) -> Iterator[tuple[str, bytes]]:
    try:
        import pillow_heif

        target = io.BytesIO()
        pillow_heif.from_pillow(picture).save(target, quality=80)
        yield "HEIC", target.getvalue()
    except ImportError:
        sys.stderr.write("HEIC: pillow-heif is not installed\n")
    try:
        import pylibjxl

        yield "JPEG XL", pylibjxl.encode(rgb, effort=1)
    except ImportError:
        sys.stderr.write("JPEG XL: pylibjxl is not installed\n")


def _encoded(picture: Image.Image, format_name: str, **options: object) -> bytes:
    target = io.BytesIO()
    picture.save(target, format_name, **options)
    return target.getvalue()


def cpu_s(data: bytes) -> float:
    """Return the CPU seconds that reading takes, the better of two."""
    took = []
    for _ in range(2):
        begun = time.process_time()
        read_image(data, limits=LIMITS)
        took.append(time.process_time() - begun)
    return min(took)


def main() -> None:
    """Measure all, and write ``results/decode.json`` and the page."""
    megapixels = float(sys.argv[1]) if len(sys.argv) > 1 else 9.0
    cv2.setNumThreads(1)
    rows: dict[str, dict[str, float]] = {}
    rgb = photograph(int(megapixels * 1e6))
    pixels = rgb.shape[0] * rgb.shape[1]
    for kind, content in (("photograph", rgb), ("even", np.full_like(rgb, 128))):
        for name, data in variants(content):
            row = rows.setdefault(name, {})
            reckoned = decoding_cost(data, LIMITS.max_pixels).seconds * 1e9 / pixels
            row |= {f"{kind}_reckoned": reckoned, f"{kind}_bytes": len(data) / pixels}
            with contextlib.suppress(Unreadable):  # scans that pass over the picture too often
                row[kind] = cpu_s(data) * 1e9 / pixels
            sys.stderr.write(f"{name}, {kind}: {row.get(kind)}\n")
    found = {"megapixels": pixels / 1e6, "rows": rows, "measured": time.strftime("%Y-%m-%d")}
    (RESULTS / "decode.json").write_text(json.dumps(found, indent=1) + "\n")
    write()


if __name__ == "__main__":
    main()
