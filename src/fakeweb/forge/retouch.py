"""Retouch: single steps as methods, drawn combinations, and the whole programme of a beauty filter."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from fakeweb.forge import liquify, tone
from fakeweb.forge.method import Method, Step, Worked, one_after_another
from fakeweb.forge.patch import Patch
from fakeweb.types import Kind

STEPS: dict[str, Step] = {
    "smooth": tone.smooth_skin,
    "whiten": tone.whiten_skin,
    "eyes": liquify.enlarge_eyes,
    "nose": liquify.slim_nose,
    "jaw": liquify.slim_jaw,
    "lips": liquify.plump_lips,
    "lipstick": tone.colour_lips,
    "bright": tone.brighten_teeth_and_eyes,
    "make_up": tone.make_up,
    "sharpen": tone.sharpen,
}
"""All single steps, in the order in which they follow one another."""


class _Single(Method):
    """One step as a method; ``step`` is a name out of :data:`STEPS`."""

    kind: ClassVar[Kind] = "retouch"
    step: ClassVar[str]

    def work(self, patch: Patch, strength: float, rng: np.random.Generator) -> Worked:
        """Return what the step makes of the patch."""
        return STEPS[self.step](patch, strength, rng)


def _single(step_name: str) -> type[Method]:
    body = {"name": step_name, "step": step_name, "__doc__": STEPS[step_name].__doc__, "__module__": __name__}
    return type(step_name.title().replace("_", ""), (_Single,), body)


Smooth, Whiten, Eyes, Nose, Jaw, Lips, Lipstick, Bright, MakeUp, Sharpen = (_single(name) for name in STEPS)


class Retouch(Method):
    """Two to four drawn steps, one after the other, each with a strength of its own."""

    name: ClassVar[str] = "retouch"
    kind: ClassVar[Kind] = "retouch"

    def work(self, patch: Patch, strength: float, rng: np.random.Generator) -> Worked:
        """Return what the steps make of the patch."""
        drawn = rng.permutation(len(STEPS))[: rng.integers(2, 5)]
        names = list(STEPS)
        steps = [(STEPS[names[i]], strength * rng.uniform(0.6, 1.0)) for i in sorted(drawn)]
        return one_after_another(patch, steps, rng)


class Beauty(Method):
    """A beauty filter as telephones have it: skin, eyes, nose, jaw and lips at once."""

    name: ClassVar[str] = "beauty"
    kind: ClassVar[Kind] = "retouch"

    def work(self, patch: Patch, strength: float, rng: np.random.Generator) -> Worked:
        """Return what the filter makes of the patch."""
        shares = {
            "smooth": 1.0,
            "whiten": 0.6,
            "eyes": 0.6,
            "nose": 0.5,
            "jaw": 0.7,
            "lipstick": 0.35,
            "bright": 0.5,
        }
        steps = [(STEPS[n], strength * share * rng.uniform(0.7, 1.0)) for n, share in shares.items()]
        return one_after_another(patch, steps, rng)
