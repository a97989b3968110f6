"""The one way in: a source -> :class:`Media`."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field, replace
from typing import BinaryIO, TypeAlias

import numpy as np

from fakeweb.media import decode, formats, sniff
from fakeweb.media.limits import DEFAULT_LIMITS, Limits, Reading, one_line
from fakeweb.media.source import load
from fakeweb.types import Image, UInt8Array

Source: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | UInt8Array"
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


def read_image(source: Source, *, limits: Limits = DEFAULT_LIMITS, name: str | None = None) -> Media:
    """Read one picture: JPEG, PNG, WebP, AVIF, GIF, TIFF, BMP, JPEG 2000, ICO, PNM, TGA, QOI, PCX, SGI.

    HEIC is read with the extra ``heic``, JPEG XL with ``jxl``.

    The content decides what it is, not the name. Limits are checked before anything is decoded. Data that
    are cut off or damaged are an error, never a picture with grey bars. Orientation is applied, colours are
    brought to sRGB, 16 bits become 8, transparency is placed on white, and of several frames or pages the
    first is read; what a reader should know of this stands in ``warnings``. Several threads may call it.

    Args:
        source: A path (str or PathLike), the bytes of a file, a binary file object (read from where it
            stands, not closed), or a uint8 RGB array (H, W, 3), which is copied.
        limits: How much the picture may cost.
        name: Name for messages and the report, instead of the path.

    Returns:
        The picture, its SHA-256, its name and its warnings.

    Raises:
        Unreadable: Missing, empty, cut off, damaged, or not allowed to be read.
        Unsupported: A video, a document, or a kind of picture that is not read.
        TooLarge: Over a limit.
        Refused: A web address; see :func:`fakeweb.media.fetch_url`.
        MissingExtra: A HEIC or JPEG XL picture, and its extra is not installed.
        TypeError: A source of another type, or an array that is not uint8.
        ValueError: An array that is not (H, W, 3).

    Example:
        >>> import numpy as np
        >>> media = read_image(np.zeros((4, 6, 3), np.uint8))
        >>> media.image.width, media.source
        (6, '<array>')
    """
    raw = name if name is not None else source_name(source)
    reading = Reading(one_line(raw, limit=4096), limits)
    if isinstance(source, np.ndarray):
        media = _from_array(source, reading)
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


def _from_array(array: UInt8Array, reading: Reading) -> Media:
    _check_layout(array)
    height, width = array.shape[:2]
    reading.check_size(width, height)
    pixels = np.array(array, order="C", copy=True, subok=False)
    digest = hashlib.sha256(f"uint8 {height}x{width}x3\n".encode())
    digest.update(pixels.data)
    return Media(Image(pixels), digest.hexdigest(), reading.name)


def _check_layout(array: UInt8Array) -> None:
    """Refuse every array that is not uint8 RGB, saying how to convert it: layouts are never guessed."""
    got = f"got {array.dtype} {array.shape}"
    want = "an array must be uint8 RGB of shape (H, W, 3)"
    if array.dtype != np.uint8:
        how = "(x * 255).round().astype(np.uint8)" if array.dtype.kind == "f" else "x.astype(np.uint8)"
        raise TypeError(f"{want}, {got}; scale it to 0..255, for example {how}")
    if array.ndim == 2:
        raise ValueError(f"{want}, {got}; make grey RGB with np.repeat(x[:, :, None], 3, axis=2)")
    if array.ndim == 4:
        raise ValueError(f"{want}, {got}; give one picture at a time: x[0]")
    if array.ndim == 3 and array.shape[2] == 4:
        raise ValueError(f"{want}, {got}; drop the alpha channel with x[:, :, :3]")
    if array.ndim == 3 and array.shape[0] == 3 and array.shape[2] != 3:
        raise ValueError(f"{want}, {got}; put the channels last with x.transpose(1, 2, 0)")
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise ValueError(f"{want}, {got}")


def source_name(source: object) -> str:
    """Return what messages and reports call a source that was given no name."""
    if isinstance(source, str | os.PathLike):
        return os.fsdecode(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return "<bytes>"
    if isinstance(source, np.ndarray):
        return "<array>"
    name = getattr(source, "name", None)
    return name if isinstance(name, str) and name else "<file>"
