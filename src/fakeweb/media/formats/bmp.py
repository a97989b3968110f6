"""BMP: header, size, and whether all rows are there. Run lengths are unpacked here."""

from __future__ import annotations

import struct

from fakeweb.media.formats.header import Header
from fakeweb.media.limits import Reading

_RAW, _RLE8, _RLE4, _BITFIELDS = 0, 1, 2, 3
_END_OF_LINE, _END_OF_PICTURE, _DELTA = 0, 1, 2


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
    if (compression, bits) in ((_RLE8, 8), (_RLE4, 4)):
        return _unpacked(data, (width, height), bits, reading)
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


def _unpacked(data: bytes, size: tuple[int, int], bits: int, reading: Reading) -> Header:
    """Return the picture as a BMP of 8 bits without compression; rows stand from bottom to top in both."""
    offset, header_bytes = struct.unpack_from("<II", data, 10)
    palette = data[14 + header_bytes : offset][: 4 << bits]
    palette = palette[: len(palette) // 4 * 4]
    width, height = size
    rows, whole = _expand(data, offset, size, bits)
    if not whole:
        raise reading.cut("BMP")
    padding = bytes(-width % 4)
    pixels = b"".join(bytes(row) + padding for row in rows)
    start = 54 + len(palette)
    head = b"BM" + struct.pack("<IIIIiiHH", start + len(pixels), 0, start, 40, width, height, 1, 8)
    head += struct.pack("<6I", _RAW, len(pixels), 0, 0, len(palette) // 4, 0)
    return Header("BMP", width, height, head + palette + pixels)


def _expand(data: bytes, position: int, size: tuple[int, int], bits: int) -> tuple[list[bytearray], bool]:
    """Expand run lengths; return the rows of indices, and whether they came to their end. What is skipped is 0."""
    width, height = size
    rows = [bytearray(width) for _ in range(height)]
    x = y = 0
    while position + 1 < len(data):
        count, value = data[position], data[position + 1]
        position += 2
        if count:
            indices = _indices(bytes((value,)) * count, count, bits)
        elif value == _END_OF_LINE:
            x, y = 0, y + 1
            continue
        elif value == _END_OF_PICTURE:
            return rows, True
        elif value == _DELTA:
            if position + 1 >= len(data):
                break
            x, y = x + data[position], y + data[position + 1]
            position += 2
            continue
        else:
            stored = value if bits == 8 else (value + 1) // 2
            if position + stored > len(data):
                break
            indices = _indices(data[position : position + stored], value, bits)
            position += stored + (stored & 1)
        if y < height and x < width:
            rows[y][x : x + len(indices)] = indices[: width - x]
        x += len(indices)
    return rows, y >= height or (y == height - 1 and x >= width)


def _indices(stored: bytes, count: int, bits: int) -> bytes:
    """Return ``count`` indices of the palette; two stand in a byte of 4-bit pictures."""
    if bits == 8:
        return stored
    return bytes(nibble for byte in stored for nibble in (byte >> 4, byte & 15))[:count]
