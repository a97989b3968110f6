"""QOI, PCX and SGI: a size in a fixed place. Pillow itself refuses what is cut off."""

from __future__ import annotations

import struct

from fakeweb.media.formats.header import Header
from fakeweb.media.limits import Reading


def read_qoi(data: bytes, reading: Reading) -> Header:
    """Read the size of a QOI."""
    width, height = struct.unpack_from(">II", data, 4)
    reading.check_size(width, height)
    return Header("QOI", width, height, data)


def read_pcx(data: bytes, reading: Reading) -> Header:
    """Read the size of a PCX; one of 256 colours must have its palette at its end."""
    left, top, right, bottom = struct.unpack_from("<4H", data, 4)
    reading.check_size(right - left + 1, bottom - top + 1)
    if data[3] == 8 and data[65] == 1 and data[-769:-768] != b"\x0c":
        raise reading.cut("PCX")
    return Header("PCX", right - left + 1, bottom - top + 1, data)


def read_sgi(data: bytes, reading: Reading) -> Header:
    """Read the size of an SGI picture."""
    width, height = struct.unpack_from(">HH", data, 6)
    reading.check_size(width, height)
    return Header("SGI", width, height, data)
