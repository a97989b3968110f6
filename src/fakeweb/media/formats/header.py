"""What the readers of containers give, and the bits of EXIF and ICC they share."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from fakeweb.media.light import Light

MAX_PROFILE_BYTES = 4 << 20
"""Longest colour profile taken; press profiles have about 2 MiB."""

_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Header:
    """A container that has been read; no pixel has been decoded.

    Attributes:
        format: Key of :data:`fakeweb.media.sniff.SUFFIXES`.
        width, height: Size in pixels as stored, before orientation; 0 where only the decoder can tell.
        stream: What the decoder gets: the first picture without metadata.
        reduction: By how much it is to be reduced while it is decoded: 1, 2 or 4.
        orientation: EXIF orientation, 1 to 8, still to be applied.
        profile: ICC profile or None.
        light: What the samples stand for where they are not sRGB and no profile says it; or None.
        white_is_zero: 16-bit grey samples are stored inverted.
        opaque: What is decoded as alpha is none.
        open_end: The end of the data was missing and was made up; whether the picture is whole, decoding must tell.
        warnings: What a reader of the report should know.
    """

    format: str
    width: int
    height: int
    stream: bytes
    reduction: int = 1
    orientation: int = 1
    profile: bytes | None = None
    light: Light | None = None
    white_is_zero: bool = False
    opaque: bool = False
    open_end: bool = False
    warnings: tuple[str, ...] = ()


def frames_warning(count: int, unit: str = "frames") -> tuple[str, ...]:
    """Return the warning that only the first of several frames is read, or nothing for a single one."""
    return (f"it has {count:,} {unit}; only the first was read",) if count > 1 else ()


def exif_orientation(exif: bytes) -> int:
    """Return the orientation, 1 to 8, out of an EXIF block; 1 where it is missing or damaged.

    Damaged EXIF is common and harmless: it says nothing about the pixels.
    """
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, start)
        for i in range(count):
            tag, kind, number = struct.unpack_from(order + "HHI", exif, start + 2 + 12 * i)
            if tag == _ORIENTATION and kind in (3, 4) and number == 1:
                (value,) = struct.unpack_from(order + ("H" if kind == 3 else "I"), exif, start + 10 + 12 * i)
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1


def unpack_profile(packed: bytes) -> bytes | None:
    """Inflate a colour profile; None where it is damaged or longer than any honest profile."""
    inflater = zlib.decompressobj()
    try:
        profile = inflater.decompress(packed, MAX_PROFILE_BYTES)
    except zlib.error:
        return None
    return profile if inflater.eof else None
