"""What a picture costs to decode, reckoned from its first bytes: pixels, format, bit depth, scans, and bytes.

Seconds of CPU on the machine of docs/reference/service.md, where the weights were measured; others are faster or
slower, but by the same factor for all formats. Reckoning itself takes microseconds.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Final

from fakeweb.errors import FakeWebError
from fakeweb.media import sniff
from fakeweb.media.limits import Limits, Reading

_ANY: Final = Limits()
_LOOKED_AT: Final = 1 << 18
_FIRST_OF: Final = 64
_FRAME: Final = re.compile(rb"\xff([\xc0-\xc2\xc9\xca])\0.\x08(.{2})(.{2})[\x01-\x04]", re.DOTALL)
_EXTENT: Final = re.compile(rb"ispe\0{4}(.{4})(.{4})", re.DOTALL)
_MOST_PIXELS_PER_BYTE: Final = 64
_PER_SCAN: Final = 1.0
"""Milliseconds per megapixel for each scan of a progressive JPEG."""
_WEIGHTS: Final = {
    "JPEG": (8.5, 7.5),
    "JPEG, progressive": (2.0, 45.0),
    "PNG": (5.5, 15.5),
    "PNG, 16 bits": (9.5, 12.0),
    "WebP": (6.0, 120.0),
    "WebP, lossless": (5.5, 14.5),
    "AVIF": (5.5, 131.0),
    "HEIF": (8.5, 137.0),
    "GIF": (5.5, 10.5),
    "TIFF": (5.5, 8.0),
    "BMP": (4.5, 0.0),
    "JPEG 2000": (65.0, 216.0),
    "JPEG XL": (16.0, 38.0),
}
"""Milliseconds per megapixel, and per million bytes."""
_OTHERS: Final = (6.0, 15.0)


@dataclass(frozen=True)
class Cost:
    """What decoding a picture takes.

    Attributes:
        pixels: How many it has, or may have where the first bytes do not say it.
        seconds: Of CPU.
    """

    pixels: int
    seconds: float


NO_COST: Final = Cost(0, 0.0)


def decoding_cost(data: bytes, max_pixels: int) -> Cost:
    """Reckon what decoding a file takes; nothing for what is no picture.

    Args:
        data: The file.
        max_pixels: As many are taken for granted where its first bytes do not say how many there are.
    """
    try:
        format_name = sniff.sniff(data, Reading("picture", _ANY))
    except FakeWebError:
        return NO_COST
    try:
        found = _PIXELS.get(format_name, _none)(data)
    except (struct.error, IndexError):
        found = None
    pixels = max_pixels if found is None else found
    if format_name not in _WEIGHTS:  # each byte of run lengths stands for so many at most
        pixels = min(pixels, len(data) * _MOST_PIXELS_PER_BYTE)
    per_pixel, per_byte = _weights(format_name, data)
    return Cost(pixels, (pixels * per_pixel + len(data) * per_byte) / 1e9)


def _weights(format_name: str, data: bytes) -> tuple[float, float]:
    variant = format_name
    if format_name == "JPEG":
        scans = data.count(b"\xff\xda")
        if scans > 1:
            per_pixel, per_byte = _WEIGHTS["JPEG, progressive"]
            return per_pixel + _PER_SCAN * scans, per_byte
    elif format_name == "PNG" and data[24:25] == b"\x10":
        variant = "PNG, 16 bits"
    elif format_name == "WebP" and b"VP8L" in data[:_LOOKED_AT]:
        variant = "WebP, lossless"
    return _WEIGHTS.get(variant, _OTHERS)


def _jpeg(data: bytes) -> int | None:
    """Return the pixels of the largest frame: thumbnails have frames of their own."""
    sizes = [
        int.from_bytes(match[2], "big") * int.from_bytes(match[3], "big")
        for _, match in zip(range(_FIRST_OF), _FRAME.finditer(data, 0, _LOOKED_AT), strict=False)
    ]
    return max(sizes, default=None)


def _png(data: bytes) -> int | None:
    width, height = struct.unpack_from(">II", data, 16)
    return int(width * height)


def _webp(data: bytes) -> int | None:
    if data[12:16] == b"VP8X":
        return (int.from_bytes(data[24:27], "little") + 1) * (int.from_bytes(data[27:30], "little") + 1)
    if data[12:16] == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return int(((bits & 0x3FFF) + 1) * ((bits >> 14 & 0x3FFF) + 1))
    width, height = struct.unpack_from("<HH", data, 26)
    return int((width & 0x3FFF) * (height & 0x3FFF))


def _bmff(data: bytes) -> int | None:
    sizes = [
        int.from_bytes(match[1], "big") * int.from_bytes(match[2], "big")
        for _, match in zip(range(_FIRST_OF), _EXTENT.finditer(data, 0, _LOOKED_AT), strict=False)
    ]
    return max(sizes, default=None)


def _gif(data: bytes) -> int | None:
    width, height = struct.unpack_from("<HH", data, 6)
    return int(width * height)


def _tiff(data: bytes) -> int | None:
    order = "<" if data[:2] == b"II" else ">"
    magic, start = struct.unpack_from(order + "HI", data, 2)
    if magic != 42:
        return None
    (count,) = struct.unpack_from(order + "H", data, start)
    size: dict[int, int] = {}
    for i in range(min(count, _FIRST_OF)):
        tag, kind = struct.unpack_from(order + "HH", data, start + 2 + 12 * i)
        if tag in (256, 257) and kind in (3, 4):
            (size[tag],) = struct.unpack_from(order + " HI"[kind - 2], data, start + 10 + 12 * i)
    return size[256] * size[257] if len(size) == 2 else None


def _bmp(data: bytes) -> int | None:
    width, height = struct.unpack_from("<ii", data, 18)
    return int(abs(width * height))


def _jpeg2000(data: bytes) -> int | None:
    at = data.find(b"\xff\x4f\xff\x51", 0, _LOOKED_AT)
    if at < 0:
        return None
    right, bottom, left, top = struct.unpack_from(">IIII", data, at + 8)
    return int(max(0, right - left) * max(0, bottom - top))


def _jxl(data: bytes) -> int | None:
    """Read the size that a JPEG XL begins with: bits, the lowest first."""
    at = data.find(b"\xff\x0a", 0, _LOOKED_AT)
    if at < 0 or len(data) < at + 12:
        return None
    bits = int.from_bytes(data[at + 2 : at + 12], "little")

    def take(count: int) -> int:
        nonlocal bits
        value, bits = bits & ((1 << count) - 1), bits >> count
        return value

    eighths = take(1)

    def side() -> int:
        return (take(5) + 1) * 8 if eighths else take((9, 13, 18, 30)[take(2)]) + 1

    height = side()
    across, down = ((0, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))[take(3)]
    return height * (height * across // down if across else side())


def _none(_: bytes) -> int | None:
    return None


_PIXELS: Final = {
    "JPEG": _jpeg,
    "PNG": _png,
    "WebP": _webp,
    "AVIF": _bmff,
    "HEIF": _bmff,
    "GIF": _gif,
    "TIFF": _tiff,
    "BMP": _bmp,
    "JPEG 2000": _jpeg2000,
    "JPEG XL": _jxl,
}
