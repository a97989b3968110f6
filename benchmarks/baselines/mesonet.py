"""MesoNet (Afchar, Nozick, Yamagishi, Echizen: MesoNet, WIFS 2018) from its authors' Keras files.

Face at 256 px, RGB / 255; the network's output is P(real), so it is turned round here. h5py is the guest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from baselines.baseline import Baseline
from baselines.layers import Array, Norm, conv, max_pool, relu
from fakeweb.errors import ModelCorrupt

_KERAS_EPSILON = 1e-3
_MARGIN = 1.3
_SIZES = (2, 2, 2, 4)  # of the four poolings


def read_mesonet(path: Path) -> Baseline:
    """Read ``Meso4_*.h5`` or ``MesoInception_*.h5``.

    Raises:
        ModelCorrupt: The file is not one of these.
        ImportError: h5py is not installed.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            layers = _layers(file)
        network = _Network(layers)
        network(np.zeros((256, 256, 3), np.float32))
    except (OSError, KeyError, ValueError, IndexError) as error:
        raise ModelCorrupt(f"{path} holds no MesoNet: {error}", hint="fetch it again") from error
    return Baseline(f"{path.stem}@published", network, _MARGIN)


def _layers(file: Any) -> dict[str, list[dict[str, Array]]]:
    """Return the weights by kind of layer, in the order in which the layers were made, which their numbers tell."""
    found: dict[str, dict[int, dict[str, Array]]] = {"conv2d": {}, "batch_normalization": {}, "dense": {}}
    for name in file:
        kind, _, number = name.rpartition("_")
        weights: dict[str, Array] = {}
        file[name].visititems(
            lambda key, item, into=weights: (
                into.__setitem__(key.rpartition("/")[2].split(":")[0], np.asarray(item))
                if hasattr(item, "shape")
                else None
            )
        )
        if kind in found and weights:
            found[kind][int(number)] = weights
    return {kind: [layers[n] for n in sorted(layers)] for kind, layers in found.items()}


class _Network:
    """Meso4, or MesoInception4 where the file holds sixteen convolutions."""

    def __init__(self, layers: dict[str, list[dict[str, Array]]]) -> None:
        self.convs = [(v["kernel"], v["bias"]) for v in layers["conv2d"]]
        self.dense = [(v["kernel"], v["bias"]) for v in layers["dense"]]
        self.norms = [
            Norm(v["gamma"], v["beta"], v["moving_mean"], v["moving_variance"], _KERAS_EPSILON)
            for v in layers["batch_normalization"]
        ]
        if len(self.convs) not in (4, 16) or len(self.norms) != 4 or len(self.dense) != 2:
            raise ValueError(f"{len(self.convs)} convolutions and {len(self.norms)} normalisations")

    def __call__(self, x: Array) -> float:
        blocks = 2 if len(self.convs) == 16 else 0
        for block in range(blocks):
            x = _inception(x, self.convs[7 * block : 7 * block + 7])
            x = max_pool(self.norms[block](x), _SIZES[block])
        for at, (kernel, bias) in enumerate(self.convs[7 * blocks :], blocks):
            x = max_pool(self.norms[at](relu(conv(x, kernel, bias))), _SIZES[at])
        (first, first_bias), (last, last_bias) = self.dense
        hidden = relu(x.reshape(-1) @ first + first_bias, 0.1)
        return -float((hidden @ last + last_bias)[0])  # the file's output is P(real)


def _inception(x: Array, convs: list[tuple[Array, Array]]) -> Array:
    """Four branches side by side: 1 x 1, then 1 x 1 followed by 3 x 3 with steps of one, two and three."""
    branches = [relu(conv(x, *convs[0]))]
    for step in (1, 2, 3):
        inner = relu(conv(x, *convs[2 * step - 1]))
        branches.append(relu(conv(inner, *convs[2 * step], dilation=step)))
    return np.concatenate(branches, axis=2)
