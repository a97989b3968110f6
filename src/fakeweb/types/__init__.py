"""The values everybody passes around, and the seams (Protocols) where plug-ins attach.

Values are frozen and checked at birth; their arrays are read-only. Conventions that hold everywhere:
0 = real and 1 = fake; a score is always P(fake); colours are RGB; boxes are (x0, y0, x1, y1) in pixels with
x to the right and y down, x1 and y1 exclusive; units stand in names (``time_s``, ``side_px``).

May import: numpy and :mod:`fakeweb.errors` only.

Where to add a file: everybody imports from ``fakeweb.types``; pictures and faces live in ``pictures.py``, what a report
says in ``report.py``, what the service says beside it in ``answers.py``, pictures of data sets in ``samples.py``,
Protocols in ``seams.py``; ``form.py`` turns described values into JSON and back.
"""

from __future__ import annotations

from fakeweb.types.answers import Impact, Level, QueueItem, ViewerWarning, WarningKind
from fakeweb.types.arrays import Box, FloatArray, UInt8Array
from fakeweb.types.pictures import Crop, Face, Frame, Image
from fakeweb.types.report import (
    KINDS,
    LABELS,
    SCHEMA_VERSION,
    Curve,
    FaceResult,
    Kind,
    Label,
    Neighbours,
    Rarity,
    Report,
    Score,
    Stretch,
    Thresholds,
    Verdict,
    Video,
)
from fakeweb.types.samples import Forgery, Sample, Split
from fakeweb.types.seams import (
    BoundedFinder,
    Classifier,
    DatasetLayout,
    FaceFinder,
    FaceMesher,
    ForgeMethod,
    MeasuredClassifier,
    ShrunkFinder,
)

__all__ = [
    "KINDS",
    "LABELS",
    "SCHEMA_VERSION",
    "BoundedFinder",
    "Box",
    "Classifier",
    "Crop",
    "Curve",
    "DatasetLayout",
    "Face",
    "FaceFinder",
    "FaceMesher",
    "FaceResult",
    "FloatArray",
    "ForgeMethod",
    "Forgery",
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
    "Sample",
    "Score",
    "ShrunkFinder",
    "Split",
    "Stretch",
    "Thresholds",
    "UInt8Array",
    "Verdict",
    "Video",
    "ViewerWarning",
    "WarningKind",
]
