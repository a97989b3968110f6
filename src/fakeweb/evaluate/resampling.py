"""Traces of resampling: what shrinking and enlarging leave in the spectrum and in the rhythm of a picture.

A picture that was enlarged has little left near the highest frequency its pixels could hold (spectral slope), its
interpolated pixels repeat at the ratio of the scales (Gallagher 2005), and the 8 x 8 grid of an earlier JPEG lies on
another pitch or phase.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from fakeweb.metrics import Floats
from fakeweb.types import UInt8Array

TRACES: Final = ("slope", "fine", "rhythm", "grid", "grid_phase")
"""Names of what :func:`traces` returns."""

_MOST_PX: Final = 512
_TINY: Final = 1e-9


def traces(grey: UInt8Array) -> tuple[float, float, float, float, str]:
    """Return what resampling leaves in a picture, from its middle at its own scale.

    Args:
        grey: uint8 (H, W).

    Returns:
        Spectral slope: fall of the log power from a tenth to half a cycle per pixel, per octave. Fine detail: log
        power in the highest fifth of frequencies against the middle. Rhythm: height of the strongest peak in the
        spectrum of the second differences, JPEG's pitches left out, against their median, in logs. Grid: strength of
        the 8 x 8 grid. Grid phase: where it lies, such as ``7 7``, or ``none``.
    """
    height, width = grey.shape
    side = min(height, width, _MOST_PX) // 8 * 8
    if side < 64:
        return 0.0, 0.0, 0.0, 1.0, "none"
    top, left = ((n - side) // 2 // 8 * 8 for n in (height, width))
    part = grey[top : top + side, left : left + side].astype(np.float64)
    return (*_spectrum(part), _rhythm(part), *_grid(part))


def _spectrum(part: Floats) -> tuple[float, float]:
    side = len(part)
    window = np.hanning(side)
    power = np.abs(np.fft.rfft2((part - part.mean()) * np.outer(window, window))) ** 2
    radius = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    ring = np.minimum((radius * 40).astype(int), 20)
    counts = np.bincount(ring.ravel(), minlength=21)[:20]
    sums = np.bincount(ring.ravel(), power.ravel(), 21)[:20] / np.maximum(counts, 1)
    logs = np.log2(sums + _TINY)
    octaves = np.log2((np.arange(20) + 0.5) / 40)
    slope = float(np.polyfit(octaves[4:], logs[4:], 1)[0])
    return round(slope, 4), round(float(logs[16:].mean() - logs[8:12].mean()), 4)


def _rhythm(part: Floats) -> float:
    """Return the strongest peak of the second differences' rhythm, across and down."""
    peaks = []
    for values in (part, part.T):
        steps = np.abs(2 * values[:, 1:-1] - values[:, :-2] - values[:, 2:]).mean(0)
        size = len(steps) // 8 * 8
        found = np.abs(np.fft.rfft((steps[:size] - steps[:size].mean()) * np.hanning(size)))
        places = np.arange(len(found)) / size
        apart = np.abs(places[:, None] - np.arange(5) / 8).min(1) > 2.5 / size  # not JPEG's own pitch
        calm = apart & (places > 0.2)
        peaks.append(float(np.log(found[calm].max() + _TINY) - np.log(np.median(found[calm]) + _TINY)))
    return round(max(peaks), 4)


def _grid(part: Floats) -> tuple[float, str]:
    """Return how much stronger steps are on the strongest 8 x 8 grid, and where it lies."""
    strengths, phases = [], []
    for values in (part, part.T):
        steps = np.abs(np.diff(cv2.GaussianBlur(values, (1, 5), 0), axis=1))
        means = np.array([steps[:, phase::8].mean() for phase in range(8)])
        best = int(np.argmax(means))
        strengths.append(float(means[best] / (np.median(means) + _TINY)))
        phases.append(best)
    strength = min(strengths)
    return round(strength, 4), f"{phases[0]} {phases[1]}" if strength > 1.1 else "none"
