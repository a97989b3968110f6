"""Layouts of published weights: names of timm, torchvision and Keras brought to those of a network of ours.

Where names differ, tensors are matched by order: the k-th of a shape and role in the file is the k-th of that shape and
role in the network. Roles keep apart what looks alike: a normalisation's scale, its shift, a layer's weight, its bias.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from fakeweb.errors import ModelCorrupt, missing_extra

State = dict[str, torch.Tensor]
_KERAS: Final = {
    "kernel": "weight", "depthwise_kernel": "weight", "pointwise_kernel": "weight", "bias": "bias",
    "gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var",
}  # fmt: skip
_COUNTERS: Final = "num_batches"
_BLOCK: Final = re.compile(r"(.*_block\d+)_(.*)")


@dataclass(frozen=True)
class Fitted:
    """What of a file went into a network.

    Attributes:
        fits: Tensors of the file by the network's names.
        lacking: Names of the network that the file had nothing for.
        unused: Names of the file that found no place.
        by_order: Of how many the order decided, since the names differ.
    """

    fits: State
    lacking: tuple[str, ...]
    unused: tuple[str, ...]
    by_order: int

    def told(self, what: str) -> str:
        """Return one line on it."""
        how = f" ({self.by_order} by order, since the names differ)" if self.by_order else ""
        parts = [f"{what}: {len(self.fits)} tensors fitted{how}"]
        for names, word in ((self.lacking, "stay new"), (self.unused, "were not used")):
            if names:
                parts.append(
                    f"{len(names)} {word} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
                )
        return ", ".join(parts)


def fit(own: Mapping[str, torch.Tensor], state: State, optional: tuple[str, ...]) -> Fitted:
    """Match a file's tensors with a network's by name, unless names fit less than half, and the others by order.

    Args:
        own: The network's.
        state: The file's.
        optional: Beginnings of the names of new layers, which the file need not have; a head of another shape stays
            out.
    """
    body = [k for k in own if _COUNTERS not in k and not k.startswith(optional)]
    named = {k: state[k] for k in own if k in state and state[k].shape == own[k].shape}
    if 2 * len([k for k in body if k in named]) < len(body):
        named = {}
    left = {k: v for k, v in state.items() if k not in named and _COUNTERS not in k}
    ordered = _in_order({k: own[k] for k in body if k not in named}, left)
    used = {id(v) for v in ordered.values()}
    fits = {k: v.reshape(own[k].shape) for k, v in (named | ordered).items()}
    return Fitted(
        fits,
        lacking=tuple(k for k in body if k not in fits),
        unused=tuple(k for k, v in left.items() if id(v) not in used),
        by_order=len(ordered),
    )


def _in_order(own: Mapping[str, torch.Tensor], state: State) -> State:
    """Match by shape, role and order; shapes of which both sides hold another number stay out."""
    piles: dict[tuple[Any, str], list[torch.Tensor]] = defaultdict(list)
    for _, value, role in _roles(state):
        piles[_shape(value), role].append(value)
    wanted: dict[tuple[Any, str], list[str]] = defaultdict(list)
    for name, value, role in _roles(own):
        wanted[_shape(value), role].append(name)
    found = {
        name: value
        for key, names in wanted.items()
        if len(piles[key]) == len(names)
        for name, value in zip(names, piles[key], strict=True)
    }
    return {name: found[name] for name in own if name in found}


def _shape(value: torch.Tensor) -> tuple[int, ...]:
    """Return a shape without ones and with kernels flat: a layer may be a convolution here and dense there."""
    each = value[0].numel() if value.ndim > 1 else 1
    return (value.shape[0], each) if value.ndim > 1 and each > 1 else tuple(value.shape[:1])


def _roles(state: Mapping[str, torch.Tensor]) -> Iterable[tuple[str, torch.Tensor, str]]:
    """Yield name, tensor and role: a one-dimensional weight is a scale, the bias beside it a shift."""
    norms = {name.rpartition(".")[0] for name, v in state.items() if name.endswith(".weight") and v.ndim == 1}
    for name, value in state.items():
        base, _, last = name.rpartition(".")
        role = next((r for r in ("weight", "bias", "running_mean", "running_var") if last.endswith(r)), "")
        if _COUNTERS not in name:
            yield name, value, f"norm {role}" if base in norms else role


def read_keras(path: Path) -> State:
    """Read the layers of a Keras file (``.h5``) by name, in torch's order of axes.

    A convolution's bias that a normalisation follows, as in Keras' ResNets, goes into that one's mean.

    Raises:
        ModelCorrupt: It holds no layers.
        MissingExtra: h5py is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise missing_extra("train", "a .h5 file") from error
    layers: dict[str, dict[str, Any]] = {}
    with h5py.File(path, "r") as file:
        root = file.get("model_weights", file)
        names = [
            n.decode() if isinstance(n, bytes) else str(n) for n in root.attrs.get("layer_names", list(root))
        ]
        for name in names:
            found: list[tuple[str, Any]] = []
            root[name].visititems(
                lambda key, item, to=found: to.append((key, item)) if hasattr(item, "shape") else None
            )
            for key, item in found:
                kind = key.rpartition("/")[2].partition(":")[0]
                layers.setdefault(name, {})[kind] = np.asarray(item, np.float32)
    if not layers:
        raise ModelCorrupt(
            f"{path} holds no layers of Keras", hint="save it with model.save_weights('x.weights.h5')"
        )
    _fold_biases(layers)
    state: State = {}
    for name in sorted(layers, key=_order(list(layers))):
        for kind, value in layers[name].items():
            state[f"{name}.{_KERAS.get(kind, kind)}"] = _turned(value, kind)
    return state


def _fold_biases(layers: dict[str, dict[str, Any]]) -> None:
    for name, layer in layers.items():
        norm = layers.get(f"{name.removesuffix('_conv')}_bn") if name.endswith("_conv") else None
        if norm is not None and "bias" in layer and "moving_mean" in norm:
            norm["moving_mean"] = norm["moving_mean"] - layer.pop("bias")


def _order(names: list[str]) -> Callable[[str], tuple[int, int]]:
    """Return a key that puts the shortcut of a residual block behind its other layers, as torch does."""
    last = {block[1]: i for i, name in enumerate(names) if (block := _BLOCK.match(name))}

    def key(name: str) -> tuple[int, int]:
        block = _BLOCK.match(name)
        shortcut = block is not None and block[2].startswith("0_")
        return (last[block[1]], 1) if block and shortcut else (names.index(name), 0)

    return key


def _turned(value: Any, kind: str) -> torch.Tensor:
    if value.ndim == 4:
        depthwise = kind == "depthwise_kernel"
        value = value.transpose(2, 3, 0, 1) if depthwise else value.transpose(3, 2, 0, 1)
        if depthwise:
            value = value.reshape(-1, 1, *value.shape[2:])
    elif value.ndim == 2:
        value = value.T
    return torch.from_numpy(np.ascontiguousarray(value))
