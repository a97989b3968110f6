"""Batch normalisation folded into convolutions: torchvision's MobileNetV2 brought to ours."""

from __future__ import annotations

from collections import Counter
from typing import Final

import torch

State = dict[str, torch.Tensor]
_EPSILON: Final = 1e-5
_MEAN: Final = (0.485, 0.456, 0.406)
_STD: Final = (0.229, 0.224, 0.225)


def folded(state: State) -> State:
    """Return torchvision's MobileNetV2 by our names, its batch normalisation and its inputs' mean folded in.

    Paddings differ: ours are TensorFlow's, torchvision's lie half a pixel further at layers of stride 2. As a start
    for training that is nothing; for classifying ImageNet it is another network.

    Args:
        state: Tensors of a file, in the network's order; anything but torchvision's is returned as it is.
    """
    if "features.0.1.running_var" not in state:
        return state
    out: State = {}
    seen: Counter[str] = Counter()
    norms = iter([name.removesuffix(".running_var") for name in state if name.endswith(".running_var")])
    for name, weight in state.items():
        if weight.ndim != 4:
            continue
        norm = next(norms)  # each convolution has its own behind it, whatever the blocks' parts are called
        block = ".".join(name.split(".")[:2])
        place = f"{block}.layers.{seen[block]}" if ".conv." in name else block
        seen[block] += 1
        scale = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + _EPSILON)
        out[f"{place}.conv.weight"] = weight * scale[:, None, None, None]
        out[f"{place}.conv.bias"] = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    stem = out["features.0.conv.weight"]
    mean, std = torch.tensor(_MEAN), torch.tensor(_STD)
    out["features.0.conv.bias"] += (stem * ((0.5 - mean) / std)[None, :, None, None]).sum((1, 2, 3))
    out["features.0.conv.weight"] = stem / (2 * std)[None, :, None, None]  # ours takes [-1, 1]
    return out
