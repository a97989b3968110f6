"""Report -> JSON, in the form that docs/reference/report.md describes."""

from __future__ import annotations

import json

from fakeweb.render.words import OBEYED
from fakeweb.types import Report


def to_json(report: Report, *, indent: int | None = 2) -> str:
    r"""Write a report as strict JSON: what every JSON reader understands, always encodable as UTF-8.

    Names in any script stay readable; what a terminal would obey, or what turns the direction of reading, is written
    as ``\u009b``. Bytes of a file name that are no UTF-8 come out as ``\xff``. JSON has no NaN and no infinity: where
    metadata brought one, null is written.

    Args:
        report: The report.
        indent: Spaces per level; None for one line.

    Returns:
        The JSON text without a newline at the end.

    Example:
        >>> from fakeweb.types import Thresholds, Verdict
        >>> t = Thresholds(real=0.4, fake=0.6)
        >>> report = Report("a.png", Verdict("no_face"), 6, 4, (), t, "haar", (), "0" * 64)
        >>> json.loads(to_json(report))["verdict"]["label"]
        'no_face'
    """
    text = json.dumps(report.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False)
    return OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
