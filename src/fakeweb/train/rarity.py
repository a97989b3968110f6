"""How rare scores are among genuine faces, from the scores of many (decision 46). numpy only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fakeweb.errors import DatasetError
from fakeweb.metrics import wilson
from fakeweb.runtime import RarityNorm

_Floats = npt.NDArray[np.float64]

_SHARES = (
    0.9, 0.7, 0.5, 0.35, 0.2, 0.1, 0.07, 0.05, 0.03, 0.02, 0.014, 0.01, 0.007, 0.005, 0.003, 0.002, 0.0015,
)  # fmt: skip
"""Shares of genuine faces at which rarity is told; those below three faces of all are left out."""
LEAST_OF_SOURCE = 50
"""A source with fewer genuine faces says nothing about what is rare there."""


def fit_rarity(logits: _Floats, sources: Sequence[str]) -> RarityNorm:
    """Say how rare logits are among genuine faces, with an interval that holds for sources left out too.

    The share above a logit is counted over all faces; its interval is Wilson's (95 %). Then each source with enough
    faces is left out in turn: where its own share at a knot of the others lies outside, the interval there is widened
    until it holds. A source's own share counts with its own uncertainty where it rests on fewer than three faces.

    Args:
        logits: (N,) of genuine faces.
        sources: (N,) where they come from.

    Raises:
        DatasetError: Fewer than 100 faces.
    """
    count = len(logits)
    if count < 100:
        raise DatasetError(f"rarity needs 100 genuine faces, got {count}", hint="give more")
    names = np.asarray(sources)
    shares = [s for s in _SHARES if s * count >= 3]
    levels = [float(np.quantile(logits, 1 - s)) for s in shares]
    low, high = (np.array(v) for v in zip(*(wilson(s * count, count, 1.96) for s in shares), strict=True))
    widest, rarest = np.array(shares), np.array(shares)
    wider, rarer = 1.0, 1.0
    for name in sorted(set(names)):
        own, others = np.sort(logits[names == name]), logits[names != name]
        if len(own) < LEAST_OF_SOURCE or len(others) < 100:
            continue
        for k, share in enumerate(shares):
            level = float(np.quantile(others, 1 - share))
            above = int((own >= level).sum())
            least, most = (above / len(own),) * 2 if above >= 3 else wilson(above, len(own), 1.96)
            wider, rarer = max(1.0, least / high[k]), max(1.0, low[k] / max(most, 1e-9))
            widest[k], rarest[k] = max(widest[k], high[k] * wider), min(rarest[k], low[k] / rarer)
    widest = np.maximum.accumulate(np.maximum(widest, high)[::-1])[::-1].clip(max=1.0)
    rarest = np.minimum.accumulate(np.minimum(rarest, low))
    knots = [
        _knot(level, share, wide, rare, count / 3)
        for level, share, wide, rare in zip(levels, shares, widest, rarest, strict=True)
    ]
    return RarityNorm(count, tuple(knots))


def _knot(
    level: float, share: float, wide: float, rare: float, most: float
) -> tuple[float, float, float, float]:
    """Return logit, one_in, low, high of a knot; nothing is rarer than ``most``."""
    one_in = round(min(1 / share, most), 3)
    return (
        round(level, 4),
        one_in,
        min(one_in, round(max(1.0, 1 / wide), 3)),
        max(one_in, round(min(1 / rare, most), 3)),
    )
