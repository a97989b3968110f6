"""Draw the icons: a face, half of it under a mesh. ``python extension/icons/draw.py``."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageDraw

FINE = 1024
NIGHT, SKIN, LINE, AMBER, RED = (23, 25, 34), (244, 240, 232), (23, 25, 34), (255, 176, 40), (236, 46, 52)
CENTRE, RADII = (512, 520), (285, 372)


def oval(angle: float, share: float = 1.0) -> tuple[float, float]:
    """Return a point of the face's outline, narrower towards the chin."""
    x, y = math.cos(angle), math.sin(angle)
    narrow = 1 - 0.16 * max(0.0, y)
    return CENTRE[0] + share * RADII[0] * narrow * x, CENTRE[1] + share * RADII[1] * y


def draw(side: int) -> Image.Image:
    """Return the icon at a size in pixels; small ones get fewer and heavier lines."""
    picture = Image.new("RGBA", (FINE, FINE), (0, 0, 0, 0))
    pen = ImageDraw.Draw(picture)
    pen.rounded_rectangle((16, 16, FINE - 16, FINE - 16), 230, fill=NIGHT)
    pen.polygon([oval(math.tau * i / 180) for i in range(180)], fill=SKIN)
    small = side <= 32
    width = {16: 74, 32: 46}.get(side, 24)
    rings = (0.5, 1.0) if small else (0.38, 0.7, 1.0)
    steps = 4 if small else 6
    points = [[oval(-math.pi / 2 + math.pi * i / steps, ring) for i in range(steps + 1)] for ring in rings]
    for ring, line in enumerate(points):
        for start, end in pairwise(line):
            pen.line((start, end), fill=shade(ring / (len(rings) - 1)), width=width)
    for i in range(steps + 1):
        spoke = [CENTRE, *(line[i] for line in points)]
        pen.line(spoke, fill=AMBER if i % 2 else RED, width=width, joint="curve")
    if not small:
        for inner, outer in pairwise(points):
            for i in range(steps):
                pen.line((inner[i], outer[i + 1]), fill=shade(0.5), width=width - 6)
        for point in (p for line in points for p in line):
            dot(pen, point, 26, RED)
    eye = 62 if small else 44
    dot(pen, (CENTRE[0] - 120, CENTRE[1] - 70), eye, LINE)
    if not small:
        pen.arc(
            (CENTRE[0] - 150, CENTRE[1] + 90, CENTRE[0] + 60, CENTRE[1] + 220), 40, 140, fill=LINE, width=28
        )
    return picture.resize((side, side), Image.Resampling.LANCZOS)


def shade(share: float) -> tuple[int, int, int]:
    """Return a colour between amber and red."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(AMBER, RED, strict=True))
    return red, green, blue


def dot(
    pen: ImageDraw.ImageDraw, at: tuple[float, float], radius: float, colour: tuple[int, int, int]
) -> None:
    """Draw a filled circle."""
    pen.ellipse((at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius), fill=colour)


if __name__ == "__main__":
    for side in (16, 32, 48, 128):
        draw(side).save(Path(__file__).parent / f"{side}.png", optimize=True)
