"""The values everybody passes around, and the seams (Protocols) where plug-ins attach.

Values are frozen and checked at birth; their arrays are read-only. Conventions that hold everywhere:
0 = real and 1 = fake; a score is always P(fake); colours are RGB; boxes are (x0, y0, x1, y1) in pixels with
x to the right and y down, x1 and y1 exclusive; units stand in names (``time_s``, ``side_px``).

May import: numpy and :mod:`fakeweb.errors` only.

Where to add a file: everybody imports from ``fakeweb.types``; pictures and faces live in ``pictures.py``, what a report
says in ``report.py``, what the service says beside it in ``answers.py``, Protocols in ``seams.py``; ``form.py`` turns
described values into JSON and back. Values and seams of the workshop live there (``datasets``, ``forge``).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from fakeweb.types.answers import Impact, Level, QueueItem, ViewerWarning, WarningKind
from fakeweb.types.arrays import Box, FloatArray, UInt8Array
from fakeweb.types.pictures import Crop, Face, Frame, Image
from fakeweb.types.report import (
    CONTENTS,
    KINDS,
    LABELS,
    SCHEMA_VERSION,
    Content,
    Curve,
    FaceResult,
    Kind,
    Label,
    Neighbours,
    Rarity,
    Report,
    Score,
    Shown,
    Stretch,
    Thresholds,
    Verdict,
    Video,
)
from fakeweb.types.seams import (
    BoundedFinder,
    Classifier,
    FaceFinder,
    FaceMesher,
    MeasuredClassifier,
    ShrunkFinder,
)

__all__ = [
    "CONTENTS",
    "KINDS",
    "LABELS",
    "SCHEMA_VERSION",
    "BoundedFinder",
    "Box",
    "Classifier",
    "Content",
    "Crop",
    "Curve",
    "Face",
    "FaceFinder",
    "FaceMesher",
    "FaceResult",
    "FloatArray",
    "Frame",
    "Image",
    "Impact",
    "Kind",
    "Label",
    "Level",
    "MeasuredClassifier",
    "Neighbours",
    "QueueItem",
    "Rarity",
    "Report",
    "Score",
    "Shown",
    "ShrunkFinder",
    "Stretch",
    "Thresholds",
    "UInt8Array",
    "Verdict",
    "Video",
    "ViewerWarning",
    "WarningKind",
]

_MOVED: Final = {
    "DatasetLayout": "fakeweb.datasets",
    "ForgeMethod": "fakeweb.forge",
    "Forgery": "fakeweb.forge",
    "Sample": "fakeweb.datasets",
    "Split": "fakeweb.datasets",
}
"""Names of the workshop that stood here up to 0.8.0; plug-ins of others may still import them from here."""


def __getattr__(name: str) -> Any:
    """Return what moved to the workshop from where it is now."""
    if name in _MOVED:
        return getattr(import_module(_MOVED[name]), name)
    raise AttributeError(f"module 'fakeweb.types' has no attribute '{name}'")
