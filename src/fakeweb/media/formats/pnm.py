"""PBM, PGM and PPM: a header of words and numbers, and whether all samples are there."""

from __future__ import annotations

import re

from fakeweb.media.formats.header import Header
from fakeweb.media.limits import Reading

_GAP = rb"(?:\s|#[^\r\n]*[\r\n])+"
_NUMBER = _GAP + rb"(\d{1,10})"
_BITMAP = re.compile(rb"P[14]" + _NUMBER + _NUMBER + rb"\s")
_GREY_OR_COLOUR = re.compile(rb"P[2356]" + _NUMBER + _NUMBER + _NUMBER + rb"\s")
_CHANNELS = {b"P5": 1, b"P6": 3}
_MAX_HEADER_BYTES = 1 << 16


def read(data: bytes, reading: Reading) -> Header:
    """Read the header and hold the samples it promises against the length of the data."""
    kind = data[:2]
    match = (_BITMAP if kind in (b"P1", b"P4") else _GREY_OR_COLOUR).match(data[:_MAX_HEADER_BYTES])
    if match is None:
        raise reading.broken("it does not begin with the header of a PNM")
    width, height, *top = (int(number) for number in match.groups())
    reading.check_size(width, height)
    if top and not 0 < top[0] < 65536:
        raise reading.broken(f"its brightest value is given as {top[0]}")
    if kind == b"P4":
        needed = (width + 7) // 8 * height
    else:
        needed = width * height * _CHANNELS.get(kind, 0) * (1 if not top or top[0] < 256 else 2)
    if match.end() + needed > len(data):
        raise reading.cut("PNM")
    return Header("PNM", width, height, data)
