"""What handling alone gives away: of files, and of the crops that training sees.

Within one source, real and fake files must have gone through the same hands: the same sizes, formats, quantisers,
positions of the JPEG grid. Where they have not, a network learns the handling and calls it manipulation. A small
classifier that sees nothing but handling, cross-validated by group, must stay at an AUC of 0.50 +- 0.05 within each
source that holds both classes. Sources too small for a classifier, from eight of either class on, get an exact test of
one aspect at a time (:mod:`.exact`), and so do traces of resampling (:mod:`.resampling`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import cv2
import numpy as np

from fakeweb.datasets import Sample
from fakeweb.errors import FakeWebError
from fakeweb.evaluate.exact import LEAST as LEAST_EXACT
from fakeweb.evaluate.exact import SURE, Aspect, most_telling
from fakeweb.evaluate.figures import figure, two_class_sources
from fakeweb.evaluate.shallow import grid_strength, out_of_fold
from fakeweb.faces import main_face
from fakeweb.media import read_image
from fakeweb.metrics import Floats, auc, bootstrap, ranked
from fakeweb.types import Box, FaceFinder, Image, UInt8Array

ALLOWED: Final = 0.05
LEAST: Final = 100
"""So many of either class are needed for a classifier's figure that means anything."""
RESAMPLED: Final = 0.15
"""So far from 0.5 may the AUC of a trace of resampling lie: manipulations leave some of these traces too."""

MakeCrop = Callable[[Image, Box, np.random.Generator], UInt8Array]
"""Cuts and degrades a crop as training does: (picture, box of the face, dice) -> RGB (S, S, 3)."""

CROP_FEATURES: Final = (
    "height",
    "width",
    "grid across",
    "grid down",
    "grid phase across",
    "grid phase down",
    *(f"coefficient {n} on steps" for n in range(1, 7)),
)


def crop_features(pixels: UInt8Array) -> Floats:
    """Return what handling leaves in a crop, and little else: size, JPEG grid, traces of a quantiser; float64 (K,).

    The traces: how much of six low DCT coefficients of the 8 x 8 blocks (at the crop's own phase) lies on multiples
    of some step, which it does after quantising and nowhere else.

    Args:
        pixels: uint8 RGB (S, S, 3).
    """
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.float32)
    height, width = (n // 8 * 8 for n in grey.shape)
    blocks = (
        grey[:height, :width].reshape(height // 8, 8, width // 8, 8).transpose(0, 2, 1, 3).reshape(-1, 8, 8)
        - 128
    )
    basis = _dct_basis()
    coefficients = basis @ blocks @ basis.T
    low = [coefficients[:, i, j] for i, j in ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2))]
    return np.array([*pixels.shape[:2], *grid_strength(grey), *map(_on_steps, low)], np.float64)


def _dct_basis() -> Floats:
    """Return the orthonormal 8-point DCT-II (8, 8)."""
    n = np.arange(8)
    basis = np.cos(np.pi * (2 * n[None] + 1) * n[:, None] / 16) * 0.5
    basis[0] /= math.sqrt(2)
    return np.asarray(basis)


def _on_steps(values: np.ndarray) -> float:
    """Return how much values gather on multiples of the step, out of 3 to 40, on which they gather most."""
    steps = np.arange(3, 41)
    turns = np.cos(2 * np.pi * values[:, None] / steps)
    away = np.abs(values)[:, None] > steps / 2  # what rounds to zero says nothing
    counts = away.sum(0)
    means = np.where(counts >= 8, (turns * away).sum(0) / np.maximum(counts, 1), 0.0)
    return float(means.max())


def crops_leak(
    samples: Sequence[Sample],
    finder: FaceFinder,
    make_crop: MakeCrop,
    *,
    at_most: int = 300,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, Any]:
    """Say per two-class source how well handling alone tells the classes in training crops.

    Args:
        samples: Labelled samples; reals and fakes of one group stay together.
        finder: Finds the faces as training does.
        make_crop: Cuts crops as training does.
        at_most: Samples per source and class.
        seed: Decides which, and all dice of the crops.
        on_progress: Called with (done, total).
    """
    chosen = {s: _some(samples, s, at_most, seed) for s in two_class_sources(samples, LEAST)}
    total, done = sum(map(len, chosen.values())), 0
    out: dict[str, Any] = {}
    for source, own in chosen.items():
        values, kept = [], []
        for sample in own:
            crop = _crop_of(sample, finder, make_crop, seed)
            if crop is not None:
                values.append(crop_features(crop))
                kept.append(sample)
            done += 1
            on_progress(done, total)
        if min(sum(s.label == label for s in kept) for label in (0, 1)) >= LEAST:
            out[source] = leak(np.array(values), kept, CROP_FEATURES)
    return out


def _crop_of(sample: Sample, finder: FaceFinder, make_crop: MakeCrop, seed: int) -> UInt8Array | None:
    try:
        image = read_image(sample.path).image
    except FakeWebError:
        return None
    face, _ = main_face(finder.find(image), image)
    if face is None:
        return None
    dice = np.random.default_rng(
        [seed, *sample.path.name.encode(errors="surrogatepass"), int(sample.label or 0)]
    )
    return make_crop(image, face.box, dice)


