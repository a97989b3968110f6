"""How large an input may be, and the one place that says so to the user."""

from __future__ import annotations

from dataclasses import dataclass, fields

from fakeweb.errors import TooLarge, Unreadable, Unsupported


@dataclass(frozen=True)
class Limits:
    """How much one input may cost; every limit is checked before a pixel is decoded.

    Attributes:
        max_bytes: Size of the file or download, in bytes.
        max_pixels: Width times height. Pillow's own process-wide ceiling (``PIL.Image.MAX_IMAGE_PIXELS``, by
            default 89 million) holds as well.
        max_side_px: The longer side, in pixels.
        max_clip_bytes: Size of a clip, in bytes.
        max_duration_s: How long a clip may last, in seconds.

    Raises:
        TypeError: A limit is not an int.
        ValueError: A limit is below 1.

    Example:
        >>> Limits(max_pixels=1_000_000).max_bytes
        67108864
    """

    max_bytes: int = 64 * 1024 * 1024
    max_pixels: int = 80_000_000
    max_side_px: int = 30_000
    max_clip_bytes: int = 16 * 1024**3
    max_duration_s: int = 6 * 3600

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"Limits.{field.name} must be an int, got {value!r}")
            if value < 1:
                raise ValueError(f"Limits.{field.name} must be at least 1, got {value}")


DEFAULT_LIMITS = Limits()
"""The limits where none are given."""


@dataclass(frozen=True)
class Reading:
    """The picture being read: its name and its limits, and the errors that name it."""

    name: str
    limits: Limits

    def check_bytes(self, count: int) -> None:
        """Raise TooLarge for more bytes than allowed."""
        if count > self.limits.max_bytes:
            raise TooLarge(
                f"{self.name} is larger than the limit of {self.limits.max_bytes:,} bytes",
                hint="give a smaller file, or raise Limits.max_bytes",
            )

    def check_size(self, width: int, height: int) -> None:
        """Raise for a size from a header that is empty or over a limit."""
        if width < 1 or height < 1:
            raise self.broken(f"its header gives the size {width} x {height}")
        limits = self.limits
        if max(width, height) > limits.max_side_px:
            raise TooLarge(
                f"{self.name} is {width} x {height} pixels; a side may have {limits.max_side_px:,}",
                hint="scale the picture down, or raise Limits.max_side_px",
            )
        if width * height > limits.max_pixels:
            raise TooLarge(
                f"{self.name} has {width * height:,} pixels; the limit is {limits.max_pixels:,}",
                hint="scale the picture down, or raise Limits.max_pixels",
            )

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


def one_line(text: object, limit: int = 200) -> str:
    """Return text on one line without control characters, cut to ``limit`` characters."""
    line = "".join(c if c.isprintable() else " " for c in str(text))
    return line if len(line) <= limit else line[: limit - 1] + "…"
