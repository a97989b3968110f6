"""The containers: one file per format, each reading a header without decoding a pixel.

Pillow is handed pixels to decode and nothing else. Each reader here walks the container itself, for four
reasons. The size is known, and held against the limits, before Pillow allocates anything. Data that stop
early are seen, where decoders quietly paint the rest grey. Orientation and colour profile are read by a few
lines of ours. And the stream that is passed on has lost its EXIF, XMP, comments, text chunks and further
frames: Pillow, whose warnings could only be silenced for the whole process (``warnings.catch_warnings`` is
not thread-safe), finds nothing to warn about, and a text chunk that would unpack to gigabytes is never
unpacked.

May import: the standard library, :mod:`fakeweb.media.limits`, :mod:`fakeweb.media.light`, and each other; no
Pillow. A new format is one file with a function ``read(data, reading) -> Header`` and one line in ``_READERS``, one
in :data:`fakeweb.media.sniff.SUFFIXES` and one in :mod:`fakeweb.media.decode`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Final

from fakeweb.media.formats import (
    bmff,
    bmp,
    gif,
    ico,
    jpeg,
    jpeg2000,
    jxl,
    plain,
    png,
    pnm,
    tga,
    tiff,
    webp,
)
from fakeweb.media.formats.header import Header
from fakeweb.media.limits import Reading

__all__ = ["Header", "read_header"]

_READERS: Final[dict[str, Callable[[bytes, Reading], Header]]] = {
    "JPEG": jpeg.read,
    "PNG": png.read,
    "WebP": webp.read,
    "AVIF": bmff.read_avif,
    "HEIF": bmff.read_heif,
    "GIF": gif.read,
    "TIFF": tiff.read,
    "BMP": bmp.read,
    "JPEG 2000": jpeg2000.read,
    "JPEG XL": jxl.read,
    "ICO": ico.read,
    "PNM": pnm.read,
    "TGA": tga.read,
    "QOI": plain.read_qoi,
    "PCX": plain.read_pcx,
    "SGI": plain.read_sgi,
}


def read_header(format_name: str, data: bytes, reading: Reading) -> Header:
    """Read the container of a whole file.

    Raises:
        TooLarge: The size in the header is over a limit.
        Unreadable: The data end too early or contradict themselves.
        Unsupported: A variant of the format that is not read.
    """
    try:
        return _READERS[format_name](data, reading)
    except (struct.error, IndexError, zlib.error) as error:
        raise reading.cut(format_name) from error
