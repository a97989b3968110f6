"""Perceptual hashes: pictures that look alike, whatever their size, file format and compression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from fakeweb.types import FloatArray, UInt8Array

_HASH_PX: Final = 9
_THUMB_PX: Final = 16
_NEAR_BITS: Final = 6
_ALIKE: Final = 0.98


def difference_hash(grey: UInt8Array) -> str:
    """Return which of 8 x 8 places are brighter than their right neighbour, as 16 hex digits.

    Args:
        grey: uint8 (H, W).
    """
    small = cv2.resize(grey, (_HASH_PX, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    bits = (small[:, 1:] < small[:, :-1]).ravel()
    return np.packbits(bits).tobytes().hex()


def near_duplicates(hashes: Sequence[str], most: int) -> list[tuple[int, int, int]]:
    """Return the pairs of hashes that differ in at most ``most`` bits: (place, place, bits), exact ones too.

    Args:
        hashes: 16 hex digits each; an empty one is like no other.
        most: Bits; 0 finds equal hashes only.
    """
    places = [i for i, h in enumerate(hashes) if h]
    codes = np.array([int(hashes[i], 16) for i in places], np.uint64)
    out: list[tuple[int, int, int]] = []
    for row in range(len(codes) - 1):
        bits = np.bitwise_count(codes[row + 1 :] ^ codes[row])
        near = np.flatnonzero(bits <= most)
        out += [(places[row], places[row + 1 + int(at)], int(bits[at])) for at in near]
    return out


def thumbnail(grey: UInt8Array) -> str:
    """Return a picture at 16 x 16 pixels, as 512 hex digits: what two copies of it share.

    Args:
        grey: uint8 (H, W).
    """
    return cv2.resize(grey, (_THUMB_PX, _THUMB_PX), interpolation=cv2.INTER_AREA).tobytes().hex()


class Seen:
    """Pictures met so far, to find those that look like a new one.

    Two look alike where their difference hashes are at most 6 of 64 bits apart and their thumbnails correlate by
    more than 0.98: copies at another size or quality do, two portraits from one studio hardly ever.

    Example:
        >>> seen = Seen()
        >>> flat, ramp = np.zeros((32, 32), np.uint8), np.tile(np.arange(0, 256, 8, np.uint8), (32, 1))
        >>> seen.like(difference_hash(ramp), thumbnail(ramp))
        >>> seen.add(difference_hash(ramp), thumbnail(ramp), "a")
        >>> half = np.ascontiguousarray(ramp[::2, ::2])
        >>> seen.like(difference_hash(half), thumbnail(half))
        'a'
    """

    def __init__(self) -> None:
        self._codes = np.zeros(64, np.uint64)
        self._thumbs: list[FloatArray] = []
        self._names: list[str] = []

    def add(self, code: str, thumb: str, name: str) -> None:
        """Remember a picture under a name."""
        if len(self._names) == len(self._codes):
            self._codes = np.concatenate([self._codes, np.zeros_like(self._codes)])
        self._codes[len(self._names)] = int(code, 16)
        self._thumbs.append(_centred(thumb))
        self._names.append(name)

    def like(self, code: str, thumb: str) -> str | None:
        """Return the name of the first picture that looks like this one, or None."""
        known = self._codes[: len(self._names)]
        mine = _centred(thumb)
        for at in np.flatnonzero(np.bitwise_count(known ^ np.uint64(int(code, 16))) <= _NEAR_BITS):
            if float(mine @ self._thumbs[int(at)]) > _ALIKE:
                return self._names[int(at)]
        return None


def _centred(thumb: str) -> FloatArray:
    """Return a thumbnail's pixels without their mean, of length 1: float32 (256,)."""
    values = np.frombuffer(bytes.fromhex(thumb), np.uint8).astype(np.float32)
    values -= values.mean()
    return np.asarray(values / max(float(np.linalg.norm(values)), 1e-6), np.float32)
