"""The one description of how faces are drawn; the page and the extension take theirs from the same file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Colour = tuple[int, int, int]
"""RGB, each 0 to 255."""


@dataclass(frozen=True)
class Pen:
    """How a kind of line is drawn; pairs hold at the line (``Thresholds.fake``) and at P(fake) = 1.

    Attributes:
        width: As a share of the face's size.
        least_px: No line is thinner than so many pixels of the picture.
        opacity: In [0, 1].
        rim: Width of the dark rim behind the line, in widths of the line.
        rim_opacity: In [0, 1].
    """

    width: tuple[float, float]
    least_px: float
    opacity: tuple[float, float]
    rim: float
    rim_opacity: tuple[float, float]

    def width_px(self, size_px: float, strength: float) -> float:
        """Return the width of the line on a face of this size (root of its box's area) in pixels.

        Example:
            >>> round(STYLE.net.width_px(1000.0, 1.0), 3), STYLE.net.width_px(30.0, 1.0)
            (3.0, 0.8)
        """
        return max(self.least_px, between(self.width, strength) * min(size_px, STYLE.widest_px))


@dataclass(frozen=True)
class Style:
    """All numbers of ``style.json``, which says what they mean."""

    reach: float
    widest_px: float
    dark: Colour
    paper: Colour
    neutral: Colour
    ramp: tuple[tuple[float, Colour], ...]
    contours: Pen
    net: Pen
    inner_px: tuple[float, float]
    inner_least: float
    net_from_px: float
    net_full_length: float
    outline: Pen
    outline_radius: float
    dash_period: float
    dash_least_px: float
    dash_drawn: float

    def inner_share(self, size_px: float) -> float:
        """Return how strong the contours inside the oval are: less on a small face, which they would cover.

        Example:
            >>> STYLE.inner_share(80.0), STYLE.inner_share(400.0)
            (0.5, 1.0)
        """
        low, high = self.inner_px
        return min(1.0, max(self.inner_least, (size_px - low) / (high - low)))

    def net_shares(
        self, lengths_px: npt.NDArray[np.float64], size_px: float, strength: float
    ) -> npt.NDArray[np.float64]:
        """Return how strong each side of the net is, (n,): short sides lie close together and would cover the face.

        Args:
            lengths_px: (n,) how long they are.
            size_px: Root of the area of the face's box.
            strength: Of the colour, in [0, 1].

        Example:
            >>> STYLE.net_shares(np.array([0.0, 8.0, 99.0]), 100.0, 1.0).round(3).tolist()
            [0.0, 0.5, 1.0]
        """
        full_px = self.net_full_length * self.net.width_px(size_px, strength)
        return np.minimum(1.0, lengths_px / full_px)


def between(pair: tuple[float, float], strength: float) -> float:
    """Return the value at a strength in [0, 1] on the way from the first of a pair to the second.

    Example:
        >>> between((0.5, 1.0), 0.5)
        0.75
    """
    return pair[0] + (pair[1] - pair[0]) * strength


def _read(data: dict[str, Any]) -> Style:
    colours = {name: _colour(value) for name, value in data["colours"].items()}
    return Style(
        reach=data["reach"],
        widest_px=data["widest_px"],
        dark=colours["dark"],
        paper=colours["paper"],
        neutral=colours["neutral"],
        ramp=tuple((at, _colour(value)) for at, value in data["ramp"]),
        contours=_pen(data["contours"]),
        net=_pen(data["net"]),
        inner_px=(data["inner_px"][0], data["inner_px"][1]),
        inner_least=data["inner_least"],
        net_from_px=data["net_from_px"],
        net_full_length=data["net_full_length"],
        outline=_pen(data["outline"]),
        outline_radius=data["outline_radius"],
        dash_period=data["dash"]["period"],
        dash_least_px=data["dash"]["least_px"],
        dash_drawn=data["dash"]["drawn"],
    )


def _colour(values: list[int]) -> Colour:
    red, green, blue = values
    return red, green, blue


def _pen(data: dict[str, Any]) -> Pen:
    pairs = {name: tuple(data[name]) for name in ("width", "opacity", "rim_opacity")}
    return Pen(least_px=data["least_px"], rim=data["rim"], **pairs)


STYLE: Final = _read(json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8")))
