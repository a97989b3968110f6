"""Blending: one face's pixels brought into another picture, colours and seams."""

from __future__ import annotations

import cv2
import numpy as np

from fakeweb.types import FloatArray

_SMALL = 64
"""Side at which seams are solved: the correction is smooth by nature."""
_MOST = np.float32(35)
"""Largest correction of a seam, in grey levels."""


def alpha(over: FloatArray, under: FloatArray, mask: FloatArray) -> FloatArray:
    """Lay ``over`` on ``under`` where the mask says; (h, w, 3), (h, w, 3), (h, w)."""
    out = cv2.subtract(np.asarray(over, np.float32), under)
    cv2.multiply(out, cv2.merge([np.asarray(mask, np.float32)] * 3), dst=out)
    return np.asarray(cv2.add(out, under, dst=out), np.float32)


def grey_of(pixels: FloatArray) -> FloatArray:
    """Return the brightness of RGB (h, w, 3), (h, w)."""
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.float32)


def match_lab(source: FloatArray, target: FloatArray, weight: FloatArray) -> FloatArray:
    """Give ``source`` the mean and spread of ``target`` in CIE L*a*b* (Reinhard et al., 2001).

    Args:
        source: RGB (h, w, 3) in [0, 255].
        target: Of the same shape.
        weight: (h, w): which pixels count.
    """
    ours = _lab(source)
    mean, spread = _statistics(ours[::2, ::2], weight[::2, ::2])
    wanted_mean, wanted_spread = _statistics(_lab(np.ascontiguousarray(target[::2, ::2])), weight[::2, ::2])
    gain = np.clip(wanted_spread / (spread + 1e-3), 0.5, 1.8)
    return _rgb(_affine(ours, np.diag(gain), wanted_mean - gain * mean))


def match_covariance(source: FloatArray, target: FloatArray, weight: FloatArray) -> FloatArray:
    """Give ``source`` the mean and the covariance of ``target`` in RGB, moving colours as little as possible.

    Pitie and Kokaram, The linear Monge-Kantorovitch colour mapping, 2007. Arguments as in :func:`match_lab`.
    """
    mean, covariance = _moments(source[::2, ::2], weight[::2, ::2])
    wanted_mean, wanted = _moments(target[::2, ::2], weight[::2, ::2])
    root = _root(covariance)
    inverse = np.linalg.inv(root)
    gain = inverse @ _root(root @ wanted @ root) @ inverse
    values, vectors = np.linalg.eigh(gain)
    gain = (vectors * np.clip(values, 0.4, 2.0)) @ vectors.T
    return np.clip(_affine(source, gain, wanted_mean - gain @ mean), 0, 255)


def _affine(pixels: FloatArray, matrix: FloatArray, offset: FloatArray) -> FloatArray:
    """Multiply each colour with a matrix (3, 3) and add an offset (3,)."""
    whole = np.concatenate([matrix, offset[:, None]], 1).astype(np.float32)
    return np.asarray(cv2.transform(pixels, whole), np.float32)


def poisson(over: FloatArray, under: FloatArray, mask: FloatArray) -> FloatArray:
    """Lay ``over`` on ``under`` without a seam: its gradients, with the colours of ``under`` at the rim.

    Pérez, Gangnet, Blake: Poisson image editing, SIGGRAPH 2003. The difference at the rim is continued into the mask by
    Laplace's equation, on a small grid, from coarse to fine.

    Args:
        over: RGB (h, w, 3).
        under: Of the same shape.
        mask: (h, w) in [0, 1].
    """
    small = (_SMALL, _SMALL)
    inside = cv2.resize(mask, small, interpolation=cv2.INTER_AREA)
    gap = cv2.resize(under - over, small, interpolation=cv2.INTER_AREA)
    field = _laplace(np.asarray(gap, np.float32), np.asarray(inside, np.float32) < 0.02)
    field = _MOST * np.tanh(
        field / _MOST
    )  # where the rim shows hair or a hat, their colour must not glow on the skin
    full = cv2.resize(np.asarray(field, np.float32), mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return alpha(np.clip(over + full, 0, 255), under, mask)


def _laplace(values: FloatArray, known: np.ndarray) -> FloatArray:
    """Continue ``values`` (s, s, 3) smoothly from where they are known (s, s) to everywhere."""
    if known.all() or not known.any():
        return values
    side = len(known)
    if side > 4:
        keep = known.astype(np.float32)
        half = (side // 2, side // 2)
        share = cv2.resize(keep, half, interpolation=cv2.INTER_AREA)
        total = cv2.resize(values * keep[..., None], half, interpolation=cv2.INTER_AREA)
        coarse = _laplace(np.asarray(total / np.maximum(share, 1e-6)[..., None], np.float32), share > 0)
        guess = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_LINEAR)
        start = np.where(known[..., None], values, guess).astype(np.float32)
    else:
        start = np.where(known[..., None], values, values[known].mean(0)).astype(np.float32)
    cross = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32) / 4
    field, open_ = start, ~known[..., None]
    for _ in range(12):
        field = np.where(open_, cv2.filter2D(field, -1, cross, borderType=cv2.BORDER_REPLICATE), start)
    return np.asarray(field, np.float32)


def _lab(pixels: FloatArray) -> FloatArray:
    return np.asarray(cv2.cvtColor(np.asarray(pixels / 255, np.float32), cv2.COLOR_RGB2Lab), np.float32)


def _rgb(lab: FloatArray) -> FloatArray:
    rgb = cv2.cvtColor(np.asarray(lab, np.float32), cv2.COLOR_Lab2RGB)
    return np.clip(np.asarray(rgb, np.float32) * 255, 0, 255)


def _statistics(values: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    flat, w = values.reshape(-1, 3), weight.reshape(-1) / max(float(weight.sum()), 1e-6)
    mean = w @ flat
    return mean, np.sqrt(np.maximum(w @ flat**2 - mean**2, 0))


def _moments(values: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    flat = values.reshape(-1, 3).astype(np.float64)
    w = weight.reshape(-1) / max(float(weight.sum()), 1e-6)
    mean = w @ flat
    return mean, (flat * w[:, None]).T @ flat - np.outer(mean, mean) + 4.0 * np.eye(3)


def _root(matrix: FloatArray) -> FloatArray:
    values, vectors = np.linalg.eigh(matrix)
    out: FloatArray = (vectors * np.sqrt(np.maximum(values, 1e-6))) @ vectors.T
    return out
