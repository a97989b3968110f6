"""Networks in ncnn's format as ONNX: a list of layers (``.param``) and their numbers (``.bin``); needs no ncnn."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fakeweb.errors import ModelCorrupt
from fakeweb.train.made.graph import Graph

_HALF = 0x01306B47
"""Tag of numbers kept in half precision."""
_BINARY = ("Add", "Sub", "Mul", "Div")


def to_onnx(sources: Sequence[Path]) -> tuple[bytes, dict[str, Any]]:
    """Build the graph of a network whose output is that of its last layer.

    Args:
        sources: The ``.param`` and the ``.bin``.

    Raises:
        ModelCorrupt: Not such files, or with layers that are not known here.
    """
    listed, filled = sources
    try:
        lines = listed.read_text(encoding="utf-8").splitlines()[2:]
        numbers = _Numbers(filled.read_bytes())
        graph = Graph()
        names: dict[str, str] = {}
        for line in filter(None, lines):
            kind, _, given, made, *rest = line.split()
            inputs, outputs = rest[: int(given)], rest[int(given) : int(given) + int(made)]
            options = _options(rest[int(given) + int(made) :])
            result = _LAYERS[kind](graph, [names[i] for i in inputs], options, numbers)
            names.update(dict.fromkeys(outputs, result))
        numbers.end()
        return graph.to_bytes(result), {}
    except (OSError, ValueError, KeyError, IndexError, struct.error) as error:
        raise ModelCorrupt(
            f"{listed} and {filled} hold no network: {error!r}", hint="copy them again"
        ) from error


class _Numbers:
    """The ``.bin``, read from start to end."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def plain(self, count: int) -> npt.NDArray[np.float32]:
        """Return float32 numbers."""
        start, self._at = self._at, self._at + 4 * count
        return np.frombuffer(self._content, "<f4", count, start).copy()

    def tagged(self, count: int) -> npt.NDArray[np.float32]:
        """Return numbers that a tag says the precision of."""
        (tag,) = struct.unpack_from("<I", self._content, self._at)
        self._at += 4
        if tag == 0:
            return self.plain(count)
        if tag != _HALF:
            raise ValueError(f"precision {tag:#x}")
        start, self._at = self._at, self._at + (2 * count + 3) // 4 * 4
        return np.frombuffer(self._content, "<f2", count, start).astype(np.float32)

    def end(self) -> None:
        """Check that nothing is left over."""
        if self._at != len(self._content):
            raise ValueError(f"{len(self._content) - self._at} bytes left over")


Options = dict[int, Any]


def _options(words: list[str]) -> Options:
    found: Options = {}
    for word in words:
        key, _, value = word.partition("=")
        if int(key) <= -23300:  # an array: its length comes first
            found[-23300 - int(key)] = [float(v) for v in value.split(",")[1:]]
        else:
            found[int(key)] = float(value)
    return found


def _input(_: Graph, __: list[str], ___: Options, ____: _Numbers) -> str:
    return "image"


def _split(_: Graph, inputs: list[str], __: Options, ___: _Numbers) -> str:
    return inputs[0]


def _memory(graph: Graph, _: list[str], options: Options, numbers: _Numbers) -> str:
    shape = [int(options[k]) for k in (2, 1, 0) if options.get(k)]
    return graph.constant(numbers.plain(int(np.prod(shape))).reshape(shape))


def _binary(graph: Graph, inputs: list[str], options: Options, _: _Numbers) -> str:
    other = graph.constant(options[2]) if options.get(1) else inputs[1]
    return graph.add(_BINARY[int(options.get(0, 0))], [inputs[0], other])


def _swish(graph: Graph, inputs: list[str], _: Options, __: _Numbers) -> str:
    return graph.add("Mul", [inputs[0], graph.add("Sigmoid", inputs)])


def _sigmoid(graph: Graph, inputs: list[str], _: Options, __: _Numbers) -> str:
    return graph.add("Sigmoid", inputs)


def _concat(graph: Graph, inputs: list[str], _: Options, __: _Numbers) -> str:
    return graph.add("Concat", inputs, axis=1)


def _shuffle(graph: Graph, inputs: list[str], options: Options, _: _Numbers) -> str:
    return graph.add("DepthToSpace", inputs, blocksize=int(options[0]), mode="CRD")


def _convolution(graph: Graph, inputs: list[str], options: Options, numbers: _Numbers) -> str:
    weight, bias = _weights(options, numbers)
    stride, pad = int(options.get(3, 1)), int(options.get(4, 0))
    return _active(graph, graph.conv(inputs[0], weight, bias, stride=stride, pad=pad), options)


def _deconvolution(graph: Graph, inputs: list[str], options: Options, numbers: _Numbers) -> str:
    weight, bias = _weights(options, numbers)
    fed = [inputs[0], graph.constant(weight.transpose(1, 0, 2, 3)), graph.constant(bias)]
    stride, pad = int(options.get(3, 1)), int(options.get(4, 0))
    return _active(graph, graph.add("ConvTranspose", fed, strides=[stride] * 2, pads=[pad] * 4), options)


def _weights(options: Options, numbers: _Numbers) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    made, side = int(options[0]), int(options[1])
    weight = numbers.tagged(int(options[6])).reshape(made, -1, side, side)
    return weight, numbers.plain(made) if options.get(5) else np.zeros(made, np.float32)


def _active(graph: Graph, x: str, options: Options) -> str:
    """Add the activation that is written into a convolution's line: none, or a leaky one."""
    kind = int(options.get(9, 0))
    if kind == 0:
        return x
    if kind != 2:
        raise ValueError(f"activation {kind}")
    return graph.add("LeakyRelu", [x], alpha=options[10][0])


_LAYERS: dict[str, Callable[[Graph, list[str], Options, _Numbers], str]] = {
    "Input": _input,
    "Split": _split,
    "MemoryData": _memory,
    "BinaryOp": _binary,
    "Swish": _swish,
    "Sigmoid": _sigmoid,
    "Concat": _concat,
    "PixelShuffle": _shuffle,
    "Convolution": _convolution,
    "Deconvolution": _deconvolution,
}
