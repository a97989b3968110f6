"""What a report says of its file's origin, in lines for people: the same in every form of a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fakeweb.types import Report


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
    """Yield the same of ``Report.provenance`` itself."""
    signals = [s for s in found.get("signals", ()) if isinstance(s, dict)]
    telling = [str(s.get("text", "")) for s in signals if s.get("says") != "technical"]
    technical = [str(s.get("text", "")) for s in signals if s.get("says") == "technical"]
    yield from (f"contradiction: {text}" for text in found.get("contradictions", ()))
    yield from telling
    if not telling:
        yield "unknown: nothing in the file says where it comes from"
    if technical:
        yield " ".join(technical)
