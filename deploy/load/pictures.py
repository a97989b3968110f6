"""The pictures of the load test, made from the example portrait."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from fakeweb.media import encode_jpeg, read_image
from fakeweb.types import Image

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[1] / "examples" / "collins.jpg"
_BYTES = 60_000


def portrait() -> bytes:
    """Return one face in a JPEG of about 60 kB: the example, as it is, at the quality that gives this size."""
    image = read_image(EXAMPLE).image
    sizes = {q: encode_jpeg(image, q) for q in range(60, 99)}
    return min(sizes.values(), key=lambda data: abs(len(data) - _BYTES))


def megapixel() -> bytes:
    """Return one face in a JPEG of one megapixel: head and shoulders of the example, enlarged to 1000 x 1000."""
    head = np.asarray(read_image(EXAMPLE).image.pixels)[:400, 30:430]
    pixels = cv2.resize(head, (1000, 1000), interpolation=cv2.INTER_CUBIC)
    return encode_jpeg(Image(np.asarray(pixels, np.uint8)), 90)


def with_comment(data: bytes, text: str) -> bytes:
    """Return a JPEG whose bytes differ and whose pixels do not."""
    comment = text.encode()
    return data[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + data[2:]
