"""Calibration and thresholds of a corrected model, and what the correction does to faces elsewhere."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from fakeweb.adapt.fit import Correction
from fakeweb.adapt.summary import Floats, Ints, Summary
from fakeweb.metrics import balanced_weights
from fakeweb.runtime import Calibration, Decision, ModelCard
from fakeweb.train.calibrate import TAIL_RATE, fit_bent

_DRAWN: Final = 200
_OWN: Final = 40
"""So many examples weigh as much as all validation faces when probabilities are learned."""
_BEYOND: Final = 2.054
"""So many spreads above the mean of normal values 2 % lie."""
ALLOWED: Final = 0.002
"""By so much false alarms elsewhere may rise where that lets more of the user's fakes be called so."""


@dataclass(frozen=True)
class Elsewhere:
    """What verdicts on the model's own validation faces are, before and after, by the shares of each source.

    Attributes:
        alarms, caught: (before, after): shares of genuine faces and of fakes called fake, each source alike.
        worst: The source whose genuine faces gain most false alarms.
        worst_alarms: (before, after) there.
    """

    alarms: tuple[float, float]
    caught: tuple[float, float]
    worst: str
    worst_alarms: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """Return what a card holds of it."""
        return {
            "alarms": [round(v, 4) for v in self.alarms],
            "caught": [round(v, 4) for v in self.caught],
            "worst": self.worst,
            "worst_alarms": [round(v, 4) for v in self.worst_alarms],
        }


def elsewhere(summary: Summary, correction: Correction, before: float, after: float) -> Elsewhere:
    """Say what a correction and its new line do to the faces that the model was validated on.

    Args:
        summary: Of these faces.
        correction: As fitted.
        before: Logit from which faces are called fake by the parent.
        after: The same of the corrected one.
    """
    nothing = np.zeros(len(correction.weights))
    old = summary.above(nothing, 0.0, [before])[:, 0]
    new = summary.above(correction.weights, correction.shift, [after])[:, 0]
    real, fake = summary.marks(0), summary.marks(1)
    rise = np.where(real, new - old, -np.inf)
    at = int(np.argmax(rise))
    return Elsewhere(
        (float(old[real].mean()), float(new[real].mean())),
        (float(old[fake].mean()), float(new[fake].mean())),
        summary.cells[at].source,
        (float(old[at]), float(new[at])),
    )


def relined(
    card: ModelCard, summary: Summary, correction: Correction, own: Floats, labels: Ints
) -> tuple[Calibration, Decision]:
    """Return calibration and thresholds of a corrected model.

    Probabilities are learned from faces drawn as the summary says and from the examples. A face is called fake from
    where hardly more genuine faces elsewhere are than before, and no more than 2 % of the user's, if these are normal;
    and real where no more fakes elsewhere are than before.

    Args:
        card: The parent's.
        summary: Of its validation.
        correction: As fitted.
        own: (N,) corrected logits of the examples, each by a correction that did not see its group.
        labels: (N,) of the examples.
    """
    calibration = _calibrated(summary, correction, own, labels)
    real, fake = summary.marks(0), summary.marks(1)
    nothing = np.zeros(len(correction.weights))
    limit = card.decision.fake_logit()
    alarms = float(summary.above(nothing, 0.0, [limit])[real, 0].mean())
    line = _line(summary, correction, real, alarms + ALLOWED)
    genuine = own[labels == 0]
    line = max(line, float(genuine.mean() + _BEYOND * genuine.std(ddof=1)), calibration.even_logit() + 1e-4)
    level = min(_line(summary, correction, real, TAIL_RATE), line - 1e-3)
    scale = (line - level) / math.log(TAIL_RATE / card.decision.false_alarms)
    passed = _logit_at(card.calibration, card.decision.real)
    missed = float(1 - summary.above(nothing, 0.0, [passed])[fake, 0].mean())
    low = calibration.probability(_line(summary, correction, fake, 1 - missed))
    decision = replace(
        card.decision, tail_rate=TAIL_RATE, tail_logit=level, tail_scale=scale, real=min(low, 0.5)
    )
    return calibration, decision


def _line(summary: Summary, correction: Correction, cells: np.ndarray, share: float) -> float:
    """Return the logit above which a share of some cells' faces lies, each cell alike."""
    low, high = float(summary.edges[0]) - 50, float(summary.edges[-1]) + 50
    for _ in range(60):
        middle = (low + high) / 2
        above = float(summary.above(correction.weights, correction.shift, [middle])[cells, 0].mean())
        low, high = (middle, high) if above > share else (low, middle)
    return high


def _logit_at(calibration: Calibration, p: float) -> float:
    low, high = -1e3, 1e3
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if calibration.probability(middle) < p else (low, middle)
    return high


def _calibrated(summary: Summary, correction: Correction, own: Floats, labels: Ints) -> Calibration:
    dice = np.random.default_rng(0)
    logits, sources = [], []
    w = correction.weights
    for at, cell in enumerate(summary.cells):
        shares = summary.histogram[at] / summary.histogram[at].sum()
        place = dice.choice(len(shares), _DRAWN, p=shares)
        logit = summary.edges[place] + np.diff(summary.edges)[place] * dice.random(_DRAWN)
        slope = summary.covariance[at, 0, 1:] @ w / max(summary.covariance[at, 0, 0], 1e-9)
        left = max(float(w @ summary.covariance[at, 1:, 1:] @ w) - slope**2 * summary.covariance[at, 0, 0], 0)
        more = summary.mean[at, 1:] @ w + slope * (logit - summary.mean[at, 0]) + correction.shift
        logits.append(logit + more + math.sqrt(left) * dice.normal(size=_DRAWN))
        sources += [f"{cell.source} {cell.view}"] * _DRAWN
    drawn = np.repeat([cell.label for cell in summary.cells], _DRAWN)
    weights = balanced_weights(drawn, np.array(sources))
    mine = balanced_weights(labels, np.full(len(labels), "own"))
    share = len(labels) / (len(labels) + _OWN)
    return fit_bent(
        np.concatenate([*logits, own]),
        np.concatenate([drawn, labels]).astype(np.int64),
        np.concatenate([weights * (1 - share), mine * share]),
    )
