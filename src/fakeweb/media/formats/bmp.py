"""BMP: header, size, and whether all rows are there. Run-length BMP is not read."""

from __future__ import annotations

import struct

from fakeweb.media.formats.header import Header
from fakeweb.media.limits import Reading

_RAW, _BITFIELDS = 0, 3


def read(data: bytes, reading: Reading) -> Header:
    """Read the header and hold the rows it promises against the length of the data."""
    offset, header_bytes = struct.unpack_from("<II", data, 10)
    if header_bytes == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = _RAW
    elif header_bytes in (40, 52, 56, 64, 108, 124):
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
        height = abs(height)  # negative: the rows run from top to bottom
    else:
        raise reading.broken(f"its header has the unknown length {header_bytes}")
    reading.check_size(width, height)
    if compression not in (_RAW, _BITFIELDS):
        raise reading.unsupported("a compressed BMP")
    if bits not in (1, 4, 8, 16, 24, 32):
        raise reading.unsupported(f"a BMP with {bits} bits per pixel")
    row_bytes = (width * bits + 31) // 32 * 4
    padding = row_bytes - (width * bits + 7) // 8
    missing = offset + row_bytes * height - len(data)
    if missing > padding:  # what pads the last row does not matter
        raise reading.cut("BMP")
    return Header("BMP", width, height, data + bytes(max(0, missing)))
