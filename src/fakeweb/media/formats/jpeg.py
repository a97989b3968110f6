"""JPEG, with MPO: markers, size, EXIF, ICC, and whether the end of the picture is there.

Of an MPO (3-D cameras, phones with depth or gain maps) the first picture is the photograph; the others show
the same scene and are left out without a warning.

JPEG has no checksums: damage inside a scan that keeps its markers cannot be told from an odd picture. A scan
that merely stops before its end marker is seen after decoding, in :mod:`fakeweb.media.decode`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from fakeweb.media.formats.header import MAX_PROFILE_BYTES, Header, exif_orientation
from fakeweb.media.limits import Reading

_ICC = b"ICC_PROFILE\0"
_SOF_READ = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
_SOF_OTHER = {0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF}
_BARE = {0x01, *range(0xD0, 0xD8)}
_DROPPED = {*range(0xE1, 0xEE), 0xEF, 0xFE}
"""APP1 to APP15 and comments, but not APP14 (Adobe) and APP0 (JFIF), which say how colours are stored."""
_MAX_SCANS = 200
"""Encoders write about ten; each further one costs a pass over the whole picture."""
_NEXT_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)


@dataclass
class _Found:
    size: tuple[int, int] | None = None
    orientation: int = 0
    scans: int = 0
    profile_parts: dict[int, bytes] = field(default_factory=dict)
    profile_count: int = 0


def read(data: bytes, reading: Reading) -> Header:
    """Walk the markers up to the end of the first picture."""
    found = _Found()
    kept = [data[:2]]
    position = 2
    while True:
        code_at = data.find(b"\xff", position) + 1
        if code_at == 0:
            raise reading.cut("JPEG")
        while data[code_at] == 0xFF:
            code_at += 1
        code = data[code_at]
        if code == 0xD9:
            kept.append(b"\xff\xd9")
            break
        if code == 0 or code in _BARE:
            position = code_at + 1
            continue
        end = code_at + 1 + int.from_bytes(data[code_at + 1 : code_at + 3], "big")
        if end > len(data) or end < code_at + 3:
            raise reading.cut("JPEG")
        _take_segment(code, data[code_at + 3 : end], found, reading)
        if code == 0xDA:
            match = _NEXT_MARKER.search(data, end)
            if match is None:
                raise reading.cut("JPEG")
            end = match.start()
        if code not in _DROPPED:
            kept.append(b"\xff" + data[code_at:end])
        position = end
    return _finish(found, b"".join(kept), reading)


def _finish(found: _Found, stream: bytes, reading: Reading) -> Header:
    if found.size is None or not found.scans:
        raise reading.broken("it ends before the picture begins")
    profile, warnings = _join_profile(found)
    return Header(
        "JPEG",
        *found.size,
        stream,
        orientation=found.orientation or 1,
        profile=profile,
        warnings=warnings,
    )


def _take_segment(code: int, body: bytes, found: _Found, reading: Reading) -> None:
    if code in _SOF_READ and found.size is None:
        if body[0] != 8:
            raise reading.unsupported(f"a JPEG with {body[0]} bits per channel")
        found.size = (int.from_bytes(body[3:5], "big"), int.from_bytes(body[1:3], "big"))
        reading.check_size(*found.size)
    elif code in _SOF_READ:
        raise reading.broken("it holds two pictures in one frame")
    elif code in _SOF_OTHER:
        raise reading.unsupported("a lossless or hierarchical JPEG")
    elif code == 0xDA:
        found.scans += 1
        if found.scans > _MAX_SCANS:
            raise reading.broken(f"it has more than {_MAX_SCANS} scans")
    elif code == 0xE1 and body.startswith(b"Exif\0") and not found.orientation:
        found.orientation = exif_orientation(body[6:])
    elif code == 0xE2 and body.startswith(_ICC) and len(body) > len(_ICC) + 2:
        number, found.profile_count = body[len(_ICC)], body[len(_ICC) + 1]
        found.profile_parts.setdefault(number, body[len(_ICC) + 2 :])


def _join_profile(found: _Found) -> tuple[bytes | None, tuple[str, ...]]:
    if not found.profile_parts:
        return None, ()
    wanted = range(1, found.profile_count + 1)
    if set(wanted) != set(found.profile_parts):
        return None, ("its colour profile is damaged and was ignored",)
    profile = b"".join(found.profile_parts[n] for n in wanted)
    if len(profile) > MAX_PROFILE_BYTES:
        return None, ("its colour profile is too long and was ignored",)
    return profile, ()
