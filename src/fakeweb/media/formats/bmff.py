"""AVIF and HEIF: boxes, and whether the last one is whole. The decoders read the rest.

Orientation is not read here: in these containers the ``irot`` and ``imir`` properties turn the picture, and
EXIF must not turn it again (ISO/IEC 23008-12). libheif applies them itself; Pillow reports those of AVIF as
if they were EXIF.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from fakeweb.media.formats.header import Header
from fakeweb.media.limits import Reading

_METADATA_ITEM = re.compile(rb"(infe(?:\x02.{7}|\x03.{9}))(?:Exif|mime)", re.DOTALL)
_SPATIAL_EXTENT = re.compile(rb"\0\0\0\x14ispe\0\0\0\0(.{8})", re.DOTALL)


_NEEDED = (b"ftyp", b"meta", b"moov", b"mdat", b"idat")


def read_avif(data: bytes, reading: Reading) -> Header:
    """Walk the boxes of an AVIF."""
    return _read("AVIF", data, reading)


def read_heif(data: bytes, reading: Reading) -> Header:
    """Walk the boxes of a HEIC or HEIF."""
    return _read("HEIF", data, reading)


def _read(format_name: str, data: bytes, reading: Reading) -> Header:
    stream = bytearray(data)
    pictures = False
    for kind, start, end in _boxes(data, format_name, reading):
        if kind == b"meta":
            for size in _SPATIAL_EXTENT.findall(data, start, end):
                reading.check_size(*struct.unpack(">II", size))
            # EXIF and XMP get a type nobody reads, so that no parser behind us meets them.
            stream[start:end] = _METADATA_ITEM.sub(rb"\1skip", data[start:end])
        pictures = pictures or kind in (b"meta", b"moov")
    if not pictures:
        raise reading.cut(format_name)
    return Header(format_name, 0, 0, bytes(stream))


def _boxes(data: bytes, format_name: str, reading: Reading) -> Iterator[tuple[bytes, int, int]]:
    position, pixels = 0, False
    while position + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, position + 8)
        end = len(data) if size == 0 else position + size
        if end > len(data):
            if pixels and kind not in _NEEDED:  # a film or a note behind the picture
                return
            raise reading.cut(format_name)
        if end < position + 8:
            raise reading.broken("one of its boxes has an impossible length")
        yield kind, position, end
        pixels = pixels or kind == b"mdat"
        position = end
