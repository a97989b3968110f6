"""A second, small branch beside any network, which sees what pictures' contents hide.

``net = "srm:NET"``: the residuals of three high-pass filters of the spatial rich model (Fridrich and Kodovsky, IEEE
TIFS 2012, as used by Zhou et al., CVPR 2018). ``net = "dct:NET"``: log magnitudes of the 64 cosine coefficients of
every 8 x 8 block, on a grid of 4 px (cf. Qian et al., Thinking in Frequency, ECCV 2020). The branch's outputs are
added to the network's; they begin at zero, so that pretrained weights are not disturbed.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from fakeweb import registry
from fakeweb.errors import BadRecipe

_SRM = (
    ((0, 0, 0, 0, 0), (0, -1, 2, -1, 0), (0, 2, -4, 2, 0), (0, -1, 2, -1, 0), (0, 0, 0, 0, 0)),
    ((-1, 2, -2, 2, -1), (2, -6, 8, -6, 2), (-2, 8, -12, 8, -2), (2, -6, 8, -6, 2), (-1, 2, -2, 2, -1)),
    ((0, 0, 0, 0, 0), (0, 0, 0, 0, 0), (0, 1, -2, 1, 0), (0, 0, 0, 0, 0), (0, 0, 0, 0, 0)),
)
_SRM_SCALE = (4, 12, 2)
_BELIEVED = 3.0  # residuals beyond are cut off, as in the papers
_LUMA = (0.299, 0.587, 0.114)


class Residuals(nn.Module):
    """Float RGB (N, 3, S, S) in [0, 255] -> (N, 9, S, S): each filter on each colour."""

    channels = 9

    def __init__(self) -> None:
        super().__init__()
        kernels = torch.tensor(_SRM, dtype=torch.float32) / torch.tensor(_SRM_SCALE).reshape(3, 1, 1)
        self.register_buffer("kernels", kernels[:, None].repeat(3, 1, 1, 1), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.conv2d(x, self.kernels, padding=2, groups=3).clamp(-_BELIEVED, _BELIEVED)


class Spectrum(nn.Module):
    """Float RGB (N, 3, S, S) in [0, 255] -> (N, 64, S / 4 - 1, S / 4 - 1): log magnitudes of block cosines."""

    channels = 64

    def __init__(self) -> None:
        super().__init__()
        place = torch.arange(8, dtype=torch.float64)
        basis = torch.cos((2 * place[None] + 1) * place[:, None] * math.pi / 16) / 2
        basis[0] /= math.sqrt(2)
        blocks = torch.einsum("iy,jx->ijyx", basis, basis).reshape(64, 1, 8, 8)
        self.register_buffer("blocks", blocks.float(), persistent=False)
        self.register_buffer("luma", torch.tensor(_LUMA).reshape(1, 3, 1, 1), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        grey = (x * self.luma).sum(1, keepdim=True) - 127.5
        return torch.log1p(functional.conv2d(grey, self.blocks, stride=4).abs()) / 2


class TwoBranch(nn.Module):
    """A network and a small branch on a fixed transform of the same picture."""

    def __init__(
        self, net: nn.Module, transform: Residuals | Spectrum, outputs: int, width: int = 32
    ) -> None:
        super().__init__()
        self.net, self.transform = net, transform
        strides = (2, 2, 2) if transform.channels < 64 else (1, 2, 2)
        inside, layers = transform.channels, list[nn.Module]()
        for stride, wide in zip(strides, (width, 2 * width, 4 * width), strict=True):
            layers += [nn.Conv2d(inside, wide, 3, stride, 1), nn.ReLU()]
            inside = wide
        self.branch = nn.Sequential(*layers)
        self.out = nn.Linear(inside, outputs)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    @property
    def head_names(self) -> tuple[str, ...]:
        """The whole branch is new."""
        inner = getattr(self.net, "head_names", ())
        return ("branch", "out", *(f"net.{name}" for name in inner)) if inner else ()

    def __getattr__(self, name: str) -> Any:
        if name == "map_channels":  # only where the network has it
            return self.net.map_channels
        return super().__getattr__(name)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x) + self._aside(x)

    def with_maps(self, x: torch.Tensor, stride: int) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return what the network returns, the branch's outputs added."""
        outputs, maps = self.net.with_maps(x, stride)
        return outputs + self._aside(x), maps

    def _aside(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.branch(self.transform(x)).mean((2, 3)))


def build_srm(outputs: int, argument: str = "", weights: Path | None = None) -> nn.Module:
    """Build ``srm:NET``; arguments and errors are those of NET."""
    return TwoBranch(_inner("srm", outputs, argument, weights), Residuals(), outputs)


def build_dct(outputs: int, argument: str = "", weights: Path | None = None) -> nn.Module:
    """Build ``dct:NET``; arguments and errors are those of NET."""
    return TwoBranch(_inner("dct", outputs, argument, weights), Spectrum(), outputs)


def _inner(kind: str, outputs: int, argument: str, weights: Path | None) -> nn.Module:
    if not argument:
        raise BadRecipe(f"'{kind}' stands beside another network", hint=f'write net = "{kind}:mobilenet_v2"')
    name, _, rest = argument.partition(":")
    inner: nn.Module = registry.load("net", name)(outputs, rest, weights)
    return inner
