"""Protocol Buffers, written: the wire format of ONNX files, for bases without the package ``onnx``.

Source: Protocol Buffers Documentation, "Encoding" (varints, tags, length-delimited fields).
"""

from __future__ import annotations


def number_field(number: int, value: int) -> bytes:
    """Return a field that holds a whole number, zero or more."""
    return varint(number << 3) + varint(value)


def bytes_field(number: int, value: bytes) -> bytes:
    """Return a field that holds bytes: a string in UTF-8 or another message."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    """Return a whole number, zero or more, in groups of seven bits, the lowest first.

    Example:
        >>> varint(300).hex()
        'ac02'
    """
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))
