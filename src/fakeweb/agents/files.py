"""Which files an agent may name: those below the folders that its user named."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Self

from fakeweb.errors import Refused, Unreadable, UsageError

_MOST_CHARS: Final = 4096
_READ: Final = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")
)


@dataclass(frozen=True)
class Files:
    """Folders whose files may be read, to any depth.

    Attributes:
        folders: Without links in their paths.
    """

    folders: tuple[Path, ...]

    @classmethod
    def of(cls, folders: Sequence[Path]) -> Self:
        """Take folders as a user names them.

        Raises:
            UsageError: One is none.
        """
        for folder in folders:
            if not folder.is_dir():
                raise UsageError(f"{folder} is no folder", hint="name one that is there")
        return cls(tuple(Path(os.path.realpath(folder)) for folder in folders))

    def open(self, path: str) -> BinaryIO:
        """Open a file for reading; a path that is not absolute begins in the first folder.

        Links are followed first and the place they lead to is what counts. What lies outside is refused before
        anything of it is looked at, so that nothing is told of it, not even whether it is there.

        Raises:
            Refused: It lies outside of all folders.
            Unreadable: It is no regular file, is not there, or may not be read.
        """
        if not path or len(path) > _MOST_CHARS or "\0" in path:
            raise Unreadable("that is no path of a file", hint=f"it has 1 to {_MOST_CHARS} characters")
        place = Path(os.path.realpath(self.folders[0] / path))
        if not any(place.is_relative_to(folder) for folder in self.folders):
            named = ", ".join(map(str, self.folders))
            raise Refused(
                f"{path} lies outside of what may be read ({named})",
                hint="the user can allow a folder: fakeweb mcp --folder FOLDER",
            )
        try:
            file = os.open(place, _READ)
        except OSError as error:
            why = (error.strerror or "an error").lower()
            raise Unreadable(f"{path} cannot be read: {why}", hint="check the path") from error
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise Unreadable(f"{path} is no file", hint="name a picture, a clip or a report")
        return os.fdopen(file, "rb")
