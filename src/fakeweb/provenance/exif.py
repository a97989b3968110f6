"""EXIF: camera, software, times, thumbnail. No place, no serial number, no names of people."""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from fakeweb.media.limits import one_line

_TYPE_BYTES: Final = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    129: 1,
}
_INTEGERS: Final = {3: "H", 4: "I", 13: "I"}
_MAX_ENTRIES: Final = 512
_MAX_VALUE_BYTES: Final = 1 << 16
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_DESCRIPTION, _MAKE, _MODEL, _SOFTWARE, _MODIFIED, _ARTIST, _HOST = 270, 271, 272, 305, 306, 315, 316
_EXPOSURE, _F_NUMBER, _TAKEN, _DIGITISED, _COMMENT, _LENS = 33434, 33437, 36867, 36868, 37510, 42036
_MAKER_NOTE, _WIDTH, _HEIGHT, _ORIENTATION = 37500, 40962, 40963, 274
_THUMB_AT, _THUMB_BYTES = 0x201, 0x202


@dataclass(frozen=True)
class Exif:
    """What EXIF says.

    Attributes:
        make, model, lens: Of the camera.
        software, host: Program and computer that wrote the file.
        description, comment, artist: Texts, in which some generators leave parameters.
        taken, digitised, modified: Times as written, ``YYYY:MM:DD HH:MM:SS``.
        exposure: Whether exposure time and aperture are there, as cameras write them.
        maker_note: Whether the camera maker's own block is there.
        place: Whether a place is there; which, is not read.
        width, height: Size the file had when EXIF was written, 0 where not told.
        orientation: 1 to 8.
        thumbnail: JPEG, or empty.
    """

    make: str = ""
    model: str = ""
    lens: str = ""
    software: str = ""
    host: str = ""
    description: str = ""
    comment: str = ""
    artist: str = ""
    taken: str = ""
    digitised: str = ""
    modified: str = ""
    exposure: bool = False
    maker_note: bool = False
    place: bool = False
    width: int = 0
    height: int = 0
    orientation: int = 1
    thumbnail: bytes = b""

    @property
    def camera(self) -> str:
        """Make and model as people say it; empty where there is none, or a generator's parameters in its place."""
        if self.model.startswith("prompt:") or self.make.startswith(("workflow:", "prompt:")):
            return ""
        if self.model.lower().startswith(self.make.lower()):
            return self.model
        return f"{self.make} {self.model}".strip()


def read_exif(data: bytes) -> Exif | None:
    """Read an EXIF block, or a whole TIFF; None where it is none. Damaged entries are passed over.

    Args:
        data: From the byte order mark on.
    """
    first, following = _directory(data, None)
    if first is None:
        return None
    more = _directory(data, _integer(first.get(_EXIF_IFD)))[0] or {}
    small = _directory(data, following)[0] or {} if following else {}

    def text(entries: Mapping[int, int | bytes], tag: int, limit: int = 200) -> str:
        return _text(_bytes(entries.get(tag)), limit)

    at, count = _integer(small.get(_THUMB_AT)), _integer(small.get(_THUMB_BYTES))
    thumbnail = data[at : at + count] if 0 < count <= _MAX_VALUE_BYTES and at else b""
    orientation = _integer(first.get(_ORIENTATION))
    return Exif(
        make=text(first, _MAKE),
        model=text(first, _MODEL, _MAX_VALUE_BYTES if b":" in _bytes(first.get(_MODEL))[:12] else 200),
        lens=text(more, _LENS),
        software=text(first, _SOFTWARE),
        host=text(first, _HOST),
        description=text(first, _DESCRIPTION, _MAX_VALUE_BYTES),
        comment=_comment(_bytes(more.get(_COMMENT)), big=data[:2] == b"MM"),
        artist=text(first, _ARTIST),
        taken=text(more, _TAKEN, 19),
        digitised=text(more, _DIGITISED, 19),
        modified=text(first, _MODIFIED, 19),
        exposure=_EXPOSURE in more and _F_NUMBER in more,
        maker_note=_MAKER_NOTE in more,
        place=_GPS_IFD in first,
        width=_integer(more.get(_WIDTH)),
        height=_integer(more.get(_HEIGHT)),
        orientation=orientation if 1 <= orientation <= 8 else 1,
        thumbnail=thumbnail if thumbnail.startswith(b"\xff\xd8\xff") else b"",
    )


def entries_of(data: bytes, tags: Collection[int], limit: int) -> dict[int, bytes]:
    """Return the values of some tags of the first directory, each cut at ``limit`` bytes."""
    entries, _ = _directory(data, None, limit, tags)
    return {tag: value for tag, value in (entries or {}).items() if isinstance(value, bytes)}


def _directory(
    data: bytes, at: int | None, limit: int = _MAX_VALUE_BYTES, tags: Collection[int] | None = None
) -> tuple[dict[int, int | bytes] | None, int]:
    """Return a directory's values as bytes, and where the next directory is; None for ``at``: the first."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(data[:4]))
    if order is None or at == 0:
        return None, 0
    try:
        if at is None:
            (at,) = struct.unpack_from(order + "I", data, 4)
        (count,) = struct.unpack_from(order + "H", data, at)
    except struct.error:
        return None, 0
    entries: dict[int, int | bytes] = {}
    for position in range(at + 2, at + 2 + 12 * min(count, _MAX_ENTRIES), 12):
        if position + 12 > len(data):
            break
        tag, kind, number = struct.unpack_from(order + "HHI", data, position)
        size = _TYPE_BYTES.get(kind, 0) * number
        if not size or (tags is not None and tag not in tags):
            continue
        start = position + 8
        if size > 4:
            (start,) = struct.unpack_from(order + "I", data, start)
        value = data[start : start + min(size, limit)]
        if value:
            fields = order + _INTEGERS[kind] if kind in _INTEGERS and number == 1 else ""
            entries.setdefault(tag, struct.unpack_from(fields, value)[0] if fields else bytes(value))
    after = at + 2 + 12 * count
    following = struct.unpack_from(order + "I", data, after)[0] if after + 4 <= len(data) else 0
    return entries, following


def _integer(value: int | bytes | None) -> int:
    return value if isinstance(value, int) else 0


def _bytes(value: int | bytes | None) -> bytes:
    return value if isinstance(value, bytes) else b""


def _text(value: bytes, limit: int) -> str:
    return one_line(value.partition(b"\0")[0].decode("utf-8", "replace").strip(), limit)


def _comment(value: bytes, *, big: bool) -> str:
    """Return a UserComment, whose first eight bytes name its encoding."""
    kind, body = value[:8], value[8:]
    if kind == b"UNICODE\0":
        # most writers follow EXIF's byte order, some do not: Latin text betrays itself by its zeros
        zeros_first = body[0:64:2].count(0) >= body[1:64:2].count(0)
        order = "utf-16-be" if (zeros_first if body[:64].count(0) else big) else "utf-16-le"
        return body.decode(order, "replace").rstrip("\0 ")
    if kind in (b"ASCII\0\0\0", bytes(8)):
        return body.decode("utf-8", "replace").rstrip("\0 ")
    return value.decode("utf-8", "replace").rstrip("\0 ")
