"""Input limits: how large an input may be, and the one place that says so to the user."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, fields

from fakeweb.errors import BadArgument, TooLarge, Unreadable, Unsupported, readable


@dataclass(frozen=True)
class Limits:
    """How much one input may cost; every limit is checked before a pixel is decoded.

    Attributes:
        max_bytes: Size of the file or download, in bytes.
        max_pixels: Width times height. A JPEG that has more is read at a half or a quarter of its size; other
            formats are refused. A process-wide ceiling that an application sets
            (``PIL.Image.MAX_IMAGE_PIXELS``) holds as well.
        max_side_px: The longer side, in pixels; as ``max_pixels``.
        max_clip_bytes: Size of a clip, in bytes.
        max_duration_s: How long a clip may last, in seconds.
        max_decode_s: How long decoding a picture may take, in seconds; reckoned beforehand by
            :mod:`fakeweb.media.cost`, and held wherever a decoder asks for more data.

    Raises:
        BadArgument: A limit is not an int, or below 1.

    Example:
        >>> Limits(max_pixels=1_000_000).max_bytes
        67108864
    """

    max_bytes: int = 64 * 1024 * 1024
    max_pixels: int = 80_000_000
    max_side_px: int = 30_000
    max_clip_bytes: int = 16 * 1024**3
    max_duration_s: int = 6 * 3600
    max_decode_s: int = 300

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise BadArgument(
                    f"Limits.{one.name} must be an int, got {value!r}", hint="such as 100_000_000"
                )
            if value < 1:
                raise BadArgument(f"Limits.{one.name} must be at least 1, got {value}")

    @classmethod
    def of_megapixels(cls, megapixels: float) -> Limits:
        """Return limits that let pictures of so many million pixels pass, whatever their form and format.

        Example:
            >>> Limits.of_megapixels(120).max_pixels
            120000000
        """
        pixels = max(1, round(megapixels * 1_000_000))
        return cls(
            max_bytes=max(cls.max_bytes, pixels * _MOST_BYTES_PER_PIXEL),
            max_pixels=pixels,
            max_side_px=max(cls.max_side_px, _LONGEST_SIDE_PX),
        )


_MOST_BYTES_PER_PIXEL = 8  # four channels of 16 bits
_LONGEST_SIDE_PX = 65_535
_MORE = "raise the limit (--max-megapixels; in Python Limits.{0}, of a service its setting {0})"
_REDUCTIONS = (2, 4)  # what libjpeg decodes to at once
_MOST_REDUCED = 8
_MOST_REDUCED_IN_MEMORY = 2.5
"""JPEGs may have so many times the pixels of the limit: read row by row, or held whole, as progressive ones are."""

DEFAULT_LIMITS = Limits()
"""The limits where none are given."""


@dataclass(frozen=True)
class Reading:
    """The picture being read: its name and its limits, and the errors that name it."""

    name: str
    limits: Limits
    begun_s: float = field(default_factory=time.monotonic)

    def check_time(self, more_s: float = 0.0) -> None:
        """Raise TooLarge where so many seconds more would be too many."""
        if time.monotonic() - self.begun_s + more_s > self.limits.max_decode_s:
            raise TooLarge(
                f"{self.name} takes more than {self.limits.max_decode_s} seconds to decode",
                hint="save it anew as an ordinary JPEG or PNG, or scale it down",
            )

    def check_bytes(self, count: int) -> None:
        """Raise TooLarge for more bytes than allowed."""
        if count > self.limits.max_bytes:
            raise TooLarge(
                f"{self.name} is larger than the limit of {self.limits.max_bytes:,} bytes",
                hint=f"give a smaller file, or {_MORE.format('max_bytes')}",
            )

    def check_size(self, width: int, height: int) -> None:
        """Raise for a size from a header that is empty or over a limit."""
        if width < 1 or height < 1:
            raise self.broken(f"its header gives the size {width} x {height}")
        limits = self.limits
        if max(width, height) > limits.max_side_px:
            raise TooLarge(
                f"{self.name} is {width} x {height} pixels; a side may have {limits.max_side_px:,}",
                hint=f"scale the picture down, or {_MORE.format('max_side_px')}",
            )
        if width * height > limits.max_pixels:
            raise TooLarge(
                f"{self.name} has {width * height:,} pixels; the limit is {limits.max_pixels:,}",
                hint=f"scale the picture down, or {_MORE.format('max_pixels')}",
            )

    def reduction(self, width: int, height: int, *, in_memory: bool) -> int:
        """Return by how much a JPEG is to be reduced while it is decoded: 1 where it is within the limits.

        Args:
            width: Its columns.
            height: Its rows.
            in_memory: Whether the decoder holds all of it at full size, as progressive ones ask for.

        Raises:
            TooLarge: It is over the limits even so, or would take too much memory or time.
        """
        limits = self.limits
        most = limits.max_pixels * (_MOST_REDUCED_IN_MEMORY if in_memory else _MOST_REDUCED)
        if width * height <= most:
            for by in (1, *_REDUCTIONS):
                size = reduced(width, by), reduced(height, by)
                if max(size) <= limits.max_side_px and size[0] * size[1] <= limits.max_pixels:
                    return by
        self.check_size(width, height)
        raise AssertionError("a picture over the limits is within them")  # pragma: no cover

    def broken(self, reason: str) -> Unreadable:
        """Build the error for damaged data; ``reason`` is a clause such as "its header is damaged"."""
        return Unreadable(
            f"{self.name} is damaged: {one_line(reason)}",
            hint="copy or download it again; if it opens elsewhere, save it anew there",
        )

    def cut(self, kind: str) -> Unreadable:
        """Build the error for data that end too early."""
        return Unreadable(
            f"{self.name} is incomplete: the {kind} data end too early",
            hint="copy or download the file again",
        )

    def unsupported(
        self, what: str, hint: str = "convert the picture to an 8-bit JPEG or PNG"
    ) -> Unsupported:
        """Build the error for a feature that is not read."""
        return Unsupported(f"{self.name} is {one_line(what)}, which FakeWeb does not read", hint=hint)


def reduced(side_px: int, by: int) -> int:
    """Return a side of a reduced picture, as libjpeg rounds."""
    return -(-side_px // by)


def one_line(text: object, limit: int = 200) -> str:
    """Return text on one line without control characters, cut to ``limit`` characters."""
    line = "".join(c if c.isprintable() else " " for c in readable(str(text)))
    return line if len(line) <= limit else line[: limit - 1] + "…"
