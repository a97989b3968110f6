"""Retouch: single steps as methods, drawn combinations, and the whole programme of a beauty filter."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from fakeweb.forge import liquify, tone
from fakeweb.forge.method import Method, Step
from fakeweb.forge.patch import Patch, Worked
from fakeweb.forge.regions import EYES, LIPS, MOUTH, SHAPE, IndexArray
from fakeweb.types import Kind

SHAPES: dict[str, liquify.Moves] = {
    "eyes": liquify.enlarge_eyes,
    "nose": liquify.slim_nose,
    "jaw": liquify.slim_jaw,
    "lips": liquify.plump_lips,
}
"""Steps that move the mesh; several of them make one warp."""

TONES: dict[str, Step] = {
    "smooth": tone.smooth_skin,
    "whiten": tone.whiten_skin,
    "lipstick": tone.colour_lips,
    "bright": tone.brighten_teeth_and_eyes,
    "make_up": tone.make_up,
    "sharpen": tone.sharpen,
}
"""Steps that change colours, in the order in which they follow one another, after the shapes."""

PLACES: dict[str, tuple[IndexArray, float]] = {
    "lipstick": (LIPS, 0.15),
    "bright": (np.concatenate([MOUTH, *EYES]), 0.15),
}
"""Where a tone works: around these points, so far beyond them in face units; the others around the whole face."""
_FACE: tuple[IndexArray, float] = (np.arange(len(SHAPE), dtype=np.intp), 0.3)


def retouched(patch: Patch, strengths: dict[str, float], rng: np.random.Generator) -> Worked:
    """Apply some steps, each with its strength."""
    weight = np.zeros(patch.shape, np.float32)
    moves = [SHAPES[name](strengths[name], rng) for name in SHAPES if name in strengths]
    if moves:
        shaped = liquify.moved(patch, np.sum(moves, axis=0))
        weight = shaped.weight
        points = patch.points if shaped.moves is None else patch.points + shaped.moves
        patch = replace(patch, pixels=shaped.pixels, points=points)
    else:
        patch = replace(patch, pixels=patch.pixels.copy())
    parts: dict[int, Patch] = {}
    for name in TONES:
        if name in strengths:
            place, margin = PLACES.get(name, _FACE)
            part = parts.setdefault(id(place), patch.around(patch.points[place], margin))
            worked = TONES[name](part, strengths[name], rng)
            np.clip(worked.pixels, 0, 255, out=part.pixels)
            here = weight[patch.place_of(part)]
            np.maximum(here, worked.weight, out=here)
    return Worked(patch.pixels, weight)


class _Single(Method):
    """One step as a method; ``step`` is a name out of :data:`SHAPES` or :data:`TONES`."""

    kind: ClassVar[Kind] = "retouch"
    step: ClassVar[str]

    def work(self, patch: Patch, strength: float, rng: np.random.Generator) -> Worked:
        """Return what the step makes of the patch."""
        return retouched(patch, {self.step: strength}, rng)


def _single(step_name: str) -> type[Method]:
    body = {
        "name": step_name,
        "step": step_name,
        "__doc__": {**SHAPES, **TONES}[step_name].__doc__,
        "__module__": __name__,
    }
    return type(step_name.title().replace("_", ""), (_Single,), body)


Eyes, Nose, Jaw, Lips = (_single(name) for name in SHAPES)
Smooth, Whiten, Lipstick, Bright, MakeUp, Sharpen = (_single(name) for name in TONES)


class Retouch(Method):
    """Two to four drawn steps, one after the other, each with a strength of its own."""

    name: ClassVar[str] = "retouch"
    kind: ClassVar[Kind] = "retouch"

    def work(self, patch: Patch, strength: float, rng: np.random.Generator) -> Worked:
        """Return what the steps make of the patch."""
        drawn = rng.permutation([*SHAPES, *TONES])[: rng.integers(2, 5)]
        return retouched(patch, {str(name): strength * rng.uniform(0.6, 1.0) for name in drawn}, rng)


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
        return retouched(
            patch, {n: strength * share * rng.uniform(0.7, 1.0) for n, share in shares.items()}, rng
        )
