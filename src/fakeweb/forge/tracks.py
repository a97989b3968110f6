"""Forged face tracks: one method through all frames of a person, with the flicker that gives it away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from fakeweb.forge.blend import alpha
from fakeweb.forge.donors import DonorPool
from fakeweb.forge.forgery import ForgeMethod, Forgery
from fakeweb.forge.method import DonorMethod, Method
from fakeweb.forge.patch import need_mesh, open_patch
from fakeweb.forge.traits import pose_of
from fakeweb.types import Face, Image

_SPEAKS = 0.08
"""How far the mouth must open and close in a track to lend to itself, as area over width squared."""


@dataclass(frozen=True)
class Flicker:
    """How unsteady a forgery is from frame to frame; each value walks back and forth about 0 as it is measured in.

    Attributes:
        mesh: Jitter of the landmarks, over the width of the face: mask and geometry tremble with it.
        colour: Jitter of each colour, in grey levels.
        opacity: How far the forgery fades, at most.
        miss: Chance that a frame is left as it was, as where a swapper lost the face.
        pace: How many times a frame an expression comes and goes; 0 holds it.
        memory: Share of the deviation that stays to the next frame: 0 trembles, 0.95 drifts.
    """

    mesh: float = 0.006
    colour: float = 2.0
    opacity: float = 0.15
    miss: float = 0.01
    pace: float = 0.08
    memory: float = 0.6


def forge_track(
    method: ForgeMethod,
    frames: Sequence[tuple[Image, Face]],
    rng: np.random.Generator,
    flicker: Flicker | None = None,
) -> Iterator[Forgery]:
    """Forge one person through consecutive frames.

    Strength, donor and details are drawn once and stay; what flickers is drawn per frame. An expression comes and goes.

    Args:
        method: Any method of the forge.
        frames: Pictures in order, each with the same person's face and its mesh.
        rng: Decides all.
        flicker: How unsteady it is; None: as the defaults.

    Yields:
        One forgery per frame; a frame that is missed comes back as it was, with an empty mask.

    Raises:
        ValueError: A face without a mesh.
        Unforgeable: No donor fits the first frame.
    """
    flicker = Flicker() if flicker is None else flicker
    seed = int(rng.integers(2**63))
    walks, phase = np.zeros(3 + 468 * 2 + 1), np.pi
    method = _cast(method, frames, seed)
    for image, face in frames:
        need_mesh(face)
        walks = flicker.memory * walks + np.sqrt(1 - flicker.memory**2) * rng.normal(size=walks.shape)
        missed = rng.random() < flicker.miss
        phase += 2 * np.pi * flicker.pace * float(rng.uniform(0.5, 1.5))
        acted = _paced(method, 0.55 - 0.45 * np.cos(phase)) if flicker.pace else method
        shaken = replace(face, mesh=_shaken(face, walks[3:-1], flicker.mesh))
        forged = acted(image, shaken, np.random.default_rng(seed))
        if missed:
            yield Forgery(image, np.zeros((image.height, image.width), np.float32), forged.kind)
        else:
            yield _flickered(image, forged, walks[:3] * flicker.colour, abs(walks[-1]) * flicker.opacity / 2)


def _cast(method: ForgeMethod, frames: Sequence[tuple[Image, Face]], seed: int) -> ForgeMethod:
    """Settle who lends: the person at another moment, where that is best and the mouth is not always the same."""
    if not frames or not isinstance(method, DonorMethod):
        return method
    if method.own:
        mouths = [pose_of(open_patch(image, face))[3] for image, face in frames]
        if np.ptp(mouths) > _SPEAKS:
            method = method.lent(DonorPool([face for _, face in frames], lambda number: frames[number][0]))
    return method.settled(*frames[0], np.random.default_rng(seed))


def _paced(method: ForgeMethod, share: float) -> ForgeMethod:
    """Return a method that gives an expression only this far; one of another kind stays as it is."""
    if method.kind != "reenacted" or not isinstance(method, Method):
        return method
    out = copy(method)
    out.strength = (method.strength[0] * share, method.strength[1] * share)
    return out


def _shaken(face: Face, walk: np.ndarray, amount: float) -> np.ndarray:
    """Move the whole mesh a little, and each point a little less."""
    mesh = np.array(face.mesh)
    steps = walk.reshape(468, 2) * amount * face.width_px
    mesh[:, :2] += 0.8 * steps[0] + 0.25 * steps
    return mesh


def _flickered(image: Image, forged: Forgery, colour: np.ndarray, fade: float) -> Forgery:
    """Shift the colours under the mask and let the forgery fade."""
    before = image.pixels.astype(np.float32)
    share = np.full(forged.mask.shape, 1 - min(fade, 0.9), np.float32)
    out = alpha(forged.image.pixels.astype(np.float32), before, share)
    out += forged.mask[..., None] * colour.astype(np.float32)
    after = np.clip(np.rint(out), 0, 255).astype(np.uint8)
    after = np.where((forged.mask > 0)[..., None], after, image.pixels)
    return Forgery(Image(after), forged.mask, forged.kind)
