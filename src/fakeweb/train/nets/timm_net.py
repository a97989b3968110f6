"""Any timm network by name: ``net = "timm:resnet50"``."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from fakeweb.errors import BadRecipe, MissingExtra, missing_extra
from fakeweb.train.weights import load_fitting, read_state


class _Normalised(nn.Module):
    """Brings [0, 255] to the network's own range first."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        config = net.default_cfg
        self.net = net
        self.register_buffer("mean", 255 * torch.tensor(config["mean"]).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(config["std"]).reshape(1, 3, 1, 1), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net((x - self.mean) / self.std)

    @property
    def head_names(self) -> tuple[str, ...]:
        """Beginnings of the last layer's names."""
        return tuple(f"net.{name}" for name in _last_layers(self.net))

    def map_channels(self, stride: int) -> tuple[int, ...]:
        """Return the channels of the maps below.

        Raises:
            BadRecipe: timm gives no maps of this network.
        """
        info = _maps_of(self.net)
        return tuple(info[i][1] for i in _places(info, stride))

    def with_maps(self, x: torch.Tensor, stride: int) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return the outputs, and the last maps of this stride and of all."""
        places = _places(_maps_of(self.net), stride)
        last, maps = self.net.forward_intermediates((x - self.mean) / self.std, indices=places)
        return self.net.forward_head(last), maps


def _last_layers(net: nn.Module) -> tuple[str, ...]:
    names = net.default_cfg.get("classifier", "")
    return (names,) if isinstance(names, str) else tuple(names)


def _maps_of(net: nn.Module) -> list[tuple[int, int]]:
    """Return (stride, channels) of every map timm gives."""
    info = getattr(net, "feature_info", None)
    if not info or not hasattr(net, "forward_intermediates"):
        raise BadRecipe(
            f"timm gives no feature maps of {type(net).__name__}",
            hint="set evidence.weight = 0, or choose another net",
        )
    return [(part["reduction"], part["num_chs"]) for part in getattr(info, "info", info)]


def _places(info: list[tuple[int, int]], stride: int) -> list[int]:
    """Return which maps to take: the last that is at least so fine, and the last of all."""
    fine = [i for i, (reduction, _) in enumerate(info) if reduction <= stride] or [0]
    return sorted({fine[-1], len(info) - 1})


def build(outputs: int, argument: str = "", weights: Path | None = None) -> nn.Module:
    """Build a timm network, from scratch or from a weights file.

    Args:
        outputs: Width of the last layer.
        argument: timm's name of the network.
        weights: A file that :func:`read_state` reads; a last layer of another width is left out.

    Raises:
        BadRecipe: timm has no such network.
        ModelCorrupt: The weights do not fit.
        MissingExtra: timm is not installed, or torchvision does not go with torch.
    """
    try:
        import timm
    except ImportError as error:
        raise missing_extra("train", "a timm network") from error
    except RuntimeError as error:  # what torchvision raises beside a torch of another release
        reason = str(error).partition("\n")[0]
        raise MissingExtra(
            f"timm cannot be loaded: {reason}", hint="install torch and torchvision of one release"
        ) from error
    if argument not in timm.list_models():
        near = timm.list_models(f"*{argument.split('_')[0]}*")[:5]
        raise BadRecipe(
            f"timm has no network '{argument}'", hint=f"some that it has: {', '.join(near) or 'resnet50'}"
        )
    net = timm.create_model(argument, num_classes=outputs)
    if weights is not None:
        load_fitting(net, read_state(weights, argument), weights, argument, _last_layers(net))
    return _Normalised(net)
