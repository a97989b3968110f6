"""IPTC's older form (IIM), which Photoshop keeps among its image resources."""

from __future__ import annotations

from typing import Final

from fakeweb.media.limits import one_line

_NAMES: Final = {
    (2, 40): "instructions",
    (2, 55): "created",
    (2, 65): "program",
    (2, 70): "program_version",
    (2, 110): "credit",
    (2, 115): "source",
}
_CHARSET: Final = (1, 90)
_MAX_STEPS: Final = 2000
_IPTC_RESOURCE: Final = 0x0404


def read_iptc(iptc: bytes, irb: bytes) -> dict[str, str]:
    """Return what is known of: ``instructions``, ``created``, ``program``, ``program_version``, ``credit``, ``source``.

    Args:
        iptc: Data sets, or empty.
        irb: Image resources in which data sets may stand, or empty.
    """
    data = iptc or _resource(irb)
    found: dict[tuple[int, int], bytes] = {}
    position = data.find(b"\x1c")
    for _ in range(_MAX_STEPS):
        if position < 0 or position + 5 > len(data) or data[position] != 0x1C:
            break
        key, length = (
            (data[position + 1], data[position + 2]),
            int.from_bytes(data[position + 3 : position + 5], "big"),
        )
        if length & 0x8000:  # a length of its own, for pictures inside: none of ours
            break
        found.setdefault(key, data[position + 5 : position + 5 + length])
        position += 5 + length
    encoding = "utf-8" if found.get(_CHARSET) == b"\x1b%G" else "latin-1"
    return {
        name: one_line(found[key].decode(encoding, "replace").strip("\0 "), 200)
        for key, name in _NAMES.items()
        if found.get(key)
    }


def _resource(irb: bytes) -> bytes:
    """Return the IPTC resource."""
    position = 0
    for _ in range(_MAX_STEPS):
        if irb[position : position + 4] != b"8BIM" or position + 12 > len(irb):
            break
        number = int.from_bytes(irb[position + 4 : position + 6], "big")
        name = irb[position + 6] | 1  # padded to an even length with its own byte
        start = position + 7 + name
        length = int.from_bytes(irb[start : start + 4], "big")
        body = irb[start + 4 : start + 4 + length]
        if number == _IPTC_RESOURCE:
            return body
        position = start + 4 + length + (length & 1)
    return b""
