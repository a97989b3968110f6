"""GIF: blocks, size, number of frames, and whether the end is there."""

from __future__ import annotations

import struct

from fakeweb.media.formats.header import Header, frames_warning
from fakeweb.media.limits import Reading

_IMAGE, _EXTENSION, _TRAILER = 0x2C, 0x21, 0x3B


def read(data: bytes, reading: Reading) -> Header:
    """Walk the blocks up to the trailer; the stream passed on ends after the first frame.

    Data that end behind a frame or within the only one are closed: whether all rows are there, decoding tells.
    """
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    position = 13 + _table_bytes(flags)
    frames = 0
    stream = b""
    while position < len(data) and (block := data[position]) != _TRAILER:
        if block == _IMAGE:
            left, top, frame_width, frame_height, flags = struct.unpack_from("<4HB", data, position + 1)
            if frames == 0:  # a first frame may reach past the screen, and then sets the size
                width, height = max(width, left + frame_width), max(height, top + frame_height)
                reading.check_size(width, height)
            position += 11 + _table_bytes(flags)
            if frames == 0:
                stream = data[:position] + _closed_blocks(data, position) + b";"
                position = min(len(stream) - 1, len(data))
            else:
                position = _skip_blocks(data, position)
            frames += 1
        elif block == _EXTENSION:
            position = _skip_blocks(data, position + 2)
        elif block == 0:  # stray terminators are common and harmless
            position += 1
        else:
            raise reading.broken(f"it has an unknown block 0x{block:02x}")
    if not frames:
        raise reading.broken("it holds no picture")
    return Header("GIF", width, height, stream, warnings=frames_warning(frames))


def _table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _closed_blocks(data: bytes, position: int) -> bytes:
    """Return a chain of sub-blocks with its end, as far as it is there."""
    parts = []
    while position < len(data) and data[position]:
        block = data[position + 1 : position + 1 + data[position]]
        parts.append(bytes([len(block)]) + block if block else b"")
        position += 1 + data[position]
    return b"".join((*parts, b"\0"))


def _skip_blocks(data: bytes, position: int) -> int:
    """Return the position after a chain of sub-blocks; IndexError where it does not end."""
    while data[position]:
        position += 1 + data[position]
    return position + 1
