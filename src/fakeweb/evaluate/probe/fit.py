"""Ridge classifier on cached features (least squares to the label, in its dual form): the probe itself.

Each source has an offset of its own, which is not kept: a probe learns from how fakes differ from the reals of their
source, and that reals of one source do not differ, but never from how one source differs from another.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fakeweb.errors import DatasetError
from fakeweb.evaluate.probe.cache import Features
from fakeweb.metrics import Floats, Ints, balanced_weights

Marks = npt.NDArray[np.bool_]
Single = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ProbeRecipe:
    """How a probe is fitted.

    Attributes:
        patches: Whether to look at the means of the patch tokens too, not at class tokens alone.
        ridge: L2 penalty, on features whose squares sum to 1 on the mean before their sources' middles are taken off.
        base: Weight of the shipped model's logit beside the probe's, both by their spreads over genuine training faces.
        soft: Scale at which the two are joined: the log of their summed exponentials, so that either alone may
            convince, the more the smaller it is; 0: their sum.
        most: Learn from at most so many faces of a source, class and view; ``most_alone`` of sources of reals alone.
    """

    patches: bool = True
    ridge: float = 0.1
    base: float = 1.0
    soft: float = 0.0
    most: int = 80
    most_alone: int = 40


@dataclass(frozen=True, eq=False)
class Probe:
    """A fitted probe: ``values @ weights + bias`` joined with ``base * shipped + shift``.

    Attributes:
        weights: float32 (size,), of the values it looks at, which are the first of each row.
        bias: As above.
        base, shift: Factor on the shipped model's logit, and what is added.
        soft: How they are joined, see :class:`ProbeRecipe`.
    """

    weights: Single
    bias: float
    base: float
    shift: float = 0.0
    soft: float = 0.0

    def __call__(self, features: Features) -> Floats:
        """Return the logits (N,) of cached features."""
        pieces = np.array_split(features.values, 1 + len(features.values) // 512)
        own = np.concatenate([p[:, : len(self.weights)].astype(np.float32) @ self.weights for p in pieces])
        probed, shipped = own.astype(np.float64) + self.bias, self.base * features.logits + self.shift
        if self.soft == 0:
            return np.asarray(probed + shipped)
        return np.asarray(self.soft * np.logaddexp(probed / self.soft, shipped / self.soft))


class Pool:
    """The faces that probes learn from, standardised, and their inner products: what all folds share.

    Args:
        features: Cached.
        recipe: How probes are fitted.
    """

    def __init__(self, features: Features, recipe: ProbeRecipe) -> None:
        self.features, self.recipe = features, recipe
        self.rows = np.flatnonzero(_learned(features, recipe))
        size = features.values.shape[1] // (1 if recipe.patches else 2)
        self.x = features.values[self.rows, :size].astype(np.float32)
        self.mean, spread = self.x.mean(0), self.x.std(0) + np.float32(1e-4)
        self.spread = np.asarray(spread * np.sqrt(np.float32(size)), np.float32)
        self.x -= self.mean
        self.x /= self.spread
        self.kernel: Single = self.x @ self.x.T

    def fit(self, without: tuple[str, ...] = ()) -> Probe:
        """Fit a probe on all faces but those of some sources: classes alike, sources by the root of their size.

        Raises:
            DatasetError: Fewer than ten faces of either class are left.
        """
        from sklearn.kernel_ridge import KernelRidge

        source, label = (self.features.column(name)[self.rows] for name in ("source", "label"))
        kept = np.flatnonzero(~np.isin(source, without))
        source, label = source[kept], label[kept]
        if min(np.bincount(label, minlength=2)[:2]) < 10:
            raise DatasetError(
                "a probe needs ten faces of either class", hint="give more folders, or fewer folds"
            )
        means, of = _middles(source, label)
        kernel = self.kernel[np.ix_(kept, kept)]
        across = means @ kernel  # (sources, N)
        kernel = kernel - across[of] - across.T[:, of] + (across @ means.T)[np.ix_(of, of)]
        target = (2 * label - 1).astype(np.float32)
        model = KernelRidge(kernel="precomputed", alpha=self.recipe.ridge)
        weights = (balanced_weights(label, source) * len(label)).astype(np.float32)
        model.fit(kernel, target - (means @ target)[of], sample_weight=weights)
        dual = np.asarray(model.dual_coef_, np.float32)
        dual -= means.T @ np.bincount(of, dual, len(means)).astype(np.float32)
        slope = self.x[kept].T @ dual
        genuine = kept[label == 0]
        own = self.x[genuine] @ slope
        size = float(own.std()) or 1.0
        shipped = self.features.logits[self.rows[genuine]]
        base = self.recipe.base / (float(shipped.std()) or 1.0)
        weights = np.asarray(slope / self.spread / size, np.float32)
        bias = -float(own.mean()) / size - float(weights.astype(np.float64) @ self.mean)
        return Probe(weights, bias, base, -base * float(shipped.mean()), self.recipe.soft)


def _middles(source: npt.NDArray[np.str_], label: Ints) -> tuple[Single, Ints]:
    """Return a matrix (sources, N) whose products are sources' middles, and which source each row (N,) is of.

    The middle of a source is the mean of its classes' means.
    """
    names, of = np.unique(source, return_inverse=True)
    classes = 2 * of + label
    counts = np.bincount(classes, minlength=2 * len(names)).reshape(-1, 2)
    means = np.zeros((len(names), len(source)), np.float32)
    means[of, np.arange(len(source))] = 1 / counts[of, label] / (counts[of] > 0).sum(1)
    return means, of


def _learned(features: Features, recipe: ProbeRecipe) -> Marks:
    """Mark the training faces to learn from, the first of each source, class and view."""
    rows = features.rows
    fakes = {row.source for row in rows if row.label == 1}
    taken: Counter[tuple[str, int, str]] = Counter()
    marks = np.zeros(len(rows), bool)
    for place, row in enumerate(rows):
        key = (row.source, row.label, row.view)
        most = recipe.most if row.source in fakes else recipe.most_alone
        if row.view == "small":
            continue
        if row.split == "train" and taken[key] < most:
            taken[key] += 1
            marks[place] = True
    return marks
