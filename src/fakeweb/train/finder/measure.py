"""Validate a finder on scenes of known truth: recall by width at a fixed rate of false alarms."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from fakeweb.faces.anchor_free import merge, read_maps
from fakeweb.train.finder.pool import Pool
from fakeweb.train.finder.recipe import SceneRecipe
from fakeweb.train.finder.scene import Composer, Scene
from fakeweb.types import FloatArray, UInt8Array

BINS = (16, 24, 32, 48, 96, 192)
"""Lower bounds of the widths recall is given for, in pixels."""
SAME = 0.45
"""From this intersection over union on, a find is the face."""
_SCENES, _EMPTY, _SIDE, _EMPTY_SIDE = 120, 150, 640, 1024
MIN_LOGIT = -3.0

Propose = Callable[[UInt8Array], npt.NDArray[np.float32]]
"""uint8 RGB (H, W, 3) -> float32 (F, 15): logit, box, five points."""


def by_maps(look: Callable[[UInt8Array], Sequence[FloatArray]]) -> Propose:
    """Make proposals of a network's maps, at one scale."""
    return lambda pixels: merge(read_maps(look(pixels), MIN_LOGIT))


class Validation:
    """The same scenes for every epoch.

    Args:
        pool: Pictures of the validation groups.
        recipe: The training's scenes; validation turns faces by at most its tilt and degrades little.
        seed: Of the scenes.
    """

    def __init__(self, pool: Pool, recipe: SceneRecipe, seed: int) -> None:
        rng = np.random.default_rng([seed, 0x5CE9E])
        calm = replace(
            recipe, side_px=_SIDE, face_px=(12.0, 400.0), upright=1.0, hidden=0.0, degrade=0.1, encode=0.5
        )
        composer = Composer(pool, calm)
        self.scenes = [composer.compose(rng) for _ in range(_SCENES)]
        self.empty = [composer.background(rng, _EMPTY_SIDE, _EMPTY_SIDE) for _ in range(_EMPTY)]

    def measure(self, propose: Propose, false_alarms: float) -> tuple[float, dict[str, float]]:
        """Return the least logit that allows so many false proposals per 100 megapixels, and the figures there."""
        alarms = np.concatenate([propose(pixels)[:, 0] for pixels in self.empty])
        allowed = int(false_alarms * len(self.empty) * _EMPTY_SIDE**2 / 1e8)
        worst = np.sort(alarms)[::-1]
        threshold = float(worst[allowed]) + 1e-3 if len(worst) > allowed else MIN_LOGIT
        hits: dict[int, list[bool]] = {low: [] for low in BINS}
        wrong = extra = 0
        gaps: list[float] = []
        for scene in self.scenes:
            found = propose(scene.pixels)
            found = found[found[:, 0] >= threshold]
            best, partner = _match(scene, found)
            for i in np.flatnonzero(scene.taught):
                width = scene.boxes[i, 2] - scene.boxes[i, 0]
                low = max((b for b in BINS if b <= width), default=None)
                if low is not None:
                    hits[low].append(bool(best[i] >= SAME))
                if best[i] >= SAME and np.isfinite(scene.points[i]).all():
                    five = found[partner[i], 5:].reshape(5, 2)
                    gaps.append(float(np.linalg.norm(five - scene.points[i], axis=1).mean() / width))
            wrong += _unmatched(scene, found)
            extra += len(found)
        figures = {f"recall_{low}": float(np.mean(seen)) if seen else math.nan for low, seen in hits.items()}
        figures["score"] = float(np.nanmean(list(figures.values())))
        figures["false_share"] = wrong / max(extra, 1)
        figures["points_gap"] = float(np.median(gaps)) if gaps else math.nan
        figures["threshold"] = threshold
        return threshold, figures


def overlaps(boxes: FloatArray, others: FloatArray) -> FloatArray:
    """Return the intersection over union of every pair, float (len(boxes), len(others))."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = (high - low).clip(0).prod(2)
    areas = [(b[:, 2:] - b[:, :2]).prod(1) for b in (boxes, others)]
    result: FloatArray = shared / (areas[0][:, None] + areas[1][None] - shared)
    return result


def _match(scene: Scene, found: npt.NDArray[np.float32]) -> tuple[FloatArray, npt.NDArray[np.intp]]:
    if not len(found) or not len(scene.boxes):
        return np.zeros(len(scene.boxes)), np.zeros(len(scene.boxes), np.intp)
    table = overlaps(scene.boxes, found[:, 1:5])
    return table.max(1), table.argmax(1)


def _unmatched(scene: Scene, found: npt.NDArray[np.float32]) -> int:
    if not len(found):
        return 0
    if not len(scene.boxes):
        return len(found)
    return int((overlaps(found[:, 1:5], scene.boxes).max(1) < 0.2).sum())
