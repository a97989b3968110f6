"""A correction put onto a head's ONNX file: its logit plus a weighted sum of the features it is given."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from fakeweb.runtime.wire import bytes_field, number_field

OUTPUT: Final = "adapted"
"""Name of the output that holds the corrected logit."""
_GRAPH, _NODE, _CONSTANT, _RESULT = 7, 1, 5, 12
_FLOAT, _INT64 = 1, 7


def grafted(model: bytes, weights: npt.NDArray[np.float32], shift: float) -> bytes:
    """Return an ONNX file with one more output, ``adapted`` (1,): ``logit + features @ weights + shift``.

    What is added stands behind the file as a second piece of its graph, which readers of protobuf merge; the file
    itself is not touched.

    Args:
        model: The file: input ``features`` float (1, F), output ``logit`` (1,).
        weights: (F,).
        shift: As above.
    """
    nodes = [
        _node("MatMul", ["features", "adapted.weights"], "adapted.sum"),
        _node("Add", ["adapted.sum", "adapted.shift"], "adapted.shifted"),
        _node("Reshape", ["adapted.shifted", "adapted.shape"], "adapted.more"),
        _node("Add", ["logit", "adapted.more"], OUTPUT),
    ]
    constants = [
        _tensor("adapted.weights", _FLOAT, (len(weights), 1), weights.astype("<f4")),
        _tensor("adapted.shift", _FLOAT, (1,), np.array([shift], "<f4")),
        _tensor("adapted.shape", _INT64, (1,), np.array([-1], "<i8")),
    ]
    piece = b"".join(bytes_field(_NODE, node) for node in nodes)
    piece += b"".join(bytes_field(_CONSTANT, constant) for constant in constants)
    return model + bytes_field(_GRAPH, piece + bytes_field(_RESULT, _value(OUTPUT)))


def _node(kind: str, inputs: list[str], output: str) -> bytes:
    taken = b"".join(bytes_field(1, name.encode()) for name in inputs)
    return taken + bytes_field(2, output.encode()) + bytes_field(4, kind.encode())


def _tensor(name: str, kind: int, shape: tuple[int, ...], values: npt.NDArray[np.generic]) -> bytes:
    dims = b"".join(number_field(1, n) for n in shape)
    return dims + number_field(2, kind) + bytes_field(8, name.encode()) + bytes_field(9, values.tobytes())


def _value(name: str) -> bytes:
    shape = bytes_field(2, bytes_field(1, number_field(1, 1)))
    return bytes_field(1, name.encode()) + bytes_field(2, bytes_field(1, number_field(1, _FLOAT) + shape))
