"""Base of forge methods: a strength drawn per call, steps that follow one another, donors."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

import numpy as np

from fakeweb.forge.forgery import Forgery
from fakeweb.forge.patch import Patch, Worked, close_patch, open_patch
from fakeweb.types import Face, Image, Kind

Strength = tuple[float, float]
FULL: Strength = (0.1, 1.0)
"""From barely visible to obvious."""


class Donors(Protocol):
    """Lends another person's face: a pure function of its arguments; see :class:`fakeweb.forge.donors.DonorPool`."""

    def __call__(self, face: Face, rng: np.random.Generator) -> tuple[Image, Face]:
        """Return a picture and a face with a mesh in it, fit to be put where ``face`` is."""
        ...


Step = Callable[[Patch, float, np.random.Generator], Worked]
"""``(patch, strength in [0, 1], rng) -> what became of it``."""


class Method:
    """Base of the forge's methods; see :class:`fakeweb.forge.ForgeMethod`.

    A subclass has ``name`` and ``kind`` and writes :meth:`work`.

    Args:
        strength: Range from which each call draws its strength: 0 is nothing, 0.1 hardly visible, 1 obvious.

    Raises:
        ValueError: A range outside [0, 1].
    """

    name: ClassVar[str]
    kind: ClassVar[Kind]
    needs_donors: ClassVar[bool] = False
    reach: ClassVar[float] = 0.45

    def __init__(self, *, strength: Strength = FULL) -> None:
        low, high = strength
        if not 0 <= low <= high <= 1:
            raise ValueError(f"strength must be a range within [0, 1], got {strength}")
        self.strength = (float(low), float(high))

    def __call__(self, image: Image, face: Face, rng: np.random.Generator) -> Forgery:
        """Forge a face; the same arguments give the same bytes.

        Args:
            image: The picture, left as it is.
            face: A face in it, with its mesh.
            rng: Decides strength and details.

        Raises:
            ValueError: No mesh, or it lies outside the picture.
        """
        patch = open_patch(image, face, reach=self.reach)
        worked = self.work(patch, float(rng.uniform(*self.strength)), rng)
        return close_patch(image, patch, worked.pixels, worked.weight, self.kind)

    def work(self, patch: Patch, strength: float, rng: np.random.Generator) -> Worked:
        """Return what becomes of the patch."""
        raise NotImplementedError


class DonorMethod(Method):
    """Base of the methods that put something of another person's face into this one.

    A subclass writes :meth:`blend` instead of ``work``.

    Args:
        donors: Lends other people's faces.
        strength: See :class:`Method`.
    """

    needs_donors: ClassVar[bool] = True

    def __init__(self, *, donors: Donors, strength: Strength = FULL) -> None:
        super().__init__(strength=strength)
        self.donors = donors

    def __call__(self, image: Image, face: Face, rng: np.random.Generator) -> Forgery:
        """Forge a face with the help of a donor that ``rng`` decides; see :meth:`Method.__call__`."""
        patch = open_patch(image, face, reach=self.reach)
        donor = open_patch(*self.donors(face, rng))
        worked = self.blend(patch, donor, float(rng.uniform(*self.strength)), rng)
        return close_patch(image, patch, worked.pixels, worked.weight, self.kind)

    def blend(self, patch: Patch, donor: Patch, strength: float, rng: np.random.Generator) -> Worked:
        """Return what becomes of the patch."""
        raise NotImplementedError
