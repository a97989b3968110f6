"""Any timm network by name: ``net = "timm:resnet50"``."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from fakeweb.errors import BadRecipe, MissingExtra, ModelCorrupt, missing_extra


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


def build(outputs: int, argument: str = "", weights: Path | None = None) -> nn.Module:
    """Build a timm network, from scratch or from a weights file.

    Args:
        outputs: Width of the last layer.
        argument: timm's name of the network.
        weights: A state dict that torch or safetensors can read; a last layer of another width is left out.

    Raises:
        BadRecipe: timm has no such network.
        ModelCorrupt: The weights do not fit.
        MissingExtra: timm is not installed, or torchvision does not go with torch.
    """
    try:
        import timm
        from timm.models import load_state_dict
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
        own = net.state_dict()
        try:
            state = load_state_dict(str(weights))
            fits = {k: v for k, v in state.items() if k in own and v.shape == own[k].shape}
            net.load_state_dict(fits, strict=False)
        except Exception as error:  # torch, safetensors and timm have no common base for theirs
            reason = str(error).partition("\n")[0]
            raise ModelCorrupt(
                f"{weights} does not fit {argument}: {reason}", hint="is it for this network?"
            ) from error
        if len(fits) < 0.5 * len(own):
            raise ModelCorrupt(f"{weights} does not fit {argument}", hint="is it for this network?")
    return _Normalised(net)
