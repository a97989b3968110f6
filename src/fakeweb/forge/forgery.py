"""Forgeries, and the seam of the methods that make them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from fakeweb.types import KINDS, Face, FloatArray, Image, Kind
from fakeweb.types.arrays import check_unit_range, freeze_floats


@dataclass(frozen=True, eq=False)
class Forgery:
    """A face manipulated by the forge.

    Attributes:
        image: The manipulated picture, the same size as the original.
        mask: float32 (H, W) in [0, 1]: how much each pixel was touched.
        kind: One of :data:`KINDS`.
    """

    image: Image
    mask: FloatArray
    kind: Kind

    def __post_init__(self) -> None:
        freeze_floats(self, "mask", (self.image.height, self.image.width))
        check_unit_range("Forgery.mask", self.mask)
        if self.kind not in KINDS:
            raise ValueError(f"Forgery.kind must be one of {KINDS}, got {self.kind!r}")

    def __repr__(self) -> str:
        return f"Forgery({self.kind}, {self.image!r})"


@runtime_checkable
class ForgeMethod(Protocol):
    """Makes a manipulated face out of a real one: a pure function of its arguments.

    A registered method is a class; ``strength`` (a range within [0, 1]) and, where ``needs_donors`` says so, ``donors``
    are given when it is made.
    """

    @property
    def name(self) -> str:
        """Its name in the registry."""
        ...

    @property
    def kind(self) -> Kind:
        """The kind of everything it makes."""
        ...

    def __call__(self, image: Image, face: Face, rng: np.random.Generator) -> Forgery:
        """Return the forged picture; the same arguments give the same bytes."""
        ...
