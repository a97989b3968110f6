"""TGA: a header without a mark of its own; it is told by its footer, or by its name and fields that make sense."""

from __future__ import annotations

import struct

from fakeweb.media.formats.header import Header
from fakeweb.media.limits import Reading

_FOOTER = b"TRUEVISION-XFILE.\0"
_HEADER_BYTES = 18
_DEPTHS = {1: (8,), 2: (16, 24, 32), 3: (1, 8, 16)}
_RUN_LENGTHS = 8
_ALPHA_BITS = 15


def plausible(head: bytes) -> bool:
    """Tell whether data can begin a TGA: its fields are few, and most other data contradict one of them."""
    if len(head) < _HEADER_BYTES:
        return False
    palette, kind, depth = head[1], head[2], head[16]
    width, height = struct.unpack_from("<HH", head, 12)
    known = depth in _DEPTHS.get(kind & ~_RUN_LENGTHS, ())
    wants_palette = kind & ~_RUN_LENGTHS == 1
    sensible_map = head[7] in ((16, 24, 32) if palette else (0, 15, 16, 24, 32))
    return known and palette == wants_palette and sensible_map and width > 0 < height and not head[17] & 0xC0


def has_footer(data: bytes) -> bool:
    """Tell whether data end as TGAs of the second version do."""
    return data[-len(_FOOTER) :] == _FOOTER


def read(data: bytes, reading: Reading) -> Header:
    """Read the size; hold the rows of one that is not compressed against the length of the data."""
    if not plausible(data):
        raise reading.broken("its header contradicts itself")
    width, height = struct.unpack_from("<HH", data, 12)
    reading.check_size(width, height)
    colours = struct.unpack_from("<H", data, 5)[0] * ((data[7] + 7) // 8) if data[1] else 0
    needed = 0 if data[2] & _RUN_LENGTHS else (width * data[16] + 7) // 8 * height
    if _HEADER_BYTES + data[0] + colours + needed > len(data):
        raise reading.cut("TGA")
    # without bits for it, the fourth byte of a pixel is no alpha, whatever stands there
    return Header("TGA", width, height, data, opaque=data[16] == 32 and not data[17] & _ALPHA_BITS)
