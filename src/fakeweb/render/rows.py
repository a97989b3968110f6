"""Reports as rows of a table: for spreadsheets, and for data frames made from a list of dicts."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from fakeweb.errors import readable
from fakeweb.render.origin import origin_lines
from fakeweb.render.words import OBEYED
from fakeweb.types import Report

COLUMNS: Final = (
    "source", "verdict", "p_fake", "faces", "fake", "uncertain", "highest_kind", "rarest_one_in", "width", "height",
    "duration_s", "origin", "contradictions", "digital_source_type", "label_text", "camera", "software", "media_sha256",
    "models", "warnings", "error",
)  # fmt: skip
"""Columns of :func:`to_csv`, in order."""
_FORMULA: Final = re.compile(r"(^|[;\t])(\s*[=+\-@\uff0b\uff0d\uff1d\uff20])")
"""How formulas begin, in a cell or behind what other countries' spreadsheets take for the end of one."""


def rows(reports: Report | Iterable[Report]) -> list[dict[str, Any]]:
    """Return one row per face, with what the report says of the whole beside it; one row also where there is no face.

    Every value is a number, a text, a boolean or None: ``pandas.DataFrame(fakeweb.rows(reports))`` is a table.

    Args:
        reports: A report, or several.

    Example:
        >>> from fakeweb.types import Thresholds, Verdict
        >>> report = Report("a.png", Verdict("no_face"), 6, 4, (), Thresholds(0.4, 0.6), "haar", (), "0" * 64)
        >>> [(row["source"], row["label"], row["face"]) for row in rows(report)]
        [('a.png', 'no_face', None)]
    """
    several = [reports] if isinstance(reports, Report) else reports
    return [row for report in several for row in _face_rows(report)]


def _face_rows(report: Report) -> Iterator[dict[str, Any]]:
    whole = {
        "source": report.source,
        "label": report.verdict.label,
        "p_fake": report.verdict.p_fake,
        "width": report.width,
        "height": report.height,
        "media_sha256": report.media_sha256,
        "origin": "; ".join(origin_lines(report)),
    }
    names = (
        "face",
        "track",
        "face_label",
        "face_p_fake",
        "logit",
        "kind",
        "rarity_one_in",
        "x0",
        "y0",
        "x1",
        "y1",
    )
    if not report.faces:
        yield {**whole, **dict.fromkeys(names)}
    for number, result in enumerate(report.faces, 1):
        score, rarity = result.score, result.rarity
        values = (
            number,
            result.face.track,
            result.verdict.label,
            result.verdict.p_fake,
            None if score is None else score.logit,
            None if score is None else score.kind,
            None if rarity is None else rarity.one_in,
            *result.face.box,
        )
        yield {**whole, **dict(zip(names, values, strict=True))}


def report_row(report: Report) -> dict[str, Any]:
    """Return one row about a whole picture or clip, with the columns of :data:`COLUMNS`."""
    found = report.provenance or {}
    scored = [r for r in report.faces if r.verdict.p_fake is not None]
    worst = max(scored, key=lambda r: r.verdict.p_fake or 0.0, default=None)
    rare = [r.rarity.one_in for r in report.faces if r.rarity is not None]
    return {
        "source": report.source,
        "verdict": report.verdict.label,
        "p_fake": report.verdict.p_fake,
        "faces": len(report.faces),
        "fake": report.count("fake"),
        "uncertain": report.count("uncertain"),
        "highest_kind": worst.score.kind
        if worst is not None and worst.score is not None and worst.verdict.label == "fake"
        else None,
        "rarest_one_in": max(rare, default=None),
        "width": report.width,
        "height": report.height,
        "duration_s": None if report.video is None else report.video["duration_s"],
        "origin": "; ".join(line for line in origin_lines(report) if not line.startswith("contradiction:")),
        "contradictions": "; ".join(found.get("contradictions", ())),
        "digital_source_type": found.get("digital_source_type"),
        "label_text": found.get("label_text"),
        "camera": found.get("camera"),
        "software": "; ".join(found.get("software", ())),
        "media_sha256": report.media_sha256,
        "models": " ".join(report.models),
        "warnings": "; ".join(report.warnings),
        "error": None,
    }


def to_csv(lines: Iterable[dict[str, Any]]) -> str:
    r"""Write rows with the columns of :data:`COLUMNS` as CSV.

    What a spreadsheet would run as a formula gets an apostrophe in front, what a terminal would obey is written as
    ``\x1b``; numbers stay numbers.
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for line in lines:
        writer.writerow([safe_cell(line.get(name)) for name in COLUMNS])
    return file.getvalue()


def safe_cell(value: Any) -> Any:
    """Return a cell that neither a spreadsheet runs nor a terminal obeys; numbers stay numbers."""
    if not isinstance(value, str):
        return "" if value is None else value
    text = _FORMULA.sub(r"\1'\2", readable(value))
    return OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
