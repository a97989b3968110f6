"""Object storage and folders alike: files by name below a place; the border to fsspec.

A *place* is a local path or an address such as ``s3://bucket/folder``; ``address.py`` tells one from the other. Local
places need nothing; each kind of object storage needs the package fsspec names for it (``s3`` is the extra of that
name). Credentials and endpoints come from where that package looks for them, such as ``AWS_ENDPOINT_URL``, never from
us, and no message repeats them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from fakeweb.errors import FakeWebError, Unreadable, UsageError, missing_extra
from fakeweb.media.address import address_of, local_path, shown
from fakeweb.media.limits import one_line
from fakeweb.media.walk import Obstacle, Walk
from fakeweb.media.whole import replace_whole

_REFUSED = ("http", "https", "ftp", "sftp", "ssh", "smb", "github", "git", "data", "jupyter", "libarchive")

_PATIENCE: Final = {
    "connect_timeout": 10,
    "read_timeout": 20,
    "retries": {"max_attempts": 4, "mode": "standard"},
}
"""Seconds without an answer, and tries: a connection that died in silence holds up nobody for minutes."""
_OPTIONS: Final[dict[str, dict[str, Any]]] = {kind: {"config_kwargs": _PATIENCE} for kind in ("s3", "s3a")}


@dataclass(frozen=True)
class Stamp:
    """What tells a version of a file from the next: its size in bytes and when it was written, in nanoseconds."""

    size_bytes: int
    modified_ns: int


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
        address = address_of(place)
        self.place = address or os.fspath(place)
        self.local: Path | None = None
        if address is None:
            self.local = Path(local_path(place))
            return
        scheme = address.partition("://")[0].lower()
        if scheme in _REFUSED:
            raise UsageError(
                f"{one_line(shown(self.place))} is no folder and no object storage", hint="download it first"
            )
        try:
            import fsspec

            self._files: Any = fsspec.filesystem(scheme, **_OPTIONS.get(scheme, {}))
        except ImportError as error:
            raise missing_extra("s3", f"reading {scheme}:// places") from error
        except ValueError as error:
            raise UsageError(
                f"{one_line(shown(self.place))}: there is no storage of kind {scheme}",
                hint="use a path or s3://...",
            ) from error
        self._root = str(self._files._strip_protocol(address)).rstrip("/")

    def head(self, name: str, count: int) -> bytes:
        """Return the first bytes of a file, at most ``count``.

        Raises:
            Unreadable: It is not there or cannot be read.
        """
        with self.open(name) as file:
            return file.read(count)

    @classmethod
    def of_file(cls, path: str | os.PathLike[str]) -> tuple[Storage, str]:
        """Return the storage that holds one file, and the file's name in it; of a whole bucket the name is empty."""
        whole = address_of(path) or os.fspath(path)
        folder, _, name = whole.rpartition("/")
        if folder.endswith(":/"):  # a bucket itself
            return cls(whole), ""
        return cls(folder or ("/" if whole.startswith("/") else ".")), name

    def names(self, suffix: str = "", *, on_obstacle: Callable[[Obstacle], None] | None = None) -> list[str]:
        """Return the names of all files at any depth, relative and with slashes, sorted; hidden ones are left out.

        Args:
            suffix: How they end.
            on_obstacle: Told of folders that may not be read, links that lead nowhere, pipes ...
        """
        if self.local is None:
            return [n for n in self.listing() if n.endswith(suffix)]
        walk = Walk(self.local)
        found = [Path(path).relative_to(self.local).as_posix() for path in walk.files()]
        if on_obstacle is not None:
            for obstacle in walk.obstacles:
                on_obstacle(obstacle)
        return sorted(n for n in found if n.endswith(suffix))

    def listing(self, pattern: str = "") -> dict[str, Stamp]:
        """Return the stamps of all files at any depth by their names, sorted; hidden ones are left out.

        Args:
            pattern: Only names that fit this glob, in which ``*`` also stands for slashes.

        Raises:
            Unreadable: No rights, no such bucket, no network.
        """
        if self.local is not None:
            names = [n for n in self.names() if not pattern or fnmatchcase(n, pattern)]
            return {n: _stamp_of((self.local / n).stat()) for n in names}
        with self._translated(""):
            self._files.invalidate_cache()
            found = self._files.find(self._root, detail=True)
            self._files.invalidate_cache()  # of a million files it would hold gigabytes
        named = {str(n).removeprefix(self._root).lstrip("/"): info for n, info in found.items()}
        return {
            n: _stamp(named[n])
            for n in sorted(named)
            if n and not any(p[:1] == "." for p in n.split("/")) and (not pattern or fnmatchcase(n, pattern))
        }

    def stamp(self, name: str) -> Stamp | None:
        """Return a file's stamp, None where it is not there or is a folder."""
        with self._translated(name):
            if self.local is not None:
                path = self.local / name
                return _stamp_of(path.stat()) if path.is_file() else None
            self._files.invalidate_cache()
            try:
                info = self._files.info(self._full(name))
            except FileNotFoundError:
                return None
            return _stamp(info) if info.get("type") == "file" else None

    def exists(self, name: str) -> bool:
        """Tell whether a file is there."""
        return self.stamp(name) is not None

    def path_of(self, name: str) -> str:
        """Return a file's path or address."""
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
            replace_whole(self.local / name, data)
            return
        try:
            self._files.pipe_file(self._full(name), data)  # one put: the object appears whole
        except Exception as error:  # each kind of storage raises its own
            raise UsageError(
                f"{shown(self.path_of(name))} cannot be written: {one_line(error)}",
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
        return f"{self._root}/{name}" if name else self._root

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        try:
            yield
        except FakeWebError:
            raise
        except FileNotFoundError:
            raise Unreadable(
                f"{shown(self.path_of(name))} does not exist", hint="check the address"
            ) from None
        except Exception as error:  # each kind of storage raises its own
            raise Unreadable(
                f"{shown(self.path_of(name))} cannot be read: {one_line(error) or type(error).__name__}",
                hint="check the address, the rights and the network",
            ) from error


def _stamp_of(status: os.stat_result) -> Stamp:
    return Stamp(status.st_size, status.st_mtime_ns)


def _stamp(info: dict[str, Any]) -> Stamp:
    """Return the stamp in what fsspec says of a file; each kind of storage has its own word for the time."""
    when = next((info[k] for k in ("LastModified", "mtime", "updated", "created") if info.get(k)), 0)
    if isinstance(when, datetime):
        when = when.timestamp()
    return Stamp(int(info.get("size") or 0), int(float(when) * 1e9) if isinstance(when, int | float) else 0)
