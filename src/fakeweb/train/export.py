"""What all exports share: a network as one ONNX file, and its card beside it."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fakeweb.media import write_atomically
from fakeweb.runtime import ContentCard, FinderCard, MeshCard, ModelCard, TemporalCard

OPSET = 18
"""What the exporter writes without conversion, and every ONNX Runtime since 1.14 reads."""


_LARGE = 256  # numbers of a constant worth halving

MAX_PARITY_GAP = 1e-3
"""Largest difference between torch and ONNX Runtime in any probability."""


def to_onnx(
    model: nn.Module, shape: tuple[int, ...], outputs: Sequence[str], dynamic: dict[int, Any] | None = None
) -> Any:
    """Export to one self-contained model, the same bytes for the same weights and torch.

    Args:
        model: In evaluation mode, on the CPU; takes uint8 ``pixels``.
        shape: Of an example.
        outputs: Their names.
        dynamic: Axes of the input of any size, as ``torch.export.Dim``.

    Returns:
        The model's proto; :func:`to_bytes` writes it.
    """
    example = torch.from_numpy(np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    with warnings.catch_warnings(), torch.no_grad():
        for category in (DeprecationWarning, FutureWarning, UserWarning):  # the exporter's own, about itself
            warnings.simplefilter("ignore", category)
        program = torch.onnx.export(
            model,
            (example,),
            input_names=["pixels"],
            output_names=list(outputs),
            opset_version=OPSET,
            dynamic_shapes=None if dynamic is None else (dynamic,),
            dynamo=True,
            verbose=False,
        )
    proto = program.model_proto
    _strip_notes(proto)
    return proto


def to_bytes(proto: Any) -> bytes:
    """Serialise a model, always alike."""
    return bytes(proto.SerializeToString(deterministic=True))


def halved(proto: Any) -> Any:
    """Return a model whose large float32 constants are kept as float16, half the bytes; it computes in float32.

    Args:
        proto: From :func:`to_onnx`; it is changed.
    """
    import onnx

    graph, casts = proto.graph, []
    for tensor in graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or np.prod(tensor.dims) < _LARGE:
            continue
        name, values = tensor.name, onnx.numpy_helper.to_array(tensor)
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return proto


def write_card(card: ContentCard | FinderCard | MeshCard | ModelCard | TemporalCard, folder: Path) -> Path:
    """Write ``<name>.json``, and return its path."""
    path = folder / f"{card.name}.json"
    text = json.dumps(card.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(path, (text + "\n").encode("utf-8", "replace"))
    return path


def coarse_noise(
    rng: np.random.Generator, count: int, side_px: int, frames: tuple[int, ...] = ()
) -> np.ndarray:
    """Return pictures to compare torch and ONNX Runtime on, uint8 (count, *frames, side, side, 3)."""
    coarse = rng.integers(0, 256, (count, *frames, 8, 8, 3), np.uint8)
    times = -(-side_px // 8)
    fine = coarse.repeat(times, -3).repeat(times, -2)
    return np.ascontiguousarray(fine[..., :side_px, :side_px, :])


def _strip_notes(part: Any) -> None:
    """Drop what the exporter notes beside the network, such as stack traces with paths of this machine."""
    for field, value in part.ListFields():
        if field.name in ("doc_string", "metadata_props"):
            part.ClearField(field.name)
        elif field.type == field.TYPE_MESSAGE:
            for inner in value if hasattr(value, "__len__") else (value,):
                _strip_notes(inner)
