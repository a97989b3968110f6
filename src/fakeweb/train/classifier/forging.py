"""Forging while training: a real face's region becomes a fake, in the processes that prepare batches."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from fakeweb import registry
from fakeweb.errors import BadRecipe
from fakeweb.forge import ForgeMethod, Forgery
from fakeweb.train.classifier.regions import Region, Regions
from fakeweb.train.recipe import ForgeRecipe
from fakeweb.types import Image

_SALT = 5  # forging and degrading draw from generators of their own


class Forger:
    """The recipe's forge methods, ready to be shared with forked processes.

    A registered method may be a function ``(image, face, rng) -> Forgery``, or a class that makes one: called without
    arguments, or with ``donors`` where its ``needs_donors`` is true.

    Args:
        recipe: Which methods.
        regions: Kept regions of the training faces.
        donors: Numbers of regions with a mesh, whose faces may be lent to others.

    Raises:
        UnknownName: There is no such method.
        BadRecipe: A method needs donors and there is none.
    """

    def __init__(self, recipe: ForgeRecipe, regions: Regions, donors: Sequence[int]) -> None:
        self._regions = regions
        self._pool: Any = None
        self._donors = list(donors)
        self._methods = {name: self._make(name) for name, share in recipe.methods.items() if share}

    def __call__(self, name: str, region: Region, seed: Sequence[int]) -> Forgery:
        """Forge the region's face; the same arguments give the same bytes."""
        rng = np.random.default_rng((*seed, _SALT))
        return self._methods[name](Image(region.pixels), region.face, rng)

    def _make(self, name: str) -> ForgeMethod:
        found: Any = registry.load("forge", name)
        if not inspect.isclass(found):
            method: ForgeMethod = found
            return method
        make: Any = found
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
