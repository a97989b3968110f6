"""A clip's container -> its blocks of metadata; a clip can be larger than memory, so it is walked by seeking."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO, Final

from fakeweb.provenance.blocks import MAX_BLOCK_BYTES, Blocks, read_blocks

_MAX_PICTURE_BYTES: Final = 64 << 20
_MAX_BOXES: Final = 4096
_C2PA_UUID: Final = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_XMP_UUID: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


def clip_blocks(file: BinaryIO) -> Blocks:
    """Walk a clip's container. MP4 and its kin and AVI can carry content credentials; others only tags.

    Args:
        file: Seekable.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(16)
    if head[:4] == b"\x89PNG" or head[:3] == b"GIF" or head[8:12] == b"WEBP":
        file.seek(0)
        return read_blocks(file.read(_MAX_PICTURE_BYTES))
    if head[:4] == b"RIFF":
        return _avi(file, size)
    blocks = Blocks("MP4" if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip") else "")
    if blocks.format:
        for kind, start, end in _boxes(file, size):
            if kind == b"uuid":
                _take_uuid(file, start, end, blocks)
    return blocks


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    at = 0
    for _ in range(_MAX_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return
        length, start = int.from_bytes(head[:4], "big"), at + 8
        if length == 1:
            length, start = int.from_bytes(head[8:16], "big"), at + 16
        end = size if length == 0 else at + length
        if end > size or end < start:
            return
        yield head[4:8], start, end
        at = end


def _take_uuid(file: BinaryIO, start: int, end: int, blocks: Blocks) -> None:
    file.seek(start)
    uuid = file.read(16)
    if uuid == _C2PA_UUID:
        blocks.credentials_bytes = max(1, end - start)
    elif uuid == _XMP_UUID:
        blocks.keep("xmp", file.read(min(end - start - 16, MAX_BLOCK_BYTES + 1)))


def _avi(file: BinaryIO, size: int) -> Blocks:
    blocks, at = Blocks("AVI"), 12
    for _ in range(_MAX_BOXES):
        file.seek(at)
        head = file.read(8)
        length = int.from_bytes(head[4:8], "little")
        if len(head) < 8 or at + 8 + length > size:
            break
        if head[:4] == b"C2PA":
            blocks.credentials_bytes = max(1, length)
        elif head[:4] == b"_PMX":
            blocks.keep("xmp", file.read(min(length, MAX_BLOCK_BYTES + 1)))
        at += 8 + length + (length & 1)
    return blocks
