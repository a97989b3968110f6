"""Any timm network by name: ``net = "timm:resnet50"``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from fakeweb.errors import BadRecipe, MissingExtra, missing_extra
from fakeweb.train.weights import State, load_fitting, read_state

MakeHead = Callable[[int], nn.Module]


class _Normalised(nn.Module):
    """Brings [0, 255] to the network's own range first."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        config = net.default_cfg
        self.net = net
        self.head: nn.Module | None = None
        self.register_buffer("mean", 255 * torch.tensor(config["mean"]).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(config["std"]).reshape(1, 3, 1, 1), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.net((x - self.mean) / self.std)
        return out if self.head is None else self.head(out)

    @property
    def head_names(self) -> tuple[str, ...]:
        """Beginnings of the last layers' names."""
        return (
            ("head.",) if self.head is not None else tuple(f"net.{name}" for name in _last_layers(self.net))
        )

    def put_on(self, head: MakeHead, pooling: str, side_px: int) -> None:
        """Take the last layer off, and put a head on the features.

        Args:
            head: Makes it for so many features.
            pooling: As timm calls it; empty: as it is; ``flatten``: none.
            side_px: Side of the input.

        Raises:
            BadRecipe: The network does not pool that way.
        """
        how = {"global_pool": "" if pooling == "flatten" else pooling} if pooling else {}
        try:
            self.net.reset_classifier(0, **how)
            with torch.no_grad():
                features = self.net.eval()(torch.zeros(1, 3, side_px, side_px)).flatten(1).shape[1]
        except Exception as error:  # whatever the network raises
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise BadRecipe(
                f"{type(self.net).__name__} takes no net.head.pooling = '{pooling}': {reason}",
                hint="leave it out, or try avg, max or flatten",
            ) from error
        self.head = head(features)

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
        out = self.net.forward_head(last)
        return out if self.head is None else self.head(out), maps


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


def build(
    outputs: int, argument: str = "", weights: Path | None = None, side_px: int | None = None
) -> nn.Module:
    """Build a timm network, from scratch or from a weights file.

    Args:
        outputs: Width of the last layer.
        argument: timm's name of the network.
        weights: A file that :func:`read_state` reads; a last layer of another width is left out.
        side_px: Side of the input, for networks that are built for one, such as transformers: position embeddings of
            another side are interpolated.

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
    built_for = getattr(getattr(net, "patch_embed", None), "img_size", None)
    if side_px and built_for and tuple(built_for) != (side_px, side_px) and hasattr(net, "set_input_size"):
        net.set_input_size(img_size=(side_px, side_px))
    if weights is not None:
        state = _placed(net, read_state(weights, argument))
        load_fitting(net, state, weights, argument, _last_layers(net))
    return _Normalised(net)


def _placed(net: nn.Module, state: State) -> State:
    """Return the tensors with position embeddings interpolated to the network's grid, where they are of another."""
    name, own = "pos_embed", net.state_dict().get("pos_embed")
    if own is None or name not in state or own.ndim != 3 or state[name].shape == own.shape:
        return state
    from timm.layers import resample_abs_pos_embed

    grid = list(net.patch_embed.grid_size)
    prefix = own.shape[1] - grid[0] * grid[1]
    return {**state, name: resample_abs_pos_embed(state[name], grid, num_prefix_tokens=prefix)}
