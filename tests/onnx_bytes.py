"""A tiny but real ONNX classifier, written byte by byte: neither onnx nor torch is needed for it.

The format is the protobuf of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto; the field numbers below are its.
"""

import struct

FLOAT, UINT8 = 1, 2
_INT, _INTS = 2, 7


def varint(value: int) -> bytes:
    """Encode an integer; a negative one as its 64-bit two's complement."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def field(number: int, value: int | str | bytes) -> bytes:
    """Encode one field of a message: a varint, or a string, bytes or message with its length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def node(kind: str, inputs: list[str], outputs: list[str], **attributes: int | list[int]) -> bytes:
    """Encode a NodeProto."""
    body = b"".join(field(1, name) for name in inputs) + b"".join(field(2, name) for name in outputs)
    body += field(4, kind)
    for name, value in attributes.items():
        if isinstance(value, int):
            attribute = field(1, name) + field(3, value) + field(20, _INT)
        else:
            attribute = field(1, name) + b"".join(field(8, v) for v in value) + field(20, _INTS)
        body += field(5, attribute)
    return body


def scalar(name: str, value: float) -> bytes:
    """Encode a TensorProto of shape () and type float."""
    return field(2, FLOAT) + field(8, name) + field(9, struct.pack("<f", value))


def whole_numbers(name: str, values: list[int]) -> bytes:
    """Encode a TensorProto of shape (len(values),) and type int64."""
    packed = struct.pack(f"<{len(values)}q", *values)
    return field(1, len(values)) + field(2, 7) + field(8, name) + field(9, packed)


def value_info(name: str, element: int, shape: tuple[str | int, ...]) -> bytes:
    """Encode a ValueInfoProto; a string in the shape is a free dimension."""
    dims = b"".join(field(1, field(2, d) if isinstance(d, str) else field(1, d)) for d in shape)
    return field(1, name) + field(2, field(1, field(1, element) + field(2, dims)))


def model(nodes: list[bytes], constants: list[bytes], inputs: list[bytes], outputs: list[bytes]) -> bytes:
    """Encode a ModelProto of operator set 13."""
    graph = b"".join(field(1, n) for n in nodes) + field(2, "tiny") + b"".join(field(5, c) for c in constants)
    graph += b"".join(field(11, i) for i in inputs) + b"".join(field(12, o) for o in outputs)
    return field(1, 7) + field(2, "fakeweb tests") + field(7, graph) + field(8, field(1, "") + field(2, 13))


def brightness_classifier(
    side_px: int,
    gain: float,
    bias: float,
    *,
    logit: str = "logit",
    kinds: str = "kinds",
    kinds_gain: float = 1 / 16,
    cells: int = 0,
    left: bool = False,
) -> bytes:
    """Build uint8 (N, S, S, 3) -> ``logit`` (N,) = gain * mean + bias, ``kinds`` (N, 3) = kinds_gain * mean R, G, B.

    With ``cells`` there is an ``evidence`` (N, cells, cells) too: the brightness of each part of the crop, 0 to 1.
    With ``left`` the means are those of the crop's left half.
    """
    half = node(
        "AveragePool", ["planes"], ["half"], kernel_shape=[side_px, side_px // 2], strides=[side_px] * 2
    )
    seen = "half" if left else "planes"
    nodes = [
        node("Cast", ["pixels"], ["float"], to=FLOAT),
        node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]),
        *([half] if left else []),
        node("ReduceMean", [seen], ["mean"], axes=[1, 2, 3], keepdims=0),
        node("Mul", ["mean", "gain"], ["scaled"]),
        node("Add", ["scaled", "bias"], [logit]),
        node("ReduceMean", [seen], ["colour"], axes=[2, 3], keepdims=0),
        node("Mul", ["colour", "kinds gain"], [kinds]),
    ]
    constants = [scalar("gain", gain), scalar("bias", bias), scalar("kinds gain", kinds_gain)]
    pixels = value_info("pixels", UINT8, ("n", side_px, side_px, 3))
    outputs = [value_info(logit, FLOAT, ("n",)), value_info(kinds, FLOAT, ("n", 3))]
    if cells:
        step = side_px // cells
        nodes += [
            node("AveragePool", ["planes"], ["pooled"], kernel_shape=[step, step], strides=[step, step]),
            node("ReduceMean", ["pooled"], ["grey"], axes=[1], keepdims=0),
            node("Mul", ["grey", "to one"], ["evidence"]),
        ]
        constants.append(scalar("to one", 1 / 255))
        outputs.append(value_info("evidence", FLOAT, ("n", cells, cells)))
    return model(nodes, constants, [pixels], outputs)


def token_encoder(side_px: int, cells: int) -> bytes:
    """Build float (1, 3, S, S) -> ``mean``; ``tokens`` (1, 1 + cells * cells, 3) inside are mean colours, all first."""
    step = side_px // cells
    nodes = [
        node("AveragePool", ["pixels"], ["pooled"], kernel_shape=[step, step], strides=[step, step]),
        node("Reshape", ["pooled", "flat"], ["planes"]),
        node("Transpose", ["planes"], ["patches"], perm=[0, 2, 1]),
        node("ReduceMean", ["patches"], ["class"], axes=[1], keepdims=1),
        node("Concat", ["class", "patches"], ["tokens"], axis=1),
        node("ReduceMean", ["tokens"], ["mean"], axes=[1, 2], keepdims=0),
    ]
    pixels = value_info("pixels", FLOAT, (1, 3, side_px, side_px))
    flat = whole_numbers("flat", [1, 3, cells * cells])
    return model(nodes, [flat], [pixels], [value_info("mean", FLOAT, (1,))])
