"""An ONNX file whose weights lie in files beside it -> one file that holds all of it.

Only what stands in the same folder is read, whatever path the network names; the few fields of the protobuf that
matter are read and written here, and everything else is passed on as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from fakeweb.errors import ModelIncompatible, ModelMissing

_GRAPH: Final = 7
_INITIALIZER: Final = 5
_RAW, _EXTERNAL, _LOCATION = 9, 13, 14
_MOST_BYTES: Final = (1 << 31) - 1
"""What a protobuf can hold."""

_Field = tuple[int, int, bytes, bytes]  # number, wire type, key and length as they stand, value


def whole(file: Path) -> bytes:
    """Return an ONNX file with the weights in it that lie in files beside it.

    Args:
        file: The ONNX file; one that holds its weights comes back as it is.

    Raises:
        ModelMissing: A file with weights is not there.
        ModelIncompatible: It is no ONNX file, or names weights elsewhere than beside it.
    """
    content = file.read_bytes()
    if b"location" not in content:
        return content
    try:
        model = _rewritten(
            content, _GRAPH, lambda graph: _rewritten(graph, _INITIALIZER, lambda t: _filled(t, file))
        )
    except (IndexError, ValueError) as error:
        raise ModelIncompatible(f"{file} is no ONNX file", hint="export the network again") from error
    if len(model) > _MOST_BYTES:
        raise ModelIncompatible(
            f"{file} and its weights have more than 2 GB", hint="export a smaller network"
        )
    return model


def _rewritten(message: bytes, number: int, change: Callable[[bytes], bytes]) -> bytes:
    """Return a message with its fields of a number changed."""
    parts: list[bytes] = []
    for found, wire, head, value in _fields(message):
        if (found, wire) == (number, 2):
            parts.append(_encoded(number, change(value)))
        else:
            parts += (head, value)
    return b"".join(parts)


def _filled(tensor: bytes, file: Path) -> bytes:
    """Return a tensor with its own bytes, where it says that they lie elsewhere."""
    kept, said = [], {}
    for number, wire, head, value in _fields(tensor):
        if (number, wire) == (_EXTERNAL, 2):
            entry = {n: v for n, _, _, v in _fields(value)}
            said[entry.get(1, b"").decode()] = entry.get(2, b"").decode()
        elif number != _LOCATION:
            kept.append(head + value)
    if "location" not in said:
        return tensor
    data = _beside(file, said["location"])
    offset, length = int(said.get("offset", 0)), int(said.get("length", len(data)))
    if not 0 <= offset <= offset + length <= len(data):
        raise ModelIncompatible(
            f"{said['location']} has {len(data):,} bytes, {file} wants more", hint="copy both files again"
        )
    return b"".join(kept) + _encoded(_RAW, data[offset : offset + length])


def _beside(file: Path, name: str) -> bytes:
    if Path(name).name != name or name in ("", ".", ".."):
        raise ModelIncompatible(
            f"{file} wants weights from '{name[:80]}', which does not lie beside it",
            hint="export it into one folder",
        )
    path = file.with_name(name)
    if path.is_symlink() or not path.is_file():
        raise ModelMissing(f"the weights of {file} are to lie beside it in {name}", hint="copy that file too")
    return path.read_bytes()


def _fields(message: bytes) -> Iterator[_Field]:
    """Yield the fields of a message.

    Raises:
        IndexError, ValueError: It is none.
    """
    at = 0
    while at < len(message):
        begin = at
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            _, end = _varint(message, at)
        elif wire in (1, 5):
            end = at + (8 if wire == 1 else 4)
        elif wire == 2:
            length, at = _varint(message, at)
            end = at + length
        else:
            raise ValueError("a field of an unknown kind")
        if end > len(message):
            raise IndexError("a field is cut off")
        yield number, wire, message[begin:at], message[at:end]
        at = end


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number is too long")


def _encoded(number: int, value: bytes) -> bytes:
    return _number(number << 3 | 2) + _number(len(value)) + value


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))
