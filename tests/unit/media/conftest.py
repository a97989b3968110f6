"""Pictures and files the tests of this room are made from."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

Encode = Callable[..., bytes]


@pytest.fixture(scope="session")
def pixels() -> np.ndarray:
    """uint8 RGB (48, 64, 3), smooth, with a different colour in each corner and nothing symmetric."""
    y, x = np.mgrid[0:48, 0:64].astype(np.float64)
    red = 40 + 180 * x / 63
    green = 30 + 190 * y / 47
    blue = 128 + 90 * np.sin(x / 7) * np.cos(y / 5)
    return np.stack([red, green, blue], axis=-1).round().astype(np.uint8)


@pytest.fixture(scope="session")
def encode() -> Encode:
    """Encode an array or a Pillow picture with Pillow."""
    from PIL import Image

    def run(picture: Any, format_name: str, **options: Any) -> bytes:
        if isinstance(picture, np.ndarray):
            picture = Image.fromarray(picture)
        if format_name == "HEIF":
            pillow_heif = pytest.importorskip("pillow_heif")
            return _encode_heif(pillow_heif, picture, options)
        file = io.BytesIO()
        picture.save(file, format_name, **options)
        return file.getvalue()

    return run


def _encode_heif(pillow_heif: Any, picture: Any, options: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    pillow_heif.from_pillow(picture).save(file, **options)
    return file.getvalue()


@pytest.fixture(scope="session")
def png_chunks() -> Callable[..., bytes]:
    """Build a PNG out of (kind, body) chunks, with right checksums."""

    def build(*chunks: tuple[bytes, bytes]) -> bytes:
        parts = [b"\x89PNG\r\n\x1a\n"]
        for kind, body in chunks:
            parts.append(
                struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
            )
        return b"".join(parts)

    return build


@pytest.fixture(scope="session")
def icc() -> Callable[..., bytes]:
    """Build an ICC profile of matrix and gamma (RGB) or of gamma alone (GRAY)."""
    srgb = {"r": (0.4361, 0.2225, 0.0139), "g": (0.3851, 0.7169, 0.0971), "b": (0.1431, 0.0606, 0.7141)}

    def xyz(values: tuple[float, float, float]) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    def build(space: str = "RGB ", gamma: float = 2.2, order: str = "rgb") -> bytes:
        curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
        tags = {b"wtpt": xyz((0.9642, 1.0, 0.8249)), b"desc": b"desc" + bytes(8) + bytes(80)}
        if space == "GRAY":
            tags[b"kTRC"] = curve
        else:
            for name, primary in zip("rgb", order, strict=True):
                tags[name.encode() + b"XYZ"] = xyz(srgb[primary])
                tags[name.encode() + b"TRC"] = curve
        body, table = b"", struct.pack(">I", len(tags))
        start = 128 + 4 + 12 * len(tags)
        for tag, data in tags.items():
            table += tag + struct.pack(">II", start + len(body), len(data))
            body += data + bytes(-len(data) % 4)
        header = (
            struct.pack(">I", start + len(body)) + bytes(4) + b"\x02\x10\0\0mntr" + space.encode() + b"XYZ "
        )
        header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">iii", 63190, 65536, 54061)
        return header.ljust(128, b"\0") + table + body

    return build
