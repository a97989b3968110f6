"""A picture's container -> its blocks of metadata, without decoding a pixel.

``media`` walks the same containers to hand the decoder a stream *without* metadata; here only the metadata are
wanted, and damage is no error: what cannot be walked any further ends the walk. Every block is cut at a limit, texts
that are compressed are unpacked up to one, and the number of steps is bounded, so that no file can cost more than a
few milliseconds here.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

MAX_BLOCK_BYTES: Final = 1 << 20
"""No block of metadata is read beyond this."""
MAX_CREDENTIALS_BYTES: Final = 8 << 20
"""A larger manifest store is named and not read; ten ingredients with their previews have about 3 MiB."""
_MAX_STEPS: Final = 4096
_MAX_TEXTS: Final = 64
_MAX_TEXT_BYTES: Final = 1 << 18

_EXTENDED_XMP: Final = b"http://ns.adobe.com/xmp/extension/\0"
_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_IRB: Final = b"Photoshop 3.0\0"
_C2PA_UUID: Final = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_XMP_UUID: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_C2PA_TAG, _XMP_TAG, _IPTC_TAG, _IRB_TAG = 0xCD41, 700, 33723, 34377


@dataclass
class Blocks:
    """What stands in a file beside its pixels, still packed.

    Attributes:
        format: ``JPEG``, ``PNG``, ``WebP``, ``AVIF``, ``HEIF``, ``JPEG XL``, ``GIF``, ``TIFF``, ``BMP``, ``MP4``,
            ``AVI`` or empty.
        exif: A TIFF structure, or empty.
        xmp: XML, or empty.
        iptc: IIM data sets, or empty.
        irb: Photoshop's image resources, in which IPTC may stand, or empty.
        texts: Keyword and text of PNG's text chunks and of comments.
        credentials_bytes: Size of the C2PA manifest store, 0 where there is none.
        quantisers: Of a JPEG, by number: 64 values in reading order.
        components: Of a JPEG: (horizontal, vertical, quantiser) of each.
        progressive: Of a JPEG.
        size: Of a JPEG as stored, width and height.
        cut: What was not read to its end.
    """

    format: str = ""
    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    irb: bytes = b""
    texts: list[tuple[str, str]] = field(default_factory=list)
    credentials_bytes: int = 0
    quantisers: dict[int, tuple[int, ...]] = field(default_factory=dict)
    components: tuple[tuple[int, int, int], ...] = ()
    progressive: bool = False
    size: tuple[int, int] = (0, 0)
    cut: list[str] = field(default_factory=list)

    def keep(self, name: str, body: bytes) -> None:
        """Keep the first block of a kind, up to the limit."""
        if body and not getattr(self, name):
            setattr(self, name, body[:MAX_BLOCK_BYTES])
            if len(body) > MAX_BLOCK_BYTES:
                self.cut.append(f"only the first MiB of its {name.upper()} was read")

    def text(self, keyword: str, text: str) -> None:
        """Keep a text."""
        if len(self.texts) < _MAX_TEXTS:
            self.texts.append((keyword, text[:_MAX_TEXT_BYTES]))
            if len(text) > _MAX_TEXT_BYTES:
                self.cut.append(f"only the beginning of its text '{keyword[:40]}' was read")
        elif "more texts than are read" not in self.cut:
            self.cut.append("more texts than are read")


def read_blocks(data: bytes) -> Blocks:
    """Walk a picture's container. Never raises: what cannot be read is not there.

    Args:
        data: The whole file.
    """
    blocks = Blocks()
    walk: Callable[[bytes, Blocks], None] | None = None
    if data[:3] == b"\xff\xd8\xff":
        blocks.format, walk = "JPEG", _jpeg
    elif data[:8] == b"\x89PNG\r\n\x1a\n":
        blocks.format, walk = "PNG", _png
    elif data[:4] == b"RIFF" and data[8:12] in (b"WEBP", b"AVI "):
        blocks.format, walk = "WebP" if data[8:12] == b"WEBP" else "AVI", _riff
    elif data[:6] in (b"GIF87a", b"GIF89a"):
        blocks.format, walk = "GIF", _gif
    elif data[:4] in (b"II*\0", b"MM\0*"):
        blocks.format, walk = "TIFF", _tiff
    elif data[4:8] == b"ftyp":
        blocks.format, walk = _brand(data), _bmff
    elif data[4:12] == b"JXL \r\n\x87\n":
        blocks.format, walk = "JPEG XL", _jxl
    elif data[:2] == b"BM":
        blocks.format = "BMP"
    if walk is not None:
        try:
            walk(data, blocks)
        except (struct.error, IndexError, zlib.error, UnicodeDecodeError):
            blocks.cut.append("its metadata end early or are damaged")
    return blocks


def _brand(data: bytes) -> str:
    major = data[8:12]
    if major in (b"avif", b"avis"):
        return "AVIF"
    return "HEIF" if major[:3] in (b"hei", b"hev", b"mif", b"msf") or major == b"miaf" else "MP4"


def _jpeg(data: bytes, blocks: Blocks) -> None:
    """Walk the segments up to the picture itself."""
    position, more_xmp = 2, bytearray()
    for _ in range(_MAX_STEPS):
        while data[position] != 0xFF:
            position += 1
        while data[position] == 0xFF:
            position += 1
        code = data[position]
        if code in (0xDA, 0xD9):
            break
        length = int.from_bytes(data[position + 1 : position + 3], "big")
        body = data[position + 3 : position + 1 + length]
        position += 1 + max(2, length)
        _segment(code, body, blocks, more_xmp)
    if more_xmp:  # the main packet only points to it; what it says is read after it
        blocks.xmp = blocks.xmp + bytes(more_xmp)


def _segment(code: int, body: bytes, blocks: Blocks, more_xmp: bytearray) -> None:
    if code == 0xE1 and body.startswith(b"Exif\0"):
        blocks.keep("exif", body[6:])
    elif code == 0xE1 and body.startswith(_XMP):
        blocks.keep("xmp", body[len(_XMP) :])
    elif code == 0xE1 and body.startswith(_EXTENDED_XMP):
        if len(more_xmp) + len(body) <= MAX_BLOCK_BYTES:
            more_xmp += body[len(_EXTENDED_XMP) + 40 :]
    elif code == 0xEB and b"jumb" in body[:64]:
        blocks.credentials_bytes += len(body)
    elif code == 0xED and body.startswith(_IRB):
        if len(blocks.irb) + len(body) <= MAX_BLOCK_BYTES:
            blocks.irb += body[len(_IRB) :]
    elif code == 0xFE:
        blocks.text("Comment", body.decode("utf-8", "replace"))
    elif code == 0xDB:
        _quantisers(body, blocks)
    elif 0xC0 <= code <= 0xCF and code not in (0xC4, 0xC8, 0xCC):
        height, width, count = struct.unpack_from(">HHB", body, 1)
        blocks.size, blocks.progressive = (width, height), code in (0xC2, 0xCA)
        parts = [body[6 + 3 * i : 9 + 3 * i] for i in range(min(count, 4))]
        blocks.components = tuple((p[1] >> 4, p[1] & 15, p[2]) for p in parts if len(p) == 3)


_ZIGZAG: Final = tuple(
    sorted(range(64), key=lambda i: (i // 8 + i % 8, i // 8 if (i // 8 + i % 8) % 2 else i % 8))
)


def _quantisers(body: bytes, blocks: Blocks) -> None:
    position = 0
    while position < len(body):
        wide, number = body[position] >> 4, body[position] & 15
        values = struct.unpack_from(">64H" if wide else ">64B", body, position + 1)
        ordered = [0] * 64
        for place, value in zip(_ZIGZAG, values, strict=True):
            ordered[place] = value
        blocks.quantisers[number] = tuple(ordered)
        position += 129 if wide else 65


def _png(data: bytes, blocks: Blocks) -> None:
    position = 8
    for _ in range(_MAX_STEPS):
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind == b"IEND":
            break
        body = data[position + 8 : position + 8 + min(length, MAX_BLOCK_BYTES + 1)]
        position += 12 + length
        if kind == b"eXIf":
            blocks.keep("exif", body)
        elif kind == b"caBX":
            blocks.credentials_bytes = max(1, length)
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            _png_text(kind, body, blocks)


def _png_text(kind: bytes, body: bytes, blocks: Blocks) -> None:
    keyword_bytes, _, rest = body.partition(b"\0")
    keyword, packed = keyword_bytes[:79].decode("latin-1"), kind == b"zTXt"
    if kind == b"zTXt":
        rest = rest[1:]
    elif kind == b"iTXt":
        packed, rest = rest[:1] == b"\1", rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    if packed:
        rest = _unpacked(rest, keyword, blocks)
    if keyword == "XML:com.adobe.xmp":
        blocks.keep("xmp", rest)
    elif keyword.startswith("Raw profile type "):
        _raw_profile(keyword, rest, blocks)
    else:
        blocks.text(keyword, rest.decode("utf-8" if kind == b"iTXt" else "latin-1", "replace"))


def _unpacked(packed: bytes, keyword: str, blocks: Blocks) -> bytes:
    """Inflate a text up to the limit."""
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(packed, _MAX_TEXT_BYTES)
    except zlib.error:
        blocks.cut.append(f"its text '{keyword[:40]}' is damaged")
        return b""
    if not inflater.eof:
        blocks.cut.append(f"its text '{keyword[:40]}' unpacks to more than is read")
    return text


def _raw_profile(keyword: str, text: bytes, blocks: Blocks) -> None:
    """Take EXIF, IPTC or XMP that ImageMagick wrote into a text, as hexadecimal digits after two lines."""
    lines = text.split(b"\n", 3)
    if len(lines) < 4:
        return
    try:
        raw = bytes.fromhex(lines[3].decode("ascii", "replace").replace("\n", ""))
    except ValueError:
        return
    name = keyword.rpartition(" ")[2].lower()
    if name in ("exif", "app1"):
        is_xmp = raw.startswith(_XMP)
        blocks.keep(
            "xmp" if is_xmp else "exif", raw[len(_XMP) :] if is_xmp else raw.removeprefix(b"Exif\0\0")
        )
    elif name in ("iptc", "8bim"):
        blocks.keep("irb", raw)
    elif name == "xmp":
        blocks.keep("xmp", raw)


def _riff(data: bytes, blocks: Blocks) -> None:
    position = 12
    for _ in range(_MAX_STEPS):
        if position + 8 > len(data):
            break
        kind, length = struct.unpack_from("<4sI", data, position)
        body = data[position + 8 : position + 8 + min(length, MAX_BLOCK_BYTES + 1)]
        if kind == b"EXIF":
            blocks.keep("exif", body.removeprefix(b"Exif\0\0"))
        elif kind in (b"XMP ", b"_PMX"):
            blocks.keep("xmp", body)
        elif kind == b"C2PA":
            blocks.credentials_bytes = max(1, length)
        position += 8 + length + (length & 1)


def _gif(data: bytes, blocks: Blocks) -> None:
    position = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    for _ in range(_MAX_STEPS):
        mark = data[position]
        if mark == 0x3B:
            break
        if mark == 0x2C:
            position += 10 + (3 << ((data[position + 9] & 7) + 1) if data[position + 9] & 0x80 else 0) + 1
            position = _skip(data, position)
        elif mark == 0x21 and data[position + 1] == 0xFE:
            end = _skip(data, position + 2)
            blocks.text("Comment", _joined(data, position + 2, end).decode("utf-8", "replace"))
            position = end
        elif mark == 0x21 and data[position + 1] == 0xFF:
            name, start = data[position + 3 : position + 14], position + 3 + data[position + 2]
            position = _skip(data, start)
            if name == b"XMP DataXMP":
                blocks.keep("xmp", data[start:position].split(b"<?xpacket end", 1)[0])
            elif name[:8] == b"C2PA_GIF":
                blocks.credentials_bytes = max(1, position - start)
        else:
            position = _skip(data, position + 2)


def _skip(data: bytes, position: int) -> int:
    """Return where a chain of sub-blocks ends."""
    while data[position]:
        position += 1 + data[position]
    return position + 1


def _joined(data: bytes, position: int, end: int) -> bytes:
    parts, size = [], 0
    while position < end - 1 and size < MAX_BLOCK_BYTES:
        parts.append(data[position + 1 : position + 1 + data[position]])
        size += data[position]
        position += 1 + data[position]
    return b"".join(parts)


def _tiff(data: bytes, blocks: Blocks) -> None:
    """Take the file itself as EXIF: they share their structure; XMP and IPTC stand in tags."""
    from fakeweb.provenance.exif import entries_of

    blocks.exif = data
    for tag, value in entries_of(
        data, {_XMP_TAG, _IPTC_TAG, _IRB_TAG, _C2PA_TAG}, MAX_BLOCK_BYTES + 1
    ).items():
        if tag == _C2PA_TAG:
            blocks.credentials_bytes = max(1, len(value))
        else:
            blocks.keep({_XMP_TAG: "xmp", _IPTC_TAG: "iptc", _IRB_TAG: "irb"}[tag], value)


def boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, start and end of the content of each box; what overlaps the end stops it."""
    for _ in range(_MAX_STEPS):
        if start + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1:
            (size,), head = struct.unpack_from(">Q", data, start + 8), 16
        stop = end if size == 0 else start + size
        if stop > end or stop < start + head:
            return
        yield kind, start + head, stop
        start = stop


