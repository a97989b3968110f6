"""A small correction to a model's logit from few examples: logistic regression under a strong prior (MAP)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from fakeweb.adapt.summary import Floats, Ints

PRIORS: Final = (0.1, 0.2, 0.4, 0.8)
"""Spreads that a weight of a projected feature (of spread 1) may be expected to have, in log odds."""
FOLDS: Final = 20
PRIOR_SHIFT: Final = 1.0
"""The same of the shift."""


@dataclass(frozen=True, eq=False)
class Correction:
    """What is added to a logit: ``u @ weights + shift``.

    Attributes:
        weights: (K,) of projected features.
        shift: In units of the logit.
    """

    weights: Floats
    shift: float

    def __call__(self, u: Floats) -> Floats:
        """Return what is added for projected features (N, K)."""
        return np.asarray(u @ self.weights + self.shift)


def fit(logits: Floats, u: Floats, labels: Ints, line: tuple[float, float]) -> Correction:
    """Fit a correction to examples; without any it is nothing.

    The log odds of an example are ``scale * (logit + correction) + bias``; weights and shift are normal about 0. Both
    classes count alike. How far weights may go is what makes the examples most likely (Laplace's approximation of the
    evidence; MacKay, Bayesian interpolation, 1992): where features tell nothing, that is hardly at all.

    Args:
        logits: (N,) of the model.
        u: (N, K) projected features.
        labels: (N,) 0 or 1.
        line: Scale and bias, from the model's logit to its log odds.
    """
    scale, bias = line
    basis, inner = np.linalg.qr(u.T)  # weights lie where examples do; a turn leaves the prior as it is
    x = np.column_stack([inner.T, np.ones(len(u))])
    start = scale * logits + bias
    counts = len(labels) / (2 * np.bincount(labels, minlength=2)[labels])
    found = [_fitted(x, start, labels, counts, prior) for prior in PRIORS]
    beta = max(found, key=lambda pair: pair[1])[0]
    return Correction(basis @ beta[:-1] / scale, float(beta[-1] / scale))


def _fitted(x: Floats, start: Floats, labels: Ints, counts: Floats, prior: float) -> tuple[Floats, float]:
    """Return the most likely weights under a prior, and the logarithm of the evidence for it (Newton's method)."""
    ridge = np.append(np.full(x.shape[1] - 1, prior**-2.0), PRIOR_SHIFT**-2.0)

    def loss(beta: Floats) -> float:
        z = start + x @ beta
        return float(counts @ (np.logaddexp(0, z) - labels * z) + ridge @ beta**2 / 2)

    beta = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(start + x @ beta, -500, 500)))
        gradient = x.T @ (counts * (p - labels)) + ridge * beta
        curved = (x * (counts * p * (1 - p))[:, None]).T @ x + np.diag(ridge)
        step = np.linalg.solve(curved, gradient)
        gain = float(gradient @ step)
        if gain < 1e-6:
            break
        part = 1.0
        while part > 1e-6 and loss(beta - part * step) > loss(beta) - 1e-4 * part * gain:
            part /= 2
        beta = beta - part * step
    return beta, float(np.log(ridge).sum() - np.linalg.slogdet(curved)[1]) / 2 - loss(beta)


def left_out(
    logits: Floats, u: Floats, labels: Ints, groups: Sequence[str], line: tuple[float, float]
) -> Floats:
    """Return corrected logits (N,), each by a correction that saw nothing of the example's group.

    Where there are more than 20 groups, several are left out together.
    """
    number = np.unique(np.asarray(groups), return_inverse=True)[1]
    folds = np.random.default_rng(0).permutation(number.max() + 1)[number] % FOLDS
    out = np.empty(len(labels))
    for fold in np.unique(folds):
        own = folds == fold
        found = fit(logits[~own], u[~own], labels[~own], line)
        out[own] = logits[own] + found(u[own])
    return out
