"""What a report says of its file's origin, in lines for people: the same in every form of a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fakeweb.media.limits import one_line
from fakeweb.types import Report

MOST_NOTES: Final = 20
"""So many contradictions and signals are told; the others are counted."""
_MOST_CHARS: Final = 600
UNKNOWN: Final = "unknown: nothing in the file says where it comes from"


def origin_lines(report: Report) -> list[str]:
    """Return contradictions, then signals, then how it was saved, one line each; none where nobody looked.

    Where the file says nothing of its origin the first line says that this means unknown.

    Example:
        >>> from fakeweb.types import Thresholds, Verdict
        >>> t, said = Thresholds(real=0.4, fake=0.6), {"version": 1, "signals": [], "contradictions": []}
        >>> origin_lines(Report("a.png", Verdict("no_face"), 6, 4, (), t, "haar", (), "0" * 64, provenance=said))
        ['unknown: nothing in the file says where it comes from']
    """
    return [] if report.provenance is None else list(lines_of(report.provenance))


def lines_of(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the same of ``Report.provenance`` itself: what strangers wrote is cut, and stays on its line."""
    signals = [s for s in found.get("signals", ()) if isinstance(s, dict)]
    notes = [f"contradiction: {text}" for text in found.get("contradictions", ())]
    telling = [str(s.get("text", "")) for s in signals if s.get("says") != "technical"]
    technical = [str(s.get("text", "")) for s in signals if s.get("says") == "technical"]
    notes += telling or [UNKNOWN]
    yield from (one_line(note, _MOST_CHARS) for note in notes[:MOST_NOTES])
    if len(notes) > MOST_NOTES:
        yield f"and {len(notes) - MOST_NOTES} more notes"
    if technical:
        yield one_line(" ".join(technical), _MOST_CHARS)


def label_line(found: Mapping[str, Any] | None) -> str:
    """Return what a file could be labelled by its own words, as a sentence; empty where it says nothing of AI.

    Args:
        found: ``Report.provenance``.

    Example:
        >>> label_line({"label_text": "AI generated", "digital_source_type": "trainedAlgorithmicMedia"})
        'By its own words it could be labelled AI generated (trainedAlgorithmicMedia).'
    """
    label, kind = (one_line((found or {}).get(key) or "") for key in ("label_text", "digital_source_type"))
    return f"By its own words it could be labelled {label}{kind and f' ({kind})'}." if label else ""