def _bmff(data: bytes, blocks: Blocks) -> None:
    for kind, start, end in boxes(data, 0, len(data)):
        if kind == b"uuid":
            uuid = data[start : start + 16]
            if uuid == _C2PA_UUID:
                blocks.credentials_bytes = max(1, end - start)
            elif uuid == _XMP_UUID:
                blocks.keep("xmp", data[start + 16 : min(end, start + 17 + MAX_BLOCK_BYTES)])
        elif kind == b"meta":
            _items(data, start + 4, end, blocks)


def _jxl(data: bytes, blocks: Blocks) -> None:
    for kind, start, end in boxes(data, 0, len(data)):
        body = data[start : min(end, start + MAX_BLOCK_BYTES + 5)]
        if kind == b"jumb" and b"c2pa" in body[:64]:
            blocks.credentials_bytes = max(1, end - start)
        elif kind == b"Exif":
            blocks.keep("exif", body[4 + int.from_bytes(body[:4], "big") :])
        elif kind == b"xml " and b"<x:xmpmeta" in body[:4096]:
            blocks.keep("xmp", body)
        elif kind == b"brob" and body[:4] in (b"Exif", b"xml "):
            blocks.cut.append("metadata that are packed with Brotli are not read")


def _items(data: bytes, start: int, end: int, blocks: Blocks) -> None:
    """Find the items that hold EXIF and XMP (ISO/IEC 23008-12), by their list and their places."""
    inside = {kind: (a, b) for kind, a, b in boxes(data, start, end)}
    if b"iinf" not in inside or b"iloc" not in inside:
        return
    names = _item_names(data, *inside[b"iinf"])
    places = _item_places(data, *inside[b"iloc"], inside.get(b"idat", (0, 0))[0])
    for item, name in names.items():
        if item not in places:
            continue
        at, length = places[item]
        body = data[at : at + min(length, MAX_BLOCK_BYTES + 1)]
        if name == b"Exif" and len(body) > 4:
            skip = int.from_bytes(body[:4], "big")
            blocks.keep("exif", body[4 + skip :])
        elif name == b"mime" and b"<x:xmpmeta" in body[:4096]:
            blocks.keep("xmp", body)


