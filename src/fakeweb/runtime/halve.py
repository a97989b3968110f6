"""Half-precision weights: a model that is half as long on its way into a browser and computes as before.

Each large float32 initializer becomes a float16 one and a ``Cast`` that brings it back; ONNX Runtime folds that away
when it loads the file. Values are rounded to eleven binary digits; what that does to scores stands in
docs/reference/browser.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from fakeweb.runtime.wire import bytes_field, number_field, varint

# Numbers of fields of ONNX's protobuf (onnx.proto, IR version 3 and later).
_MODEL_GRAPH: Final = 7
_GRAPH_NODE, _GRAPH_INITIALIZER = 1, 5
_TENSOR_TYPE, _TENSOR_NAME, _TENSOR_RAW = 2, 8, 9
_FLOAT, _FLOAT16 = 1, 10
_LEAST_BYTES: Final = 2048
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def half_weights(model: bytes) -> bytes:
    """Return an ONNX file of the same graph whose large weights are stored in half precision.

    Args:
        model: An ONNX file that keeps its weights as ``raw_data``; others stay as they are.

    Raises:
        ValueError: The bytes are no ONNX file.
    """
    out = []
    for number, kind, value in _fields(model):
        whole = _graph(value) if number == _MODEL_GRAPH and isinstance(value, bytes) else value
        out.append(_written(number, kind, whole))
    return b"".join(out)


def _graph(graph: bytes) -> bytes:
    casts, rest = [], []
    for number, kind, value in _fields(graph):
        if number == _GRAPH_INITIALIZER and isinstance(value, bytes):
            halved = _halved(value)
            if halved is not None:
                value, name = halved
                casts.append(bytes_field(_GRAPH_NODE, _cast(name)))
        rest.append(_written(number, kind, value))
    return b"".join(casts + rest)  # nodes stand in the order in which they are run


def _halved(tensor: bytes) -> tuple[bytes, bytes] | None:
    """Return a weight in half precision, under another name, and its old name; None where it stays as it is."""
    fields = list(_fields(tensor))
    told = {number: value for number, _, value in fields}
    raw, name = told.get(_TENSOR_RAW), told.get(_TENSOR_NAME)
    if told.get(_TENSOR_TYPE) != _FLOAT or not isinstance(raw, bytes) or not isinstance(name, bytes):
        return None
    values = np.frombuffer(raw, "<f4")
    if len(raw) < _LEAST_BYTES or not np.abs(values).max() < np.finfo(np.float16).max:
        return None
    new: dict[int, int | bytes] = {
        _TENSOR_TYPE: _FLOAT16,
        _TENSOR_NAME: name + b"_half",
        _TENSOR_RAW: values.astype("<f2").tobytes(),
    }
    return b"".join(_written(number, kind, new.get(number, value)) for number, kind, value in fields), name


def _cast(name: bytes) -> bytes:
    to = (
        bytes_field(1, b"to") + number_field(3, _FLOAT) + number_field(20, 2)
    )  # an attribute that is an integer
    node = bytes_field(1, name + b"_half") + bytes_field(2, name) + bytes_field(3, name + b"_cast")
    return node + bytes_field(4, b"Cast") + bytes_field(5, to)


def _fields(message: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Yield number, wire type and value of each field.

    Raises:
        ValueError: The bytes are no message.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, kind, value
            continue
        if kind == _BYTES:
            length, at = _varint(message, at)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"a field of wire type {kind}")
        if at + length > len(message):
            raise ValueError("a field reaches past the end")
        yield number, kind, message[at : at + length]
        at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message):
            raise ValueError("a number reaches past the end")
        byte = message[at]
        value, at, shift = value | (byte & 0x7F) << shift, at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _written(number: int, kind: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return number_field(number, value)
    if kind == _BYTES:
        return bytes_field(number, value)
    return varint(number << 3 | kind) + value  # of a fixed width
