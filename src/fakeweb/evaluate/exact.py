"""Exact test of one aspect at a time: is a difference between reals and fakes more than chance, in small sets too?

The classes' labels are shuffled; the share of shuffles in which *some* aspect parts the classes as well as the most
telling one does in truth is the p-value (Westfall and Young's max statistic), so that many aspects raise no more false
alarms than one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from fakeweb.metrics import Floats

LEAST: Final = 8
"""So many units of either class are needed: with fewer, chance parts the classes too often."""
SURE: Final = 0.01
_SHUFFLES: Final = 2000


@dataclass(frozen=True)
class Aspect:
    """One thing that is known of every picture.

    Attributes:
        name: What it is.
        values: One per picture: numbers, or words.
    """

    name: str
    values: Sequence[float] | Sequence[str]


@dataclass(frozen=True)
class Telling:
    """The aspect that parts the classes most.

    Attributes:
        aspect: Its name.
        words: What reals and fakes are like in it.
        auc: How well it ranks fakes above reals, or below them: 0.5 to 1.
        p: How often chance does as well with any aspect.
    """

    aspect: str
    words: str
    auc: float
    p: float


def most_telling(
    aspects: Sequence[Aspect], labels: npt.NDArray[np.int64], groups: Sequence[str], *, seed: int = 0
) -> Telling | None:
    """Return the aspect that tells most, and how sure that is; None with fewer than eight units of either class.

    Args:
        aspects: Of N pictures each.
        labels: (N,) 0 real, 1 fake.
        groups: (N,) pictures of one class and group count as one, where there are groups enough.
        seed: Of the shuffles.
    """
    units = _units(labels, groups)
    if units is None:
        return None
    columns, names = _columns(aspects)
    count = int(units.max()) + 1
    of_unit = np.zeros(count, np.int64)
    of_unit[units] = labels
    sizes = np.bincount(units, minlength=count)
    means = np.array([np.bincount(units, column, count) / sizes for column in columns])
    ranks = np.array([_ranks(row) for row in means])  # (K, U)
    fakes = int(of_unit.sum())
    dice = np.random.default_rng(seed)
    shuffled = dice.permuted(np.tile(of_unit, (_SHUFFLES, 1)), axis=1)  # (S, U)
    by_chance = np.abs(_auc(shuffled.astype(np.float64) @ ranks.T, fakes, count) - 0.5).max(1)
    true = _auc(of_unit @ ranks.T, fakes, count) - 0.5
    worst = int(np.argmax(np.abs(true)))
    p = (1 + int((by_chance >= abs(true[worst]) - 1e-12).sum())) / (1 + _SHUFFLES)
    aspect = aspects[names[worst]]
    return Telling(aspect.name, _words(aspect, labels), round(0.5 + abs(float(true[worst])), 4), round(p, 5))


def _units(labels: npt.NDArray[np.int64], groups: Sequence[str]) -> npt.NDArray[np.int64] | None:
    """Number what counts as one: a group's pictures of one class, or where there are too few groups, each picture."""
    if not len(labels):
        return None
    pairs = np.array([f"{label} {group}" for label, group in zip(labels, groups, strict=True)])
    for names in (pairs, np.arange(len(labels))):
        first, units = np.unique(names, return_index=True, return_inverse=True)[1:]
        if min(int((labels[first] == label).sum()) for label in (0, 1)) >= LEAST:
            return np.asarray(units, np.int64)
    return None


def _columns(aspects: Sequence[Aspect]) -> tuple[list[Floats], list[int]]:
    """Return numbers as they are and one column per word, and which aspect each is of."""
    columns: list[Floats] = []
    names: list[int] = []
    for at, aspect in enumerate(aspects):
        found = np.asarray(aspect.values)
        if found.dtype.kind in "US":
            own = [np.asarray(found == word, np.float64) for word in np.unique(found)]
        else:
            own = [np.asarray(found, np.float64)]
        columns += own
        names += [at] * len(own)
    return columns, names


def _ranks(values: Floats) -> Floats:
    """Return ranks from 1, equal values sharing their mean."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[places], np.float64)


def _auc(sums: Floats, fakes: int, count: int) -> Floats:
    """Return AUCs from the fakes' sums of ranks."""
    return np.asarray((sums - fakes * (fakes + 1) / 2) / (fakes * (count - fakes)))


def _words(aspect: Aspect, labels: npt.NDArray[np.int64]) -> str:
    real, fake = (np.asarray(aspect.values)[labels == label] for label in (0, 1))
    if real.dtype.kind in "US":
        return f"reals {_shares(real)}; fakes {_shares(fake)}"
    return f"median {_short(np.median(real))} of reals, {_short(np.median(fake))} of fakes"


def _shares(words: npt.NDArray[np.str_]) -> str:
    names, counts = np.unique(words, return_counts=True)
    order = np.argsort(-counts)[:2]
    return ", ".join(f"{counts[i] / len(words):.0%} {names[i] or 'none'}" for i in order)


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 or math.isclose(value, round(value)) else f"{value:.3g}"
