"""A fitted probe as an ONNX file: the shipped model's logit and the tokens' features in, a logit out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fakeweb.evaluate.probe.fit import Probe
from fakeweb.runtime.wire import bytes_field, number_field

_FLOAT, _INT64 = 1, 7


def head_of(probe: Probe) -> bytes:
    """Return a probe's head: ``features`` float32 (1, 1 + size), the shipped model's logit first, to ``logit`` (1,)."""
    weights = np.concatenate([[probe.base], probe.weights]).astype("<f4")
    nodes = [_node("MatMul", ["features", "weights"], "sum"), _node("Add", ["sum", "bias"], "shifted"),
             _node("Reshape", ["shifted", "shape"], "logit")]  # fmt: skip
    constants = [
        _tensor("weights", _FLOAT, (len(weights), 1), weights),
        _tensor("bias", _FLOAT, (1,), np.array([probe.bias], "<f4")),
        _tensor("shape", _INT64, (1,), np.array([-1], "<i8")),
    ]
    graph = b"".join(bytes_field(1, node) for node in nodes) + bytes_field(2, b"head")
    graph += b"".join(bytes_field(5, constant) for constant in constants)
    graph += bytes_field(11, _value("features", (1, len(weights)))) + bytes_field(12, _value("logit", (1,)))
    opset = bytes_field(1, b"") + number_field(2, 13)
    return number_field(1, 8) + bytes_field(2, b"fakeweb") + bytes_field(7, graph) + bytes_field(8, opset)


def _node(kind: str, inputs: list[str], output: str) -> bytes:
    taken = b"".join(bytes_field(1, name.encode()) for name in inputs)
    return taken + bytes_field(2, output.encode()) + bytes_field(4, kind.encode())


def _tensor(name: str, kind: int, shape: tuple[int, ...], values: npt.NDArray[np.generic]) -> bytes:
    dims = b"".join(number_field(1, n) for n in shape)
    return dims + number_field(2, kind) + bytes_field(8, name.encode()) + bytes_field(9, values.tobytes())


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(bytes_field(1, number_field(1, n)) for n in shape)
    return bytes_field(1, name.encode()) + bytes_field(
        2, bytes_field(1, number_field(1, _FLOAT) + bytes_field(2, dims))
    )
