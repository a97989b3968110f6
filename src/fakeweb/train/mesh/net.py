"""The mesh network: plain residual convolutions, then a small fully connected head with a low-rank output.

He et al., Deep Residual Learning for Image Recognition, CVPR 2016. Full convolutions at few channels rather than
depthwise ones: on CPUs they compute several times more per second, in training still more than in use.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from fakeweb.topology import POINTS

_WIDTHS = (16, 32, 64, 96)
_BLOCKS = (0, 2, 2, 3)
_HIDDEN = 160
_RANK = 80


def _conv(inside: int, outside: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside), nn.ReLU(inplace=True)
    )


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _conv(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(x + self.second(self.first(x)))


class MeshNet(nn.Module):
    """uint8 RGB (N, S, S, 3) -> mesh (N, 468, 3) in halves of the side, presence (N,) and printed (N,) logits.

    x and y count from the square's middle.
    """

    def __init__(self, side_px: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inside = 3
        for width, blocks in zip(_WIDTHS, _BLOCKS, strict=True):
            layers += [_conv(inside, width, 2), *(_Block(width) for _ in range(blocks))]
            inside = width
        self.trunk = nn.Sequential(*layers)
        self.squeeze = nn.Sequential(
            nn.Conv2d(inside, 32, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(inplace=True)
        )
        cells = (side_px // 2 ** len(_WIDTHS)) ** 2
        self.hidden = nn.Linear(32 * cells, _HIDDEN)
        self.coefficients = nn.Linear(_HIDDEN, _RANK)
        self.basis = nn.Linear(_RANK, POINTS * 3)
        self.judge = nn.Sequential(nn.Linear(2 * inside, 48), nn.ReLU(inplace=True), nn.Linear(48, 2))

    def set_basis(self, shapes: npt.NDArray[np.floating]) -> None:
        """Begin with the principal components of training shapes (N, 468, 3), in halves of the side."""
        flat = shapes.reshape(len(shapes), -1).astype(np.float64)
        mean = flat.mean(axis=0)
        _, s, vt = np.linalg.svd(flat - mean, full_matrices=False)
        scale = s[:_RANK, None] / np.sqrt(len(flat))
        rank = min(_RANK, len(scale))
        with torch.no_grad():
            self.basis.bias.copy_(torch.from_numpy(mean))
            self.basis.weight.zero_()
            self.basis.weight[:, :rank] = torch.from_numpy((vt[:rank] * scale).T)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return self.answer(self.look(pixels))

    def look(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the features; may be computed in bfloat16."""
        return self.trunk(pixels.permute(0, 3, 1, 2).float() / 127.5 - 1)

    def answer(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return mesh, presence and printed; in bfloat16, points would lie on a grid of a quarter of a pixel."""
        hidden = functional.relu(self.hidden(self.squeeze(features).flatten(1)))
        mesh = self.basis(self.coefficients(hidden)).view(-1, POINTS, 3)
        pooled = torch.cat([features.mean((2, 3)), features.amax((2, 3))], 1)
        answers = self.judge(pooled)
        return mesh, answers[:, 0], answers[:, 1]
