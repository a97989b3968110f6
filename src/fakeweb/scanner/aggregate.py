"""From the scores of a track's frames to one score: the ways compared in docs/decisions/0024."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

_Floats = npt.NDArray[np.float64]


def mean(p: _Floats) -> float:
    """Return the plain mean of P(fake)."""
    return float(np.mean(p))


def trimmed_mean(p: _Floats) -> float:
    """Return the mean without the lowest and the highest fifth."""
    cut = len(p) // 5
    return float(np.mean(np.sort(p)[cut : len(p) - cut]))


def top_k(p: _Floats) -> float:
    """Return the mean of the highest third."""
    return float(np.mean(np.sort(p)[-max(1, len(p) // 3) :]))


def noisy_or(p: _Floats) -> float:
    """Return the probability that one frame is fake if frames were independent, per frame: a geometric mean."""
    return float(1 - math.exp(np.mean(np.log1p(-np.clip(p, 0, 1 - 1e-6)))))


def confident(p: _Floats) -> float:
    """Return the mean of the sure frames, fake or real, where enough of them agree.

    Seferbekov's rule for DFDC (2020): if more than 40 % of the frames and more than 11 lie above 0.8, their mean; if
    more than 90 % lie below 0.2, theirs; else the mean of all. Scaled to the number of frames here.
    """
    high, low = p > 0.8, p < 0.2
    if high.sum() > 0.4 * len(p) and high.sum() > min(11, len(p) / 3):
        return float(p[high].mean())
    if low.sum() > 0.9 * len(p):
        return float(p[low].mean())
    return mean(p)


STRATEGIES: Final[dict[str, Callable[[_Floats], float]]] = {
    "mean": mean,
    "trimmed_mean": trimmed_mean,
    "top_k": top_k,
    "noisy_or": noisy_or,
    "confident": confident,
}
DEFAULT_STRATEGY: Final = "mean"
