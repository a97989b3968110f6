"""A graph under construction: nodes and constants in order, with names that count up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 18


class Graph:
    """Writes one network that maps ``image`` to ``copy``; both float32 (1, 3, h, w)."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Add a node with one output; return the output's name."""
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, values: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        """Add a constant; return its name."""
        name = f"c{len(self.constants)}"
        array = np.ascontiguousarray(np.asarray(values, dtype))
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def conv(
        self,
        x: str,
        weight: npt.NDArray[Any],
        bias: npt.NDArray[Any] | None,
        *,
        stride: int = 1,
        pad: int = 0,
    ) -> str:
        """Add a convolution with weights (out, in, k, k)."""
        inputs = [x, self.constant(weight)] + ([] if bias is None else [self.constant(bias)])
        side = weight.shape[2]
        return self.add("Conv", inputs, kernel_shape=[side, side], strides=[stride] * 2, pads=[pad] * 4)

    def enlarge(self, x: str, factor: int, mode: str) -> str:
        """Enlarge by a whole factor, ``nearest`` or ``linear``."""
        how = {"nearest": "asymmetric", "linear": "half_pixel"}[mode]
        rounding = {"nearest_mode": "floor"} if mode == "nearest" else {}
        scales = self.constant([1, 1, factor, factor])
        return self.add("Resize", [x, "", scales], mode=mode, coordinate_transformation_mode=how, **rounding)

    def affine(self, x: str, scale: float, shift: float) -> str:
        """Multiply, then add."""
        return self.add("Add", [self.add("Mul", [x, self.constant(scale)]), self.constant(shift)])

    def to_bytes(self, output: str) -> bytes:
        """Return the model: ``output``, clipped to [0, 1], is ``copy``."""
        limits = [self.constant(0.0), self.constant(1.0)]
        self.nodes.append(helper.make_node("Clip", [output, *limits], ["copy"]))
        ends = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, f"{name}_h", f"{name}_w"])
            for name in ("image", "copy")
        ]
        graph = helper.make_graph(self.nodes, "copy", ends[:1], ends[1:], self.constants)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="fakeweb"
        )
        model.ir_version = 8
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())
