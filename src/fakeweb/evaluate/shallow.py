"""The shallow baseline: sharpness, noise, blockiness and colour statistics of a crop in a small classifier.

It knows nothing of faces. What it reaches is the part of a score that mere blur, noise and colour give away; a model
that is worth its weights beats it clearly. Cross-validated by group on the very rows that are judged. scikit-learn is
the guest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.faces import align
from fakeweb.metrics import Floats
from fakeweb.types import Face, Image, UInt8Array

REFERENCE: Final = "shallow@1"
_SIDE_PX: Final = 160
_MARGIN: Final = 1.1
FOLDS: Final = 5
_BANDS: Final = 8
_TINY: Final = 1e-6


def face_features(image: Image, face: Face) -> Floats:
    """Return :func:`features` of a face's crop."""
    return features(align(image, face, _SIDE_PX, margin=_MARGIN).pixels)


def features(pixels: UInt8Array) -> Floats:
    """Return what is measured on a crop: float64 (K,), the same K for any size of crop.

    Args:
        pixels: uint8 RGB (S, S, 3).
    """
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    return np.array(
        [*_sharpness(grey), *_noise(grey), *grid_strength(grey), *_spectrum(grey), *_colour(pixels)],
        np.float64,
    )


def _sharpness(grey: UInt8Array) -> list[float]:
    """Log variance of the Laplacian at full, half and quarter size."""
    out, small = [], grey
    for _ in range(3):
        out.append(float(np.log(cv2.Laplacian(small, cv2.CV_64F).var() + _TINY)))
        small = np.asarray(cv2.pyrDown(small), np.uint8)
    return out


def _noise(grey: UInt8Array) -> list[float]:
    """What a median filter takes away, over all and where the picture is flat."""
    residual = np.abs(grey.astype(np.float64) - cv2.medianBlur(grey, 3))
    flat = np.abs(cv2.Laplacian(cv2.GaussianBlur(grey, (0, 0), 2), cv2.CV_64F))
    calm = residual[flat <= np.median(flat)]
    return [float(np.log(residual.mean() + _TINY)), float(np.log(calm.mean() + _TINY))]


def grid_strength(grey: npt.NDArray[np.generic]) -> list[float]:
    """Return how much stronger steps are at the strongest phase of an 8 x 8 grid, and which phase that is.

    Args:
        grey: (H, W).

    Returns:
        Strength across and down (1 where there is no grid), phase across and down (0 to 7).
    """
    values = grey.astype(np.float64)
    across, down = np.abs(np.diff(values, axis=1)), np.abs(np.diff(values, axis=0))
    columns = [across[:, phase::8].mean() / (across.mean() + _TINY) for phase in range(8)]
    rows = [down[phase::8].mean() / (down.mean() + _TINY) for phase in range(8)]
    return [max(columns), max(rows), float(np.argmax(columns)), float(np.argmax(rows))]


def _spectrum(grey: UInt8Array) -> list[float]:
    """Log energy in rings of the spectrum, against the lowest."""
    values = grey.astype(np.float64) - grey.mean()
    window = np.outer(np.hanning(grey.shape[0]), np.hanning(grey.shape[1]))
    power = np.abs(np.fft.fft2(values * window)) ** 2
    radius = np.hypot(*np.meshgrid(*(np.fft.fftfreq(n) for n in grey.shape), indexing="ij"))
    ring = np.minimum((radius / 0.5 * _BANDS).astype(int), _BANDS)
    sums = np.bincount(ring.ravel(), power.ravel(), _BANDS + 1)[:_BANDS]
    logs = np.log(sums + _TINY)
    return [float(v) for v in logs[1:] - logs[0]]


def _colour(pixels: UInt8Array) -> list[float]:
    """Mean and spread in Lab and of the saturation, sharpness of the colour channels, how channels go together."""
    lab = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB))
    saturation = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV))[:, :, 1]
    out = [float(f(lab[:, :, c])) for c in range(3) for f in (np.mean, np.std)]
    out += [float(saturation.mean()), float(saturation.std())]
    out += [
        float(np.log(cv2.Laplacian(np.ascontiguousarray(lab[:, :, c]), cv2.CV_64F).var() + _TINY))
        for c in (1, 2)
    ]
    edges = [cv2.Laplacian(np.ascontiguousarray(pixels[:, :, c]), cv2.CV_64F).ravel() for c in range(3)]
    for one, other in ((0, 1), (1, 2)):
        spread = float(edges[one].std() * edges[other].std())
        out.append(float((edges[one] * edges[other]).mean() / spread) if spread > _TINY else 1.0)
    return out


def out_of_fold(
    values: npt.ArrayLike, labels: npt.ArrayLike, groups: Sequence[str], *, folds: int = FOLDS, seed: int = 0
) -> Floats:
    """Return P(fake) of every row from a classifier that never saw its group; NaN where that cannot be done.

    Args:
        values: (N, K) features.
        labels: (N,) 0 or 1.
        groups: (N,) no group is on both sides of a fold.
        folds: How many parts.
        seed: The same seed gives the same values.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedGroupKFold
    from threadpoolctl import threadpool_limits

    x, y = np.asarray(values, np.float64), np.asarray(labels, np.int64)
    out = np.full(len(y), np.nan)
    names = np.asarray(groups, str)
    fewest = min((len(np.unique(names[y == label])) for label in (0, 1)), default=0)
    if fewest < folds or not x.size:
        return out
    split = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with threadpool_limits(1):
        for train, test in split.split(x, y, names):
            if len(np.unique(y[train])) == 2:
                model = HistGradientBoostingClassifier(max_depth=3, max_iter=120, random_state=seed)
                out[test] = model.fit(x[train], y[train]).predict_proba(x[test])[:, 1]
    return out
