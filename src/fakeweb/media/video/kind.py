"""What a source is, judged by its first bytes: a picture, or a clip and the demuxer that reads it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any, BinaryIO, Final, Literal

import numpy as np

from fakeweb.errors import FakeWebError
from fakeweb.media.address import address_of, local_path
from fakeweb.media.arrays import is_pillow
from fakeweb.media.sniff import OTHER_MAGICS, picture_format
from fakeweb.media.storage import Storage
from fakeweb.types import Image

VIDEO_SUFFIXES: Final = frozenset(
    f".{name}"
    for name in (
        *("mp4", "m4v", "mov", "qt", "3gp", "3g2", "mkv", "webm", "avi", "wmv", "asf", "flv", "f4v"),
        *(
            "mpg",
            "mpeg",
            "m2v",
            "ts",
            "mts",
            "m2ts",
            "m2t",
            "tp",
            "trp",
            "vob",
            "mod",
            "ogv",
            "ivf",
            "dv",
            "mxf",
        ),
        *("h264", "264", "avc", "h265", "265", "hevc", "y4m", "obu"),
    )
)
"""Suffixes, in lower case, of the videos picked out of folders."""

Kind = Literal["picture", "clip", "unknown"]

HEAD_BYTES: Final = 1 << 16
_WHOLE_BYTES: Final = 64 << 20
_MAGICS: Final = (
    (b"\x1a\x45\xdf\xa3", "matroska"),
    (b"FLV\x01", "flv"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (b"\0\0\x01\xba", "mpeg"),
    (b"\0\0\x01\xb3", "mpegvideo"),
    (b"OggS", "ogg"),
    (b"DKIF", "ivf"),
    (b"YUV4MPEG2 ", "yuv4mpegpipe"),
    (b"\0\0\x01\xb0", "m4v"),
    (b"\x12\0\n", "obu"),
    (b"\x1f\x07\0", "dv"),
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01", "mxf"),
)
_PICTURE_BRANDS: Final = (
    b"avif",
    b"avis",
    b"mif1",
    b"mif2",
    b"miaf",
    b"crx ",
    b"heic",
    b"heix",
    b"heim",
    b"heis",
)
_SEQUENCE_BRANDS: Final = (b"msf1", b"hevc", b"hevx", b"hevm", b"hevs")
_MOV_BOXES: Final = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_TS_SYNC: Final = 0x47
_TS_PACKET_BYTES: Final = (188, 192, 204)
_START_CODE: Final = re.compile(rb"\0\0\x01(?=(..))", re.DOTALL)


def demuxer_of(head: bytes) -> str | None:
    """Return the name of FFmpeg's demuxer for a video's first bytes, or None where they begin no video.

    The demuxer is always named to FFmpeg, so that no playlist, script or device of another name is ever opened.

    Args:
        head: The first :data:`HEAD_BYTES` of the file, or all of it.
    """
    for magic, name in _MAGICS:
        if head.startswith(magic):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    if head[4:8] == b"ftyp":
        no_video = head[8:12] in _PICTURE_BRANDS or (
            head[8:12] in _SEQUENCE_BRANDS and _is_avif_sequence(head)
        )
        return None if no_video else "mov"
    if head[4:8] in _MOV_BOXES:
        return "mov"
    if picture_format(head) or any(head.startswith(magic) for magic, *_ in OTHER_MAGICS):
        return None
    return "mpegts" if _is_transport_stream(head) else _by_start_codes(head)


def _is_transport_stream(head: bytes) -> bool:
    """Tell a transport stream by its sync bytes, wherever the first packet begins, and by what must follow them."""
    for step in _TS_PACKET_BYTES:
        rows = np.frombuffer(head, np.uint8, len(head) // step * step).reshape(-1, step)
        if len(rows) < 3:
            continue
        marks = (rows == _TS_SYNC).mean(axis=0)
        column = int(marks.argmax())
        control = np.frombuffer(head, np.uint8)[column + 3 :: step]
        if marks[column] > 0.9 and (control & 0x30 > 0).mean() > 0.9:
            return True
    return False


def _by_start_codes(head: bytes) -> str | None:
    """Return the demuxer of a stream that begins anywhere in front of a start code: bare H.264 or H.265, MPEG's packs.

    Bare video must show its parameter sets, a picture, and nothing that it cannot hold.
    """
    follows = [match[1] for match in _START_CODE.finditer(head)]
    first = [pair[0] for pair in follows]
    if first.count(0xBA) > 1 or (0xBA in first and first.index(0xBA) < 3):
        return "mpeg"
    h264 = {byte & 0x1F if byte < 0x80 else 0 for byte in first}
    if h264 >= {7, 8} and h264 & {1, 5} and h264 <= {*range(1, 16), 19, 20}:
        return "h264"
    h265 = {byte >> 1 for byte in first}
    if h265 >= {32, 33, 34} and min(h265) < 22 and max(h265) < 41 and all(pair[1] & 7 for pair in follows):
        return "hevc"
    return None


def animated_format(head: bytes) -> str | None:
    """Return ``AVIF``, ``GIF``, ``PNG`` or ``WebP`` where the first bytes can begin an animated picture, else None."""
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if head[:8] == b"\x89PNG\r\n\x1a\n" and b"acTL" in head:
        return "PNG"
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and len(head) > 20 and head[20] & 2:
        return "WebP"
    return "AVIF" if head[4:8] == b"ftyp" and _is_avif_sequence(head) else None


def _is_avif_sequence(head: bytes) -> bool:
    return b"avis" in head[8 : int.from_bytes(head[:4], "big")]


def kind_of(source: Any) -> Kind:
    """Tell pictures from clips by the first bytes, without decoding anything.

    A picture with several frames (GIF, WebP, APNG, AVIF) is a clip. What cannot be read or is of no kind we know is
    ``unknown``: reading it says why.

    Args:
        source: What :func:`fakeweb.media.read_image` takes; a file object must be seekable, and is put back.

    Example:
        >>> kind_of(np.zeros((4, 4, 3), np.uint8))
        'picture'
    """
    if isinstance(source, np.ndarray | Image) or is_pillow(source):
        return "picture"
    head = read_head(source)
    if demuxer_of(head):
        return "clip"
    animated = animated_format(head)
    if animated:
        return "clip" if _COUNTED[animated](read_head(source, _WHOLE_BYTES)) else "picture"
    name = os.fsdecode(source) if isinstance(source, str | os.PathLike) else ""
    return "picture" if head[4:8] == b"ftyp" or picture_format(head, name) else "unknown"


def read_head(source: Any, count: int = HEAD_BYTES) -> bytes:
    """Return the first bytes of a path, bytes or seekable file object; none where they cannot be had."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(memoryview(source).cast("B")[:count])
    try:
        if address_of(source) is not None:
            storage, name = Storage.of_file(source)
            return storage.head(name, count)
        if isinstance(source, str | os.PathLike):
            source = local_path(source)
            if not os.path.isfile(source):  # noqa: PTH113 - a pipe would block
                return b""
            with open(source, "rb") as file:  # noqa: PTH123
                return file.read(count)
        return _peek(source, count)
    except (OSError, ValueError, AttributeError, FakeWebError):
        return b""


