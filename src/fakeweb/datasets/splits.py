"""Splits that follow the group, never the frame, and stay the same on every machine."""

from __future__ import annotations

import hashlib

from fakeweb.types import Split


def _fraction(key: str) -> float:
    """Map a key to [0, 1), the same everywhere and for ever."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64


def split_of_group(source: str, group: str, *, val: float = 0.15) -> Split:
    """Put a whole group into ``train`` or ``val`` by the hash of its name.

    Args:
        source: The data set the group belongs to.
        group: Person or source video.
        val: Share of the groups that go to ``val``.
    """
    return "val" if _fraction(f"split/{source}/{group}") < val else "train"


def half_of_group(source: str, group: str) -> str:
    """Cut the validation groups in two: ``A`` to select and calibrate, ``B`` to be looked at once.

    Args:
        source: The data set the group belongs to.
        group: Person or source video.
    """
    return "A" if _fraction(f"half/{source}/{group}") < 0.5 else "B"
