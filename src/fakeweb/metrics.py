"""Metrics from scores (ROC, AUC, AP, EER, log loss, Brier, ECE) and their 95 % intervals; numpy only.

Conventions: ``labels`` 0 = real, 1 = fake; ``p`` is P(fake). A figure that cannot be computed (one class missing,
nothing there) is NaN, never a made-up 0.5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Groups = Sequence[str] | npt.NDArray[np.str_]
Interval = tuple[float, float]

DFDC_CLIP: Final = 0.01
"""P(fake) is clipped to [0.01, 0.99] before the logarithm, as most who entered the DFDC challenge did."""
RANKED: Final = ("auc", "average_precision", "equal_error_rate", "log_loss", "brier", "calibration_error")
"""The figures of :func:`ranked`, in its order."""
_REPEATS: Final = 400


def auc(fake: npt.ArrayLike, real: npt.ArrayLike) -> float:
    """Return the area under the ROC curve: P(a fake scores above a real), ties count half (Mann and Whitney, 1947).

    Example:
        >>> auc([0.35, 0.8], [0.1, 0.4])
        0.75
    """
    a, b = np.asarray(fake, np.float64), np.sort(np.asarray(real, np.float64))
    if not len(a) or not len(b):
        return math.nan
    return float((np.searchsorted(b, a, "left") + np.searchsorted(b, a, "right")).mean() / (2 * len(b)))


def balanced_weights(labels: Ints, sources: npt.NDArray[np.str_]) -> Floats:
    """Weigh samples so that both labels count alike and, within one, sources by the root of their size."""
    keys = [f"{label}/{source}" for label, source in zip(labels, sources, strict=True)]
    _, place, counts = np.unique(keys, return_inverse=True, return_counts=True)
    weights = (1 / np.sqrt(counts))[place]
    for label in (0, 1):
        chosen = labels == label
        if chosen.any():
            weights[chosen] /= 2 * weights[chosen].sum()
    return weights


def log_loss(labels: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Return the mean log loss in nats, P(fake) clipped by :data:`DFDC_CLIP`."""
    y, s = _inputs(labels, p)
    return float(_losses(y, s).mean()) if len(y) else math.nan


def calibration_error(p: Floats, labels: Ints, weights: Floats, bins: int = 15) -> float:
    """Return the expected calibration error: weighted mean gap of P(fake) and frequency (Naeini et al., AAAI 2015)."""
    place = _bins(p, bins)
    gaps = (abs((weights * (p - labels))[place == b].sum()) for b in range(bins))
    return float(sum(gaps) / weights.sum())


def roc(labels: npt.ArrayLike, p: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return false alarm rates and hit rates from (0, 0) to (1, 1); ties are one point."""
    y, s = _inputs(labels, p)
    if not len(y):
        return np.zeros(1), np.zeros(1)
    order = np.argsort(-s, kind="stable")
    false, hits = _counts(y[order], s[order], np.ones((1, len(y))))
    with np.errstate(invalid="ignore"):
        return false[0] / false[0, -1], hits[0] / hits[0, -1]


def reliability(labels: npt.ArrayLike, p: npt.ArrayLike, bins: int = 15) -> tuple[Floats, Floats, Floats]:
    """Return per bin of P(fake) the mean P(fake), the share of fakes, and the count; NaN where a bin is empty."""
    y, s = _inputs(labels, p)
    place = _bins(s, bins)
    total = np.bincount(place, minlength=bins).astype(float)
    with np.errstate(invalid="ignore"):
        return np.bincount(place, s, bins) / total, np.bincount(place, y, bins) / total, total


def ranked(labels: npt.ArrayLike, p: npt.ArrayLike, weights: npt.ArrayLike, bins: int = 15) -> Floats:
    """Return the figures named in :data:`RANKED` for many weightings at once, float64 (B, 6), for the bootstrap.

    As scikit-learn computes them, one by one and more slowly; the equal error rate is the mean of misses and false
    alarms where they are nearest.

    Args:
        labels: (N,) 0 or 1.
        p: (N,) scores.
        weights: (B, N) counts.
        bins: Of the calibration error.
    """
    y, s = _inputs(labels, p)
    w = np.asarray(weights, np.float64)
    if not len(y):
        return np.full((len(w), len(RANKED)), np.nan)
    order = np.argsort(-s, kind="stable")
    y, s, w = y[order], s[order], w[:, order]
    in_bin = (_bins(s, bins)[:, None] == np.arange(bins)).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = w.sum(1)
        gaps = np.abs(w @ (in_bin * (s - y)[:, None])).sum(1) / total
        return np.stack([*_curves(y, s, w), w @ _losses(y, s) / total, w @ (s - y) ** 2 / total, gaps], 1)


def _inputs(labels: npt.ArrayLike, p: npt.ArrayLike) -> tuple[Floats, Floats]:
    y, s = np.asarray(labels, np.float64), np.asarray(p, np.float64)
    if y.shape != s.shape or y.ndim != 1:
        raise ValueError(f"labels and scores must be (N,), got {y.shape} and {s.shape}")
    return y, s


def _bins(p: Floats, bins: int) -> Ints:
    return np.asarray(np.clip((p * bins).astype(int), 0, bins - 1), np.int64)


def _losses(y: Floats, s: Floats) -> Floats:
    held = np.clip(s, DFDC_CLIP, 1 - DFDC_CLIP)
    return -np.where(y == 1, np.log(held), np.log(1 - held))


def _counts(y: Floats, s: Floats, w: Floats) -> tuple[Floats, Floats]:
    """Return false alarms and hits above each distinct one of sorted scores, none at first, each (B, points)."""
    last = np.append(np.flatnonzero(np.diff(s)), len(s) - 1)
    start = np.zeros((len(w), 1))
    return tuple(np.hstack([start, np.cumsum(w * own, 1)[:, last]]) for own in (1 - y, y))  # type: ignore[return-value]


def _curves(y: Floats, s: Floats, w: Floats) -> tuple[Floats, Floats, Floats]:
    """Return AUC, average precision and equal error rate of sorted scores, each (B,)."""
    false, hits = _counts(y, s, w)
    tpr, fpr = hits / hits[:, -1:], false / false[:, -1:]
    area = ((tpr[:, 1:] + tpr[:, :-1]) / 2 * np.diff(fpr, axis=1)).sum(1)
    both = hits + false
    precision = np.divide(hits, both, out=np.ones_like(hits), where=both > 0)[:, 1:]
    average = (np.diff(tpr, axis=1) * precision).sum(1)
    at, rows = np.argmin(np.abs(1 - tpr - fpr), 1), np.arange(len(w))
    error = (1 - tpr[rows, at] + fpr[rows, at]) / 2
    one_class = np.isnan(area)
    return area, np.where(one_class, np.nan, average), np.where(one_class, np.nan, error)


def bootstrap(
    figures: Callable[[Floats], Floats], groups: Groups, *, repeats: int = _REPEATS, seed: int = 0
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


def share_interval(hit: npt.ArrayLike, groups: Groups) -> Interval:
    """Return the interval of a share of rows, counting each group as one trial."""
    marks = np.asarray(hit, np.float64)
    if not len(marks):
        return (np.nan, np.nan)
    trials = len(np.unique(np.asarray(groups, str)))
    return wilson(float(marks.mean()) * trials, trials)
