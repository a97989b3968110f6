"""Broken uploads, made from whole ones: cut, flipped, spliced, lied about."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence

Mutation = Callable[[bytes, random.Random], bytes]


def flip_bits(data: bytes, rng: random.Random) -> bytes:
    """Flip a few bits anywhere."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 2, 8, 64))):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def flip_header(data: bytes, rng: random.Random) -> bytes:
    """Change bytes of the header, where sizes and offsets are."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 2, 4))):
        out[rng.randrange(min(len(out), 200))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    return bytes(out)


def cut(data: bytes, rng: random.Random) -> bytes:
    """Cut the end off."""
    return data[: rng.randrange(len(data))]


def drop(data: bytes, rng: random.Random) -> bytes:
    """Take a piece out of the middle."""
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.choice((1, 2, 16, 500)) :]


def repeat(data: bytes, rng: random.Random) -> bytes:
    """Repeat a piece, perhaps many times."""
    start = rng.randrange(len(data))
    piece = data[start : start + rng.choice((1, 16, 300))]
    return data[:start] + piece * rng.choice((2, 50, 500)) + data[start:]


def zeros(data: bytes, rng: random.Random) -> bytes:
    """Overwrite a piece with zeros or ones."""
    start, length = rng.randrange(len(data)), rng.choice((4, 64, 1024))
    piece = data[start : start + length]
    return data[:start] + rng.choice((b"\0", b"\xff")) * len(piece) + data[start + length :]


def number(data: bytes, rng: random.Random) -> bytes:
    """Write an extreme number somewhere, in either byte order."""
    value = rng.choice((0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 65_500, 30_000))
    packed = struct.pack(rng.choice(("<I", ">I")), value)[: rng.choice((2, 4))]
    start = rng.randrange(max(1, min(len(data), rng.choice((64, 400, len(data))))))
    return data[:start] + packed + data[start + len(packed) :]


def noise(data: bytes, rng: random.Random) -> bytes:
    """Nothing but noise behind the first bytes."""
    return data[: rng.choice((4, 12, 32))] + rng.randbytes(rng.randrange(1, 3000))


def tail(data: bytes, rng: random.Random) -> bytes:
    """Something behind the end."""
    return data + rng.choice((b"\0" * 5000, rng.randbytes(500), data, b"<script>alert(1)</script>"))


MUTATIONS: Sequence[Mutation] = (flip_bits, flip_header, cut, drop, repeat, zeros, number, noise, tail)


def mutate(data: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """Return a broken version of an upload: one to three mutations, or the head of one on the body of another."""
    if rng.random() < 0.1:
        other = rng.choice(others)
        return data[: rng.randrange(1, len(data))] + other[rng.randrange(len(other)) :]
    for _ in range(rng.choice((1, 1, 2, 3))):
        data = rng.choice(MUTATIONS)(data, rng)
        if not data:
            break
    return data
