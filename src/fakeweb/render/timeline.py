"""P(fake) of every person of a clip over time, as a drawing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from fakeweb.render.drawing import Area, Dots, Drawing, Line, Point, Words
from fakeweb.render.style import Colour
from fakeweb.render.words import clock, file_name, percent
from fakeweb.types import FaceResult, Report

_WIDTH: Final = 1020
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 280, 52, 300
_HEIGHT: Final = 340
_MOST: Final = 12
_INK: Final[Colour] = (40, 42, 48)
_PALE: Final[Colour] = (150, 152, 160)
_GRID: Final[Colour] = (222, 223, 228)
_COLOURS: Final[dict[str, tuple[Colour, ...]]] = {
    "fake": ((214, 26, 46), (240, 110, 30), (170, 20, 90)),
    "uncertain": ((110, 112, 122), (150, 130, 90)),
    "real": ((20, 120, 120), (40, 90, 170), (90, 130, 40)),
}
_WIDTHS: Final = {"fake": 2.4, "uncertain": 1.6, "real": 1.4}
_STEPS_S: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)
_BREAK_S: Final = 3.0


def timeline(report: Report) -> Drawing:
    """Draw P(fake) over time: one curve per person, the thresholds, the verdicts.

    Fake people are thick and red, uncertain ones dashed and grey, real ones thin and blue or green; the twelve most
    suspicious are drawn. Stretches in which somebody looks manipulated are bars at the foot, in the person's colour,
    over a pale band.

    Args:
        report: Of a clip.

    Raises:
        ValueError: The report is not of a clip.
    """
    if report.timeline is None or report.video is None:
        raise ValueError("the report is not about a clip: it has no timeline")
    duration_s = max(float(report.video["duration_s"]), 1e-3)
    drawing = Drawing(_WIDTH, _HEIGHT, f"P(fake) over time: {file_name(report.source)}")
    _draw_ground(drawing, report, duration_s)
    rows = sorted(
        zip(report.faces, report.timeline, strict=True),
        key=lambda row: -1.0 if row[0].verdict.p_fake is None else row[0].verdict.p_fake,
        reverse=True,
    )
    used = dict.fromkeys(_COLOURS, 0)
    for place, (result, curve) in enumerate(rows[:_MOST]):
        label = result.verdict.label
        colour = _COLOURS[label][used[label] % len(_COLOURS[label])]
        used[label] += 1
        _draw_stretches(drawing, result, colour, place, duration_s)
        _draw_curve(drawing, curve, label, colour, duration_s)
        _draw_entry(drawing, result, colour, place)
    if len(rows) > _MOST:
        drawing.parts.append(
            Words((_WIDTH - _RIGHT + 16, _TOP + 12 + 19 * _MOST), f"and {len(rows) - _MOST} more", _PALE, 11)
        )
    return drawing


def _x(time_s: float, duration_s: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * time_s / duration_s


def _y(p: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * p


def _draw_ground(drawing: Drawing, report: Report, duration_s: float) -> None:
    parts, right = drawing.parts, float(_WIDTH - _RIGHT)
    limits = report.thresholds
    parts.append(Area((_LEFT, _y(1), right, _y(limits.fake)), (240, 26, 46), 0.08))
    parts.append(Area((_LEFT, _y(limits.real), right, _y(0)), (20, 120, 120), 0.07))
    for p in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(Line(((_LEFT, _y(p)), (right, _y(p))), _GRID))
        parts.append(Words((_LEFT - 8, _y(p) + 4), f"{100 * p:.0f} %", _PALE, 11, "end"))
    for p, text in ((limits.fake, "fake from here on"), (limits.real, "real up to here")):
        parts.append(Line(((_LEFT, _y(p)), (right, _y(p))), _PALE, 1.0, dashed=True))
        parts.append(Words((right - 4, _y(p) - 4), text, _PALE, 10, "end"))
    step_s = next((s for s in _STEPS_S if duration_s / s <= 10), duration_s / 8)
    for time_s in np.arange(0, duration_s + 1e-9, step_s).tolist():
        x = _x(time_s, duration_s)
        parts.append(Line(((x, _BOTTOM), (x, _BOTTOM + 4)), _PALE))
        parts.append(Words((x, _BOTTOM + 18), clock(time_s, step_s), _PALE, 11, "middle"))
    name = file_name(report.source)
    name = name if len(name) <= 60 else "..." + name[-57:]
    verdict = report.verdict
    p_text = "" if verdict.p_fake is None else f", P(fake) {percent(verdict.p_fake)}"
    parts.append(Words((_LEFT, 24), name, _INK, 15))
    parts.append(Words((_LEFT, 42), f"{verdict.label.replace('_', ' ')}{p_text}", _INK, 12))


def _draw_stretches(
    drawing: Drawing, result: FaceResult, colour: Colour, place: int, duration_s: float
) -> None:
    if result.verdict.label == "real":
        return
    for stretch in result.stretches or ():
        left, right = _x(stretch.from_s, duration_s), _x(min(stretch.to_s, duration_s), duration_s)
        right = max(right, left + 2.0)
        drawing.parts.append(Area((left, _y(1), right, _BOTTOM), colour, 0.10))
        foot = _BOTTOM - 4.0 - 6.0 * place
        drawing.parts.append(Area((left, foot - 4.0, right, foot), colour))


def _draw_curve(
    drawing: Drawing, curve: Mapping[str, Any], label: str, colour: Colour, duration_s: float
) -> None:
    """Draw the judged sightings of one person; the line breaks where nobody looked for a while."""
    pairs = zip(curve["time_s"], curve["p_fake"], strict=True)
    seen = [(t, p) for t, p in pairs if p is not None]
    dots: list[Point] = [(_x(t, duration_s), _y(p)) for t, p in seen]
    breaks = [i for i in range(1, len(seen)) if seen[i][0] - seen[i - 1][0] > _BREAK_S]
    for start, end in zip([0, *breaks], [*breaks, len(dots)], strict=True):
        if end - start > 1:
            line = Line(tuple(dots[start:end]), colour, _WIDTHS[label], dashed=label == "uncertain")
            drawing.parts.append(line)
    drawing.parts.append(Dots(tuple(dots), colour, 2.6 if label == "fake" else 1.8))


def _draw_entry(drawing: Drawing, result: FaceResult, colour: Colour, place: int) -> None:
    x, y = _WIDTH - _RIGHT + 16.0, _TOP + 8 + 19.0 * place
    dashed = result.verdict.label == "uncertain"
    drawing.parts.append(Line(((x, y), (x + 24, y)), colour, _WIDTHS[result.verdict.label], dashed=dashed))
    p = result.verdict.p_fake
    kind = result.score.kind if result.score is not None and result.verdict.label == "fake" else None
    words = f"face {result.face.track}  {result.verdict.label}" + ("" if p is None else f"  {percent(p)}")
    drawing.parts.append(Words((x + 32, y + 4), f"{words}  {kind}" if kind else words, _INK, 12))
