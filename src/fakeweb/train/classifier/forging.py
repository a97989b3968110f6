"""Forging while training: a real face's region becomes a fake, in the processes that prepare batches."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from fakeweb import registry
from fakeweb.errors import BadRecipe, Unforgeable
from fakeweb.forge import ForgeMethod, Forgery
from fakeweb.forge.copies import Copy
from fakeweb.forge.kept import KeptCopies, keep_copies
from fakeweb.train.classifier.plan import EpochPlan
from fakeweb.train.classifier.regions import Region, Regions
from fakeweb.train.recipe import ForgeRecipe
from fakeweb.types import Image, UInt8Array


def keep_needed(
    plan: EpochPlan,
    places: Sequence[int],
    regions: Regions,
    cache: Path,
    workers: int,
    on_progress: Callable[[int, int], None],
) -> dict[str, KeptCopies]:
    """Make the copies that a whole training draws, of methods whose networks are too slow for it; others are as before.

    Args:
        plan: Which face is forged how.
        places: Number of each training face's region.
        regions: The kept regions.
        cache: Where the copies are kept, for this training and others.
        workers: Processes.
        on_progress: Called with (done, total) of each method.

    Returns:
        The copies by method.

    Raises:
        ModelMissing, ModelCorrupt: A network was not fetched; the hint says the one command.
        DatasetError: The disk is full.
    """
    kept: dict[str, KeptCopies] = {}
    found = {name: registry.load("forge", name) for name, share in plan.recipe.forge.methods.items() if share}
    for name, method in found.items():
        if inspect.isclass(method) and issubclass(method, Copy):

            def source(number: int, method: type[Copy] = method) -> UInt8Array:
                region = regions[number]
                return method.source_of(Image(region.pixels), region.face)

            drawn = {places[index] for index in plan.forged_by(name)}
            kept[name] = keep_copies(
                method, sorted(drawn), source, cache, workers=workers, on_progress=on_progress
            )
    return kept


_SALT = 5  # forging and degrading draw from generators of their own


class Forger:
    """The recipe's forge methods, ready to be shared with forked processes.

    A registered method may be a function ``(image, face, rng) -> Forgery``, or a class that makes one: called without
    arguments, or with ``donors`` where its ``needs_donors`` is true.

    Args:
        recipe: Which methods.
        regions: Kept regions of the training faces.
        donors: Numbers of regions with a mesh, whose faces may be lent to others.
        kept: By method, the copies of :func:`keep_needed`.

    Raises:
        UnknownName: There is no such method.
        BadRecipe: A method needs donors and there is none.
    """

    def __init__(
        self,
        recipe: ForgeRecipe,
        regions: Regions,
        donors: Sequence[int],
        kept: Mapping[str, KeptCopies] = MappingProxyType({}),
    ) -> None:
        self._regions, self._kept = regions, kept
        self._pool: Any = None
        self._donors = list(donors)
        self._spare: ForgeMethod = registry.load("forge", "self_blend")()
        self._methods = {name: self._make(name) for name, share in recipe.methods.items() if share}

    def __call__(self, name: str, region: Region, seed: Sequence[int]) -> Forgery:
        """Forge the region's face; the same arguments give the same bytes.

        A face for which no donor fits is blended with itself instead.
        """
        rng = np.random.default_rng((*seed, _SALT))
        image = Image(region.pixels)
        try:
            return self._methods[name](image, region.face, rng)
        except Unforgeable:
            return self._spare(image, region.face, rng)

    def _make(self, name: str) -> ForgeMethod:
        found: Any = registry.load("forge", name)
        if not inspect.isclass(found):
            method: ForgeMethod = found
            return method
        make: Any = found
        if name in self._kept:
            copying: ForgeMethod = make(copier=self._kept[name])
            return copying
        needy = bool(getattr(found, "needs_donors", False))
        made: ForgeMethod = make(donors=self._donor_pool(name)) if needy else make()
        return made

    def _donor_pool(self, name: str) -> Any:
        if self._pool is None:
            if not self._donors:
                raise BadRecipe(
                    f"the forge method '{name}' needs other people's faces with a mesh, and there is none",
                    hint="set forge.mesher",
                )
            from fakeweb.forge.donors import DonorPool

            faces = [self._regions[i].face for i in self._donors]
            self._pool = DonorPool(faces, lambda i: Image(self._regions[self._donors[i]].pixels))
        return self._pool
