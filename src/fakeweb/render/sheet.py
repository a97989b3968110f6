"""The most telling moments of a clip on one sheet, one row per person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.render.paint import DARK, PAPER, RAMP, Ink, blend, text_mask
from fakeweb.render.style import Colour
from fakeweb.render.words import clock, percent
from fakeweb.types import Box, Image, Report

_TILE_PX: Final = 200
_GAP_PX: Final = 10
_TEXT_PX: Final = 9
_ROW_TEXT_PX: Final = 26
_PER_PERSON: Final = 5
_MOST_PEOPLE: Final = 12
_AROUND: Final = 1.7
_EDGE: Final[dict[str, Colour]] = {"fake": RAMP[-1][1], "uncertain": (150, 152, 160), "real": (222, 223, 228)}


@dataclass(frozen=True)
class Moment:
    """One sighting worth showing."""

    track: int
    time_s: float
    box: Box
    p_fake: float


def telling_moments(report: Report, *, per_person: int = _PER_PERSON) -> list[Moment]:
    """Choose the sightings to show: of each judged person the most suspicious ones, well apart in time.

    A real person's are the least suspicious ones. The most suspicious people come first, twelve at most.

    Args:
        report: Of a clip.
        per_person: At most so many of each.

    Raises:
        ValueError: The report is not of a clip.
    """
    if report.timeline is None or report.video is None:
        raise ValueError("the report is not about a clip: it has no timeline")
    apart_s = float(report.video["duration_s"]) / (4 * per_person)
    rows = [
        (r, c) for r, c in zip(report.faces, report.timeline, strict=True) if r.verdict.p_fake is not None
    ]
    rows.sort(key=lambda row: -(row[0].verdict.p_fake or 0.0))
    moments: list[Moment] = []
    for result, curve in rows[:_MOST_PEOPLE]:
        sign = 1 if result.verdict.label == "real" else -1
        seen = [
            (p, t, b)
            for p, t, b in zip(curve["p_fake"], curve["time_s"], curve["box"], strict=True)
            if p is not None
        ]
        chosen: list[Moment] = []
        for p, t, b in sorted(seen, key=lambda s: (sign * s[0], s[1])):
            if len(chosen) < per_person and all(abs(t - m.time_s) >= apart_s for m in chosen):
                chosen.append(Moment(curve["track"], t, b, p))
        moments += sorted(chosen, key=lambda m: m.time_s)
    return moments


def cut_moment(image: Image, moment: Moment) -> Image:
    """Cut out a square around a sighting, 200 px wide; what lies outside the frame is dark."""
    x0, y0, x1, y1 = moment.box
    side = max(8, round(_AROUND * max(x1 - x0, y1 - y0)))
    left, top = round((x0 + x1 - side) / 2), round((y0 + y1 - side) / 2)
    square: npt.NDArray[np.uint8] = np.full((side, side, 3), DARK, np.uint8)
    inside = image.pixels[max(0, top) : max(0, top + side), max(0, left) : max(0, left + side)]
    if inside.size:
        y, x = max(0, -top), max(0, -left)
        square[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    how = cv2.INTER_AREA if side > _TILE_PX else cv2.INTER_CUBIC
    return Image(np.asarray(cv2.resize(square, (_TILE_PX, _TILE_PX), interpolation=how), np.uint8))


def contact_sheet(report: Report, tiles: Mapping[Moment, Image]) -> Image:
    """Lay out moments: a row per person with its verdict, a caption under each with time and P(fake) of the frame.

    Args:
        report: Of the clip.
        tiles: What :func:`cut_moment` cut, by moment.

    Returns:
        The sheet, uint8 RGB; a small sheet that says so where there is nothing to show.
    """
    people: dict[int, list[Moment]] = {}
    for moment in tiles:
        people.setdefault(moment.track, []).append(moment)
    if not people:
        sheet = np.full((60, 420, 3), PAPER, np.uint8)
        _write(sheet, "no face could be judged", 20, 36, DARK, 12)
        return Image(sheet)
    widest = max(len(m) for m in people.values())
    row_px = _ROW_TEXT_PX + _TILE_PX + 2 * _TEXT_PX + 2 * _GAP_PX
    width = max(420, widest * (_TILE_PX + _GAP_PX) + _GAP_PX)
    sheet = np.full((len(people) * row_px + _GAP_PX, width, 3), PAPER, np.uint8)
    verdicts = {r.face.track: r.verdict for r in report.faces}
    for row, (track, moments) in enumerate(people.items()):
        top = _GAP_PX + row * row_px
        verdict = verdicts[track]
        p_text = "" if verdict.p_fake is None else f"  {percent(verdict.p_fake)}"
        _write(sheet, f"face {track}: {verdict.label}{p_text}", _GAP_PX, top + 16, DARK, 12)
        _draw_row(sheet, [(m, tiles[m]) for m in moments], top + _ROW_TEXT_PX, _EDGE[verdict.label])
    return Image(sheet)


def _draw_row(
    sheet: npt.NDArray[np.uint8], row: Sequence[tuple[Moment, Image]], top: int, edge: Colour
) -> None:
    for column, (moment, tile) in enumerate(row):
        left = _GAP_PX + column * (_TILE_PX + _GAP_PX)
        sheet[top - 2 : top + _TILE_PX + 2, left - 2 : left + _TILE_PX + 2] = edge
        sheet[top : top + _TILE_PX, left : left + _TILE_PX] = tile.pixels
        caption = f"{clock(moment.time_s, 0.1)}   {percent(moment.p_fake)}"
        _write(sheet, caption, left, top + _TILE_PX + _TEXT_PX + 10, DARK, _TEXT_PX)


def _write(sheet: npt.NDArray[np.uint8], text: str, x: int, baseline: int, colour: Colour, cap: int) -> None:
    mask = text_mask(text, cap)
    top = baseline - cap
    tall, wide = min(mask.shape[0], sheet.shape[0] - top), min(mask.shape[1], sheet.shape[1] - x)
    if tall > 0 and wide > 0:
        blend(
            sheet,
            (x, top, x + wide, top + tall),
            [Ink(np.ascontiguousarray(mask[:tall, :wide]), colour, 1.0)],
        )
