"""PNG and APNG: chunks, checksums, size, EXIF, ICC, and whether the end is there."""

from __future__ import annotations

import struct
import zlib

from fakeweb.media import light
from fakeweb.media.formats.header import Header, exif_orientation, frames_warning, unpack_profile
from fakeweb.media.light import Light
from fakeweb.media.limits import Reading

_SIGNATURE_BYTES = 8
_GREY, _RGB, _PALETTE = 0, 2, 3
_FRAMES = (b"fcTL", b"fdAT")
_KEPT = (b"PLTE", b"IDAT", b"IEND")


def read(data: bytes, reading: Reading) -> Header:
    """Walk the chunks; the checksum of every chunk that is used must be right.

    Data that end behind the picture or within its last chunk are closed: whether all rows are there, decoding tells.
    """
    view = memoryview(data)
    kept: list[bytes | memoryview] = [data[:_SIGNATURE_BYTES]]
    found: dict[bytes, bytes] = {}
    warnings: list[str] = []
    position = _SIGNATURE_BYTES
    kind, pixels = b"", False
    while kind != b"IEND":
        length, kind = struct.unpack(">I4s", data[position : position + 8].ljust(8, b"\0"))
        end = position + 12 + length
        if position == _SIGNATURE_BYTES:
            _check_first(data, kind, length, reading)
        if end > len(data) or kind == bytes(4):
            if kind in _FRAMES or not (pixels or kind == b"IDAT"):
                raise reading.cut("PNG")
            kept += [_chunk(b"IDAT", data[position + 8 :]) if kind == b"IDAT" else b"", _chunk(b"IEND", b"")]
            break
        pixels = pixels or kind == b"IDAT"
        good = zlib.crc32(view[position + 4 : end - 4]) == int.from_bytes(view[end - 4 : end], "big")
        if not good and (not kind[0] & 0x20 or kind == b"tRNS"):
            raise reading.broken(f"the checksum of its {_name(kind)} chunk is wrong")
        if kind in _KEPT or position == _SIGNATURE_BYTES:
            kept.append(view[position:end])
        elif kind == b"tRNS":
            kept.append(_transparency(data, data[position + 8 : end - 4], warnings))
        elif not kind[0] & 0x20:
            raise reading.unsupported(f"a PNG with the unknown chunk {_name(kind)}")
        elif good:
            found.setdefault(kind, data[position + 8 : end - 4] if length < 1 << 23 else b"")
        elif kind == b"iCCP":
            warnings.append("its colour profile is damaged and was ignored")
        position = end
    return _finish(data, found, warnings, b"".join(kept))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _finish(data: bytes, found: dict[bytes, bytes], warnings: list[str], stream: bytes) -> Header:
    width, height = struct.unpack_from(">II", data, 16)
    profile, meant = None, _light(found)
    if b"iCCP" in found and b"cICP" not in found:
        profile = unpack_profile(found[b"iCCP"].partition(b"\0")[2][1:])
        if profile is None:
            warnings.append("its colour profile is damaged and was ignored")
    frames = int.from_bytes(found.get(b"acTL", b"")[:4], "big")
    return Header(
        "PNG",
        width,
        height,
        stream,
        orientation=exif_orientation(found.get(b"eXIf", b"")),
        profile=profile,
        light=meant,
        warnings=(*warnings, *frames_warning(frames)),
    )


def _light(found: dict[bytes, bytes]) -> Light | None:
    """Return what the samples stand for: the chunks that say so, in the order in which they rule each other out."""
    if len(found.get(b"cICP", b"")) == 4:
        return light.from_code_points(found[b"cICP"][0], found[b"cICP"][1])
    if b"iCCP" in found or b"sRGB" in found or len(found.get(b"gAMA", b"")) != 4:
        return None
    places = None
    if len(found.get(b"cHRM", b"")) == 32:
        places = tuple(value / 100_000 for value in struct.unpack(">8I", found[b"cHRM"]))
    return light.from_gamma(int.from_bytes(found[b"gAMA"], "big") / 100_000, places)


def _check_first(data: bytes, kind: bytes, length: int, reading: Reading) -> None:
    if kind != b"IHDR" or length != 13:
        raise reading.broken("it does not begin with a PNG header")
    reading.check_size(*struct.unpack_from(">II", data, 16))


def _transparency(data: bytes, values: bytes, warnings: list[str]) -> bytes:
    """Return the tRNS chunk in the terms Pillow compares in.

    Pillow scales 2- and 4-bit grey to 8 bits but leaves the transparent value as it was, and compares the
    16-bit transparent colour with 8-bit pixels.
    """
    depth, colour = data[24], data[25]
    if colour == _RGB and depth == 16:
        warnings.append("its transparent colour was ignored")
        return b""
    if colour == _GREY and depth in (2, 4) and len(values) == 2:
        top = (1 << depth) - 1
        values = ((int.from_bytes(values, "big") & top) * 255 // top).to_bytes(2, "big")
    if colour == _PALETTE:
        values = values[:256]
    return _chunk(b"tRNS", values)


def _name(kind: bytes) -> str:
    return kind.decode("ascii", "replace")