def _peek(file: BinaryIO, count: int) -> bytes:
    if not file.seekable():
        return b""
    position = file.tell()
    head = file.read(count)
    file.seek(position)
    return head if isinstance(head, bytes) else b""


def _several_samples(data: bytes) -> bool:
    """Tell whether a track of an AVIF holds a second picture, by its table of sizes."""
    at = data.rfind(b"stsz", data.find(b"moov") + 1)
    return at > 0 and int.from_bytes(data[at + 12 : at + 16], "big") > 1


def _several_by_header(data: bytes) -> bool:
    """Tell whether a PNG promises a second frame."""
    at = data.find(b"acTL")
    return at > 0 and int.from_bytes(data[at + 4 : at + 8], "big") > 1


def _several_chunks(data: bytes) -> bool:
    """Tell whether a WebP holds a second frame."""
    frames, position = 0, 12
    while position + 8 <= len(data) and frames < 2:
        frames += data[position : position + 4] == b"ANMF"
        position += 8 + (int.from_bytes(data[position + 4 : position + 8], "little") + 1 & ~1)
    return frames > 1


def _several_images(data: bytes) -> bool:
    """Tell whether a GIF holds a second picture: walk its blocks as far as they are whole."""
    try:
        position = 13 + _table_bytes(data[10])
        images = 0
        while data[position] != 0x3B:
            if data[position] == 0x2C:
                images += 1
                if images > 1:
                    return True
                position += 10 + _table_bytes(data[position + 9]) + 1
            else:
                position += 2 if data[position] == 0x21 else 1
                if data[position - 2] != 0x21:
                    continue
            while data[position]:
                position += 1 + data[position]
            position += 1
    except IndexError:
        return False
    return False


def _table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


_COUNTED: Final[dict[str, Callable[[bytes], bool]]] = {
    "AVIF": _several_samples,
    "GIF": _several_images,
    "PNG": _several_by_header,
    "WebP": _several_chunks,
}
