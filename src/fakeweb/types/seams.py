"""Plug-in interfaces (Protocols), called seams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from fakeweb.types.pictures import Crop, Face, Image
from fakeweb.types.report import Score, Thresholds


@runtime_checkable
class FaceFinder(Protocol):
    """Finds faces. Safe to call from several threads; the same picture always gives the same faces."""

    name: str

    def find(self, image: Image) -> Sequence[Face]:
        """Return every face, the most confident first; an empty sequence where there is none."""
        ...


@runtime_checkable
class ShrunkFinder(FaceFinder, Protocol):
    """A finder of several steps, which looks for faces in a shrunk copy and measures them in the picture itself."""

    def find_shrunk(self, image: Image, small: Image, *, again: bool = True) -> Sequence[Face]:
        """Return every face of which the copy ``small`` shows enough, in pixels of ``image``.

        Where there is none, the finder may look more closely, unless ``again`` is False.
        """
        ...


@runtime_checkable
class BoundedFinder(FaceFinder, Protocol):
    """A finder that shrinks large pictures, and can tell how small a face it still sees in them."""

    def least_px(self, width: int, height: int) -> float:
        """Return the width of the smallest faces that are looked for in a picture of this size, in its pixels."""
        ...


@runtime_checkable
class FaceMesher(Protocol):
    """Measures 468 points on faces. Safe to call from several threads; a face's mesh does not depend on the others."""

    name: str

    @property
    def min_presence(self) -> float:
        """Below this ``Face.presence`` there is no face."""
        ...

    @property
    def max_printed(self) -> float:
        """Above this ``Face.printed`` a face is taken for a print."""
        ...

    def mesh(self, image: Image, faces: Sequence[Face]) -> Sequence[Face]:
        """Return the same faces, in order, with ``presence`` and ``printed`` as far as known.

        A face that is none comes back without ``mesh``.
        """
        ...


@runtime_checkable
class Classifier(Protocol):
    """Judges crops. Safe to call from several threads; a crop's score does not depend on its batch."""

    @property
    def reference(self) -> str:
        """``name@version`` of the model."""
        ...

    @property
    def side_px(self) -> int:
        """Side of the square crop it wants."""
        ...

    @property
    def margin(self) -> float:
        """Side of the crop over the longer side of the face's box."""
        ...

    @property
    def min_face_px(self) -> float:
        """Faces narrower than this are too small to judge."""
        ...

    def score(self, crops: Sequence[Crop]) -> Sequence[Score]:
        """Return one calibrated score per crop, in order."""
        ...

    def thresholds(self) -> Thresholds:
        """Return where verdicts begin."""
        ...


@runtime_checkable
class MeasuredClassifier(Classifier, Protocol):
    """What a classifier may have besides: figures of genuine faces, which groups, clips and small faces go by.

    Without them each face is judged by the thresholds alone.
    """

    @property
    def norms(self) -> Any:
        """:class:`fakeweb.runtime.Norms`."""
        ...

    def probability(self, logit: float) -> float:
        """Return calibrated P(fake) of a logit; rises with it."""
        ...
