"""Inference layers in numpy: channels last, float32, one picture at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Norm:
    """Batch normalisation with learned statistics, each (C,)."""

    gamma: Array
    beta: Array
    mean: Array
    variance: Array
    epsilon: float

    def __call__(self, x: Array) -> Array:
        """Normalise (H, W, C)."""
        gain = self.gamma / np.sqrt(self.variance + np.float32(self.epsilon))
        return np.asarray(x * gain + (self.beta - self.mean * gain), np.float32)


def conv(x: Array, kernel: Array, bias: Array, *, stride: int = 1, dilation: int = 1) -> Array:
    """Convolve (H, W, C) with (K, K, C, D), zeros around it, K odd; return (ceil(H / stride), ceil(W / stride), D).

    The padding is ``dilation * (K - 1) / 2`` on each side, as PyTorch's ``padding`` and, at stride 1, Keras's "same".
    """
    reach = dilation * (kernel.shape[0] - 1) // 2
    height, width = -(-x.shape[0] // stride), -(-x.shape[1] // stride)
    padded = np.pad(x, ((reach, reach), (reach, reach), (0, 0)))
    size, channels = kernel.shape[0], x.shape[2]
    columns = np.empty((height, width, size * size, channels), np.float32)
    for row in range(size):
        for column in range(size):
            top, left = row * dilation, column * dilation
            part = padded[top : top + stride * height : stride, left : left + stride * width : stride]
            columns[:, :, row * size + column] = part[:height, :width]
    out = columns.reshape(height * width, -1) @ kernel.reshape(-1, kernel.shape[3])
    return np.asarray(out + bias, np.float32).reshape(height, width, -1)


def max_pool(x: Array, size: int) -> Array:
    """Take the maximum of (size, size) tiles of (H, W, C); H and W are multiples of ``size``."""
    height, width, channels = x.shape
    tiles = x.reshape(height // size, size, width // size, size, channels)
    return np.asarray(tiles.max(axis=(1, 3)), np.float32)


def relu(x: Array, slope: float = 0.0) -> Array:
    """Return max(x, slope * x)."""
    return np.asarray(np.maximum(x, np.float32(slope) * x), np.float32)
