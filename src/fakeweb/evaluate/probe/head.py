"""A fitted probe as an ONNX file: the shipped model's logit and the tokens' features in, a logit out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fakeweb.evaluate.probe.fit import Probe
from fakeweb.runtime.wire import bytes_field, number_field

_FLOAT, _INT64 = 1, 7


def head_of(probe: Probe) -> bytes:
    """Return a probe's head: ``features`` float32 (1, 1 + size), the shipped model's logit first, to ``logit`` (1,)."""
    nodes = [
        _node("Slice", ["features", "0", "1", "1"], "shipped"),
        _node("Slice", ["features", "1", "end", "1"], "values"),
        _node("Mul", ["shipped", "base"], "weighed"), _node("Add", ["weighed", "shift"], "known"),
        _node("MatMul", ["values", "weights"], "sum"), _node("Add", ["sum", "bias"], "probed"),
        *_joined(probe.soft), _node("Reshape", ["joined", "shape"], "logit"),
    ]  # fmt: skip
    scale = probe.soft or 1.0
    constants = [_tensor("weights", _FLOAT, (len(probe.weights), 1), (probe.weights / scale).astype("<f4"))]
    numbers = {"base": probe.base, "shift": probe.shift, "bias": probe.bias, "soft": scale**2}
    constants += [_tensor(name, _FLOAT, (1,), np.array([v / scale], "<f4")) for name, v in numbers.items()]
    places = {"0": 0, "1": 1, "end": 1 + len(probe.weights), "shape": -1}
    constants += [_tensor(name, _INT64, (1,), np.array([value], "<i8")) for name, value in places.items()]
    graph = b"".join(bytes_field(1, node) for node in nodes) + bytes_field(2, b"head")
    graph += b"".join(bytes_field(5, constant) for constant in constants)
    graph += bytes_field(11, _value("features", (1, places["end"]))) + bytes_field(12, _value("logit", (1,)))
    opset = bytes_field(1, b"") + number_field(2, 13)
    return number_field(1, 8) + bytes_field(2, b"fakeweb") + bytes_field(7, graph) + bytes_field(8, opset)


def _joined(soft: float) -> list[bytes]:
    """Return the nodes that join ``known`` and ``probed``, both divided by ``soft``."""
    if soft == 0:
        return [_node("Add", ["known", "probed"], "joined")]
    return [
        _node("Sub", ["known", "probed"], "ahead"), _node("Softplus", ["ahead"], "more"),
        _node("Add", ["probed", "more"], "log"), _node("Mul", ["log", "soft"], "joined"),
    ]  # fmt: skip


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
