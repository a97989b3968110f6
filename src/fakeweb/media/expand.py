"""What a user names on a command line -> the pictures and videos meant."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fakeweb.errors import FakeWebError, Unreadable, Unsupported
from fakeweb.media.address import address_of, shown
from fakeweb.media.glance import SUFFIXES_TAKEN, glance, has_suffix
from fakeweb.media.limits import one_line
from fakeweb.media.storage import Stamp, Storage
from fakeweb.media.walk import Obstacle, Walk, what_is

HIDDEN, NOT_MEDIA, OWN = "hidden", "not media", "drawn by FakeWeb"
"""Why files are passed over, as :attr:`Expansion.skipped` counts them."""


@dataclass(frozen=True)
class Expansion:
    """The pictures meant, and what stood in the way.

    Attributes:
        paths: Paths, ``-`` and web addresses, each once; in the order of the patterns, and within a pattern
            sorted folder by folder.
        problems: One error per pattern that names nothing, and per entry of a folder that cannot be looked at.
        skipped: How many entries of folders were passed over, by reason: ``hidden``, ``not media``, ``drawn by
            FakeWeb``, ``folders not entered``, ``a folder reached before``.
    """

    paths: tuple[str, ...]
    problems: tuple[FakeWebError, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)


def expand_inputs(
    patterns: Sequence[str], *, recursive: bool = True, strict_suffixes: bool = False
) -> Expansion:
    """Find the pictures behind files, folders and globs.

    A file that is named is taken whatever it is: its content will tell. From folders and globs are taken files with
    the suffix of a picture or video, and others whose first bytes are those of one. Passed over, and counted, are
    hidden files and folders, and what FakeWeb drew itself, known by a mark inside the file. Links to folders are
    followed, each folder once. ``-`` and addresses (``http://``, ``https://``) are passed through. Nothing is raised
    for what cannot be found or read: it stands in ``problems``, so that the rest can go on.

    Args:
        patterns: What the user named; a glob counts as one only where no file has exactly that name, and
            may contain ``**``.
        recursive: Whether folders inside folders are entered.
        strict_suffixes: Whether only names with the suffix of a picture or video are taken from folders and globs.

    Raises:
        TypeError: ``patterns`` is one string rather than a sequence of them.

    Example:
        >>> expand_inputs(["-"]).paths
        ('-',)
    """
    if isinstance(patterns, str | bytes):
        raise TypeError(f"patterns must be a sequence of strings, got {type(patterns).__name__}")
    search = _Search(recursive, strict_suffixes)
    for pattern in patterns:
        search.add(os.fspath(pattern))
    return Expansion(tuple(search.found.values()), tuple(search.problems), dict(search.skipped))


def stored_files(address: str) -> dict[str, Stamp]:
    """Return the files behind an address of object storage, by their own addresses: one file, a prefix, or a glob.

    Raises:
        Unreadable: No rights, no such bucket, no network.
        UsageError, MissingExtra: This kind of storage is unknown, or its package is not installed.
    """
    storage, name = Storage.of_file(address.rstrip("/"))
    if not glob.has_magic(address):
        stamp = None if address.endswith("/") or name == "" else storage.stamp(name)
        if stamp is not None:
            return {address: stamp}
        storage = Storage(address.rstrip("/"))
        return {storage.path_of(inner): stamp for inner, stamp in storage.listing().items()}
    fixed, _, _ = re.split(r"[*?\[]", address, maxsplit=1)[0].rpartition("/")
    storage = Storage(fixed)
    return {storage.path_of(n): stamp for n, stamp in storage.listing(address[len(fixed) + 1 :]).items()}


class _Search:
    def __init__(self, recursive: bool, strict: bool) -> None:
        self.recursive, self.strict = recursive, strict
        self.found: dict[str, str] = {}  # absolute path -> the path as named first
        self.problems: list[FakeWebError] = []
        self.barred: set[str] = set()
        self.skipped = Counter[str]()

    def add(self, pattern: str) -> None:
        address = address_of(pattern)
        if pattern == "-" or (address and address.lower().startswith(("http://", "https://"))):
            self.found.setdefault(pattern, pattern)
        elif address is not None:
            self._add_stored(address)
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
        before, problems, taken = self.skipped.copy(), len(self.problems), 0
        for path in sorted(set(self._matches(pattern))):  # hidden files are passed over by glob itself
            what = what_is(path)
            if what == "file":
                taken += self._consider(path)
            elif what != "folder":
                self._tell([Obstacle(path, what)])
            elif "**" not in pattern:
                self.skipped["folders not entered"] += 1
        if not taken and len(self.problems) == problems:
            passed = _counted(self.skipped - before)
            self.problems.append(
                Unreadable(
                    f"{one_line(pattern)} matches no picture or video{passed and f', only {passed}'}",
                    hint="check the pattern, and put it in quotes so that the shell leaves ** alone",
                )
            )

    def _matches(self, pattern: str) -> Iterator[str]:
        """Yield what a glob matches; below ``**`` each real folder is entered once, so that circles of links end."""
        before, deep, after = pattern.partition("**")
        after = after.lstrip(os.sep)
        if not deep or not (before == "" or before.endswith(os.sep)):
            yield from glob.glob(pattern)  # noqa: PTH207
            return
        for top in glob.glob(before) if before else [os.curdir]:  # noqa: PTH207
            walk = Walk(top)
            for folder, files in walk.folders():
                here = folder if before else folder[2:]  # without "./"
                if after:
                    yield from self._matches(os.path.join(glob.escape(here), after))  # noqa: PTH118
                else:
                    yield from files if before else (file[2:] for file in files)
            self._tell(o for o in walk.obstacles if o.folder or not after)

    def _add_stored(self, address: str) -> None:
        """Take a file of object storage, what lies below a prefix, or what a glob fits, by their names alone."""
        try:
            found = stored_files(address)
        except FakeWebError as error:
            self.problems.append(error)
            return
        taken = [name for name in found if name == address or has_suffix(name)]
        self.skipped[NOT_MEDIA] += len(found) - len(taken)
        for name in taken:
            self.found.setdefault(name, name)
        if not taken:
            passed = f", only {len(found)} {NOT_MEDIA}" if found else ""
            self.problems.append(
                Unsupported(
                    f"{one_line(shown(address))} holds no picture or video{passed}",
                    hint="check the address; in object storage pictures and videos are found by their suffix",
                )
            )

    def _add_folder(self, folder: str) -> None:
        walk = Walk(folder, self.recursive)
        before = self.skipped.copy()
        taken = sum([self._consider(path) for path in walk.files()])
        self._tell(walk.obstacles)
        self.skipped += walk.passed
        if not taken and not walk.obstacles:
            passed = _counted(self.skipped - before)
            deeper = "" if self.recursive else "; folders inside it were not entered"
            how = f"by suffix: {', '.join(sorted(SUFFIXES_TAKEN))}" if self.strict else "by their content"
            self.problems.append(
                Unsupported(
                    f"{one_line(folder)} holds no picture or video{passed and f', only {passed}'}",
                    hint=f"pictures and videos are found {how}{deeper}",
                )
            )

    def _consider(self, path: str) -> bool:
        """Take a file of a folder if it is a picture or video that FakeWeb has not drawn."""
        seen = glance(path)
        if seen.own:
            self.skipped[OWN] += 1
        elif not (has_suffix(path) if self.strict else seen.kind):
            self.skipped[NOT_MEDIA] += 1
        else:
            self._take(path)
            return True
        return False

    def _tell(self, obstacles: Iterable[Obstacle]) -> None:
        for obstacle in obstacles:
            place = os.path.abspath(obstacle.path)  # noqa: PTH100
            if place not in self.barred:
                self.barred.add(place)
                self.problems.append(obstacle.error())

    def _take(self, path: str) -> None:
        self.found.setdefault(os.path.abspath(path), path)  # noqa: PTH100


def _counted(passed: Mapping[str, int]) -> str:
    """Say how many files were passed over, by reason."""
    return ", ".join(f"{count} {why}" for why, count in passed.items() if count)
