"""WebP: chunks, size, EXIF, ICC, number of frames, and whether all of the file is there."""

from __future__ import annotations

import struct

from fakeweb.media.formats.header import MAX_PROFILE_BYTES, Header, exif_orientation, frames_warning
from fakeweb.media.limits import Reading

_PIXELS = (b"VP8 ", b"VP8L", b"ANMF")


def read(data: bytes, reading: Reading) -> Header:
    """Walk the chunks; libwebp itself refuses pictures that are cut off.

    What is missing behind a picture that is whole (a byte that pads it, metadata) does not matter.
    """
    size = _size(data, reading)
    reading.check_size(*size)
    end = min(8 + int.from_bytes(data[4:8], "little"), len(data))
    exif, profile, frames, pixels = b"", b"", 0, False
    position = 12
    while position + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, position)
        body = position + 8
        if body + length > end:
            if not pixels or kind == b"ANMF":
                raise reading.cut("WebP")
            break
        pixels = pixels or kind in _PIXELS
        if kind == b"EXIF":
            exif = exif or data[body : body + length]
        elif kind == b"ICCP":
            profile = profile or data[body : body + min(length, MAX_PROFILE_BYTES + 1)]
        elif kind == b"ANMF":
            frames += 1
        position = body + length + (length & 1)
    if not pixels:
        raise reading.cut("WebP")
    stream = data[: min(position, end)].ljust(position, b"\0")
    return Header(
        "WebP",
        *size,
        stream[:4] + struct.pack("<I", len(stream) - 8) + stream[8:],
        orientation=exif_orientation(exif),
        profile=profile if 0 < len(profile) <= MAX_PROFILE_BYTES else None,
        warnings=frames_warning(frames),
    )


def _size(data: bytes, reading: Reading) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise reading.broken("it does not begin with a WebP picture")
