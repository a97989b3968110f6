"""What a shipped model was validated on, in one small file: means, spreads, histograms per source; no row per face."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fakeweb.errors import ModelCorrupt, ModelIncompatible, ModelMissing
from fakeweb.media import write_atomically
from fakeweb.runtime import ModelCard

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DIMENSIONS: Final = 128
"""Features are projected to so many numbers, in which corrections are made."""
FULL: Final = 32
"""Covariances are kept between so many of them; of the others the spread, and the covariance with the logit."""
FOLDED: Final = 1024
"""Features are folded into so many numbers before they are projected, so that the projection stays small."""
BINS: Final = 64
_ROOT2PI: Final = 2.5066282746310002


@dataclass(frozen=True)
class Cell:
    """Faces that were counted together.

    Attributes:
        source: Where they come from.
        label: 0 real, 1 fake.
        view: ``plain``, or ``degraded`` as faces arrive.
        count: How many.
    """

    source: str
    label: int
    view: str
    count: int


@dataclass(frozen=True, eq=False)
class Summary:
    """What is kept of C cells of validation faces, each described by a model's logit and K projected features.

    Attributes:
        model: Reference of the model.
        sha256: Of the model's file.
        spread: float32 (F,), by which the first F of its features are divided; the others are not used.
        centre, basis: float32 (S,) and (S, K): features, folded into S numbers, become K of spread 1 by them.
        cells: C of them.
        mean: float64 (C, 1 + K), the logit first.
        covariance: float64 (C, 1 + K, 1 + K).
        histogram: float64 (C, B), shares of logits between ``edges`` (B + 1,).
        line: Scale and bias of the straight line that comes nearest to the model's calibration on these faces.
    """

    model: str
    sha256: str
    spread: npt.NDArray[np.float32]
    centre: npt.NDArray[np.float32]
    basis: npt.NDArray[np.float32]
    cells: tuple[Cell, ...]
    mean: Floats
    covariance: Floats
    histogram: Floats
    edges: Floats
    line: tuple[float, float]

    def project(self, features: npt.NDArray[np.floating[Any]]) -> Floats:
        """Return projected features, float64 (N, K).

        Args:
            features: (N, F) or more.
        """
        own = np.asarray(features[:, : len(self.spread)], np.float32) / self.spread
        return np.asarray((fold(own, len(self.centre)) - self.centre) @ self.basis, np.float64)

    def lifted(self, weights: Floats) -> tuple[npt.NDArray[np.float32], float]:
        """Return what weights of projected features (K,) are on features themselves: weights (F,) and a constant."""
        folded = np.asarray(self.basis, np.float64) @ weights
        own = unfold(folded, len(self.spread)) / self.spread
        return np.asarray(own, np.float32), -float(np.asarray(self.centre, np.float64) @ folded)

    def marks(self, label: int) -> npt.NDArray[np.bool_]:
        """Mark the cells of a class, (C,)."""
        return np.array([cell.label == label for cell in self.cells])

    def above(self, weights: Floats, shift: float, lines: Sequence[float] | Floats) -> Floats:
        """Return the share of each cell's faces whose corrected logit lies above some lines, (C, L).

        The logit is as its histogram says; what the correction adds is normal given the logit.

        Args:
            weights: (K,), of the projected features.
            shift: What every logit is raised by.
            lines: L of them.
        """
        inside, width = (self.edges[1:] + self.edges[:-1]) / 2, np.diff(self.edges)
        spread = np.maximum(self.covariance[:, 0, 0], 1e-9)
        together = self.covariance[:, 0, 1:] @ weights
        added = np.einsum("k,ckl,l->c", weights, self.covariance[:, 1:, 1:], weights)
        left = np.maximum(added - together**2 / spread, 0)
        slope = together / spread
        middle = (
            inside[None] * (1 + slope[:, None])
            + shift
            + (self.mean[:, 1:] @ weights - slope * self.mean[:, 0])[:, None]
        )
        sigma = np.sqrt(left[:, None] + (width[None] * (1 + slope[:, None])) ** 2 / 12)
        z = (middle[:, :, None] - np.asarray(lines, np.float64)[None, None]) / sigma[:, :, None]
        return np.asarray(np.einsum("cb,cbl->cl", self.histogram, normal(z)))


def fold(features: npt.NDArray[np.float32], size: int) -> npt.NDArray[np.float32]:
    """Fold features into fewer numbers, which keeps distances but for a few per cent (N, F) -> (N, size).

    Each feature is added to one of the numbers, with a sign; both follow from its place (Weinberger et al., Feature
    hashing for large scale multitask learning, ICML 2009). Features that are few already are left as they are.
    """
    if features.shape[1] <= size:
        return features
    place, sign = _places(features.shape[1], size)
    out = np.zeros((len(features), size), np.float32)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(size))
    for begin in range(0, len(features), 256):
        signed = features[begin : begin + 256, order] * sign[order]
        out[begin : begin + 256] = np.add.reduceat(signed, starts, axis=1)
    return out


def unfold(weights: npt.NDArray[np.floating[Any]], size: int) -> npt.NDArray[np.float32]:
    """Return weights of features out of those of folded ones, float32 (size,): the transpose of :func:`fold`."""
    if size <= len(weights):
        return np.asarray(weights, np.float32)
    place, sign = _places(size, len(weights))
    return np.asarray(np.asarray(weights)[place] * sign, np.float32)


def _places(features: int, size: int) -> tuple[Ints, npt.NDArray[np.float32]]:
    """Return where each feature is added, no number without one, and its sign (splitmix64 of its place)."""
    x = np.arange(1, features + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    place = np.empty(features, np.int64)
    place[np.argsort(x, kind="stable")] = np.arange(features) % size
    return place, np.where(x >> np.uint64(63), 1, -1).astype(np.float32)


def normal(z: Floats) -> Floats:
    """Return the standard normal distribution function (Abramowitz and Stegun 26.2.17, within 8e-8)."""
    t = 1 / (1 + 0.2316419 * np.abs(z))
    rest = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    tail = np.exp(-z * z / 2) / _ROOT2PI * rest
    return np.asarray(np.where(z >= 0, 1 - tail, tail))


def path_of(card: ModelCard) -> Path:
    """Return where a model's summary lies: beside its file."""
    return card.path.with_name(f"{card.name}.summary.npz")


