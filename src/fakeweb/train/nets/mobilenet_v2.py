"""MobileNetV2 with batch normalisation folded into the convolutions.

Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018. Paddings follow TensorFlow's
"SAME", so that the published ImageNet weights fit.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from fakeweb.errors import BadRecipe
from fakeweb.train.nets.folding import folded
from fakeweb.train.weights import load_fitting, read_state

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
_LAST_AT = {4: (3, 24), 8: (6, 32), 16: (13, 96), 32: (17, 320)}
"""Stride -> number of the last layer that has it, and its channels."""


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
        around = 0
        if kernel > 1:
            height, width = (max((-(-s // stride) - 1) * stride + kernel - s, 0) for s in x.shape[-2:])
            if height == width and height % 2 == 0:
                around = height // 2  # within the convolution: no copy
            else:
                x = functional.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))
        x = self._convolved(x, around)
        return x if self.linear else functional.relu6(x)

    def _convolved(self, x: torch.Tensor, around: int) -> torch.Tensor:
        """Convolve; on CPUs the gradient of strided depthwise layers takes three times as long in bfloat16."""
        conv = self.conv
        how = (conv.stride, around, conv.dilation, conv.groups)
        slow = conv.groups > 1 and conv.stride[0] > 1 and x.device.type == "cpu"
        if not (slow and self.training and torch.is_autocast_enabled("cpu")):
            return functional.conv2d(x, conv.weight, conv.bias, *how)
        with torch.autocast("cpu", enabled=False):
            return functional.conv2d(x.float(), conv.weight, conv.bias, *how)


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

    head_names = ("head",)

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
        self.dropout, self.pooled = nn.Dropout(dropout), True
        self.head: nn.Module = nn.Linear(1280, outputs)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features((x - 127.5) / 127.5)
        return self._said(x)

    def put_on(self, head: Callable[[int], nn.Module], pooling: str, side_px: int) -> None:
        """Put other last layers on; see :meth:`fakeweb.train.nets.timm_net._Normalised.put_on`.

        Raises:
            BadRecipe: It pools by the mean only, or not at all.
        """
        if pooling not in ("", "avg", "flatten"):
            raise BadRecipe(f"mobilenet_v2 takes no net.head.pooling = '{pooling}'", hint="avg or flatten")
        self.pooled, self.dropout = pooling != "flatten", nn.Dropout(0)
        cells = 1 if self.pooled else (-(-side_px // 32)) ** 2
        self.head = head(1280 * cells)

    def _said(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.dropout(x.mean((2, 3)) if self.pooled else x.flatten(1)))

    @staticmethod
    def map_channels(stride: int) -> tuple[int, ...]:
        """Return the channels of the maps below."""
        return tuple(_LAST_AT[s][1] for s in sorted({stride, 32}))

    def with_maps(self, x: torch.Tensor, stride: int) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return the outputs, and the last maps of this stride and of 32."""
        wanted, maps = {_LAST_AT[s][0] for s in (stride, 32)}, []
        x = (x - 127.5) / 127.5
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in wanted:
                maps.append(x)
        return self._said(x), maps


def build(outputs: int, argument: str = "", weights: Path | None = None) -> nn.Module:
    """Build the network, from scratch or from ImageNet weights.

    Args:
        outputs: Width of the last layer.
        argument: There is none.
        weights: ``features.<i>[.layers.<j>].conv.{weight,bias}``, or torchvision's MobileNetV2, in a file that
            :func:`read_state` reads; a last layer of another name or width is left out.

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
        load_fitting(net, folded(read_state(weights, "MobileNetV2")), weights, "MobileNetV2", net.head_names)
    return net
