"""Vector drawing of lines, areas, dots and words that can be had as SVG or as pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import Final, Literal

import cv2
import numpy as np

from fakeweb.render.paint import PAPER, Ink, blend, dashes, text_mask
from fakeweb.render.style import Colour
from fakeweb.types import Image, UInt8Array

_CAP: Final = 0.72  # height of a capital over the font size
Anchor = Literal["start", "middle", "end"]
Point = tuple[float, float]


@dataclass(frozen=True)
class Area:
    """A filled rectangle (x0, y0, x1, y1)."""

    box: tuple[float, float, float, float]
    colour: Colour
    opacity: float = 1.0


@dataclass(frozen=True)
class Line:
    """A line through points."""

    points: tuple[Point, ...]
    colour: Colour
    width: float = 1.0
    dashed: bool = False


@dataclass(frozen=True)
class Dots:
    """Filled circles."""

    points: tuple[Point, ...]
    colour: Colour
    radius: float = 2.0


@dataclass(frozen=True)
class Words:
    """Text whose baseline starts, ends or is centred at a point."""

    at: Point
    text: str
    colour: Colour
    size: float = 12.0
    anchor: Anchor = "start"


@dataclass(frozen=True)
class Drawing:
    """What to draw, in pixels of a sheet of this size."""

    width: int
    height: int
    title: str
    parts: list[Area | Line | Dots | Words] = field(default_factory=list)

    def to_svg(self) -> str:
        """Return a self-contained SVG."""
        body = "\n".join(_svg(part) for part in self.parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}"'
            f' width="{self.width}" height="{self.height}" font-family="sans-serif" role="img">\n'
            f"<title>{escape(self.title)}</title>\n"
            f'<rect width="{self.width}" height="{self.height}" fill="{_hex(PAPER)}"/>\n{body}\n</svg>\n'
        )

    def to_image(self, scale: int = 2) -> Image:
        """Return the drawing as pixels, ``scale`` times as large; characters beyond ASCII become ``?``."""
        canvas = np.full((self.height * scale, self.width * scale, 3), PAPER, np.uint8)
        for part in self.parts:
            _paint(canvas, part, scale)
        return Image(canvas)


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _svg(part: Area | Line | Dots | Words) -> str:
    fill = _hex(part.colour)
    if isinstance(part, Area):
        x0, y0, x1, y1 = part.box
        return (
            f'<rect x="{x0:.1f}" y="{y0:.1f}" width="{x1 - x0:.1f}" height="{y1 - y0:.1f}" fill="{fill}"'
            f' fill-opacity="{part.opacity:.2f}"/>'
        )
    if isinstance(part, Line):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in part.points)
        dash = ' stroke-dasharray="5 4"' if part.dashed else ""
        return (
            f'<polyline points="{points}" fill="none" stroke="{fill}" stroke-width="{part.width:g}"{dash}/>'
        )
    if isinstance(part, Dots):
        return "".join(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{part.radius:g}" fill="{fill}"/>' for x, y in part.points
        )
    x, y = part.at
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{part.size:g}" fill="{fill}" text-anchor="{part.anchor}">'
        f"{escape(part.text)}</text>"
    )


def _paint(canvas: UInt8Array, part: Area | Line | Dots | Words, scale: int) -> None:
    mask = np.zeros(canvas.shape[:2], np.uint8)
    opacity = 1.0
    if isinstance(part, Area):
        x0, y0, x1, y1 = (round(v * scale) for v in part.box)
        mask[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)] = 255
        opacity = part.opacity
    elif isinstance(part, Line):
        path = np.array(part.points, np.float64).reshape(-1, 2) * scale
        pieces = dashes(path, 9.0 * scale) if part.dashed and len(path) > 1 else [path]
        fixed = [np.rint(p * 16).astype(np.int32) for p in pieces]
        cv2.polylines(mask, fixed, False, 255, max(1, round(part.width * scale)), cv2.LINE_AA, 4)
    elif isinstance(part, Dots):
        for x, y in part.points:
            centre = (round(x * scale * 16), round(y * scale * 16))
            cv2.circle(mask, centre, round(part.radius * scale * 16), 255, -1, cv2.LINE_AA, 4)
    else:
        _write(mask, part, scale)
    if mask.any():
        blend(canvas, (0, 0, canvas.shape[1], canvas.shape[0]), [Ink(mask, part.colour, opacity)])


def _write(mask: UInt8Array, words: Words, scale: int) -> None:
    cap = max(5, round(words.size * _CAP * scale))
    text = text_mask("".join(c if " " <= c <= "~" else "?" for c in words.text), cap)
    if not text.any():
        return
    share = {"start": 0.0, "middle": 0.5, "end": 1.0}[words.anchor]
    left = max(0, round(words.at[0] * scale - share * text.shape[1]))
    top = max(0, round(words.at[1] * scale) - cap - max(1, round(cap * 0.135)))
    wide, tall = min(text.shape[1], mask.shape[1] - left), min(text.shape[0], mask.shape[0] - top)
    if wide > 0 and tall > 0:
        mask[top : top + tall, left : left + wide] = text[:tall, :wide]
