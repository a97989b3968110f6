"""MobileNetV2 with batch normalisation folded into the convolutions.

Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018. Paddings follow TensorFlow's
"SAME", so that the published ImageNet weights fit.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from fakeweb.errors import BadRecipe, ModelCorrupt

# what numpy raises for files that are no .npz, and torch for arrays that are not these
_NOT_WEIGHTS = (OSError, EOFError, TypeError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error)
# expansion, channels, repeats, first stride: table 2 of the paper
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class _Conv(nn.Module):
    """A convolution with "SAME" padding and, unless linear, ReLU6."""

    def __init__(self, channels: tuple[int, int], kernel: int, stride: int = 1, *, depthwise: bool = False,
                 linear: bool = False) -> None:  # fmt: skip
        super().__init__()
        self.conv = nn.Conv2d(*channels, kernel, stride, groups=channels[0] if depthwise else 1)
        self.linear = linear
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out")
        nn.init.zeros_(self.conv.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kernel, stride = self.conv.kernel_size[0], self.conv.stride[0]
        if kernel > 1:
            height, width = (max((-(-s // stride) - 1) * stride + kernel - s, 0) for s in x.shape[-2:])
            x = functional.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))
        x = self.conv(x)
        return x if self.linear else functional.relu6(x)


class _Block(nn.Module):
    """An inverted residual: expand, depthwise, project."""

    def __init__(self, inside: int, outside: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inside * expansion
        layers = [_Conv((inside, wide), 1)] if expansion != 1 else []
        layers += [_Conv((wide, wide), 3, stride, depthwise=True), _Conv((wide, outside), 1, linear=True)]
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inside == outside

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x) if self.residual else self.layers(x)


class MobileNetV2(nn.Module):
    """MobileNetV2 1.0: float RGB (N, 3, S, S) in [0, 255] -> (N, outputs)."""

    def __init__(self, outputs: int, dropout: float = 0.2) -> None:
        super().__init__()
        features: list[nn.Module] = [_Conv((3, 32), 3, 2)]
        inside = 32
        for expansion, channels, repeats, stride in _STAGES:
            for i in range(repeats):
                features.append(_Block(inside, channels, stride if i == 0 else 1, expansion))
                inside = channels
        features.append(_Conv((inside, 1280), 1))
        self.features = nn.Sequential(*features)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(1280, outputs)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features((x - 127.5) / 127.5)
        return self.head(self.dropout(x.mean((2, 3))))


def build(outputs: int, argument: str = "", weights: Path | None = None) -> nn.Module:
    """Build the network, from scratch or from ImageNet weights.

    Args:
        outputs: Width of the last layer.
        argument: There is none.
        weights: ``.npz`` with ``features.<i>[.layers.<j>].conv.{weight,bias}``; its classifier is ignored.

    Raises:
        BadRecipe: An argument was given.
        ModelCorrupt: The file does not hold those arrays.
    """
    if argument:
        raise BadRecipe(
            f"mobilenet_v2 takes no argument, got '{argument}'", hint='write net = "mobilenet_v2"'
        )
    net = MobileNetV2(outputs)
    if weights is not None:
        try:
            with weights.open("rb") as stream, np.load(stream) as arrays:
                state = {
                    k: torch.from_numpy(arrays[k].astype(np.float32))
                    for k in arrays.files
                    if k.startswith("features")
                }
            missing = net.load_state_dict(state, strict=False)
        except _NOT_WEIGHTS as error:
            raise ModelCorrupt(
                f"{weights} does not fit MobileNetV2: {error}", hint="see docs/guide/train.md"
            ) from error
        if any(not k.startswith("head") for k in missing.missing_keys):
            raise ModelCorrupt(f"{weights} lacks {missing.missing_keys[0]}", hint="see docs/guide/train.md")
    return net
