"""Train, validation and test splits: they follow the group, never the frame, and are the same on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from fakeweb.datasets.samples import Split

SPLIT_NAMES: Final[dict[str, Split]] = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test",
}  # fmt: skip
"""What the splits are called in folders and lists, in lower case."""


def _fraction(key: str) -> float:
    """Map a key to [0, 1), the same everywhere and for ever."""
    return int.from_bytes(hashlib.sha256(key.encode(errors="surrogatepass")).digest()[:8], "big") / 2**64


def split_of_group(source: str, group: str, *, val: float = 0.15) -> Split:
    """Put a whole group into ``train`` or ``val`` by the hash of its name.

    Args:
        source: The data set the group belongs to.
        group: Person or source video.
        val: Share of the groups that go to ``val``.
    """
    return "val" if _fraction(f"split/{source}/{group}") < val else "train"


def split_of_people(source: str, people: Iterable[str]) -> Split | None:
    """Return the split of a clip that shows several people, or None where they fall on both sides.

    Where everybody is swapped with everybody, all clips hang together and cannot be cut into two parts that share
    no face: those that lie across the cut have to go.

    Args:
        source: The data set the people belong to.
        people: Everyone whose face or head is in the clip.
    """
    splits = {split_of_group(source, person) for person in people}
    return splits.pop() if len(splits) == 1 else None


def half_of_group(source: str, group: str) -> str:
    """Cut the validation groups in two: ``A`` to select and calibrate, ``B`` to be looked at once.

    Args:
        source: The data set the group belongs to.
        group: Person or source video.
    """
    return "A" if _fraction(f"half/{source}/{group}") < 0.5 else "B"


class Families:
    """Things that belong together, because somebody said so of two of them, and so on.

    Example:
        >>> families = Families()
        >>> families.join("071", "054")
        >>> families.join("054", "071")
        >>> families.name_of("071"), families.name_of("999")
        ('054_071', '999')
    """

    def __init__(self) -> None:
        self._members: dict[str, set[str]] = {}

    def join(self, one: str, other: str) -> None:
        """Say that two belong together."""
        mine, theirs = (self._members.setdefault(name, {name}) for name in (one, other))
        if mine is theirs:
            return
        mine |= theirs
        self._members |= dict.fromkeys(theirs, mine)

    def name_of(self, member: str) -> str:
        """Return the name of the family: its members, sorted."""
        return "_".join(sorted(self._members.get(member, {member})))
