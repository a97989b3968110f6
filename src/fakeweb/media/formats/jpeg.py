"""JPEG, with MPO: markers, size, EXIF, ICC, and whether the end of the picture is there.

Of an MPO (3-D cameras, phones with depth or gain maps) the first picture is the photograph; the others show
the same scene and are left out without a warning.

JPEG has no checksums: damage inside a scan that keeps its markers cannot be told from an odd picture. A scan
that merely stops early is seen after decoding, in :mod:`fakeweb.media.decode`; where the end marker alone is
missing, as recovery tools and careless writers leave it, the picture is read. A progressive picture needs all of
its scans for that: with the last ones gone it would be a blurred likeness.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fakeweb.media.formats.header import MAX_PROFILE_BYTES, Header, exif_orientation
from fakeweb.media.limits import Reading, reduced

_ICC = b"ICC_PROFILE\0"
_SOF_READ = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
_SOF_PROGRESSIVE = {0xC2, 0xCA}
_SOF_OTHER = {0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF}
_BARE = {0x01, *range(0xD0, 0xD8)}
_DROPPED = {*range(0xE1, 0xEE), 0xEF, 0xFE}
"""APP1 to APP15 and comments, but not APP14 (Adobe) and APP0 (JFIF), which say how colours are stored."""
_MAX_SCANS = 200
"""Encoders write about ten; each further one costs a pass over the whole picture."""
_MAX_PASSES = 16
"""So many times any picture may be passed over as a whole; encoders pass four or five times."""
_PASSED_PIXELS = 400_000_000
"""A small picture more often, until so many pixels have been passed over."""
_LOOKED_THROUGH = 1 << 16


_KEPT_ZEROS = 2
"""So many zeros at an open end may belong to the picture; more of them fill up a file of which the rest never came."""


@dataclass
class _Found:
    size: tuple[int, int] | None = None
    progressive: bool = False
    # component -> bits yet to come of its coefficients
    missing: dict[int, list[int]] = field(default_factory=dict)
    orientation: int = 0
    scans: int = 0
    blocks: dict[int, int] = field(default_factory=dict)  # component -> its share of the samples
    passed: int = 0  # shares that the scans have passed over
    profile_parts: dict[int, bytes] = field(default_factory=dict)
    profile_count: int = 0


def read(data: bytes, reading: Reading) -> Header:
    """Walk the markers up to the end of the first picture."""
    found = _Found()
    kept = [data[:2]]
    position = 2
    while True:
        code_at = _marker(data, position)
        code = data[code_at] if code_at < len(data) else 0
        if code == 0xD9:
            return _finish(found, b"".join(kept), reading)
        end = code_at + 1 + int.from_bytes(data[code_at + 1 : code_at + 3], "big")
        if code == 0xD8 or end > len(data) or end < code_at + 3:
            kept[-1] = _without_filling(kept[-1])
            return _finish(found, b"".join(kept), reading, open_end=True)
        _take_segment(code, data[code_at + 3 : end], found, reading)
        if code == 0xDA:
            end = _scan_end(data, end)
        if code not in _DROPPED:
            kept.append(b"\xff" + data[code_at:end])
        position = end


def _scan_end(data: bytes, position: int) -> int:
    """Return where the marker begins that ends the scan at a position; the end of the data where there is none."""
    begin = position
    while position < len(data):
        near = np.frombuffer(data, np.uint8, min(_LOOKED_THROUGH, len(data) - position), position)
        before, code = near[:-1] == 0xFF, near[1:]
        # a scan holds FF 00 for FF, FF before FF, and restart markers
        ends = before & (code != 0) & (code != 0xFF) & ((code & 0xF8) != 0xD0)
        if ends.any():
            position += int(ends.argmax())
            while position > begin and data[position - 1] == 0xFF:
                position -= 1
            return position
        position += max(1, len(near) - 1)
    return len(data)


def _marker(data: bytes, position: int) -> int:
    """Return where the code of the next marker stands that begins a segment or ends the picture; past the end: none."""
    while True:
        position = data.find(b"\xff", position) + 1
        if position == 0:
            return len(data)
        while data[position : position + 1] == b"\xff":
            position += 1
        if position >= len(data) or (data[position] and data[position] not in _BARE):
            return position


def _without_filling(scan: bytes) -> bytes:
    """Return a scan without half a marker and zeros at its end, which are no part of the picture."""
    bare = scan.rstrip(b"\xff").rstrip(b"\0")
    return scan[: len(bare) + _KEPT_ZEROS].rstrip(b"\xff")


def _finish(found: _Found, stream: bytes, reading: Reading, *, open_end: bool = False) -> Header:
    if found.size is None or not found.scans:
        raise reading.cut("JPEG") if open_end else reading.broken("it ends before the picture begins")
    profile, warnings = _join_profile(found)
    bits = [missing for component in found.missing.values() for missing in component]
    if any(bits) and (open_end or not found.progressive):
        raise reading.cut("JPEG")
    if any(bits):
        warnings += ("its progressive scans end before its finest detail",)
    # libjpeg holds all of a picture that comes in several scans
    by = reading.reduction(*found.size, in_memory=found.progressive or found.scans > 1)
    if by > 1:
        warnings += (_reduced_warning(found.size, by),)
    return Header(
        "JPEG",
        *found.size,
        stream + b"\xff\xd9",
        reduction=by,
        orientation=found.orientation or 1,
        profile=profile,
        open_end=open_end,
        warnings=warnings,
    )


def _reduced_warning(size: tuple[int, int], by: int) -> str:
    width, height = size
    return (
        f"it has {width:,} x {height:,} pixels, more than the limit allows; it was read and judged at 1/{by} of its"
        f" size, {reduced(width, by):,} x {reduced(height, by):,}"
    )


def _take_scan(body: bytes, found: _Found) -> None:
    """Tick off what a scan brings: coefficients of components, down to a bit."""
    count = body[0]
    first, last, bits = body[1 + 2 * count], body[2 + 2 * count], body[3 + 2 * count] & 15
    if not found.progressive:
        first, last, bits = 0, 63, 0
    for component in body[1 : 1 + 2 * count : 2]:
        missing = found.missing.setdefault(component, [1] * 64)
        missing[first : last + 1] = [bits] * (min(last, 63) + 1 - first)
        found.passed += found.blocks.get(component, 0)


def _check_work(found: _Found, reading: Reading) -> None:
    """Raise Unreadable for scans that pass over the picture so often that it takes too long."""
    width, height = found.size or (0, 0)
    most = max(_MAX_PASSES * width * height, _PASSED_PIXELS)
    if found.passed * width * height > most * max(1, sum(found.blocks.values())):
        raise reading.broken(f"its {found.scans} scans pass over {width * height:,} pixels too often")


def _samples(factors: int) -> int:
    return (factors >> 4) * (factors & 15)


def _take_segment(code: int, body: bytes, found: _Found, reading: Reading) -> None:
    if code in _SOF_READ and found.size is None:
        if body[0] != 8:
            raise reading.unsupported(f"a JPEG with {body[0]} bits per channel")
        found.size = (int.from_bytes(body[3:5], "big"), int.from_bytes(body[1:3], "big"))
        reading.reduction(*found.size, in_memory=False)
        found.progressive = code in _SOF_PROGRESSIVE
        found.missing = {body[6 + 3 * i]: [1] * 64 for i in range(body[5])}
        found.blocks = {body[6 + 3 * i]: _samples(body[7 + 3 * i]) for i in range(body[5])}
    elif code in _SOF_READ:
        raise reading.broken("it holds two pictures in one frame")
    elif code in _SOF_OTHER:
        raise reading.unsupported("a lossless or hierarchical JPEG")
    elif code == 0xDA:
        found.scans += 1
        if found.scans > _MAX_SCANS:
            raise reading.broken(f"it has more than {_MAX_SCANS} scans")
        _take_scan(body, found)
        _check_work(found, reading)
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
