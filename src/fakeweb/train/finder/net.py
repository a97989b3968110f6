"""A small anchor-free network with a feature pyramid.

One output cell per position at strides 8, 16 and 32, without anchors (Tian et al., FCOS, ICCV 2019; Wu et al.,
YuNet, 2023); depthwise separable convolutions (Howard et al., MobileNets, 2017), a top-down path (Lin et al.,
Feature Pyramid Networks, CVPR 2017). The first convolution strides by four, since most of the time goes where maps
are large.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

STRIDES = (8, 16, 32)
CHANNELS = 15
"""Per cell: score, four numbers of the box, ten of the points."""


def _conv(inner: int, outer: int, side: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inner, outer, side, stride, side // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outer),
        nn.ReLU(inplace=True),
    )


def _separable(inner: int, outer: int, side: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(_conv(inner, inner, side, stride, inner), _conv(inner, outer, 1))


class _Residual(nn.Module):
    def __init__(self, width: int, side: int = 3) -> None:
        super().__init__()
        self.inner = _separable(width, width, side)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return maps + self.inner(maps)


class FinderNet(nn.Module):
    """uint8 RGB (N, H, W, 3), sides multiples of 32 -> per stride float32 (N, H/s, W/s, 15)."""

    def __init__(self) -> None:
        super().__init__()
        first, fine, middle, coarse, joint = 24, 48, 96, 160, 48
        self.stem = nn.Sequential(
            nn.Conv2d(3, first, 6, 4, 1, bias=False), nn.BatchNorm2d(first), nn.ReLU(inplace=True)
        )
        self.fine = nn.Sequential(_separable(first, fine, 3, 2), *(_Residual(fine) for _ in range(2)))
        self.middle = nn.Sequential(_separable(fine, middle, 3, 2), *(_Residual(middle) for _ in range(4)))
        self.coarse = nn.Sequential(
            _separable(middle, coarse, 3, 2), *(_Residual(coarse, 5) for _ in range(4))
        )
        self.sides = nn.ModuleList(_conv(width, joint, 1) for width in (fine, middle, coarse))
        self.joins = nn.ModuleList(_separable(joint, joint) for _ in range(2))
        self.heads = nn.ModuleList(
            nn.Sequential(_Residual(joint), nn.Conv2d(joint, CHANNELS, 1)) for _ in STRIDES
        )
        for head in self.heads:
            nn.init.normal_(head[-1].weight, std=0.01)
            nn.init.zeros_(head[-1].bias)
            nn.init.constant_(head[-1].bias[:1], -math.log(99))  # begin with P(face) = 0.01 everywhere

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        maps = (pixels.permute(0, 3, 1, 2).float() - 127.5) / 63.75
        fine = self.fine(self.stem(maps))
        middle = self.middle(fine)
        coarse = self.sides[2](self.coarse(middle))
        middle = self.joins[1](self.sides[1](middle) + functional.interpolate(coarse, scale_factor=2.0))
        fine = self.joins[0](self.sides[0](fine) + functional.interpolate(middle, scale_factor=2.0))
        outs = (head(level) for head, level in zip(self.heads, (fine, middle, coarse), strict=True))
        return tuple(out.permute(0, 2, 3, 1).float() for out in outs)
