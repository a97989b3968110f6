"""Figures of a report in words, the same in the terminal, the demo and HTML reports."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Final

from fakeweb.types import FaceResult, Rarity

_RARE = 3.0
OBEYED: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""What terminals obey, or what turns the direction of reading, but for line feeds."""
_WINDOWS_FOLDER: Final = re.compile(
    r"\\(?!x[0-9a-f]{2}|u[0-9a-f]{4})"
)  # not what readable() writes for a byte


def percent(p_fake: float) -> str:
    """Return P(fake) in whole per cent, never 0 or 100: a probability is no certainty.

    Example:
        >>> percent(0.9996)
        '99 %'
    """
    return f"{min(99, max(1, round(100 * p_fake)))} %"


def clock(time_s: float, step_s: float = 1.0) -> str:
    """Return a time as people read it.

    Example:
        >>> clock(3.5, 0.5), clock(75), clock(3661)
        ('3.5 s', '1:15', '1:01:01')
    """
    if time_s < 60 and step_s < 60:
        return f"{time_s:.1f} s" if step_s < 1 else f"{time_s:.0f} s"
    whole = round(time_s)
    hours, minutes, seconds = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def file_name(source: str) -> str:
    """Return the name of a source without folders, and of an address without what follows ``?``.

    Characters that would turn the text around it become ``?``.

    Example:
        >>> file_name("/home/me/private/photo.jpg"), file_name("https://example.org/a/b.png?token=1")
        ('photo.jpg', 'b.png')
    """
    if source.lower().startswith(("http://", "https://")):
        source = source.partition("?")[0].partition("#")[0]
    name = PurePath(_WINDOWS_FOLDER.sub("/", source)).name
    return OBEYED.sub("?", name or source)


def rarity_words(rarity: Rarity) -> str:
    """Say how rare a score is among genuine faces.

    Example:
        >>> print(rarity_words(Rarity(240.0, (110.0, 900.0), 3310)))
        Of the 3,310 genuine faces it was measured on, about 1 in 240 scored as high; on other cameras and websites it \
can be several times more.
    """
    about = "at most" if rarity.one_in >= 0.999 * rarity.measured_on / 3 else "about"
    share = (
        f"1 in {_rounded(rarity.one_in)}" if rarity.one_in >= _RARE else f"{100 / rarity.one_in:.0f} in 100"
    )
    return (
        f"Of the {rarity.measured_on:,} genuine faces it was measured on, {about} {share} scored as high; on other "
        "cameras and websites it can be several times more."
    )


def stands_out(result: FaceResult) -> bool:
    """Tell whether a face stands out from the others of its picture."""
    return result.neighbours is not None and result.neighbours.one_in is not None


def stretch_words(result: FaceResult) -> str:
    """Say when a person looks manipulated; nothing for pictures, and where it is never so.

    Example:
        >>> from fakeweb.types import Face, Stretch, Verdict
        >>> face, verdict = Face((0, 0, 9, 9)), Verdict("fake", 0.97)
        >>> stretch_words(FaceResult(face, verdict, stretches=(Stretch(3.0, 6.2, 0.97), Stretch(9, 11, 0.9))))
        'from 3.0 s to 6.2 s, from 9.0 s to 11.0 s'
    """
    return ", ".join(f"from {clock(s.from_s, 0.1)} to {clock(s.to_s, 0.1)}" for s in result.stretches or ())


def _rounded(count: float) -> str:
    """Return a count with two digits that count: 7, 37, 240, 1,100."""
    return f"{round(count, 2 - len(str(int(count)))):,.0f}"
