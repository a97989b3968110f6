"""ICO and CUR: the largest picture of an icon, a PNG or a bitmap without its file header."""

from __future__ import annotations

import struct
from dataclasses import replace

from fakeweb.media.formats import png
from fakeweb.media.formats.header import Header
from fakeweb.media.limits import Reading

_PNG = b"\x89PNG\r\n\x1a\n"
_ENTRY_BYTES = 16


def read(data: bytes, reading: Reading) -> Header:
    """Pick the largest picture, and of these the one with most colours; the stream passed on holds it alone."""
    (count,) = struct.unpack_from("<H", data, 4)
    if not count:
        raise reading.broken("it holds no picture")
    pictures = [_picture(data, 6 + _ENTRY_BYTES * i, reading) for i in range(count)]
    width, height, bits, body = max(pictures, key=lambda picture: (picture[0] * picture[1], picture[2]))
    if body.startswith(_PNG):
        return replace(png.read(body, reading), warnings=())
    reading.check_size(width, height)
    (start,) = struct.unpack_from("<I", body)
    row_bytes = (width * bits + 31) // 32 * 4 + ((width + 31) // 32 * 4 if bits < 32 else 0)
    if start + (4 << bits if bits <= 8 else 0) + row_bytes * height > len(body):
        raise reading.cut("ICO")
    directory = struct.pack("<3H", 0, 1, 1) + bytes((width & 255, height & 255, 0, 0))
    directory += struct.pack("<HHII", 1, bits, len(body), 6 + _ENTRY_BYTES)
    return Header("ICO", width, height, directory + body)


def _picture(data: bytes, at: int, reading: Reading) -> tuple[int, int, int, bytes]:
    """Return width, height, bits per pixel and data of one entry, by what the picture itself says."""
    length, start = struct.unpack_from("<II", data, at + 8)
    body = data[start : start + length]
    if len(body) < length or length < 40:
        raise reading.cut("ICO")
    if body.startswith(_PNG):
        return *struct.unpack_from(">II", body, 16), 32, body
    width, twice_height, _, bits = struct.unpack_from("<iiHH", body, 4)
    return width, twice_height // 2, bits, body
