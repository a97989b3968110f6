"""Cached features of validation faces -> the summary of a model that is shipped beside it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fakeweb.adapt.summary import BINS, DIMENSIONS, FOLDED, Cell, Floats, Summary, fold
from fakeweb.errors import DatasetError, ModelIncompatible
from fakeweb.evaluate.probe.cache import Features
from fakeweb.metrics import balanced_weights
from fakeweb.runtime import ModelCard, open_session

_LEAST = 15
"""Sources with fewer faces are counted together."""
_LENT = 40
"""So many faces' worth of covariance a source borrows from all."""
_OTHERS = "others"
_VIEWS = ("plain", "degraded")


def logits_of(card: ModelCard, features: Features) -> Floats:
    """Return what a head says of cached features, (N,).

    Raises:
        ModelIncompatible: The model is no head over an encoder.
    """
    if card.composed is None:
        raise ModelIncompatible(f"{card.reference} is no head over an encoder", hint="see recipes/probe/")
    session, out = open_session(card), np.empty(len(features.rows))
    for at, own in enumerate(features.values):
        whole = np.concatenate([[features.logits[at]], own]).astype(np.float32)
        out[at] = session.run(whole[None])["logit"][0]
    return out


def summarise(card: ModelCard, features: Features, logits: Floats) -> Summary:
    """Return what is kept of a model's validation.

    The projection is learned from training faces (principal components, each of spread 1), moments and histograms from
    validation groups A, as they are and degraded.

    Args:
        card: The model.
        features: Cached, training and validation faces.
        logits: (N,) of the model.

    Raises:
        DatasetError: Too few training or validation faces.
    """
    count = features.values.shape[1] // (2 if card.composed is not None and card.composed.patches else 1)
    split, half, view = (features.column(name) for name in ("split", "half", "view"))
    learned = np.flatnonzero((split == "train") & (view == "plain"))
    held = np.flatnonzero((half == "A") & np.isin(view, _VIEWS))
    if len(learned) < 2 * DIMENSIONS or len(held) < 10 * _LEAST:
        raise DatasetError("too few faces to summarise", hint="cache more with `fakeweb data probe cache`")
    spread = np.asarray(features.values[learned, :count].std(0, dtype=np.float64) + 1e-4, np.float32)
    folded = fold(features.values[learned, :count] / spread, FOLDED)
    centre = folded.mean(0)
    basis = _components(folded - centre)
    seen = fold(features.values[held, :count] / spread, FOLDED)
    points = np.column_stack([logits[held], (seen - centre) @ basis])
    cells, places = _cells(features, held)
    edges = np.linspace(points[:, 0].min() - 1, points[:, 0].max() + 1, BINS + 1)
    means = np.array([points[own].mean(0) for own in places])
    within = [np.cov(points[own].T, bias=True) for own in places]
    pooled = np.average(within, axis=0, weights=[len(own) for own in places])
    covariance = [
        (len(own) * mine + _LENT * pooled) / (len(own) + _LENT)
        for own, mine in zip(places, within, strict=True)
    ]
    histogram = [np.histogram(points[own, 0], edges)[0] / len(own) for own in places]
    return Summary(
        card.reference, card.sha256, spread, centre, basis, cells, means, np.array(covariance),
        np.array(histogram), edges, _straight(card, logits[held], features, held),
    )  # fmt: skip


def _components(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the directions in which values (N, S) spread most, each divided by that spread, (S, K)."""
    size, directions = np.linalg.eigh(values.T.astype(np.float64) @ values / len(values))
    kept = np.argsort(size)[::-1][:DIMENSIONS]
    return np.asarray(directions[:, kept] / np.sqrt(size[kept]), np.float32)


def _cells(
    features: Features, held: npt.NDArray[np.intp]
) -> tuple[tuple[Cell, ...], list[npt.NDArray[np.intp]]]:
    """Return the cells, and which of the rows ``held`` each is of."""
    columns = [features.column(name)[held] for name in ("source", "label", "view")]
    rows = list(zip(*(c.tolist() for c in columns), strict=True))
    sizes = {key: rows.count(key) for key in set(rows)}
    keys = [key if sizes[key] >= _LEAST else (_OTHERS, *key[1:]) for key in rows]
    cells, places = [], []
    for key in sorted(set(keys)):
        own = np.array([i for i, k in enumerate(keys) if k == key])
        if len(own) >= _LEAST:
            cells.append(Cell(str(key[0]), int(key[1]), str(key[2]), len(own)))
            places.append(own)
    return tuple(cells), places


def _straight(
    card: ModelCard, logits: Floats, features: Features, held: npt.NDArray[np.intp]
) -> tuple[float, float]:
    """Return scale and bias of the line nearest to a calibration."""
    p = np.clip([card.calibration.probability(z) for z in logits], 1e-6, 1 - 1e-6)
    weights = balanced_weights(features.column("label")[held], features.column("source")[held])
    scale, bias = np.polyfit(logits, np.log(p / (1 - p)), 1, w=np.sqrt(weights))
    return float(scale), float(bias)
