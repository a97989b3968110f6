"""Metadata mark inside every picture and clip that FakeWeb draws: scans of their folder leave them out."""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO, Final

MARK: Final = "drawn by FakeWeb"
"""The comment that says so: a text chunk of a PNG, a comment of a JPEG, a comment tag of an MP4."""

_TEXT: Final = MARK.encode("ascii")
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_IHDR_END: Final = 33
_COMMENT: Final = b"\xa9cmt"
_MOST_BOXES: Final = 100
_MOST_TAG_BYTES: Final = 1 << 20


def mark_png(data: bytes) -> bytes:
    """Return a PNG with the mark right behind its header; no pixel changes."""
    body = b"tEXtComment\0" + _TEXT
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:_IHDR_END] + chunk + data[_IHDR_END:]


def mark_jpeg(data: bytes) -> bytes:
    """Return a JPEG with the mark behind its first segment; no pixel changes."""
    end = 4 + int.from_bytes(data[4:6], "big")
    return data[:end] + b"\xff\xfe" + struct.pack(">H", len(_TEXT) + 2) + _TEXT + data[end:]


def is_marked(head: bytes, file: BinaryIO) -> bool:
    """Tell whether a file bears the mark.

    Args:
        head: Its first bytes, a few thousand.
        file: The file, from which the tags of an MP4 are read: a few bytes, wherever they stand.
    """
    if head.startswith(_PNG):
        return b"tEXtComment\0" + _TEXT in head
    if head.startswith(b"\xff\xd8\xff"):
        return b"\xff\xfe" + struct.pack(">H", len(_TEXT) + 2) + _TEXT in head
    return head[4:8] == b"ftyp" and _TEXT in _tags(file)


def _tags(file: BinaryIO) -> bytes:
    """Return the tags of an MP4, as they stand in ``moov/udta``; nothing where there are none."""
    start, end = 0, file.seek(0, 2)
    for wanted in (b"moov", b"udta"):
        found = _box(file, wanted, start, end)
        if found is None:
            return b""
        start, end = found
    file.seek(start)
    tags = file.read(min(end - start, _MOST_TAG_BYTES))
    return tags if _COMMENT in tags else b""


def _box(file: BinaryIO, wanted: bytes, start: int, end: int) -> tuple[int, int] | None:
    """Return where the content of the first box of a kind begins and ends, between two places of a file."""
    for _ in range(_MOST_BOXES):
        if end - start < 8:
            return None
        file.seek(start)
        head = file.read(16)
        size, header = int.from_bytes(head[:4], "big"), 8
        if size == 1:
            size, header = int.from_bytes(head[8:16], "big"), 16
        stop = end if size == 0 else start + size
        if head[4:8] == wanted:
            return start + header, min(stop, end)
        if stop < start + header:
            return None
        start = stop
    return None
