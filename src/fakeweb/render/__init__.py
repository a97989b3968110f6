"""Report -> overlay, JSON, text.

What it does: draws face meshes over the faces a report calls fake (:func:`overlay`; :func:`overlay_at` for a frame
of a clip), a clip's scores over time (:func:`timeline`), its telling moments (``sheet.py``), writes a report as JSON
(:func:`to_json`) or for a terminal (:func:`to_text`), and says what the JSON looks like
(:data:`REPORT_SCHEMA`). Everything is a function of its arguments: nothing is read, written or printed.

May import: numpy, OpenCV, the standard library, :mod:`fakeweb.media` (encoders), :mod:`fakeweb.topology`,
:mod:`fakeweb.types`, :mod:`fakeweb.errors`.

Where to add a file: a new form of a report is ``report_<form>.py`` with one public function, exported below.
What is drawn on a face is decided in ``overlay.py``, how strongly in ``style.json``; where the points of its mesh lie
in ``fit.py``, places of labels in ``labels.py``, what figures are called in ``words.py``, strokes in ``paint.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fakeweb.render.clip_overlay import overlay_at
from fakeweb.render.overlay import REACH, overlay
from fakeweb.render.report_json import to_json
from fakeweb.render.report_text import to_text
from fakeweb.render.timeline import timeline

if TYPE_CHECKING:
    from fakeweb.render.schema import REPORT_SCHEMA

__all__ = ["REACH", "REPORT_SCHEMA", "overlay", "overlay_at", "timeline", "to_json", "to_text"]


def __getattr__(name: str) -> Any:
    """Load the schema when asked for: ``python -m fakeweb.render.schema`` must be the first to import it."""
    if name == "REPORT_SCHEMA":
        from fakeweb.render.schema import REPORT_SCHEMA

        return REPORT_SCHEMA
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
