"""TIFF and BigTIFF: the first directory, the number of pages, and whether every strip or tile is there.

The stream passed on is the file with a new directory at its end, which holds only the entries needed to
decode the first page. Pillow and libtiff meet no other: no EXIF, no thumbnails, no private tags.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from fakeweb.media.formats.header import MAX_PROFILE_BYTES, Header, frames_warning
from fakeweb.media.limits import Reading

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIP_OFFSETS, _ORIENTATION, _SAMPLES, _ROWS_PER_STRIP, _STRIP_BYTES = 273, 274, 277, 278, 279
_PLANAR, _TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES = 284, 322, 323, 324, 325
_SUBFILE, _SAMPLE_FORMAT, _PROFILE, _DNG_VERSION = 254, 339, 34675, 50706

# FillOrder, T4 and T6 options, Predictor and InkSet go along with those named above.
_SCALARS = {_WIDTH, _HEIGHT, _COMPRESSION, _PHOTOMETRIC, 266, _SAMPLES, _ROWS_PER_STRIP, _PLANAR, 292, 293}
_SCALARS |= {317, _TILE_WIDTH, _TILE_HEIGHT, 332}
# ColorMap, ExtraSamples, JPEGTables and YCbCrSubSampling.
_ARRAYS = {_BITS, _STRIP_OFFSETS, _STRIP_BYTES, 320, _TILE_OFFSETS, _TILE_BYTES, 338}
_ARRAYS |= {_SAMPLE_FORMAT, 347, 530}

_TYPE_BYTES = dict.fromkeys((1, 2, 6, 7), 1) | dict.fromkeys((3, 8), 2) | dict.fromkeys((4, 9, 11, 13), 4)
_TYPE_BYTES |= dict.fromkeys((5, 10, 12, 16, 17, 18), 8)
_UNSIGNED = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}
_COMPRESSIONS = {
    1,
    2,
    3,
    4,
    5,
    7,
    8,
    32773,
    32946,
    34925,
    50000,
}  # none, fax, LZW, JPEG, deflate, PackBits, LZMA, Zstd
_JPEG = 7
_MAX_PAGES = 10_000
_MAX_SAMPLES = 6


@dataclass(frozen=True)
class _Entry:
    tag: int
    kind: int
    count: int
    at: int  # where the values stand
    raw: bytes  # the entry as it stands in the directory


class _File:
    """Reads directories of the classic and the big layout."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.order = "<" if data[:2] == b"II" else ">"
        self.big = 43 in (data[2], data[3])
        self.head, self.entry_bytes, self.inline = ("Q", 20, 8) if self.big else ("H", 12, 4)
        self.pointer = "Q" if self.big else "I"

    def unpack(self, fields: str, at: int) -> tuple[int, ...]:
        return struct.unpack_from(self.order + fields, self.data, at)

    def directory(self, at: int) -> tuple[dict[int, _Entry], int]:
        """Return the entries of a directory and the position of the next, 0 for none."""
        (count,) = self.unpack(self.head, at)
        start = at + struct.calcsize(self.order + self.head)
        (following,) = self.unpack(self.pointer, start + count * self.entry_bytes)
        entries: dict[int, _Entry] = {}
        for position in range(start, start + count * self.entry_bytes, self.entry_bytes):
            tag, kind, number = self.unpack("HH" + self.pointer, position)
            value = position + self.entry_bytes - self.inline
            size = _TYPE_BYTES.get(kind, 0) * number
            where = value if size <= self.inline else self.unpack(self.pointer, value)[0]
            raw = self.data[position : position + self.entry_bytes]
            entries.setdefault(tag, _Entry(tag, kind, number, where, raw))
        return entries, following

    def values(self, entry: _Entry | None) -> tuple[int, ...]:
        """Return the unsigned integers of an entry; struct.error where they are not in the file."""
        if entry is None or entry.kind not in _UNSIGNED:
            return ()
        if entry.at + _TYPE_BYTES[entry.kind] * entry.count > len(self.data):
            raise struct.error("values past the end")
        return self.unpack(f"{entry.count}{_UNSIGNED[entry.kind]}", entry.at)


def read(data: bytes, reading: Reading) -> Header:
    """Read the first directory, hold its strips against the data, and write the clean directory."""
    file = _File(data)
    (first,) = file.unpack(file.pointer, 8 if file.big else 4)
    entries, following = file.directory(first)
    value = {t: (file.values(entries[t]) or (0,))[0] for t in _SCALARS | {_ORIENTATION} if t in entries}
    width, height = value.get(_WIDTH, 0), value.get(_HEIGHT, 0)
    reading.check_size(width, height)
    _check_kind(file, entries, value, reading)
    _check_strips(file, entries, value, reading)
    orientation = value.get(_ORIENTATION, 1)
    profile, warnings = _profile(data, entries.get(_PROFILE))
    bits = file.values(entries.get(_BITS)) or (1,)
    pages = _count_pages(file, first, following, reading)
    return Header(
        "TIFF",
        width,
        height,
        _clean(file, entries, value, reading),
        orientation=orientation if 1 <= orientation <= 8 else 1,
        profile=profile,
        white_is_zero=value.get(_PHOTOMETRIC, 0) == 0 and bits[0] == 16,
        warnings=warnings + frames_warning(pages, "pages"),
    )


