"""TAEF2, the tiny autoencoder for FLUX.2's latents (madebyollin/taesd, MIT), encoder and decoder in one graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fakeweb.errors import ModelCorrupt
from fakeweb.train.made.graph import Graph
from fakeweb.train.made.pickled import read_pickled

State = dict[str, npt.NDArray[Any]]
_GROUPS = 4
_ENCODER = ("conv", "block", "down", *["block"] * 3, "down", *["block"] * 3, "down", *["block"] * 3, "conv")
_DECODER = (
    "clamp", "conv", "relu", *["block"] * 3, "up", "conv", *["block"] * 3, "up", "conv", *["block"] * 3, "up",
    "conv", "block", "conv",
)  # fmt: skip


def taef2(sources: Sequence[Path]) -> tuple[bytes, dict[str, Any]]:
    """Build the graph from ``taef2_encoder.pth`` and ``taef2_decoder.pth``; sides must be multiples of 8."""
    encoder, decoder = sources
    graph = Graph()
    latent = _stack(graph, "image", _read(encoder), _ENCODER)
    return graph.to_bytes(_stack(graph, latent, _read(decoder), _DECODER)), {}


def _read(path: Path) -> State:
    state = read_pickled(path)
    if "1.weight" not in state and "0.weight" not in state:
        raise ModelCorrupt(
            f"{path} holds no tiny autoencoder", hint="it is one of madebyollin/taesd's taef2_*.pth"
        )
    return state


def _stack(graph: Graph, x: str, state: State, kinds: tuple[str, ...]) -> str:
    for number, kind in enumerate(kinds):
        if kind == "clamp":
            third = graph.affine(x, 1 / 3, 0.0)
            x = graph.affine(graph.add("Tanh", [third]), 3.0, 0.0)
        elif kind == "relu":
            x = graph.add("Relu", [x])
        elif kind == "up":
            x = graph.enlarge(x, 2, "nearest")
        elif kind == "block":
            x = _block(graph, x, state, f"{number}.")
        else:
            x = _conv(graph, x, state, f"{number}", stride=2 if kind == "down" else 1)
    return x


def _block(graph: Graph, x: str, state: State, name: str) -> str:
    if f"{name}pool.0.weight" in state:
        x = graph.add("Add", [x, _pool(graph, x, state, f"{name}pool.")])
    inner = x
    for number in (0, 2, 4):
        inner = _conv(graph, inner, state, f"{name}conv.{number}")
        inner = inner if number == 4 else graph.add("Relu", [inner])
    skip = _conv(graph, x, state, f"{name}skip") if f"{name}skip.weight" in state else x
    return graph.add("Relu", [graph.add("Add", [inner, skip])])


def _pool(graph: Graph, x: str, state: State, name: str) -> str:
    """Add the normalisation over the whole picture that FLUX.2's latents need: torch's GroupNorm with four groups."""
    wide = _conv(graph, x, state, f"{name}0")
    shape = graph.add("Shape", [wide])
    flat = graph.add("Reshape", [wide, graph.constant([0, _GROUPS, -1], np.int64)])
    ones, zeros = graph.constant(np.ones(_GROUPS)), graph.constant(np.zeros(_GROUPS))
    flat = graph.add("InstanceNormalization", [flat, ones, zeros], epsilon=1e-5)
    normal = graph.add("Reshape", [flat, shape])
    gain, shift = (graph.constant(state[f"{name}1.{n}"][:, None, None]) for n in ("weight", "bias"))
    normal = graph.add("Add", [graph.add("Mul", [normal, gain]), shift])
    return _conv(graph, graph.add("Relu", [normal]), state, f"{name}3")


def _conv(graph: Graph, x: str, state: State, name: str, *, stride: int = 1) -> str:
    weight = state[f"{name}.weight"]
    return graph.conv(x, weight, state.get(f"{name}.bias"), stride=stride, pad=weight.shape[2] // 2)
