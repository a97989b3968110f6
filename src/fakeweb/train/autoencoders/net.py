"""The network: two halvings, a narrow code, two doublings by one of several up-samplers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

STRIDE = 4
"""Height and width of the input must be multiples of it."""


def _transposed(inputs: int, outputs: int) -> nn.Module:
    return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)


def _nearest(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(inputs, outputs, 3, padding=1)
    )


def _bilinear(inputs: int, outputs: int) -> nn.Module:
    up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
    return nn.Sequential(up, nn.Conv2d(inputs, outputs, 3, padding=1))


def _shuffle(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inputs, 4 * outputs, 3, padding=1), nn.PixelShuffle(2))


UPSAMPLERS: dict[str, Callable[[int, int], nn.Module]] = {
    "transposed": _transposed,
    "nearest": _nearest,
    "bilinear": _bilinear,
    "shuffle": _shuffle,
}
"""How a decoder doubles its size: ``(channels in, channels out) -> module``. Each leaves other traces in the spectrum
(Odena et al., Deconvolution and checkerboard artifacts, Distill 2016; Frank et al., ICML 2020)."""


class _Residual(nn.Module):
    """x + conv(act(conv(act(x))))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.SiLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.add(x, self.body(x))


class Autoencoder(nn.Module):
    """A fully convolutional autoencoder: float RGB (N, 3, H, W) in [-1, 1] -> the same.

    Args:
        upsampler: A name out of :data:`UPSAMPLERS`.
        width: Channels at full size; doubled and tripled below.
        code: Channels of the code at a quarter of the size: 48 would hold the picture as it is.
    """

    def __init__(self, upsampler: str, width: int, code: int) -> None:
        super().__init__()
        up = UPSAMPLERS[upsampler]
        half, quarter = 2 * width, 3 * width
        self.encode = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, half, 3, stride=2, padding=1),
            _Residual(half),
            nn.SiLU(),
            nn.Conv2d(half, quarter, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(quarter, code, 1),
        )
        self.decode = nn.Sequential(
            nn.Conv2d(code, quarter, 3, padding=1),
            _Residual(quarter),
            nn.SiLU(),
            up(quarter, half),
            _Residual(half),
            nn.SiLU(),
            up(half, width),
            nn.SiLU(),
            nn.Conv2d(width, 3, 3, padding=1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.decode(self.encode(x))
        return out


class Deployed(nn.Module):
    """The network as it ships: uint8 RGB (N, H, W, 3) -> ``pixels``, float RGB (N, H, W, 3) in [0, 255]."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        out = self.net(pixels.permute(0, 3, 1, 2).float() / 127.5 - 1)
        return ((out.permute(0, 2, 3, 1) + 1) * 127.5).clamp(0, 255)


def loss_of(out: torch.Tensor, wanted: torch.Tensor, gradients: float) -> torch.Tensor:
    """Mean absolute error of the pixels, and of their differences to the right and downwards.

    Args:
        out: Reconstruction (N, 3, H, W).
        wanted: What it should be.
        gradients: Weight of the differences, which keep fine texture alive.
    """
    error = out - wanted
    right, down = error[..., :, 1:] - error[..., :, :-1], error[..., 1:, :] - error[..., :-1, :]
    return error.abs().mean() + gradients * (right.abs().mean() + down.abs().mean())
