"""Begin with a finder that was trained before, from the file that ships."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from fakeweb.errors import ModelCorrupt
from fakeweb.train.weights import State, load_fitting, read_state
from fakeweb.types import UInt8Array

_WHAT = "the finder"


def start_from(net: nn.Module, path: Path, scenes: Sequence[UInt8Array]) -> None:
    """Load weights into a finder.

    In an exported finder every convolution has taken in its normalisation. Here each gets one back that changes
    nothing: with the mean and variance that its maps have on some scenes, and the scale and shift that undo them.

    Args:
        net: The network; it is left in evaluation mode.
        path: What ``fakeweb train`` exported, or a file with the weights by their names.
        scenes: uint8 RGB (S, S, 3) each, to measure mean and variance on.

    Raises:
        ModelCorrupt: The file does not fit the network.
        MissingExtra: onnx is not installed.
    """
    state = read_state(path, _WHAT)
    net.eval()
    pairs = _normalised(net)
    if any(f"{name}.1.running_mean" in state for name in pairs):
        load_fitting(net, state, path, _WHAT, (), whole=True)
        return
    load_fitting(net, _unfolded(state, pairs, path), path, _WHAT, (), whole=True)
    hooks = [pair[1].register_forward_pre_hook(_adopt) for pair in pairs.values()]
    with torch.no_grad():
        net(torch.from_numpy(np.stack(scenes)).to(next(net.parameters()).device))
    for hook in hooks:
        hook.remove()


def _normalised(net: nn.Module) -> dict[str, nn.Sequential]:
    """Return every convolution with its normalisation, by name, in the order of the network."""
    return {
        name: module
        for name, module in net.named_modules()
        if isinstance(module, nn.Sequential)
        and len(module) > 1
        and isinstance(module[0], nn.Conv2d)
        and isinstance(module[1], nn.BatchNorm2d)
    }


def _unfolded(state: State, pairs: dict[str, nn.Sequential], path: Path) -> State:
    """Give every normalisation its convolution's bias as shift, and otherwise values that leave maps alone."""
    result = dict(state)
    for name, pair in pairs.items():
        norm = pair[1]
        bias = state.get(f"{name}.0.weight_bias")
        if bias is None or bias.shape != norm.bias.shape:
            raise ModelCorrupt(
                f"{path} does not fit {_WHAT}: no bias of {name}", hint="see docs/guide/train.md"
            )
        ones = torch.ones_like(bias)
        result |= {
            f"{name}.1.weight": (ones + norm.eps).sqrt(),
            f"{name}.1.bias": bias,
            f"{name}.1.running_mean": torch.zeros_like(bias),
            f"{name}.1.running_var": ones,
        }
    return result


def _adopt(norm: nn.BatchNorm2d, inputs: tuple[torch.Tensor, ...]) -> None:
    """Take over the statistics of what comes in, and undo them."""
    variance, mean = torch.var_mean(inputs[0], (0, 2, 3), unbiased=False)
    norm.get_buffer("running_mean").copy_(mean)
    norm.get_buffer("running_var").copy_(variance)
    norm.weight.copy_((variance + norm.eps).sqrt())
    norm.bias.add_(mean)