def read_summary(card: ModelCard) -> Summary:
    """Read what was kept of a model's validation.

    Raises:
        ModelMissing: Nothing was.
        ModelIncompatible: It is of another model of that name.
        ModelCorrupt: It cannot be read.
    """
    path = path_of(card)
    hint = "--parent accurate"
    if not path.is_file():
        raise ModelMissing(f"nothing is kept of the validation of {card.reference}", hint=hint)
    try:
        with np.load(path) as held:
            about: Mapping[str, Any] = json.loads(str(held["about"]))
            size = held["mean"].shape[1]
            full = min(1 + FULL, size)
            covariance = np.zeros((len(held["mean"]), size, size))
            rows, columns = np.triu_indices(full)
            covariance[:, rows, columns] = covariance[:, columns, rows] = held["covariance"]
            rest = np.arange(full, size)
            covariance[:, rest, rest] = held["spreads"]
            covariance[:, 0, rest] = covariance[:, rest, 0] = held["with_logit"]
            found = Summary(
                about["model"], about["sha256"], held["spread"].astype(np.float32), held["centre"].astype(np.float32),
                held["basis"].astype(np.float32) * held["step"].astype(np.float32),
                tuple(Cell(**cell) for cell in about["cells"]),
                held["mean"].astype(np.float64), covariance,
                held["histogram"].astype(np.float64), held["edges"].astype(np.float64),
                (float(about["line"][0]), float(about["line"][1])),
            )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, IndexError, zipfile.BadZipFile) as error:
        raise ModelCorrupt(f"{path} cannot be read", hint="reinstall FakeWeb") from error
    if found.sha256 != card.sha256:
        raise ModelIncompatible(
            f"what is kept of the validation of {found.model} is not about this {card.reference}", hint=hint
        )
    return found


def write_summary(summary: Summary, path: Path) -> None:
    """Write a summary in half precision, the projection in steps of a 127th of each column's largest number."""
    full = min(1 + FULL, summary.mean.shape[1])
    rows, columns = np.triu_indices(full)
    rest = np.arange(full, summary.mean.shape[1])
    about = {
        "model": summary.model,
        "sha256": summary.sha256,
        "cells": [vars(cell) for cell in summary.cells],
        "line": list(summary.line),
    }
    step = np.abs(summary.basis).max(0) / 127
    content = io.BytesIO()
    np.savez_compressed(
        content,
        about=json.dumps(about),
        spread=summary.spread.astype(np.float16),
        centre=summary.centre.astype(np.float32),
        basis=np.rint(summary.basis / step).astype(np.int8),
        step=step.astype(np.float32),
        mean=summary.mean.astype(np.float16),
        covariance=summary.covariance[:, rows, columns].astype(np.float16),
        spreads=summary.covariance[:, rest, rest].astype(np.float16),
        with_logit=summary.covariance[:, 0, rest].astype(np.float16),
        histogram=summary.histogram.astype(np.float16),
        edges=summary.edges.astype(np.float32),
    )
    write_atomically(path, content.getvalue())
