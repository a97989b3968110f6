"""JPEG XL: the decoder reads the container and says how large the picture is before it decodes a pixel."""

from __future__ import annotations

from fakeweb.media.formats.header import Header
from fakeweb.media.limits import Reading


def read(data: bytes, reading: Reading) -> Header:
    """Pass the data on."""
    if len(data) < 16:
        raise reading.cut("JPEG XL")
    return Header("JPEG XL", 0, 0, data)
