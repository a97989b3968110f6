"""Figures from scores: numpy only, weighted, so that a bootstrap is a change of weights.

Conventions: ``labels`` 0 = real, 1 = fake; ``p`` is P(fake); ``weights`` are non-negative counts, all one by default.
A figure that cannot be computed (one class missing, nothing there) is NaN, never a made-up 0.5.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DFDC_CLIP: Final = 0.01
"""P(fake) is clipped to [0.01, 0.99] before the logarithm, as most who entered the DFDC challenge did."""


def _inputs(
    labels: npt.ArrayLike, p: npt.ArrayLike, weights: npt.ArrayLike | None
) -> tuple[Ints, Floats, Floats]:
    y, s = np.asarray(labels, np.int64), np.asarray(p, np.float64)
    w = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
    if not (y.shape == s.shape == w.shape and y.ndim == 1):
        raise ValueError(f"labels, scores and weights must be (N,), got {y.shape}, {s.shape}, {w.shape}")
    return y, s, w


def roc(
    labels: npt.ArrayLike, p: npt.ArrayLike, weights: npt.ArrayLike | None = None
) -> tuple[Floats, Floats, Floats]:
    """Return false alarm rates, hit rates and thresholds, from (0, 0) at infinity to (1, 1); ties are one point.

    Args:
        labels: (N,) 0 or 1.
        p: (N,) scores.
        weights: (N,) counts.
    """
    y, s, w = _inputs(labels, p, weights)
    order = np.argsort(-s, kind="stable")
    y, s, w = y[order], s[order], w[order]
    last = np.append(np.flatnonzero(np.diff(s)), len(s) - 1) if len(s) else np.zeros(0, np.int64)
    false = np.cumsum(w * (y == 0))[last]
    hits = np.cumsum(w * (y == 1))[last]
    reals, fakes = (false[-1], hits[-1]) if len(s) else (0.0, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        fpr, tpr = false / reals, hits / fakes
    return np.append(0.0, fpr), np.append(0.0, tpr), np.append(np.inf, s[last])


def auc(labels: npt.ArrayLike, p: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """Return the area under the ROC curve: P(a fake scores above a real), ties count half.

    Example:
        >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        0.75
    """
    fpr, tpr, _ = roc(labels, p, weights)
    return float(np.trapezoid(tpr, fpr)) if _defined(fpr, tpr) else np.nan


def _defined(fpr: Floats, tpr: Floats) -> bool:
    """Tell whether a curve has both classes behind it."""
    return len(fpr) > 1 and bool(np.isfinite(fpr).all() and np.isfinite(tpr).all())


def average_precision(labels: npt.ArrayLike, p: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """Return the mean precision over recall steps, without interpolation (as scikit-learn does)."""
    y, s, w = _inputs(labels, p, weights)
    order = np.argsort(-s, kind="stable")
    y, s, w = y[order], s[order], w[order]
    if not (w * y).sum() > 0 or not (w * (1 - y)).sum() > 0:
        return np.nan
    last = np.append(np.flatnonzero(np.diff(s)), len(s) - 1)
    hits, total = np.cumsum(w * y)[last], np.cumsum(w)[last]
    precision = np.divide(hits, total, out=np.ones_like(hits), where=total > 0)
    return float((np.diff(np.append(0.0, hits)) * precision).sum() / hits[-1])


def equal_error_rate(labels: npt.ArrayLike, p: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """Return the rate where misses equal false alarms: mean of the two where they are nearest."""
    fpr, tpr, _ = roc(labels, p, weights)
    if not _defined(fpr, tpr):
        return np.nan
    gap = np.abs(1 - tpr - fpr)
    at = int(np.argmin(gap))
    return float((1 - tpr[at] + fpr[at]) / 2)


def log_loss(labels: npt.ArrayLike, p: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """Return the mean log loss, P(fake) clipped to [0.01, 0.99] (:data:`DFDC_CLIP`)."""
    y, s, w = _inputs(labels, p, weights)
    if not w.sum() > 0:
        return np.nan
    s = np.clip(s, DFDC_CLIP, 1 - DFDC_CLIP)
    return float(-(w * np.where(y == 1, np.log(s), np.log(1 - s))).sum() / w.sum())


def brier(labels: npt.ArrayLike, p: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """Return the mean squared gap between P(fake) and the truth (Brier, 1950)."""
    y, s, w = _inputs(labels, p, weights)
    return float((w * (s - y) ** 2).sum() / w.sum()) if w.sum() > 0 else np.nan


def reliability(
    labels: npt.ArrayLike, p: npt.ArrayLike, weights: npt.ArrayLike | None = None, bins: int = 15
) -> tuple[Floats, Floats, Floats]:
    """Return per bin of P(fake) the mean P(fake), the share of fakes, and the weight; NaN where a bin is empty.

    Args:
        labels: (N,) 0 or 1.
        p: (N,) in [0, 1].
        weights: (N,) counts.
        bins: Bins of equal width.
    """
    y, s, w = _inputs(labels, p, weights)
    place = np.clip((s * bins).astype(int), 0, bins - 1)
    total = np.bincount(place, w, bins)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (
            np.bincount(place, w * s, bins) / total,
            np.bincount(place, w * y, bins) / total,
            total.astype(float),
        )


def calibration_error(
    labels: npt.ArrayLike, p: npt.ArrayLike, weights: npt.ArrayLike | None = None, bins: int = 15
) -> float:
    """Return the expected calibration error: mean gap between P(fake) and frequency (Naeini et al., AAAI 2015)."""
    confidence, frequency, total = reliability(labels, p, weights, bins)
    if not total.sum() > 0:
        return np.nan
    return float(np.nansum(np.abs(confidence - frequency) * total) / total.sum())


def decisions(
    labels: npt.ArrayLike, called_fake: npt.ArrayLike, weights: npt.ArrayLike | None = None
) -> dict[str, float]:
    """Return accuracy, precision and recall of fakes, and the share of reals called fake.

    Args:
        labels: (N,) 0 or 1.
        called_fake: (N,) whether it was called fake.
        weights: (N,) counts.
    """
    y, c, w = _inputs(labels, np.asarray(called_fake, np.float64), weights)
    both, called, fakes = (w * y * c).sum(), (w * c).sum(), (w * y).sum()
    reals, total = (w * (1 - y)).sum(), w.sum()
    false = called - both
    return {
        "accuracy": _ratio(both + reals - false, total),
        "precision": _ratio(both, called),
        "recall": _ratio(both, fakes),
        "false_alarm_rate": _ratio(false, reals),
    }


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else np.nan


RANKED: Final = ("auc", "average_precision", "equal_error_rate", "log_loss", "brier", "calibration_error")
"""The figures of :func:`ranked`, in its order."""


def ranked(labels: npt.ArrayLike, p: npt.ArrayLike, weights: npt.ArrayLike, bins: int = 15) -> Floats:
    """Return the figures named in :data:`RANKED` for many weightings at once, float64 (B, 6), for the bootstrap.

    Args:
        labels: (N,) 0 or 1.
        p: (N,) scores.
        weights: (B, N) counts.
        bins: Of the calibration error.
    """
    y, s, w = np.asarray(labels, np.float64), np.asarray(p, np.float64), np.asarray(weights, np.float64)
    if not len(y):
        return np.full((len(w), len(RANKED)), np.nan)
    order = np.argsort(-s, kind="stable")
    y, s, w = y[order], s[order], w[:, order]
    clipped = np.clip(s, DFDC_CLIP, 1 - DFDC_CLIP)
    place = np.clip((s * bins).astype(int), 0, bins - 1)
    in_bin = (place[:, None] == np.arange(bins)).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = w.sum(1)
        loss = w @ -np.where(y == 1, np.log(clipped), np.log(1 - clipped)) / total
        gaps = np.abs(w @ (in_bin * (s - y)[:, None])).sum(1) / total
        curves = _curves(y, s, w)
        return np.stack([*curves, loss, w @ (s - y) ** 2 / total, gaps], 1)


def _curves(y: Floats, s: Floats, w: Floats) -> tuple[Floats, Floats, Floats]:
    """Return AUC, average precision and equal error rate of sorted scores, each (B,)."""
    last = np.append(np.flatnonzero(np.diff(s)), len(s) - 1)
    start = np.zeros((len(w), 1))
    hits = np.hstack([start, np.cumsum(w * y, 1)[:, last]])
    false = np.hstack([start, np.cumsum(w * (1 - y), 1)[:, last]])
    tpr, fpr = hits / hits[:, -1:], false / false[:, -1:]
    area = ((tpr[:, 1:] + tpr[:, :-1]) / 2 * np.diff(fpr, axis=1)).sum(1)
    both = hits + false
    precision = np.divide(hits, both, out=np.ones_like(hits), where=both > 0)[:, 1:]
    average = (np.diff(tpr, axis=1) * precision).sum(1)
    at = np.argmin(np.abs(1 - tpr - fpr), 1)
    rows = np.arange(len(w))
    error = (1 - tpr[rows, at] + fpr[rows, at]) / 2
    one_class = np.isnan(area)
    return area, np.where(one_class, np.nan, average), np.where(one_class, np.nan, error)
