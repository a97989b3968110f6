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
ALARMS: Final = {"hits_at_1": 0.01, "hits_at_2": 0.02, "hits_at_5": 0.05}
"""Shares of false alarms at which :func:`ranked` says how many fakes are found."""
RANKED: Final = ("auc", "average_precision", "equal_error_rate", *ALARMS, "log_loss", "brier")
"""The figures of :func:`ranked`, in its order."""
_REPEATS: Final = 400
_FEW: Final = 3
"""Below so many misranked pairs the bootstrap says nothing of an AUC near 1."""


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


def ranked(labels: npt.ArrayLike, p: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
    """Return the figures named in :data:`RANKED` for many weightings at once, float64 (B, 8), for the bootstrap.

    As scikit-learn computes them, one by one and more slowly; the equal error rate is the mean of misses and false
    alarms where they are nearest, a share of hits that of the lowest threshold with no more false alarms.

    Args:
        labels: (N,) 0 or 1.
        p: (N,) scores.
        weights: (B, N) counts.
    """
    y, s = _inputs(labels, p)
    w = np.asarray(weights, np.float64)
    if not len(y):
        return np.full((len(w), len(RANKED)), np.nan)
    order = np.argsort(-s, kind="stable")
    y, s, w = y[order], s[order], w[:, order]
    with np.errstate(invalid="ignore", divide="ignore"):
        total = w.sum(1)
        return np.stack([*_curves(y, s, w), w @ _losses(y, s) / total, w @ (s - y) ** 2 / total], 1)


def _inputs(labels: npt.ArrayLike, p: npt.ArrayLike) -> tuple[Floats, Floats]:
    y, s = np.asarray(labels, np.float64), np.asarray(p, np.float64)
    if y.shape != s.shape or y.ndim != 1:
        raise ValueError(f"labels and scores must be (N,), got {y.shape} and {s.shape}")
    return y, s


def _mean_size(mean: Floats, deviation: Floats) -> Floats:
    """Return the mean of a normal variable's absolute value, for means of at least 0."""
    ratio = np.divide(mean, deviation, out=np.full_like(mean, np.inf), where=deviation > 0)
    bell = deviation * math.sqrt(2 / math.pi) * np.exp(-(ratio**2) / 2)
    return np.asarray(bell + mean * np.vectorize(math.erf)(ratio / math.sqrt(2)))


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


def _curves(y: Floats, s: Floats, w: Floats) -> list[Floats]:
    """Return AUC, average precision, equal error rate and the hits at :data:`ALARMS` of sorted scores, each (B,)."""
    false, hits = _counts(y, s, w)
    tpr, fpr = hits / hits[:, -1:], false / false[:, -1:]
    area = ((tpr[:, 1:] + tpr[:, :-1]) / 2 * np.diff(fpr, axis=1)).sum(1)
    both = hits + false
    precision = np.divide(hits, both, out=np.ones_like(hits), where=both > 0)[:, 1:]
    average = (np.diff(tpr, axis=1) * precision).sum(1)
    at, rows = np.argmin(np.abs(1 - tpr - fpr), 1), np.arange(len(w))
    error = (1 - tpr[rows, at] + fpr[rows, at]) / 2
    found = [np.where(fpr <= most + 1e-12, tpr, 0).max(1) for most in ALARMS.values()]
    return [area, *(np.where(np.isnan(area), np.nan, values) for values in (average, error, *found))]


def calibration(
    labels: npt.ArrayLike,
    p: npt.ArrayLike,
    groups: Groups,
    *,
    bins: int = 15,
    repeats: int = _REPEATS,
    seed: int = 0,
) -> tuple[float, Interval]:
    """Return the expected calibration error, its bias taken off, and the 95 % interval.

    Chance alone parts P(fake) from the frequency in a bin, so the plain estimate is too large, and those of resampled
    rows are larger still. What a normal error of the bin's size adds to the gap is taken off (Kumar, Liang and Ma,
    Verified uncertainty calibration, NeurIPS 2019); the error is that of whole groups. In the bootstrap the truth is
    the plain estimate of the rows at hand: how far the draws' estimates lie from that is the interval. It begins
    at 0 where chance alone may have made the gaps.

    Args:
        labels: (N,) 0 or 1.
        p: (N,) P(fake).
        groups: (N,) group of each row.
        bins: Of equal width.
        repeats: Draws.
        seed: The same seed gives the same interval.

    Returns:
        In [0, 1]; NaN without rows, the interval also where there are fewer than two groups.
    """
    y, s = _inputs(labels, p)
    if not len(y):
        return math.nan, (math.nan, math.nan)
    names, place = np.unique(np.asarray(groups, str), return_inverse=True)
    shape, cell = (len(names), bins), (place, _bins(s, bins))
    rows, gaps, doubt = (np.zeros(shape) for _ in range(3))
    for table, values in ((rows, 1.0), (gaps, s - y), (doubt, np.sqrt(s * (1 - s)))):
        np.add.at(table, cell, values)

    def estimate(draws: Floats) -> list[Floats]:
        """Return the plain error for draws of groups (B, G), two with less bias, and what chance alone gives."""
        n, own = draws @ rows, draws @ (rows > 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            gap = draws @ gaps / n
            apart = draws @ gaps**2 - 2 * gap * (draws @ (gaps * rows)) + gap**2 * (draws @ rows**2)
            error = np.sqrt(np.where(own > 1, apart.clip(0) * own / (own - 1), draws @ doubt**2)) / n
        share, size, error = (
            np.where(n > 0, v, 0) for v in (n / n.sum(1, keepdims=True), np.abs(gap), error)
        )
        found, chance = ((share * v**2).sum(1) for v in (size, error))
        true = np.sqrt((found - chance).clip(0) / np.where(found > 0, found, 1))[:, None] * size
        plain = (share * size).sum(1)
        least = np.maximum(error[0], np.sqrt(draws[0] @ doubt**2) / np.maximum(n[0], 1))
        chances = np.abs(np.random.default_rng(seed).normal(0, share[0] * least, (repeats, bins))).sum(1)
        return [plain, *(plain - (share * (_mean_size(v, error) - v)).sum(1) for v in (size, true)), chances]

    plain, wide, value, chances = estimate(np.ones((1, len(names))))
    if len(names) < 2:
        return max(0.0, float(value[0])), (math.nan, math.nan)
    _, widely, closely, _ = estimate(_draws(len(names), repeats, seed))
    low = value[0] + _percentiles(closely - plain, repeats)[0]
    high = wide[0] + _percentiles(widely - plain, repeats)[1]
    low = 0 if plain[0] <= np.percentile(chances, 97.5) else low
    found = max(0.0, float(value[0]))
    return found, (float(np.clip(low, 0, found)), float(np.clip(high, found, 1)))


def auc_interval(area: float, bounds: Interval, labels: Ints, groups: Groups) -> Interval:
    """Widen the bootstrap's interval of an AUC near 0 or 1, where so few pairs are misranked that draws repeat them.

    Fakes and reals can be paired so that no group stands in two pairs. Each pair is ranked right with the probability
    AUC, and they are independent: Clopper and Pearson's exact interval (1934) of so many trials holds. With all of K
    pairs right its lower end is 0.025 ** (1 / K). Exact where AUC is 1 or 0; between, the pairs' share is rounded down.

    Args:
        area: The AUC.
        bounds: From :func:`bootstrap`.
        labels: (N,) 0 or 1.
        groups: (N,) group of each row.
    """
    names = np.asarray(groups, str)
    real, fake = (set(names[labels == label]) for label in (0, 1))
    pairs = min(len(real), len(fake), max(1, len(real | fake) // 2))
    if not math.isfinite(area) or pairs * min(area, 1 - area) >= _FEW:
        return bounds
    wrong = math.ceil(pairs * min(area, 1 - area) - 1e-9)
    low, high = clopper_pearson(wrong, pairs)
    exact = (low, high) if area < 0.5 else (1 - high, 1 - low)
    known = [b for b in bounds if math.isfinite(b)]
    return min([exact[0], *known]), max([exact[1], *known])


def clopper_pearson(hits: int, total: int) -> Interval:
    """Return the exact 95 % interval of a share.

    Example:
        >>> [round(v, 3) for v in clopper_pearson(0, 24)]
        [0.0, 0.142]
    """

    def at_most(count: int, share: float) -> float:
        return sum(math.comb(total, k) * share**k * (1 - share) ** (total - k) for k in range(count + 1))

    def where(falls: Callable[[float], float]) -> float:
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if falls(middle) > 0 else (low, middle)
        return low

    high = 1.0 if hits == total else where(lambda share: at_most(hits, share) - 0.025)
    low = 0.0 if hits == 0 else where(lambda share: 0.025 - (1 - at_most(hits - 1, share)))
    return low, high


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
    return [_percentiles(column, repeats) for column in figures(_draws(count, repeats, seed)[:, place]).T]


def _draws(count: int, repeats: int, seed: int) -> Floats:
    """Return how often each of so many groups is drawn, float64 (repeats, count)."""
    rng = np.random.default_rng(seed)
    drawn = [np.bincount(rng.integers(count, size=count), minlength=count) for _ in range(repeats)]
    return np.stack(drawn).astype(np.float64)


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
