"""What is wrong with the index (``moov``) of an MP4 or QuickTime clip that FFmpeg finds no pictures in."""

from __future__ import annotations

import os
from typing import BinaryIO, Final

_MOST_BYTES: Final = 64 << 20
_PICTURE_MARKS: Final = (b"vmhd", b"vide", b"stss", b"avcC", b"hvcC", b"av1C")


def fault(file: BinaryIO, *, listed: bool = False) -> str | None:
    """Return a clause that names the fault, or None where the index says of itself that there are no pictures.

    Args:
        file: Seekable; it is left at its start.
        listed: A track of pictures was found, of a codec that FFmpeg does not know.
    """
    try:
        body, whole = _find(file)
    finally:
        file.seek(0)
    if body is None:
        return "its index (moov) is missing, as in a recording that was cut off"
    if not whole:
        return "its index (moov) is cut off"
    marked = any(mark in body for mark in _PICTURE_MARKS)
    if b"stsd" not in body or (marked and not listed):
        return "its index (moov) is damaged"
    return None


def _find(file: BinaryIO) -> tuple[bytes | None, bool]:
    """Return what is there of the index, and whether that is all."""
    end, position = file.seek(0, os.SEEK_END), 0
    while position + 8 <= end:
        file.seek(position)
        head = file.read(16)
        size, body = int.from_bytes(head[:4], "big"), 8
        if size == 1:
            size, body = int.from_bytes(head[8:16], "big"), 16
        size = size or end - position
        if head[4:8] == b"moov":
            file.seek(position + body)
            return file.read(min(max(0, size - body), _MOST_BYTES)), position + size <= end
        if size < body:
            break
        position += size
    return None, False
