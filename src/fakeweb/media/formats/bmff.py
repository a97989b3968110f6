"""AVIF and HEIF: boxes, and whether the last one is whole. The decoders read the rest.

Orientation is not read here: in these containers the ``irot`` and ``imir`` properties turn the picture, and
EXIF must not turn it again (ISO/IEC 23008-12). libheif applies them itself; Pillow reports those of AVIF as
if they were EXIF.
"""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterator

from fakeweb.media import light
from fakeweb.media.formats.header import Header
from fakeweb.media.light import Light
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
    meant = None
    for kind, start, end in _boxes(data, format_name, reading):
        if kind == b"meta":
            for size in _SPATIAL_EXTENT.findall(data, start, end):
                reading.check_size(*struct.unpack(">II", size))
            with contextlib.suppress(struct.error, IndexError):  # what is wrong with it, the decoder will say
                meant = meant or _light(data, start, end)
            # EXIF and XMP get a type nobody reads, so that no parser behind us meets them.
            stream[start:end] = _METADATA_ITEM.sub(rb"\1skip", data[start:end])
        elif kind == b"moov":
            with contextlib.suppress(struct.error):
                meant = meant or _light_of_track(data, start, end)
        pictures = pictures or kind in (b"meta", b"moov")
    if not pictures:
        raise reading.cut(format_name)
    return Header(format_name, 0, 0, bytes(stream), light=meant)


def _light(data: bytes, start: int, end: int) -> Light | None:
    """Return what the samples of the primary picture stand for, by its own code points (``colr`` of kind ``nclx``)."""
    inside = {kind: (body, after) for kind, body, after in _children(data, start + 12, end)}
    properties = {kind: (body, after) for kind, body, after in _children(data, *inside.get(b"iprp", (0, 0)))}
    if b"pitm" not in inside or not {b"ipco", b"ipma"} <= properties.keys():
        return None
    at = inside[b"pitm"][0]
    (primary,) = struct.unpack_from(">H" if data[at] == 0 else ">I", data, at + 4)
    every = list(_children(data, *properties[b"ipco"]))
    own = [every[i - 1] for i in _associations(data, properties[b"ipma"][0], primary) if 0 < i <= len(every)]
    colours = [data[body : body + 8] for kind, body, _ in own if kind == b"colr"]
    points = next((colour[4:] for colour in colours if colour.startswith(b"nclx")), None)
    if points is None:
        return None
    meant = light.from_code_points(*struct.unpack(">HH", points))
    has_profile = any(colour[:4] in (b"prof", b"rICC") for colour in colours)
    return meant if meant is not None and (meant.is_hdr or not has_profile) else None


def _associations(data: bytes, at: int, wanted: int) -> list[int]:
    """Return the numbers, from 1, of the properties of an item."""
    version, wide = data[at], data[at + 3] & 1
    (count,) = struct.unpack_from(">I", data, at + 4)
    position = at + 8
    for _ in range(count):
        (item,) = struct.unpack_from(">H" if version == 0 else ">I", data, position)
        position += 2 if version == 0 else 4
        number = data[position]
        body = data[position + 1 : position + 1 + number * (1 + wide)]
        position += 1 + len(body)
        if item == wanted:
            return (
                [v & 0x7FFF for (v,) in struct.iter_unpack(">H", body)] if wide else [v & 0x7F for v in body]
            )
    return []


def _light_of_track(data: bytes, start: int, end: int) -> Light | None:
    at = data.find(b"colrnclx", start, end)
    return None if at < 0 else light.from_code_points(*struct.unpack_from(">HH", data, at + 8))


def _children(data: bytes, position: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start of the body and end of the boxes within one, as far as they make sense."""
    while position + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, position)
        if size < 8 or position + size > end:
            return
        yield kind, position + 8, position + size
        position += size


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
