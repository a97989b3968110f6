"""What a user names on a command line -> the pictures and videos meant."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from fakeweb.errors import FakeWebError, Unreadable, Unsupported
from fakeweb.media.limits import one_line
from fakeweb.media.sniff import SUFFIXES
from fakeweb.media.video.kind import VIDEO_SUFFIXES

PICTURE_SUFFIXES: Final = frozenset(s for group in SUFFIXES.values() for s in group)
"""Suffixes, in lower case, of the pictures picked out of folders."""

_TAKEN: Final = PICTURE_SUFFIXES | VIDEO_SUFFIXES
_OVERLAY_SUFFIXES: Final = (".fakeweb.png", ".fakeweb.mp4")


@dataclass(frozen=True)
class Expansion:
    """The pictures meant, and what stood in the way.

    Attributes:
        paths: Paths, ``-`` and web addresses, each once; in the order of the patterns, and within a pattern
            sorted folder by folder.
        problems: One error per pattern that names nothing and per folder that may not be read.
        skipped: Files in folders that were passed over: hidden, no picture by their suffix, or an overlay.
    """

    paths: tuple[str, ...]
    problems: tuple[FakeWebError, ...] = ()
    skipped: int = 0


def expand_inputs(patterns: Sequence[str], *, recursive: bool = True) -> Expansion:
    """Find the pictures behind files, folders and globs, without opening any.

    A file that is named is taken whatever its suffix: its content will tell. From folders and globs only
    names with the suffix of a picture or video are taken; hidden files and folders and the overlays FakeWeb
    writes (``*.fakeweb.png``, ``*.fakeweb.mp4``) are passed over. Links to folders are followed, each folder
    once. ``-`` and addresses (``http://``, ``https://``) are passed through. Nothing is raised for what cannot
    be found or read: it stands in ``problems``, so that the rest can go on.

    Args:
        patterns: What the user named; a glob counts as one only where no file has exactly that name, and
            may contain ``**``.
        recursive: Whether folders inside folders are entered.

    Raises:
        TypeError: ``patterns`` is one string rather than a sequence of them.

    Example:
        >>> expand_inputs(["-"]).paths
        ('-',)
    """
    if isinstance(patterns, str | bytes):
        raise TypeError(f"patterns must be a sequence of strings, got {type(patterns).__name__}")
    search = _Search(recursive)
    for pattern in patterns:
        search.add(os.fspath(pattern))
    return Expansion(tuple(search.found.values()), tuple(search.problems), search.skipped)


class _Search:
    def __init__(self, recursive: bool) -> None:
        self.recursive = recursive
        self.found: dict[str, str] = {}  # absolute path -> the path as named first
        self.problems: list[FakeWebError] = []
        self.skipped = 0

    def add(self, pattern: str) -> None:
        if pattern == "-" or pattern.lower().startswith(("http://", "https://")):
            self.found.setdefault(pattern, pattern)
        elif "\0" in pattern:
            self._add_missing(pattern)
        elif os.path.isdir(pattern):  # noqa: PTH112
            self._add_folder(pattern)
        elif os.path.lexists(pattern):
            self._take(pattern)
        elif glob.has_magic(pattern):
            self._add_glob(pattern)
        else:
            self._add_missing(pattern)

    def _add_missing(self, pattern: str) -> None:
        self.problems.append(
            Unreadable(f"{one_line(pattern)} does not exist", hint="check the path and its spelling")
        )

    def _add_glob(self, pattern: str) -> None:
        # glob passes hidden files over by itself
        matches = sorted(m for m in glob.glob(pattern, recursive=True) if os.path.isfile(m))  # noqa: PTH113, PTH207
        if not self._take_pictures(matches):
            self.problems.append(
                Unreadable(
                    f"{one_line(pattern)} matches no picture or video",
                    hint="check the pattern, and put it in quotes so that the shell leaves ** alone",
                )
            )

    def _add_folder(self, folder: str) -> None:
        problems = len(self.problems)
        pictures = [self._take_pictures(files) for files in self._walk(folder)]
        if not any(pictures) and len(self.problems) == problems:
            deeper = "" if self.recursive else "; folders inside it were not entered"
            self.problems.append(
                Unsupported(
                    f"{one_line(folder)} holds no picture or video",
                    hint=f"pictures and videos are found by their suffix: {', '.join(sorted(_TAKEN))}{deeper}",
                )
            )

    def _walk(self, top: str) -> Iterator[list[str]]:
        """Yield the sorted files of each folder; every real folder once, so that circles of links end."""
        seen: set[tuple[int, int]] = set()
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            try:
                status = os.stat(folder)  # noqa: PTH116
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
                with os.scandir(folder) as entries:
                    listed = sorted(entries, key=lambda e: e.name)
            except OSError as error:
                self.problems.append(
                    Unreadable(
                        f"the folder {one_line(folder)} cannot be read: {error.strerror}",
                        hint="check the rights of the folder",
                    )
                )
                continue
            files = [e for e in listed if not e.is_dir()]
            yield [e.path for e in files if not e.name.startswith(".")]
            self.skipped += sum(e.name.startswith(".") for e in files)
            if self.recursive:
                inner = [e.path for e in listed if e.is_dir() and not e.name.startswith(".")]
                waiting.extend(reversed(inner))

    def _take_pictures(self, paths: list[str]) -> int:
        """Take those with a picture's suffix and return how many they are, counting those known already."""
        pictures = [p for p in paths if _is_picture(p)]
        self.skipped += len(paths) - len(pictures)
        for path in pictures:
            self._take(path)
        return len(pictures)

    def _take(self, path: str) -> None:
        self.found.setdefault(os.path.abspath(path), path)  # noqa: PTH100


def _is_picture(path: str) -> bool:
    name = path.lower()
    return PurePath(name).suffix in _TAKEN and not name.endswith(_OVERLAY_SUFFIXES)
