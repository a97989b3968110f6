"""File classification in folders: by name, by first bytes, and whether FakeWeb drew it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, Literal

from fakeweb.errors import Unreadable
from fakeweb.media.formats import tga
from fakeweb.media.mark import is_marked
from fakeweb.media.sniff import SUFFIXES, UNREAD_PICTURES, picture_format
from fakeweb.media.source import open_regular
from fakeweb.media.video.kind import VIDEO_SUFFIXES, demuxer_of

PICTURE_SUFFIXES: Final = frozenset(s for group in SUFFIXES.values() for s in group)
"""Suffixes, in lower case, of pictures."""

SUFFIXES_TAKEN: Final = PICTURE_SUFFIXES | VIDEO_SUFFIXES
_AMBIGUOUS: Final = frozenset({".ts", ".mts", ".mod", ".tp"})  # other things than videos are called so too

_HEAD_BYTES: Final = 4096
_SOUND_BRANDS: Final = (b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B ")
_OGG_PICTURES: Final = (b"\x80theora", b"BBCD\0", b"\x01video", b"OVP80")
_ASF_PICTURES: Final = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")
_MATROSKA_CODEC: Final = re.compile(rb"\x86[\x81-\xbf]([AVS])_[A-Z]")
_PNM_SIZES: Final = re.compile(rb"P[1-6](?:(?:\s|#[^\r\n]*[\r\n])+\d+){2}\s")
_TAIL_BYTES: Final = 18
_BMP_HEADERS: Final = (12, 16, 40, 52, 56, 64, 108, 124)

Medium = Literal["picture", "clip"]


@dataclass(frozen=True)
class Glance:
    """What a file looks to be.

    Attributes:
        kind: ``picture`` or ``clip``; None for anything else, sounds included. A file that cannot be opened goes by
            its name, and without a telling one for a picture: reading it says what is the matter.
        own: Whether it bears FakeWeb's mark.
    """

    kind: Medium | None
    own: bool = False


def glance(path: str) -> Glance:
    """Look at a file's name and its first bytes."""
    named = kind_by_name(path)
    try:
        with open_regular(path, path) as file:
            head = file.read(_HEAD_BYTES)
            kind = named or kind_by_content(head)
            if kind is None and file.seek(0, os.SEEK_END) > _TAIL_BYTES:
                file.seek(-_TAIL_BYTES, os.SEEK_END)
                kind = "picture" if tga.has_footer(file.read()) else None
            return Glance(kind, is_marked(head, file))
    except (Unreadable, OSError):
        return Glance(named or "picture")


def kind_by_name(path: str | PurePath) -> Medium | None:
    """Return what a file's suffix promises; None where it says nothing sure."""
    suffix = PurePath(path).suffix.lower()
    if suffix in PICTURE_SUFFIXES:
        return "picture"
    return "clip" if suffix in VIDEO_SUFFIXES - _AMBIGUOUS else None


def has_suffix(path: str) -> bool:
    """Tell whether a file's name has the suffix of a picture or video."""
    return PurePath(path).suffix.lower() in SUFFIXES_TAKEN


def kind_by_content(head: bytes) -> Medium | None:
    """Return what a file is by its first bytes, pictures of kinds that are not read included.

    Stricter than reading, which is told by a user that this is a picture: here a text that begins with ``BM`` is none.
    """
    if demuxer_of(head):
        return None if _is_sound(head) else "clip"
    if head[4:8] == b"ftyp" or head.startswith(UNREAD_PICTURES):
        return "picture"
    known = picture_format(head)
    if known == "BMP":
        known = known if int.from_bytes(head[14:18], "little") in _BMP_HEADERS else None
    elif known == "PNM":
        known = known if _PNM_SIZES.match(head) else None
    return "picture" if known else None


def _is_sound(head: bytes) -> bool:
    """Tell a container that shows itself to hold sound and no pictures."""
    if head[4:8] == b"ftyp":
        return head[8:12] in _SOUND_BRANDS
    if head[:4] == b"OggS":
        return not any(name in head for name in _OGG_PICTURES)
    if head[:4] == b"\x30\x26\xb2\x75":
        return _ASF_PICTURES not in head
    kinds = set(_MATROSKA_CODEC.findall(head))
    return head[:4] == b"\x1a\x45\xdf\xa3" and b"A" in kinds and b"V" not in kinds
