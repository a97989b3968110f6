"""VAElight (Graphnull/VAElight, Apache-2.0): Stable Diffusion's latents, decoded in four bands, in one graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx

from fakeweb.errors import ModelCorrupt
from fakeweb.train.made.graph import Graph

_FACTORS = (8, 4, 2, 1)
"""How much smaller each band is than the picture."""
_KNOWN = {"Conv", "LeakyRelu", "AveragePool", "Add", "ConvTranspose"}
"""Kinds of nodes in both files: they mean the same in the version of ONNX written here."""


def vaelight(sources: Sequence[Path]) -> tuple[bytes, dict[str, Any]]:
    """Build the graph from ``VAEencoder.onnx`` and ``VAEpreview.onnx``; sides must be multiples of 8."""
    encoder, decoder = sources
    graph = Graph()
    latent = _inline(graph, encoder, graph.affine("image", 2.0, -1.0), "e_")[0]
    total = ""
    for band, factor in zip(_inline(graph, decoder, latent, "d_"), _FACTORS, strict=True):
        full = band if factor == 1 else graph.enlarge(band, factor, "linear")
        total = graph.add("Add", [total, full]) if total else full
    return graph.to_bytes(graph.affine(total, 0.5, 0.5)), {}


def _inline(graph: Graph, path: Path, x: str, prefix: str) -> list[str]:
    """Copy a model's nodes into the graph, fed with ``x``; return its outputs' new names."""
    try:
        part = onnx.load(str(path)).graph
    except Exception as error:  # protobuf's and onnx's errors have no common base
        raise ModelCorrupt(f"{path} is no ONNX model: {error}", hint="copy the file again") from error
    if unknown := {node.op_type for node in part.node} - _KNOWN:
        raise ModelCorrupt(f"{path} holds unknown nodes: {', '.join(sorted(unknown))}", hint="copy it again")
    fed = part.input[0].name
    for constant in part.initializer:
        constant.name = prefix + constant.name
        graph.constants.append(constant)
    for node in part.node:
        node.name = prefix + node.name if node.name else ""
        node.input[:] = [x if name == fed else prefix + name for name in node.input]
        node.output[:] = [prefix + name for name in node.output]
        graph.nodes.append(node)
    return [prefix + output.name for output in part.output]
