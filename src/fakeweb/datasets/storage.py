"""Files by name, in a folder or in object storage: the border to fsspec.

A *place* is a local path or an address such as ``s3://bucket/folder``. Local places need nothing; each kind of object
storage needs the package fsspec names for it (``s3`` is the extra of that name). Credentials and endpoints come from
where that package looks for them, such as ``AWS_ENDPOINT_URL``, never from us.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from fakeweb.errors import FakeWebError, Unreadable, UsageError, missing_extra
from fakeweb.media.limits import one_line
from fakeweb.media.walk import Obstacle, Walk
from fakeweb.media.write import write_atomically

_REFUSED = ("http", "https", "ftp", "sftp", "ssh", "smb", "github", "git", "data", "jupyter", "libarchive")


class Storage:
    """Files below one place.

    Args:
        place: Local folder, or an address of object storage.

    Raises:
        UsageError: An address of a kind that is not read.
        MissingExtra: The package for this kind is not installed.

    Example:
        >>> Storage("/nowhere").names()
        []
    """

    def __init__(self, place: str | os.PathLike[str]) -> None:
        self.place = os.fspath(place)
        scheme, separator, rest = self.place.partition("://")
        self.local: Path | None = None
        if not separator or scheme == "file":
            self.local = Path(rest if separator else self.place)
            return
        if scheme in _REFUSED:
            raise UsageError(
                f"{one_line(self.place)} is no folder and no object storage", hint="download it first"
            )
        try:
            import fsspec

            self._files: Any = fsspec.filesystem(scheme)
        except ImportError as error:
            raise missing_extra("s3", f"reading {scheme}:// places") from error
        except ValueError as error:
            raise UsageError(
                f"{one_line(self.place)}: there is no storage of kind {scheme}", hint="use a path or s3://..."
            ) from error
        self._root = rest.strip("/")

    def names(self, suffix: str = "", *, on_obstacle: Callable[[Obstacle], None] | None = None) -> list[str]:
        """Return the names of all files at any depth, relative and with slashes, sorted; hidden ones are left out.

        Args:
            suffix: How they end.
            on_obstacle: Told of folders that may not be read, links that lead nowhere, pipes ...
        """
        with self._translated(""):
            if self.local is not None:
                walk = Walk(self.local)
                found = [Path(path).relative_to(self.local).as_posix() for path in walk.files()]
                if on_obstacle is not None:
                    for obstacle in walk.obstacles:
                        on_obstacle(obstacle)
            else:
                self._files.invalidate_cache()
                found = [n.removeprefix(self._root).lstrip("/") for n in self._files.find(self._root)]
        return sorted(n for n in found if n.endswith(suffix) and not any(p[:1] == "." for p in n.split("/")))

    def exists(self, name: str) -> bool:
        """Tell whether a file is there."""
        with self._translated(name):
            if self.local is not None:
                return (self.local / name).is_file()
            self._files.invalidate_cache()
            return bool(self._files.exists(self._full(name)))

    def path_of(self, name: str) -> str:
        """Return how messages name a file."""
        return f"{self.place.rstrip('/')}/{name}" if name else self.place

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Open a file for reading and seeking; only what is read is fetched.

        Raises:
            Unreadable: It is not there or cannot be read.
        """
        with self._translated(name):
            file = (
                (self.local / name).open("rb")
                if self.local is not None
                else self._files.open(self._full(name))
            )
        with file:
            yield cast(BinaryIO, file)

    def read(self, name: str) -> bytes:
        """Return a whole file.

        Raises:
            Unreadable: It is not there or cannot be read.
        """
        with self._translated(name):
            if self.local is not None:
                return (self.local / name).read_bytes()
            return bytes(self._files.cat_file(self._full(name)))

    def write(self, name: str, data: bytes) -> None:
        """Write a file so that readers see all of it or nothing; folders are made.

        Raises:
            UsageError: The place cannot be written to.
        """
        if self.local is not None:
            write_atomically(self.local / name, data)
            return
        try:
            self._files.pipe_file(self._full(name), data)  # one put: the object appears whole
        except Exception as error:  # each kind of storage raises its own
            raise UsageError(
                f"{self.path_of(name)} cannot be written: {one_line(error)}",
                hint="check the rights and the address",
            ) from error

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is no error."""
        if self.local is not None:
            (self.local / name).unlink(missing_ok=True)
            return
        if self.exists(name):
            with self._translated(name):
                self._files.rm_file(self._full(name))

    def _full(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        try:
            yield
        except FakeWebError:
            raise
        except FileNotFoundError:
            raise Unreadable(f"{self.path_of(name)} does not exist", hint="check the address") from None
        except Exception as error:  # each kind of storage raises its own
            raise Unreadable(
                f"{self.path_of(name)} cannot be read: {one_line(error) or type(error).__name__}",
                hint="check the address, the rights and the network",
            ) from error