def _check_kind(file: _File, entries: dict[int, _Entry], value: dict[int, int], reading: Reading) -> None:
    if _DNG_VERSION in entries:
        raise reading.unsupported("a raw camera picture (DNG)")
    if value.get(_COMPRESSION, 1) not in _COMPRESSIONS:
        raise reading.unsupported(f"a TIFF with compression {value[_COMPRESSION]}")
    formats = set(file.values(entries.get(_SAMPLE_FORMAT))) - {4}  # 4: undefined, taken as unsigned
    bits = set(file.values(entries.get(_BITS)) or (1,))
    if not formats <= {1} or len(bits) != 1 or not bits <= {1, 2, 4, 8, 16}:
        names = {2: "signed", 3: "floating-point"}
        kind = names.get(max(formats, default=1), "/".join(map(str, sorted(bits))) + "-bit")
        raise reading.unsupported(f"a TIFF with {kind} samples", hint="scale its values to 8 or 16 bits")
    if value.get(_SAMPLES, 1) > _MAX_SAMPLES:
        raise reading.unsupported(f"a TIFF with {value[_SAMPLES]} channels")


def _check_strips(file: _File, entries: dict[int, _Entry], value: dict[int, int], reading: Reading) -> None:
    """Refuse a file that has fewer strips or tiles than its size asks for, or one outside the file."""
    width, height = value[_WIDTH], value[_HEIGHT]
    tiled = _TILE_OFFSETS in entries
    if tiled:
        tile_width, tile_height = value.get(_TILE_WIDTH, 0), value.get(_TILE_HEIGHT, 0)
        # Tiles reach past the border and are decoded whole.
        reading.check_size(tile_width, tile_height)
        needed = -(-width // tile_width) * -(-height // tile_height)
    else:
        needed = -(-height // (value.get(_ROWS_PER_STRIP) or height))
    if value.get(_PLANAR, 1) == 2:
        needed *= value.get(_SAMPLES, 1)
    offsets = file.values(entries.get(_TILE_OFFSETS if tiled else _STRIP_OFFSETS))
    counts = file.values(entries.get(_TILE_BYTES if tiled else _STRIP_BYTES))
    if len(offsets) < needed or len(counts) < needed:
        raise reading.broken(f"it has {min(len(offsets), len(counts))} of {needed} pieces of the picture")
    data = file.data
    for offset, count in zip(offsets, counts, strict=False):
        if offset + count > len(data):
            raise reading.cut("TIFF")
        if count == 0:
            raise reading.broken("a piece of the picture is empty")
        end = data[max(offset, offset + count - 16) : offset + count]
        if value.get(_COMPRESSION) == _JPEG and b"\xff\xd9" not in end:
            raise reading.cut("TIFF")


def _count_pages(file: _File, first: int, following: int, reading: Reading) -> int:
    """Count the directories that are pictures of their own, not thumbnails of others."""
    seen = {first}
    pages = 1
    while following:
        if following in seen or len(seen) > _MAX_PAGES:
            raise reading.broken("its pages run in a circle")
        seen.add(following)
        entries, following = file.directory(following)
        for starts, lengths in ((_STRIP_OFFSETS, _STRIP_BYTES), (_TILE_OFFSETS, _TILE_BYTES)):
            pieces = zip(file.values(entries.get(starts)), file.values(entries.get(lengths)), strict=False)
            if any(start + length > len(file.data) for start, length in pieces):
                raise reading.cut("TIFF")
        subfile = file.values(entries.get(_SUBFILE)) or (0,)
        pages += not subfile[0] & 1
    return pages


def _profile(data: bytes, entry: _Entry | None) -> tuple[bytes | None, tuple[str, ...]]:
    if entry is None:
        return None, ()
    if entry.count > MAX_PROFILE_BYTES or entry.at + entry.count > len(data):
        return None, ("its colour profile is damaged and was ignored",)
    return data[entry.at : entry.at + entry.count], ()


def _clean(file: _File, entries: dict[int, _Entry], value: dict[int, int], reading: Reading) -> bytes:
    """Return the file with a directory of only the needed entries at its end."""
    data, order = file.data, file.order
    kept: list[bytes] = []
    for tag in sorted(entries.keys() & (_SCALARS | _ARRAYS)):
        entry = entries[tag]
        if tag in _SCALARS:
            if value[tag] > 0xFFFFFFFF:
                raise reading.broken(f"its tag {tag} is out of range")
            start = struct.pack(f"{order}HH{file.pointer}I", tag, 4, 1, value[tag])
            kept.append(start.ljust(file.entry_bytes, b"\0"))
        else:
            if entry.at + _TYPE_BYTES.get(entry.kind, 0) * entry.count > len(data):
                raise reading.cut("TIFF")
            kept.append(entry.raw)
    padding = b"\0" * (-len(data) % 8)
    at = len(data) + len(padding)
    start_bytes = 8 if file.big else 4
    header = data[:start_bytes] + struct.pack(order + file.pointer, at)
    count = struct.pack(order + file.head, len(kept))
    end = struct.pack(order + file.pointer, 0)
    return b"".join((header, data[len(header) :], padding, count, *kept, end))
