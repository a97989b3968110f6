"""JPEG 2000, as a bare codestream or in JP2 boxes: size and colour profile. OpenJPEG itself refuses what is cut off."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from fakeweb.media.formats.header import MAX_PROFILE_BYTES, Header
from fakeweb.media.limits import Reading

_CODESTREAM = b"\xff\x4f\xff\x51"
_END = b"\xff\xd9"
_RESTRICTED_ICC, _ANY_ICC = 2, 3


def read(data: bytes, reading: Reading) -> Header:
    """Read the size in the codestream, and the profile where the boxes in front of it hold one."""
    profile, start, end = None, 0, len(data)
    if not data.startswith(_CODESTREAM):
        for kind, start, end in _boxes(data, 0, len(data)):
            if kind == b"jp2h":
                profile = _profile(data, start, end)
            elif kind == b"jp2c":
                break
        if data[start : start + 4] != _CODESTREAM:
            raise reading.broken("it holds no picture")
    right, bottom, left, top = struct.unpack_from(">4I", data, start + 8)
    reading.check_size(right - left, bottom - top)
    stream = _ended(data) if end == len(data) else data
    return Header("JPEG 2000", right - left, bottom - top, stream, profile=profile)


def _ended(data: bytes) -> bytes:
    """Return data with the end marker that they may lack; whether tiles are missing, OpenJPEG tells."""
    if data.endswith(_END):
        return data
    return data.removesuffix(b"\0\0").removesuffix(_END[:1]) + _END


def _profile(data: bytes, start: int, end: int) -> bytes | None:
    for kind, body, inner_end in _boxes(data, start, end):
        if kind == b"colr" and data[body] in (_RESTRICTED_ICC, _ANY_ICC):
            return data[body + 3 : min(inner_end, body + 3 + MAX_PROFILE_BYTES)]
    return None


def _boxes(data: bytes, position: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start of the body and end of boxes; one that reaches past the end is the last."""
    while position + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, position)
        body = position + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        after = end if size == 0 else position + size
        if after < body:
            return
        yield kind, body, min(after, end)
        position = after
