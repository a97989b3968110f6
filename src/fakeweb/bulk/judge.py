"""Judge of one file: an item in, rows out; the mapper that any engine can call."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fakeweb.bulk.items import Item, open_item
from fakeweb.bulk.rows import face_rows, file_row
from fakeweb.errors import FakeWebError
from fakeweb.media import Limits, Pace
from fakeweb.media.address import address_of
from fakeweb.scanner import DEFAULT_FINDER, DEFAULT_MODEL, Scanner


@dataclass(frozen=True)
class Options:
    """How files are judged: the options of ``fakeweb scan`` that change an answer."""

    finder: str = DEFAULT_FINDER
    finder_model: Path | None = None
    model: str = DEFAULT_MODEL
    threshold: float | None = None
    limits: Limits | None = None
    pace: Pace | None = None
    trust: Path | None = None

    def scanner(self) -> Scanner:
        """Make the scanner these options describe."""
        return Scanner(
            finder=self.finder,
            finder_model=self.finder_model,
            model=self.model,
            threshold=self.threshold,
            limits=self.limits,
            trust=self.trust,
        )


@dataclass(frozen=True)
class Answer:
    """What became of one file.

    Attributes:
        file: Row of the table ``files``, without what the item says.
        faces: Rows of the table ``faces``.
        again: Whether it failed in a way that may pass, as a network does.
    """

    file: dict[str, Any]
    faces: list[dict[str, Any]] = field(default_factory=list)
    again: bool = False


class Judge:
    """Judges files one by one; errors of a file are part of its answer. Pickles, so that any engine can carry it.

    Args:
        options: How.

    Example:
        >>> answer = Judge()(Item("nowhere.jpg"))
        >>> answer.file["code"], answer.faces
        ('media.unreadable', [])
    """

    def __init__(self, options: Options = Options()) -> None:
        self.options = options
        self.scanner = options.scanner()

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle as what made it."""
        return Judge, (self.options,)

    def __call__(self, item: Item | str) -> Answer:
        """Judge one file, given as an item or by its path or address."""
        item = Item(item) if isinstance(item, str) else item
        if item.problem is not None:
            return Answer(dict(item.problem))
        try:
            content = open_item(item)
        except FakeWebError as error:
            return Answer(error.to_dict(), again=address_of(item.archive or item.path) is not None)
        try:
            pace = self.options.pace
            report = (
                self.scanner.scan(content, name=item.path)
                if pace is None or not self._clip(content)
                else self.scanner.scan_video(content, pace=pace, name=item.path)
            )
        except FakeWebError as error:
            return Answer(error.to_dict())
        finally:
            if not isinstance(content, str):
                content.close()
        return Answer(file_row(report), face_rows(report))

    @staticmethod
    def _clip(content: Any) -> bool:
        from fakeweb.media import kind_of

        return kind_of(content) == "clip"