def _item_names(data: bytes, start: int, end: int) -> dict[int, bytes]:
    names = {}
    wide = data[start] > 0
    for kind, a, _ in boxes(data, start + (8 if wide else 6), end):
        version = data[a]
        if kind == b"infe" and version in (2, 3):
            size = 2 if version == 2 else 4
            item = int.from_bytes(data[a + 4 : a + 4 + size], "big")
            name = data[a + 6 + size : a + 10 + size]
            if name in (b"Exif", b"mime"):
                names[item] = name
    return names


def _item_places(data: bytes, start: int, end: int, idat: int) -> dict[int, tuple[int, int]]:
    """Return offset and length of each item's first extent."""
    version = data[start]
    sizes = int.from_bytes(data[start + 4 : start + 6], "big")
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version else 0
    wide = 4 if version == 2 else 2
    position = start + 6

    def take(count: int) -> int:
        nonlocal position
        value = int.from_bytes(data[position : position + count], "big")
        position += count
        return value

    places: dict[int, tuple[int, int]] = {}
    for _ in range(min(take(wide), _MAX_STEPS)):
        item = take(wide)
        method = take(2) & 15 if version else 0
        take(2)
        base = take(base_size)
        for extent in range(min(take(2), _MAX_STEPS)):
            if position >= end:
                return places
            take(index_size)
            offset, length = take(offset_size), take(length_size)
            if not extent:
                places[item] = (base + offset + (idat if method == 1 else 0), length)
    return places
