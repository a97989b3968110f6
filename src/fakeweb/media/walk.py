"""Directory walk: what lies in folders, for scans, data sets, the forge and DFDC."""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from fakeweb.errors import Unreadable
from fakeweb.media.limits import one_line

_NOISE: Final = "__MACOSX"  # what macOS leaves in archives


@dataclass(frozen=True)
class Obstacle:
    """Something in a folder that cannot be looked at.

    Attributes:
        path: Where it is.
        why: What it is, such as "a link that leads nowhere".
        folder: Whether it is a folder, with who knows what inside.
    """

    path: str
    why: str
    folder: bool = False

    def error(self) -> Unreadable:
        """Return what a user is told of it."""
        return Unreadable(
            f"{one_line(self.path, limit=4096)} is {self.why}",
            hint="remove it, or mend its rights or what it points to; all else in the folder is looked at",
        )


@dataclass
class Walk:
    """One walk through a folder and all below it, whatever its links, pipes and rights.

    Links are followed, each real folder is entered once, so that circles of links end.

    Attributes:
        top: Where to begin; there is nothing in a folder that does not exist.
        recursive: Whether folders inside folders are entered.
        obstacles: Filled on the way: folders that may not be read, links that lead nowhere or back to themselves,
            pipes, sockets and devices.
        passed: Filled on the way: how many entries were passed over, by reason.
    """

    top: str | os.PathLike[str]
    recursive: bool = True
    obstacles: list[Obstacle] = field(default_factory=list)
    passed: Counter[str] = field(default_factory=Counter)

    def folders(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each folder with the paths of the files right in it, sorted by name; hidden ones are left out."""
        seen: set[tuple[int, int]] = set()
        waiting = [os.fspath(self.top)]
        while waiting:
            folder = waiting.pop()
            try:
                status = os.stat(folder)  # noqa: PTH116
                if (status.st_dev, status.st_ino) in seen:
                    self.passed["a folder reached before"] += 1
                    continue
                seen.add((status.st_dev, status.st_ino))
                with os.scandir(folder) as entries:
                    listed = sorted(entries, key=lambda e: e.name)
            except FileNotFoundError:
                continue
            except OSError as error:
                self.obstacles.append(
                    Obstacle(folder, f"a folder that cannot be read ({error.strerror})", folder=True)
                )
                continue
            files, inner = self._sorted(listed)
            yield folder, files
            if self.recursive:
                waiting.extend(reversed(inner))

    def files(self) -> Iterator[str]:
        """Yield the paths of all files, folder by folder."""
        for _, files in self.folders():
            yield from files

    def _sorted(self, entries: list[os.DirEntry[str]]) -> tuple[list[str], list[str]]:
        """Part what is in one folder into files and folders; note the rest."""
        files, inner = [], []
        for entry in entries:
            if entry.name.startswith(".") or entry.name == _NOISE:
                self.passed["hidden"] += 1
                continue
            what = _what_is(entry)
            if what == "file":
                files.append(entry.path)
            elif what == "folder":
                inner.append(entry.path)
            else:
                self.obstacles.append(Obstacle(entry.path, what))
        return files, inner


def _what_is(entry: os.DirEntry[str]) -> str:
    """As :func:`what_is`, without asking the system where the listing of the folder has said it."""
    try:
        if entry.is_file():
            return "file"
        if entry.is_dir():
            return "folder"
    except OSError:
        pass
    return what_is(entry.path)


def what_is(path: str) -> str:
    """Return ``file`` or ``folder``, through links; for anything else words that say what it is."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116
    except FileNotFoundError:
        return "a link that leads nowhere" if os.path.islink(path) else "gone by now"  # noqa: PTH114
    except OSError as error:
        if error.errno == errno.ELOOP:
            return "a link that leads back to itself"
        return f"not to be read ({error.strerror})"
    for test, name in _KINDS:
        if test(mode):
            return name
    return "a device, not a file"


_KINDS: Final = (
    (stat.S_ISREG, "file"),
    (stat.S_ISDIR, "folder"),
    (stat.S_ISFIFO, "a pipe, not a file"),
    (stat.S_ISSOCK, "a socket, not a file"),
)
