"""Picture reader, the one way in: a source -> :class:`Media`."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import numpy.typing as npt

from fakeweb.errors import BadArgument
from fakeweb.media import decode, formats, sniff
from fakeweb.media.arrays import from_array, from_pillow, is_pillow
from fakeweb.media.limits import DEFAULT_LIMITS, Limits, Reading, one_line
from fakeweb.media.source import load
from fakeweb.types import Image, UInt8Array

Source: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | npt.NDArray[Any] | Any"
)
"""What :func:`read_image` takes."""


@dataclass(frozen=True, eq=False)
class Media:
    """A picture with its origin.

    Attributes:
        image: The picture: upright uint8 sRGB (H, W, 3), read-only.
        sha256: Hex digest of the bytes read; for an array, of its shape and pixels.
        source: Name for the report: the path as it is, the given name, ``<bytes>``, ``<file>`` or ``<array>``.
        warnings: What the reader of a report should know about this input, one sentence each.
        data: The bytes read, for what else stands in them; empty for an array.

    Raises:
        ValueError: ``sha256`` is not 64 hexadecimal digits.
    """

    image: Image
    sha256: str
    source: str
    warnings: tuple[str, ...] = ()
    data: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        if len(self.sha256) != 64 or set(self.sha256) - set("0123456789abcdef"):
            raise ValueError(f"Media.sha256 must be 64 hexadecimal digits, got {self.sha256!r}")


def read_image(
    source: Source, *, limits: Limits = DEFAULT_LIMITS, name: str | None = None, white: float | None = None
) -> Media:
    """Read one picture: JPEG, PNG, WebP, AVIF, GIF, TIFF, BMP, JPEG 2000, ICO, PNM, TGA, QOI, PCX, SGI.

    HEIC is read with the extra ``heic``, JPEG XL with ``jxl``.

    The content decides what it is, not the name. Limits are checked before anything is decoded. Data that
    are cut off or damaged are an error, never a picture with grey bars. Orientation is applied, colours are
    brought to sRGB, 16 bits become 8, transparency is placed on white, and of several frames or pages the
    first is read; what a reader should know of this stands in ``warnings``. Several threads may call it.

    Args:
        source: A path (str or PathLike), the bytes of a file, a binary file object (read from where it
            stands, not closed), a picture of Pillow, an :class:`~fakeweb.types.Image`, or an RGB array
            (H, W, 3), which is copied: uint8, or of another type with ``white``.
        limits: How much the picture may cost.
        name: Name for messages and the report, instead of the path.
        white: For arrays, the value that stands for white: 65535 for most uint16, 1.0 for floats in 0..1.

    Returns:
        The picture, its SHA-256, its name and its warnings.

    Raises:
        Unreadable: Missing, empty, cut off, damaged, or not allowed to be read.
        Unsupported: A video, a document, or a kind of picture that is not read.
        TooLarge: Over a limit.
        Refused: A web address; see :func:`fakeweb.media.fetch_url`.
        MissingExtra: A HEIC or JPEG XL picture, and its extra is not installed.
        BadArgument: A source of another type, an array that is not (H, W, 3), or one whose range is not stated.

    Example:
        >>> import numpy as np
        >>> media = read_image(np.zeros((4, 6, 3), np.uint8))
        >>> media.image.width, media.source
        (6, '<array>')
    """
    raw = name if name is not None else source_name(source)
    reading = Reading(one_line(raw, limit=4096), limits)
    if white is not None and not isinstance(source, np.ndarray):
        raise BadArgument("white is for arrays; files say it themselves", hint="leave it out")
    if isinstance(source, np.ndarray):
        media = _from_pixels(from_array(source, white, reading), reading)
    elif isinstance(source, Image):
        media = _from_pixels(source.pixels, reading)
    elif is_pillow(source):
        media = _from_pillow(source, reading)
    else:
        media = _from_bytes(load(source, reading), reading)
    return replace(media, source=raw)


def _from_bytes(data: bytes, reading: Reading) -> Media:
    format_name = sniff.sniff(data, reading)
    header = formats.read_header(format_name, data, reading)
    pixels, warnings = decode.decode(header, reading)
    mismatch = sniff.suffix_warning(reading.name, format_name)
    return Media(
        image=Image(pixels),
        sha256=hashlib.sha256(data).hexdigest(),
        source=reading.name,
        warnings=((mismatch,) if mismatch else ()) + header.warnings + warnings,
        data=data,
    )


def _from_pillow(source: Any, reading: Reading) -> Media:
    pixels, warnings = from_pillow(source, reading)
    return _from_pixels(pixels, reading, warnings)


def _from_pixels(pixels: UInt8Array, reading: Reading, warnings: tuple[str, ...] = ()) -> Media:
    height, width = pixels.shape[:2]
    digest = hashlib.sha256(f"uint8 {height}x{width}x3\n".encode())
    digest.update(pixels.data)
    return Media(Image(pixels), digest.hexdigest(), reading.name, warnings)


def source_name(source: object) -> str:
    """Return what messages and reports call a source that was given no name."""
    if isinstance(source, str | os.PathLike):
        return os.fsdecode(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return "<bytes>"
    if isinstance(source, np.ndarray | Image):
        return "<array>"
    if is_pillow(source):
        return str(getattr(source, "filename", "")) or "<picture>"
    name = getattr(source, "name", None)
    return name if isinstance(name, str) and name else "<file>"