def _some(samples: Sequence[Sample], source: str, at_most: int, seed: int) -> list[Sample]:
    """Draw whole groups, so that each fake keeps its real."""
    own = [s for s in samples if s.source == source and s.label is not None]
    groups = sorted({s.group for s in own})
    rank = {groups[i]: n for n, i in enumerate(np.random.default_rng(seed).permutation(len(groups)))}
    taken = {0: 0, 1: 0}
    out = []
    for sample in sorted(own, key=lambda s: (rank[s.group], str(s.path))):
        label = int(sample.label or 0)
        if taken[label] < at_most or len(groups) < 10:
            taken[label] += 1
            out.append(sample)
    return out


def leak(values: Floats, samples: Sequence[Sample], names: Sequence[str]) -> dict[str, Any]:
    """Return the AUC of a small classifier on handling alone, and of the feature that tells most by itself.

    Args:
        values: (N, K) features.
        samples: The N samples.
        names: Of the K features.
    """
    labels = np.array([int(s.label or 0) for s in samples])
    groups = np.array([s.group for s in samples])
    # whole groups per fold; where there are too few groups (a source without people's names), each file is its own
    unit = groups if len(set(groups.tolist())) >= 20 else np.array([str(s.path) for s in samples])
    p = out_of_fold(values, labels, unit.tolist())
    known = np.isfinite(p)
    value = auc(p[known & (labels == 1)], p[known & (labels == 0)])
    interval = bootstrap(lambda w: ranked(labels[known], p[known], w)[:, :1], unit[known])[0]
    alone = [auc(column[labels == 1], column[labels == 0]) for column in values.T]
    worst = int(np.nanargmax(np.abs(np.array(alone) - 0.5)))
    inside = [v for v in (*interval, value) if math.isfinite(v)]
    return {
        "real": int((labels == 0).sum()),
        "fake": int((labels == 1).sum()),
        "auc": figure(value, interval),
        "worst_feature": names[worst],
        "worst_auc": round(float(alone[worst]), 4),
        # a leak is what can be used: a figure below 0.5 is chance, for the classifier was free to turn round
        "leaks": bool(value > 0.5 + ALLOWED and (not inside or interval[0] > 0.5)),
    }


def exact_leak(
    aspects: Sequence[Aspect], samples: Sequence[Sample], *, allowed: float = ALLOWED
) -> dict[str, Any] | None:
    """Return whether one aspect alone parts the classes, by an exact test; None for fewer than eight of either class.

    Args:
        aspects: Of the N samples.
        samples: N of both classes.
        allowed: So far from 0.5 may the AUC of the most telling aspect lie.
    """
    labels = np.array([int(s.label or 0) for s in samples], np.int64)
    told = most_telling(aspects, labels, [s.group for s in samples])
    if told is None:
        return None
    return {
        "real": int((labels == 0).sum()),
        "fake": int((labels == 1).sum()),
        "auc": figure(told.auc, (math.nan, math.nan)),
        "worst_feature": told.aspect,
        "worst_auc": told.auc,
        "p": told.p,
        "words": f"{told.aspect}: {told.words}",
        "leaks": told.p <= SURE and told.auc > 0.5 + allowed,
    }


def container_leaks(
    samples: Sequence[Sample],
    aspects_of: Callable[[list[int]], list[Aspect]],
    values_of: Callable[[list[int]], Floats],
    names: Sequence[str],
) -> dict[str, Any]:
    """Say per two-class source how well containers alone tell the classes, in words too.

    Args:
        samples: Labelled samples.
        aspects_of: Returns the aspects of the samples at some places.
        values_of: Returns their (N, K) features.
        names: Of the K features.
    """
    out = {}
    for source in two_class_sources(samples, LEAST_EXACT):
        at = [i for i, s in enumerate(samples) if s.source == source]
        own = [samples[i] for i in at]
        found = exact_leak(aspects_of(at), own)
        if source in two_class_sources(own, LEAST):
            alone = bool(found and found["leaks"])
            found = (found or {}) | leak(values_of(at), own, names)
            found["leaks"] |= alone
        if found is not None:
            out[source] = found
    return out


def resampling_leaks(
    samples: Sequence[Sample], aspects_of: Callable[[list[int]], list[Aspect]]
) -> dict[str, Any]:
    """Say per source whether one class was shrunk or enlarged and the other not; lone fakes are held against all reals.

    Args:
        samples: Labelled samples.
        aspects_of: Returns the traces of the samples at some places.
    """
    out = {}
    both = set(two_class_sources(samples, LEAST_EXACT))
    reals = [i for i, s in enumerate(samples) if s.label == 0]
    for source in sorted({s.source for s in samples if s.label == 1}):
        alone = source not in both
        at = [i for i, s in enumerate(samples) if s.source == source and not (alone and s.label == 0)]
        at += reals if alone else []
        found = exact_leak(aspects_of(at), [samples[i] for i in at], allowed=RESAMPLED)
        if found is not None:
            out[f"{source} against the reals of all sources" if alone else source] = found
    return out
