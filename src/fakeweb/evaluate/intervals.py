"""How sure a figure is: bootstrap by group, and shares after Wilson."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Interval = tuple[float, float]

REPEATS = 400


def bootstrap(
    figures: Callable[[Floats], Floats],
    groups: Sequence[str] | npt.NDArray[np.str_],
    *,
    repeats: int = REPEATS,
    seed: int = 0,
) -> list[Interval]:
    """Return the 95 % percentile intervals of figures when whole groups are drawn with replacement.

    Frames of one video and pictures of one person say little beyond the first, so groups are drawn, not rows
    (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13).

    Args:
        figures: Takes weights (B, N), how often each row was drawn in each of B draws, and returns B times K figures;
            NaN is passed over.
        groups: (N,) group of each row.
        repeats: Draws.
        seed: The same seed gives the same intervals.

    Returns:
        K pairs (low, high); NaN where fewer than two groups, or not half of the draws, gave a figure.
    """
    _, place = np.unique(np.asarray(groups, str), return_inverse=True)
    count = int(place.max()) + 1 if len(place) else 0
    if count < 2:
        return [(np.nan, np.nan)] * figures(np.ones((1, len(place)))).shape[1]
    rng = np.random.default_rng(seed)
    drawn = np.stack([np.bincount(rng.integers(count, size=count), minlength=count) for _ in range(repeats)])
    return [_percentiles(column, repeats) for column in figures(drawn[:, place].astype(np.float64)).T]


def _percentiles(values: Floats, repeats: int) -> Interval:
    known = values[np.isfinite(values)]
    if len(known) < repeats // 2:
        return (np.nan, np.nan)
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


def wilson(hits: float, total: float, z: float = 1.959964) -> Interval:
    """Return the 95 % interval of a share (Wilson, 1927); honest where nothing, or everything, was hit.

    Args:
        hits: How many of ``total``.
        total: Independent trials; with several rows per group, the number of groups.
        z: Quantile of the normal distribution.

    Example:
        >>> [round(v, 3) for v in wilson(0, 100)]
        [0.0, 0.037]
    """
    if total <= 0:
        return (np.nan, np.nan)
    share = hits / total
    centre = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    low, high = ((centre + sign * spread) / (1 + z * z / total) for sign in (-1, 1))
    return (max(0.0, low) if hits > 0 else 0.0), (min(1.0, high) if hits < total else 1.0)


def share_interval(hit: npt.ArrayLike, groups: Sequence[str] | npt.NDArray[np.str_]) -> Interval:
    """Return the interval of a share of rows, counting each group as one trial."""
    marks = np.asarray(hit, np.float64)
    if not len(marks):
        return (np.nan, np.nan)
    trials = len(np.unique(np.asarray(groups, str)))
    return wilson(float(marks.mean()) * trials, trials)
