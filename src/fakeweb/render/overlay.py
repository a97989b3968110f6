"""Draws a report over its picture: meshes on fake faces, dashes round uncertain ones, real ones untouched."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fakeweb.render.evidence import evidence_on_triangles, paint_triangles
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
    Colour,
    Ink,
    Rect,
    blend,
    dashes,
    ramp,
    rounded_rectangle,
    spread,
    stroke,
)
from fakeweb.types import Box, FaceResult, Image, Report, UInt8Array

REACH = 0.2
"""Meshes and outlines stay within the face box grown by this share of its longer side."""

_CONTOURS_ONLY_PX = 56.0
_WHOLE_NET_PX = 260.0
"""Between these sizes the net grows from a hint to its full strength: close lines would cover a small face."""
_WIDEST_PX = 3000.0
"""Lines grow with the face up to this size."""
_NOTE_MIN_WIDTH_PX = 200
_FORBIDDEN = 50.0
"""Weight of ground that no label may take: real faces and other labels. Other drawn faces weigh 1."""
_TOO_CROWDED = 2.5
"""Cost at which a label gives way to a shorter one, and the shortest to none."""


def overlay(image: Image, report: Report, *, opacity: float = 1.0) -> Image:
    """Draw what a report says over its picture.

    Fake faces get a face mesh, amber near the threshold and red near certainty; uncertain ones a dashed
    outline; real ones nothing: every pixel inside the box of a real face is the one that came in, even where
    the mesh of a neighbour would cross it. Nothing is drawn farther than :data:`REACH` from a fake or
    uncertain face, save its label next to it and, where a mesh was fitted rather than measured, a note at the
    bottom edge.

    Args:
        image: The picture that was scanned, uint8 RGB (H, W, 3).
        report: Its report; boxes, points and meshes in pixels of this picture, also beyond its borders.
        opacity: How strongly to draw, from 0 (nothing) to 1.

    Returns:
        A new picture, uint8 RGB (H, W, 3). The input is not touched.

    Raises:
        ValueError: ``opacity`` lies outside [0, 1], or the report is about a picture of another size.

    Example:
        >>> from fakeweb.types import Thresholds, Verdict
        >>> picture = Image(np.zeros((4, 6, 3), np.uint8))
        >>> t = Thresholds(real=0.4, fake=0.6)
        >>> report = Report("a.png", Verdict("no_face"), 6, 4, (), t, "haar", (), "0" * 64)
        >>> bool((overlay(picture, report).pixels == picture.pixels).all())
        True
    """
    if not 0.0 <= opacity <= 1.0:
        raise ValueError(f"opacity must lie in [0, 1], got {opacity!r}")
    if (report.width, report.height) != (image.width, image.height):
        raise ValueError(
            f"the report is about a picture of {report.width} x {report.height} pixels, "
            f"got one of {image.width} x {image.height}"
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
    fine, bold = _widths(size_px, strength)
    origin = np.array(at[:2], np.float64)
    contours = [line - origin for line in mesh.contours()]
    sides = mesh.net() - origin
    if size_px < _CONTOURS_ONLY_PX:
        sides = sides[:0]
    masks = [np.zeros((at[3] - at[1], at[2] - at[0]), np.uint8) for _ in range(4)]
    halo, net, lines, fill = masks
    halo_px = max(1, round(0.6 * bold))
    stroke(halo, contours, bold + 2 * halo_px)
    if len(sides):
        stroke(net, sides, fine)
    stroke(lines, contours, bold)
    colour = ramp(strength)
    layers = []
    evidence = evidence_on_triangles(result.score, mesh.points)
    if evidence is not None:
        paint_triangles(fill, mesh.points - origin, evidence, mesh.facing)
        layers.append(Ink(fill, colour, 0.5 * opacity))
    layers.append(Ink(halo, DARK, (0.40 + 0.06 * strength) * opacity))
    if len(sides):
        whole = (size_px - _CONTOURS_ONLY_PX) / (_WHOLE_NET_PX - _CONTOURS_ONLY_PX)
        faint = float(np.clip(whole, 0.3, 1.0))
        layers.append(Ink(spread(net) if fine > 1 else net, DARK, 0.16 * faint * opacity))
        layers.append(Ink(net, colour, (0.38 + 0.30 * strength) * faint * opacity))
    layers.append(Ink(lines, colour, (0.78 + 0.20 * strength) * opacity))
    blend(canvas, at, layers)
    return True


def _widths(size_px: float, strength: float) -> tuple[int, int]:
    """Return the widths of the net and of the contours, in whole pixels, for a face of this size."""
    size_px = min(size_px, _WIDEST_PX)
    fine = max(1, round(0.0022 * size_px))
    bold = max(1, round((0.0052 + 0.0010 * strength) * size_px))
    return fine, bold


def _draw_outline(canvas: UInt8Array, box: Box, opacity: float) -> None:
    """Draw a dashed rounded rectangle just outside a box: white on a dark rim, legible on anything."""
    at = _within(box, canvas, REACH)
    if at is None:
        return
    size_px = _size_px(box)
    width_px = max(1, round(0.007 * min(size_px, _WIDEST_PX)))
    width, height = box[2] - box[0], box[3] - box[1]
    path = rounded_rectangle(width, height, 0.28 * width) + np.subtract(box[:2], at[:2])
    pieces = dashes(path, max(7.0, 0.085 * size_px))
    rim = np.zeros((at[3] - at[1], at[2] - at[0]), np.uint8)
    core = np.zeros_like(rim)
    stroke(rim, pieces, width_px + 2 * max(1, round(0.6 * width_px)))
    stroke(core, pieces, width_px)
    blend(canvas, at, [Ink(rim, DARK, 0.62 * opacity), Ink(core, PAPER, 0.95 * opacity)])


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
