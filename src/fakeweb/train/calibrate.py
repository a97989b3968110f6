"""From validation logits to the card's calibration and decision. numpy only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fakeweb.errors import DatasetError
from fakeweb.metrics import auc as auc
from fakeweb.metrics import balanced_weights as balanced_weights
from fakeweb.runtime import Calibration, Decision
from fakeweb.train.recipe import CalibrationRecipe

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TAIL_RATE = 0.1
MIN_LOGITS = 50
"""So many of either label are needed to calibrate; every validation face gives two, see :mod:`.finish`."""
_NEAR = 1e-6
BENDS_AT = (0.2, 0.4, 0.6, 0.8)
"""Shares of the logits at which :func:`fit_bent` lets the line bend."""


def source_aucs(logits: Floats, labels: Ints, sources: npt.NDArray[np.str_]) -> dict[str, float]:
    """Return the AUC of each source of fakes, against its own reals or, where it has none, all reals."""
    figures = {}
    for source in sorted(set(sources[labels == 1].tolist())):
        own = (sources == source) & (labels == 0)
        figures[f"auc_{source}"] = auc(
            logits[(sources == source) & (labels == 1)], logits[own if own.sum() >= 10 else labels == 0]
        )
    return figures


def fit_platt(logits: Floats, labels: Ints, weights: Floats) -> Calibration:
    """Fit scale and bias by weighted log loss (Platt 1999, with the method of Lin, Lin and Weng 2007).

    The targets are Platt's, a little inside 0 and 1, so that a set without overlap claims no certainty that its
    size does not bear out. Newton's method with halved steps, on logits brought to mean 0 and spread 1.

    Args:
        logits: (N,) raw logits.
        labels: (N,) 0 or 1.
        weights: (N,) that sum to 1.

    Raises:
        DatasetError: The logits do not tell the labels apart, or the wrong way round, or are as good as equal.
    """
    return _fit_line(logits, labels, weights, (), 0.0)


def fit_bent(logits: Floats, labels: Ints, weights: Floats) -> Calibration:
    """Fit a line that bends at the fifths of the logits, as much as their number bears out.

    Like :func:`fit_platt`, with a ridge on the bends of one observation's weight (on logits of spread 1), raised
    tenfold until the line rises everywhere; what is left without any bend is Platt's line.

    Args:
        logits: (N,) raw logits.
        labels: (N,) 0 or 1.
        weights: (N,) that sum to 1.

    Raises:
        DatasetError: As there.
    """
    line = fit_platt(logits, labels, weights)
    places = np.unique(np.quantile(logits, BENDS_AT))
    for power in range(5):
        try:
            return _fit_line(logits, labels, weights, places, 10**power / len(labels))
        except (DatasetError, np.linalg.LinAlgError):  # falls somewhere
            continue
    return line


def _fit_line(
    logits: Floats, labels: Ints, weights: Floats, places: Sequence[float] | Floats, ridge: float
) -> Calibration:
    """Fit scale, bias and the bends at ``places``, the squares of which cost ``ridge`` / 2."""
    if not np.isfinite(logits).all():
        raise DatasetError(
            "the model's validation logits are not finite; the training has diverged",
            hint="lower lr, warm up longer, or clip gradients",
        )
    centre, spread = float(logits.mean()), float(logits.std()) or 1.0
    hinges = [np.maximum(0, logits - at) / spread for at in places]
    x = np.stack([(logits - centre) / spread, np.ones_like(logits), *hinges], 1)
    beta = _newton(x, labels, weights, np.repeat([0.0, ridge], [2, len(hinges)]))
    if beta[0] < 1e-6:
        raise DatasetError(
            "the model does not rank validation fakes above reals; there is nothing to calibrate",
            hint="train longer, or look at the labels",
        )
    bends = tuple((float(at), float(by / spread)) for at, by in zip(places, beta[2:], strict=True))
    try:
        return Calibration(float(beta[0] / spread), float(beta[1] - beta[0] * centre / spread), bends)
    except ValueError as error:  # beyond what a card may hold: only where all logits are as good as equal
        raise DatasetError(
            f"the model says the same of all validation faces (its logits spread by {spread:.1g});"
            " there is nothing to calibrate",
            hint="train longer, or look at the labels; a learning rate too high or too low can end so",
        ) from error


def _newton(x: Floats, labels: Ints, weights: Floats, ridge: Floats) -> Floats:
    """Minimise the weighted log loss of ``x @ beta`` plus ``ridge @ beta ** 2 / 2``; return beta."""
    reals, fakes = np.bincount(labels, minlength=2)
    targets = np.where(labels == 1, (fakes + 1) / (fakes + 2), 1 / (reals + 2))

    def loss(beta: Floats) -> float:
        z = x @ beta
        return float(weights @ (np.logaddexp(0, z) - targets * z) + ridge @ beta**2 / 2)

    beta = np.zeros(x.shape[1])
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -500, 500)))
        gradient = x.T @ (weights * (p - targets)) + ridge * beta
        hessian = (x * (weights * p * (1 - p))[:, None]).T @ x + np.diag(ridge + 1e-12)
        step = np.linalg.solve(hessian, gradient)
        gain = float(gradient @ step)
        if gain < 1e-12:  # so near that the loss no longer shows it; the last step is whole
            return np.asarray(beta - step)
        part = 1.0
        while part > 1e-6 and loss(beta - part * step) > loss(beta) - 1e-4 * part * gain:
            part /= 2
        beta = beta - part * step
    return beta


def doubtful(logits: Floats, labels: Ints, shares: Sequence[float]) -> tuple[float, float] | None:
    """Return the logits between which a crop deserves a second look.

    Args:
        logits: (N,) raw logits of first looks.
        labels: (N,) 0 or 1.
        shares: Of the reals, from the highest logit down, and of the fakes, from the lowest up, or nothing.

    Returns:
        Where the first share ends and where the second does; None without shares, or where that leaves nothing between.
    """
    if not shares:
        return None
    low = float(np.quantile(logits[labels == 0], 1 - shares[0]))
    high = float(np.quantile(logits[labels == 1], shares[1]))
    return (low, high) if low < high else None


def fit_decision(
    logits: Floats,
    labels: Ints,
    calibration: Calibration,
    recipe: CalibrationRecipe,
    views: Ints | None = None,
) -> Decision:
    """Choose where verdicts begin.

    The tail of the real faces gives the fake threshold, a quantile of the fakes the real one. The tail's scale
    is fitted to the highest tenth of real logits, and its level raised if needed so that the share of these
    very reals called fake is at most ``recipe.false_alarms``, and that no face is called fake at a P(fake)
    below one half. The real threshold is at most one half, and at most a share ``recipe.missed`` of these very
    fakes is called real.

    Args:
        logits: (N,) raw logits.
        labels: (N,) 0 or 1.
        calibration: Fitted before.
        recipe: What is allowed.
        views: (N,) number of the view a logit belongs to, such as 0 for faces as they are and 1 for degraded
            ones; the share of reals called fake is kept within each view.

    Raises:
        DatasetError: Fewer than :data:`MIN_LOGITS` of either label.
    """
    real, fake = np.sort(logits[labels == 0]), np.sort(logits[labels == 1])
    if min(len(real), len(fake)) < MIN_LOGITS:
        raise DatasetError(
            f"calibration needs {MIN_LOGITS} real and {MIN_LOGITS} fake logits, got {len(real)} and {len(fake)}",
            hint="give more validation data",
        )
    level = float(np.quantile(real, 1 - TAIL_RATE))
    beyond = real[real > level] - level
    scale = max(float(beyond.mean()), _NEAR) if len(beyond) else _NEAR
    plain = Decision(recipe.false_alarms, TAIL_RATE, level, scale, 0.5, recipe.min_face_px).fake_logit()
    views = np.zeros_like(labels) if views is None else views
    highest = max(_highest_allowed(logits[(labels == 0) & (views == v)], recipe) for v in np.unique(views))
    beside = _NEAR / calibration.least_slope()  # more than rounding can undo
    even = calibration.even_logit()
    level += max(0.0, max(highest, even) + beside - plain)
    low = calibration.probability(float(fake[int(recipe.missed * len(fake))]) - beside)
    return Decision(recipe.false_alarms, TAIL_RATE, level, scale, min(low, 0.5), recipe.min_face_px)


def undecided(recipe: CalibrationRecipe) -> tuple[Calibration, Decision]:
    """Return what stands in the card of a model that cannot be calibrated: one half for every face, and no verdict."""
    return Calibration(1e-6, 0.0), Decision(recipe.false_alarms, TAIL_RATE, 1e6, 1.0, 0.0, recipe.min_face_px)


def _highest_allowed(real: Floats, recipe: CalibrationRecipe) -> float:
    """Return the highest logit of reals that must not be called fake, so that few enough lie above it."""
    if not len(real):
        return -np.inf
    return float(np.sort(real)[-1 - int(recipe.false_alarms * len(real))])
