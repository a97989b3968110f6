"""Samples of data sets, and the seam of the layouts that list them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, get_args, runtime_checkable

from fakeweb.errors import readable
from fakeweb.types import KINDS

Split = Literal["train", "val", "test"]


@dataclass(frozen=True)
class Sample:
    """One labelled picture of a data set; nothing has been opened yet.

    Attributes:
        path: The file.
        label: 0 = real, 1 = fake, None = no face in it (content pictures).
        kind: The manipulation kind of a fake, else None.
        split: ``train``, ``val`` or ``test``.
        group: Person or source video; a group never stands in two splits. Unique within ``source``.
        source: Where the picture comes from.
        mask: File with the manipulated region (white), or None.
    """

    path: Path
    label: int | None
    kind: str | None
    split: Split
    group: str
    source: str
    mask: Path | None = None

    def __post_init__(self) -> None:
        if self.label not in (0, 1, None):
            raise ValueError(f"Sample.label must be 0, 1 or None, got {self.label!r}")
        if self.kind is not None and (self.kind not in KINDS or self.label != 1):
            raise ValueError(f"Sample.kind must be one of {KINDS} and only on fakes, got {self.kind!r}")
        if self.split not in get_args(Split):
            raise ValueError(f"Sample.split must be train, val or test, got {self.split!r}")
        for name in ("group", "source"):  # they stand in tables, which any reader must be able to decode
            object.__setattr__(self, name, readable(getattr(self, name)))


@runtime_checkable
class DatasetLayout(Protocol):
    """Knows how one family of data sets lies on disk.

    The same folder always gives the same samples in the same order; hidden files are none. A layout that passes
    over missing pieces has ``problems: list[str]`` too: one line per reason, emptied when :meth:`index` begins and
    complete when its iterator comes to its end. Whoever indexes should show them.
    """

    name: str

    def index(self, root: Path) -> Iterator[Sample]:
        """Yield the samples below ``root`` without opening a pixel."""
        ...
