"""Classifiers of face crops: crops in, calibrated scores out. Beside them, of what a whole picture shows.

May import: numpy, OpenCV, :mod:`fakeweb.runtime`, :mod:`fakeweb.media`, :mod:`fakeweb.types`, :mod:`fakeweb.errors`.

A new classifier usually needs no code here: its card carries input size, calibration and thresholds. Another
family (an ensemble, say) is one file with a class that keeps the :class:`fakeweb.types.Classifier` contract of
``tests/contracts/test_classifiers.py``.
"""

from fakeweb.classifiers.content import DEFAULT_CONTENT, ContentClassifier
from fakeweb.classifiers.onnx import DEFAULT_MODEL, OnnxClassifier
from fakeweb.classifiers.temporal import OnnxTemporal

__all__ = ["DEFAULT_CONTENT", "DEFAULT_MODEL", "ContentClassifier", "OnnxClassifier", "OnnxTemporal"]
