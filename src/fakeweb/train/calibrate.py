"""From validation logits to the card's calibration and decision. numpy only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fakeweb.errors import DatasetError
from fakeweb.runtime import Calibration, Decision
from fakeweb.train.prepare import FaceSample
from fakeweb.train.recipe import CalibrationRecipe

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TAIL_RATE = 0.1


def auc(fake: npt.ArrayLike, real: npt.ArrayLike) -> float:
    """Return the area under the ROC curve: P(a fake scores above a real), ties count half."""
    a, b = np.asarray(fake, np.float64), np.sort(np.asarray(real, np.float64))
    if not len(a) or not len(b):
        return float("nan")
    return float((np.searchsorted(b, a, "left") + np.searchsorted(b, a, "right")).mean() / (2 * len(b)))


def labels_and_sources(faces: Sequence[FaceSample]) -> tuple[Ints, npt.NDArray[np.str_]]:
    """Return the labels (N,) and sources (N,) of training faces."""
    return np.array([f.sample.label for f in faces]), np.array([f.sample.source for f in faces])


def source_aucs(logits: Floats, labels: Ints, sources: npt.NDArray[np.str_]) -> dict[str, float]:
    """Return the AUC of each source of fakes, against its own reals or, where it has none, all reals."""
    figures = {}
    for source in sorted(set(sources[labels == 1].tolist())):
        own = (sources == source) & (labels == 0)
        figures[f"auc_{source}"] = auc(
            logits[(sources == source) & (labels == 1)], logits[own if own.sum() >= 10 else labels == 0]
        )
    return figures


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


def fit_platt(logits: Floats, labels: Ints, weights: Floats) -> Calibration:
    """Fit scale and bias by weighted log loss with Newton's method (Platt 1999; Lin, Lin and Weng 2007).

    Args:
        logits: (N,) raw logits.
        labels: (N,) 0 or 1.
        weights: (N,) that sum to 1.
    """
    x = np.stack([logits, np.ones_like(logits)], 1)
    beta = np.array([1.0, 0.0])
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -40, 40)))
        gradient = x.T @ (weights * (p - labels)) + 1e-6 * beta
        hessian = (x * (weights * p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        step *= min(1.0, 1.0 / np.abs(step).max())
        beta = beta - step
        if np.abs(step).max() < 1e-9:
            break
    if beta[0] <= 0:
        raise DatasetError(
            "the model ranks validation fakes below reals; there is nothing to calibrate",
            hint="train longer, or look at the labels",
        )
    return Calibration(float(beta[0]), float(beta[1]))


def fit_decision(
    logits: Floats, labels: Ints, calibration: Calibration, recipe: CalibrationRecipe
) -> Decision:
    """Choose where verdicts begin.

    The tail of the real faces gives the fake threshold, a quantile of the fakes the real one. The tail's scale
    is fitted to the highest tenth of real logits, and its level raised if needed so that the share of these
    very reals above the threshold is at most ``recipe.false_alarms``.
    """
    real, fake = np.sort(logits[labels == 0]), logits[labels == 1]
    if len(real) < 50 or len(fake) < 50:
        raise DatasetError(
            f"calibration needs 50 real and 50 fake validation faces, got {len(real)} and {len(fake)}",
            hint="give more validation data",
        )
    level = float(np.quantile(real, 1 - TAIL_RATE))
    scale = float((real[real > level] - level).mean())
    decision = Decision(recipe.false_alarms, TAIL_RATE, level, scale, 0.5, recipe.min_face_px)
    short = float(np.quantile(real, 1 - recipe.false_alarms)) - decision.fake_logit(1)
    if short > 0:
        level += short
    low = calibration.probability(float(np.quantile(fake, recipe.missed)))
    return Decision(recipe.false_alarms, TAIL_RATE, level, scale, min(low, 0.5), recipe.min_face_px)


def expected_calibration_error(p: Floats, labels: Ints, weights: Floats, bins: int = 15) -> float:
    """Return the weighted mean gap between confidence and frequency (Naeini et al., AAAI 2015)."""
    place = np.minimum((p * bins).astype(int), bins - 1)
    gaps = (abs((weights * (p - labels))[place == b].sum()) for b in range(bins))
    return float(sum(gaps) / weights.sum())
