"""Base of forge methods: a strength drawn per call, steps that follow one another, donors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar, Protocol

import numpy as np

from fakeweb.errors import Unforgeable
from fakeweb.forge.broken import fault_of, lost
from fakeweb.forge.forgery import Forgery
from fakeweb.forge.patch import Patch, Worked, close_patch, need_mesh, open_patch
from fakeweb.forge.traits import Traits, traits_of
from fakeweb.types import Face, FaceMesher, Image, Kind

Strength = tuple[float, float]
FULL: Strength = (0.1, 1.0)
"""From barely visible to obvious."""
TRIES = 4
"""So many donors are tried before a face is given up."""


class Donors(Protocol):
    """Lends other people's faces: a pure function of its arguments; see :class:`fakeweb.forge.donors.DonorPool`."""

    def __call__(
        self, face: Face, traits: Traits, far: float, rng: np.random.Generator
    ) -> Iterable[tuple[Image, Face]]:
        """Return pictures and faces with a mesh in them, fit to be put where ``face`` is, the best first.

        Args:
            face: The face to be forged.
            traits: What the donor should look like.
            far: Whoever is more unlike is not lent; see :func:`fakeweb.forge.donors.distances`.
            rng: Decides who is drawn.
        """
        ...


Step = Callable[[Patch, float, np.random.Generator], Worked]
"""``(patch, strength in [0, 1], rng) -> what became of it``."""


class Method:
    """Base of the forge's methods; see :class:`fakeweb.forge.ForgeMethod`.

    A subclass has ``name`` and ``kind`` and writes :meth:`work`. One that needs weights or a package of others is
    ``optional``: it is made where it is named, not where its kind is.

    Args:
        strength: Range from which each call draws its strength: 0 is nothing, 0.1 hardly visible, 1 obvious.

    Raises:
        ValueError: A range outside [0, 1].
    """

    name: ClassVar[str]
    kind: ClassVar[Kind]
    needs_donors: ClassVar[bool] = False
    optional: ClassVar[bool] = False
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
        patch = self.opened(image, face)
        worked = self.work(patch, float(rng.uniform(*self.strength)), rng)
        return close_patch(image, patch, worked.pixels, worked.weight, self.kind)

    @classmethod
    def opened(cls, image: Image, face: Face) -> Patch:
        """Return the patch that is worked on."""
        return open_patch(image, face, reach=cls.reach)

    @classmethod
    def check_ready(cls) -> None:
        """Check that what an ``optional`` method needs from elsewhere is here, and raise what the user is to read."""

    def work(self, patch: Patch, strength: float, rng: np.random.Generator) -> Worked:
        """Return what becomes of the patch."""
        raise NotImplementedError


class DonorMethod(Method):
    """Base of the methods that put something of another person's face into this one.

    Donors are tried in turn until one gives a face that does not look broken. A subclass writes :meth:`blend` instead
    of ``work``, and has ``far``: donors more unlike than this are no use to it.

    Args:
        donors: Lends other people's faces.
        strength: See :class:`Method`.
        mesher: Looks whether the face is still found where it should be; None: the pixels alone are looked at.
    """

    needs_donors: ClassVar[bool] = True
    far: ClassVar[float] = 60.0
    own: ClassVar[bool] = False
    """Whether the best donor is the same person at another moment."""

    def __init__(
        self, *, donors: Donors, strength: Strength = FULL, mesher: FaceMesher | None = None
    ) -> None:
        super().__init__(strength=strength)
        self.donors, self.mesher = donors, mesher

    def __call__(self, image: Image, face: Face, rng: np.random.Generator) -> Forgery:
        """Forge a face with the help of a donor that ``rng`` decides; see :meth:`Method.__call__`.

        Raises:
            Unforgeable: No donor is like this face, or all that came out is broken.
        """
        return self._tried(image, face, rng)[0]

    def settled(self, image: Image, face: Face, rng: np.random.Generator) -> DonorMethod:
        """Return this method with one donor for good: the one it takes for this face."""
        return self.lent(_Lender(self._tried(image, face, rng)[1]))

    def lent(self, donors: Donors) -> DonorMethod:
        """Return this method with other donors, and without a look at what comes out."""
        out = copy(self)
        out.donors, out.mesher = donors, None
        return out

    def _tried(
        self, image: Image, face: Face, rng: np.random.Generator
    ) -> tuple[Forgery, tuple[Image, Face]]:
        patch = self.opened(image, face)
        strength = float(rng.uniform(*self.strength))
        seed = int(rng.integers(2**62))
        why = "no donor is enough like it"
        for donor in islice(self.donors(face, self.wanted(traits_of(patch), rng), self.far, rng), TRIES):
            worked = self.blend(patch, open_patch(*donor), strength, np.random.default_rng(seed))
            forged = close_patch(image, patch, worked.pixels, worked.weight, self.kind)
            fault = None if isinstance(self.donors, _Lender) else fault_of(patch, worked)
            if fault is None and self.mesher is not None:
                moves = 0 if worked.moves is None else worked.moves
                fault = lost(self.mesher, forged.image, face, need_mesh(face) + moves, patch.unit_px)
            if fault is None:
                return forged, donor
            why = fault
        raise Unforgeable(
            f"{self.name}: {why}",
            hint="more pictures of other people, or another method, may do for this face",
        )

    def wanted(self, traits: Traits, rng: np.random.Generator) -> Traits:  # noqa: ARG002 - for those who draw
        """Return what a donor should look like: like the face itself."""
        return traits

    def blend(self, patch: Patch, donor: Patch, strength: float, rng: np.random.Generator) -> Worked:
        """Return what becomes of the patch."""
        raise NotImplementedError


@dataclass(frozen=True)
class _Lender:
    """Lends one donor, whoever asks."""

    donor: tuple[Image, Face]

    def __call__(
        self, face: Face, traits: Traits, far: float, rng: np.random.Generator
    ) -> Iterable[tuple[Image, Face]]:
        del face, traits, far, rng
        return (self.donor,)
