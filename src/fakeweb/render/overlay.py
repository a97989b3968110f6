"""Draws a report over its picture: meshes on fake faces, dashes round uncertain ones, real ones untouched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fakeweb.errors import BadArgument
from fakeweb.media import read_image
from fakeweb.render.fit import PlacedMesh, place_mesh
from fakeweb.render.labels import (
    NEUTRAL,
    NOTE,
    Plate,
    as_rects,
    cap_px,
    choose_spot,
    draw_plate,
    note_spot,
    wordings,
)
from fakeweb.render.paint import (
    DARK,
    PAPER,
    Ink,
    Points,
    Rect,
    blend,
    dashes,
    ramp,
    rounded_rectangle,
    stroke,
)
from fakeweb.render.style import STYLE, Colour, Pen, between
from fakeweb.types import Box, FaceResult, Image, Report, UInt8Array

REACH = STYLE.reach
"""Meshes and outlines stay within the face box grown by this share of its longer side."""

_NOTE_MIN_WIDTH_PX = 200
_FORBIDDEN = 50.0
"""Weight of ground that no label may take: real faces and other labels. Other drawn faces weigh 1."""
_TOO_CROWDED = 2.5
"""Cost at which a label gives way to a shorter one, and the shortest to none."""


def overlay(image: Any, report: Report, *, opacity: float = 1.0) -> Image:
    """Draw what a report says over its picture.

    Fake faces get the lines of a face mesh, amber and light near the threshold, red and full near certainty, never
    a filled area; uncertain ones a dashed outline; real ones nothing: every pixel inside the box of a real face is
    the one that came in, even where the mesh of a neighbour would cross it. Nothing is drawn farther than
    :data:`REACH` from a fake or uncertain face, save its label next to it and, where a mesh was fitted rather than
    measured, a note at the bottom edge.

    Args:
        image: The picture that was scanned: an Image, or what :func:`fakeweb.read_image` takes.
        report: Its report; boxes, points and meshes in pixels of this picture, also beyond its borders.
        opacity: How strongly to draw, from 0 (nothing) to 1.

    Returns:
        A new picture, uint8 RGB (H, W, 3). The input is not touched.

    Raises:
        BadArgument: ``opacity`` lies outside [0, 1], or the report is about a picture of another size.
        MediaError: The picture cannot be read.

    Example:
        >>> from fakeweb.types import Thresholds, Verdict
        >>> picture = Image(np.zeros((4, 6, 3), np.uint8))
        >>> t = Thresholds(real=0.4, fake=0.6)
        >>> report = Report("a.png", Verdict("no_face"), 6, 4, (), t, "haar", (), "0" * 64)
        >>> bool((overlay(picture, report).pixels == picture.pixels).all())
        True
    """
    if not 0.0 <= opacity <= 1.0:
        raise BadArgument(
            f"opacity must lie in [0, 1], got {opacity!r}", hint="1 draws as strongly as it can"
        )
    if not isinstance(report, Report):
        raise BadArgument(
            f"the report must be a Report, got {type(report).__name__}", hint="overlay(picture, report)"
        )
    image = image if isinstance(image, Image) else read_image(image).image
    if (report.width, report.height) != (image.width, image.height):
        raise BadArgument(
            f"the report is about a picture of {report.width} x {report.height} pixels, "
            f"got one of {image.width} x {image.height}",
            hint="give the picture that was scanned, at the size of the report",
        )
    canvas = image.pixels.copy()
    if opacity > 0.0:
        _draw(canvas, report, opacity)
        for x0, y0, x1, y1 in _boxes(report.faces, "real", canvas):
            canvas[y0:y1, x0:x1] = image.pixels[y0:y1, x0:x1]
    return Image(canvas)


def _draw(canvas: UInt8Array, report: Report, opacity: float) -> None:
    """Draw the uncertain faces, then the fake ones, the surest on top, then the labels."""
    uncertain = [f for f in report.faces if f.verdict.label == "uncertain"]
    fake = sorted(
        (f for f in report.faces if f.verdict.label == "fake"), key=lambda f: f.verdict.p_fake or 0.0
    )
    for result in uncertain:
        _draw_outline(canvas, result.face.box, opacity)
    approximate = False
    for result in fake:
        placed = place_mesh(result.face)
        drawn = _draw_mesh(canvas, result, placed, _strength(result, report), opacity)
        approximate = approximate or (drawn and placed.approximate)
    _draw_labels(canvas, report, [*reversed(fake), *uncertain], opacity, note=approximate)


def _strength(result: FaceResult, report: Report) -> float:
    """Return how far P(fake) stands above the threshold, as a share of the way to 1."""
    start = report.thresholds.fake
    p_fake = result.verdict.p_fake if result.verdict.p_fake is not None else start
    return float(np.clip((p_fake - start) / max(1.0 - start, 1e-9), 0.0, 1.0)) if start < 1.0 else 1.0


def _size_px(box: Box) -> float:
    return float(np.sqrt((box[2] - box[0]) * (box[3] - box[1])))


def _within(box: Box, canvas: UInt8Array, grow: float = 0.0) -> Rect | None:
    """Return the box, grown by a share of its longer side, in whole pixels of the canvas; None if outside."""
    margin = grow * max(box[2] - box[0], box[3] - box[1])
    height, width = canvas.shape[:2]
    x0, y0 = max(0.0, np.floor(box[0] - margin)), max(0.0, np.floor(box[1] - margin))
    x1, y1 = min(float(width), np.ceil(box[2] + margin)), min(float(height), np.ceil(box[3] + margin))
    return (int(x0), int(y0), int(x1), int(y1)) if x0 < x1 and y0 < y1 else None


def _boxes(faces: Sequence[FaceResult], label: str, canvas: UInt8Array) -> list[Rect]:
    found = (_within(f.face.box, canvas) for f in faces if f.verdict.label == label)
    return [rect for rect in found if rect is not None]


def _draw_mesh(
    canvas: UInt8Array, result: FaceResult, mesh: PlacedMesh, strength: float, opacity: float
) -> bool:
    """Draw one mesh; return whether any of it can lie inside the picture."""
    box = result.face.box
    at = _within(box, canvas, REACH)
    if at is None:
        return False
    size_px = _size_px(box)
    origin = np.array(at[:2], np.float64)

    oval, inner = mesh.contours()
    contours = [line - origin for line in (*oval, *inner)]
    shares = np.repeat([1.0, STYLE.inner_share(size_px)], [len(oval), len(inner)])
    drawn = (size_px, strength, ramp(strength), opacity)
    rim, lines = _inks(at, contours, STYLE.contours, *drawn, shares)
    net: tuple[Ink, ...] = ()
    if size_px >= STYLE.net_from_px:
        sides = mesh.net() - origin
        lengths = np.linalg.norm(sides[:, 1] - sides[:, 0], axis=1)
        net = _inks(at, sides, STYLE.net, *drawn, STYLE.net_shares(lengths, size_px, strength))
    blend(canvas, at, [rim, *net, lines])
    return True


def _inks(
    at: Rect,
    lines: Sequence[Points] | Points,
    pen: Pen,
    size_px: float,
    strength: float,
    colour: Colour,
    opacity: float,
    shares: npt.NDArray[np.float64] | None = None,
) -> tuple[Ink, Ink]:
    """Return the dark rim behind some lines, and the lines."""
    size, width_px = (at[2] - at[0], at[3] - at[1]), pen.width_px(size_px, strength)
    rim = stroke(size, lines, pen.rim * width_px, shares)
    return (
        Ink(rim, DARK, between(pen.rim_opacity, strength) * opacity),
        Ink(stroke(size, lines, width_px, shares), colour, between(pen.opacity, strength) * opacity),
    )


def _draw_outline(canvas: UInt8Array, box: Box, opacity: float) -> None:
    """Draw a dashed rounded rectangle just outside a box: white on a dark rim, legible on anything."""
    at = _within(box, canvas, REACH)
    if at is None:
        return
    size_px = _size_px(box)
    width, height = box[2] - box[0], box[3] - box[1]
    path = rounded_rectangle(width, height, STYLE.outline_radius * width)
    path = path + np.subtract(box[:2], at[:2]) - 0.5  # from the corners of pixels to their middles
    pieces = dashes(path, max(STYLE.dash_least_px, STYLE.dash_period * size_px))
    blend(canvas, at, _inks(at, pieces, STYLE.outline, size_px, 0.0, PAPER, opacity))


def _draw_labels(
    canvas: UInt8Array, report: Report, faces: Sequence[FaceResult], opacity: float, *, note: bool
) -> None:
    """Place and draw the note and the labels: first come, first served, none over a real face or another."""
    picture = (canvas.shape[0], canvas.shape[1])
    others = [rect for f in faces if (rect := _within(f.face.box, canvas)) is not None]
    kept = _boxes(report.faces, "real", canvas)
    if note and picture[1] >= _NOTE_MIN_WIDTH_PX:
        plate = Plate.of(NOTE, max(6, round(0.55 * cap_px(picture))), None)
        spot = note_spot(plate.size, picture, as_rects([*kept, *others]))
        draw_plate(canvas, plate, spot, opacity, faint=True)
        kept.append(_with_gap(spot))
    for result in faces:
        around = _within(result.face.box, canvas)
        if around is not None:
            avoid = as_rects([*kept, *others])
            weights = np.repeat([_FORBIDDEN, 1.0], [len(kept), len(others)])
            kept += _draw_label(canvas, result, _accent(result, report), around, (avoid, weights), opacity)


def _draw_label(
    canvas: UInt8Array,
    result: FaceResult,
    accent: Colour,
    around: Rect,
    avoid: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    opacity: float,
) -> list[Rect]:
    """Draw the fullest label that finds a place; return the ground it takes, in a list that may be empty."""
    picture = (canvas.shape[0], canvas.shape[1])
    for words in wordings(result):
        plate = Plate.of(words, cap_px(picture, result.face.height_px), accent)
        spot, cost = choose_spot(plate.size, around, picture, *avoid)
        if cost < _TOO_CROWDED:
            draw_plate(canvas, plate, spot, opacity)
            return [_with_gap(spot)]
    return []


def _accent(result: FaceResult, report: Report) -> Colour:
    return NEUTRAL if result.verdict.label == "uncertain" else ramp(_strength(result, report))


def _with_gap(rect: Rect) -> Rect:
    gap = max(2, (rect[3] - rect[1]) // 6)
    return rect[0] - gap, rect[1] - gap, rect[2] + gap, rect[3] + gap
