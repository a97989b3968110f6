"""Face detectors (finders), alignment, 468-point landmark meshes and tracks: ``find``, ``align``, ``mesh``.

May import: numpy, OpenCV, :mod:`fakeweb.runtime`, :mod:`fakeweb.registry`, :mod:`fakeweb.topology`,
:mod:`fakeweb.types`, :mod:`fakeweb.errors`.

A new finder is one file here with a class that has ``name`` and ``find(Image) -> Sequence[Face]``, and one line
in :mod:`fakeweb.registry`; it must pass ``tests/contracts/test_finders.py``. There is one crop function,
:func:`~fakeweb.faces.align.align`, for training, evaluation and serving.
"""

from fakeweb.faces.align import DEFAULT_MARGIN, align
from fakeweb.faces.main_face import main_face
from fakeweb.faces.measure import measure, stretched
from fakeweb.faces.quality import Quality, quality_of, share_inside
from fakeweb.faces.suppress import suppress

__all__ = [
    "DEFAULT_MARGIN",
    "Quality",
    "align",
    "main_face",
    "measure",
    "quality_of",
    "share_inside",
    "stretched",
    "suppress",
]
