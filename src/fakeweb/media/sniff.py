"""What bytes are, judged by their content and never by their name."""

from __future__ import annotations

from pathlib import PurePath
from typing import Final

from fakeweb.media.limits import Reading

SUFFIXES: Final[dict[str, tuple[str, ...]]] = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": (".png", ".apng"),
    "WebP": (".webp",),
    "AVIF": (".avif", ".avifs"),
    "GIF": (".gif",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp", ".dib"),
    "HEIF": (".heic", ".heif", ".hif", ".heics", ".heifs"),
}
"""The formats we read, with the suffixes that fit them."""

READS: Final = (
    "FakeWeb reads JPEG, PNG, WebP, AVIF, GIF, TIFF, BMP, HEIC and clips (MP4, MOV, WebM, Matroska, AVI ...)"
)
_CLIP = "this is a clip; give a picture, for example one frame of it"
_CONVERT = f"{READS}; convert the picture first"

PICTURE_MAGICS: Final = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"BM", "BMP"),
)
OTHER_MAGICS: Final = (
    (b"\x1a\x45\xdf\xa3", "a WebM or Matroska video", _CLIP),
    (b"FLV\x01", "a Flash video", _CLIP),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media video", _CLIP),
    (b"\0\0\x01\xba", "an MPEG video", _CLIP),
    (b"\0\0\x01\xb3", "an MPEG video", _CLIP),
    (b"OggS", "an Ogg stream", _CLIP),
    (b"%PDF", "a PDF document", "export the page as a picture"),
    (b"%!PS", "a PostScript document", "export the page as a picture"),
    (b"8BPS", "a Photoshop document", _CONVERT),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture", _CONVERT),
    (b"\xff\x0a", "a JPEG XL picture", _CONVERT),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture", _CONVERT),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture", _CONVERT),
    (b"v/1\x01", "an OpenEXR picture", _CONVERT),
    (b"DDS ", "a DirectDraw texture", _CONVERT),
    (b"qoif", "a QOI picture", _CONVERT),
    (b"\0\0\x01\0", "an icon", _CONVERT),
    (b"SIMPLE  =", "a FITS file", _CONVERT),
    (b"PK\x03\x04", "a ZIP archive", "unpack it and give the pictures inside"),
    (b"Rar!", "a RAR archive", "unpack it and give the pictures inside"),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it and give the pictures inside"),
    (b"\x1f\x8b", "gzip-compressed", "unpack it and give the picture inside"),
)
UNREAD_PICTURES: Final = tuple(magic for magic, _, hint in OTHER_MAGICS if hint == _CONVERT)
"""How pictures begin that are of a kind we do not read."""

_HEIF_BRANDS: Final = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_AVIF_BRANDS: Final = {b"avif", b"avis"}
_VIDEO_BOXES: Final = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
_MIN_BYTES = 12


def sniff(data: bytes, reading: Reading) -> str:
    """Return the format, a key of :data:`SUFFIXES`.

    Args:
        data: The whole file, not empty.
        reading: Name and limits of the picture.

    Raises:
        Unreadable: Too short to be any picture, or nothing but zeros.
        Unsupported: Something else: a video, a document, text, or a format that is not read.
    """
    if len(data) < _MIN_BYTES:
        raise reading.broken(f"{len(data)} bytes are too few for any picture")
    for magic, name in PICTURE_MAGICS:
        if data.startswith(magic):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[4:8] == b"ftyp":
        return _sniff_brands(data, reading)
    _refuse_others(data, reading)
    if not data.strip(b"\0"):
        raise reading.broken("it holds nothing but zeros")
    raise reading.unsupported("of an unknown kind", hint=READS)


def suffix_warning(name: str, format_name: str) -> str | None:
    """Return a warning where the name's suffix promises another format, else None."""
    suffix = PurePath(name).suffix.lower()
    if suffix in SUFFIXES[format_name] or not any(suffix in known for known in SUFFIXES.values()):
        return None
    return f"the name ends in {suffix}, but the content is {format_name}"


def _sniff_brands(data: bytes, reading: Reading) -> str:
    size = min(max(int.from_bytes(data[:4], "big"), 16), 4096)
    major = data[8:12]
    brands = {major, *(data[i : i + 4] for i in range(16, size, 4))}
    for found, name in ((_AVIF_BRANDS, "AVIF"), (_HEIF_BRANDS, "HEIF")):
        if major in found:
            return name
    if major in (b"mif1", b"msf1", b"mif2", b"miaf"):
        return "AVIF" if brands & _AVIF_BRANDS else "HEIF"
    if major == b"crx ":
        raise reading.unsupported("a raw camera picture", hint=_CONVERT)
    raise reading.unsupported("an MP4 or QuickTime video", hint=_CLIP)


def _refuse_others(data: bytes, reading: Reading) -> None:
    for magic, what, hint in OTHER_MAGICS:
        if data.startswith(magic):
            raise reading.unsupported(what, hint=hint)
    if data[:4] == b"RIFF" and data[8:12] in (b"AVI ", b"WAVE"):
        raise reading.unsupported("an AVI video" if data[8:12] == b"AVI " else "a sound", hint=_CLIP)
    if data[4:8] in _VIDEO_BOXES:
        raise reading.unsupported("a QuickTime video", hint=_CLIP)
    head = data[:2048].lower()
    if b"<svg" in head:
        raise reading.unsupported("an SVG drawing", hint="export it as PNG")
    if b"<html" in head or b"<!doctype html" in head:
        raise reading.unsupported("a web page", hint="save the picture itself, not the page around it")
    if _is_text(head):
        raise reading.unsupported("text", hint=READS)


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # not merely a character cut by the slice
            return False
        text = head[: error.start].decode("utf-8-sig")
    return all(c.isprintable() or c in "\t\r\n\f" for c in text)
