"""File type detection: what bytes are, by their content and never by their name."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Final

from fakeweb.media.formats import tga
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
    "JPEG 2000": (".jp2", ".j2k", ".jpx", ".jpf", ".j2c", ".jpc"),
    "JPEG XL": (".jxl",),
    "ICO": (".ico", ".cur"),
    "PNM": (".pnm", ".pbm", ".pgm", ".ppm"),
    "TGA": (".tga", ".icb", ".vda", ".vst"),
    "QOI": (".qoi",),
    "PCX": (".pcx",),
    "SGI": (".sgi", ".rgb", ".rgba", ".bw"),
}
"""The formats we read, with the suffixes that fit them."""

READS: Final = (
    "FakeWeb reads JPEG, PNG, WebP, AVIF, GIF, TIFF, BMP, JPEG 2000, ICO, PNM, TGA, QOI, PCX, SGI, HEIC, JPEG XL"
    " and clips (MP4, MOV, WebM, Matroska, AVI ...)"
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
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"qoif", "QOI"),
    (b"BM", "BMP"),
)
_PATTERNS: Final = (
    (re.compile(rb"P[1-6](?:\s|#[^\r\n]*[\r\n])+\d", re.DOTALL), "PNM"),
    (re.compile(rb"\n[\0\x02\x03\x05]\x01[\x01\x02\x04\x08]", re.DOTALL), "PCX"),
    (re.compile(rb"\x01\xda[\0\x01][\x01\x02]\0[\x01-\x03]", re.DOTALL), "SGI"),
    (re.compile(rb"\0\0[\x01\x02]\0[\x01-\x40]\0.{3}\0", re.DOTALL), "ICO"),
)
"""Formats whose mark is too short to be believed alone."""
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
    (b"v/1\x01", "an OpenEXR picture", _CONVERT),
    (b"DDS ", "a DirectDraw texture", _CONVERT),
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
    if data[4:8] == b"ftyp":
        return _sniff_brands(data, reading)
    known = picture_format(data, reading.name)
    if known or tga.has_footer(data):
        return known or "TGA"
    _refuse_others(data, reading)
    if not data.strip(b"\0"):
        raise reading.broken("it holds nothing but zeros")
    raise reading.unsupported("of an unknown kind", hint=READS)


def picture_format(head: bytes, name: str = "") -> str | None:
    """Return the format that a picture's first bytes tell, except those in boxes; None where they begin no picture.

    Args:
        head: The first few hundred bytes, or all.
        name: Its suffix tells a TGA, whose first bytes alone say too little.
    """
    for magic, known in PICTURE_MAGICS:
        if head.startswith(magic):
            return known
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    for pattern, known in _PATTERNS:
        if pattern.match(head):
            return known
    named = PurePath(name).suffix.lower() in SUFFIXES["TGA"]
    return "TGA" if named and tga.plausible(head) else None


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
    before_svg, svg, _ = head.partition(b"<svg")
    web_page = b"<html" in before_svg or b"<!doctype html" in before_svg
    if svg and not web_page:
        raise reading.unsupported("an SVG drawing", hint="export it as PNG")
    if web_page:
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
