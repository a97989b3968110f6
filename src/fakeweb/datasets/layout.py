"""Base of the layouts of public data sets: missing pieces are passed over, and always told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import ClassVar

from fakeweb.datasets.samples import Sample
from fakeweb.errors import LayoutMismatch
from fakeweb.media.limits import one_line

_SHOWN = 3


class LeftOut:
    """What a layout leaves out and why, told in one line per reason however many files it concerns.

    Args:
        root: Folder of the data set; files are named relative to it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._found: dict[str, tuple[int, list[str]]] = {}

    def add(self, why: str, what: PurePath | str) -> None:
        """Note one file, entry or folder.

        Args:
            why: What is wrong, worded so that a colon and names can follow.
            what: The file or name it is about.
        """
        count, shown = self._found.get(why, (0, []))
        if count < _SHOWN:
            inside = isinstance(what, PurePath) and what.is_relative_to(self._root)
            name = what.relative_to(self._root).as_posix() if inside and isinstance(what, PurePath) else what
            shown.append(one_line(str(name)))
        self._found[why] = (count + 1, shown)

    def lines(self) -> list[str]:
        """Return one line per reason, in the order in which they came up."""
        return [
            f"{why}: {', '.join(shown)}" + (f" and {count - len(shown)} more" if count > len(shown) else "")
            for why, (count, shown) in self._found.items()
        ]


class TolerantLayout:
    """A layout that uses what is there and lists the rest in :attr:`problems`.

    A subclass has ``name``, ``looked_for`` and ``hint``, and writes :meth:`_samples`.

    Attributes:
        problems: What the last :meth:`index` left out, one line per reason. Emptied when it begins, filled when
            its iterator comes to its end.
    """

    name: str
    looked_for: ClassVar[str]
    hint: ClassVar[str]

    def __init__(self) -> None:
        self.problems: list[str] = []

    def index(self, root: Path) -> Iterator[Sample]:
        """Yield the samples below ``root`` without opening a pixel.

        Raises:
            LayoutMismatch: Nothing usable is there, or one of the data set's own lists is broken.
        """
        self.problems = []
        left_out = LeftOut(root)
        found = False
        for sample in self._samples(root, left_out):
            found = True
            yield sample
        self.problems = left_out.lines()
        if not found:
            raise LayoutMismatch(self._nothing(root), hint="; ".join([self.hint, *self.problems]))

    def _nothing(self, root: Path) -> str:
        """Say that nothing usable is there."""
        return f"no {self.name} data set in {root}: looked for {self.looked_for}"

    def _samples(self, root: Path, left_out: LeftOut) -> Iterator[Sample]:
        """Yield the samples, and tell ``left_out`` what cannot be one."""
        raise NotImplementedError
