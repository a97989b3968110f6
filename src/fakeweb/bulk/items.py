"""Input listing: what a source names, each with its identity."""

from __future__ import annotations

import bz2
import codecs
import copy
import csv
import hashlib
import io
import lzma
import os
import struct
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, Final, Literal

from fakeweb.bulk.rows import arrow
from fakeweb.errors import FakeWebError, TooLarge, Unreadable, UsageError, readable
from fakeweb.media.address import address_of, shown, storage_address
from fakeweb.media.expand import expand_inputs, stored_files
from fakeweb.media.glance import has_suffix
from fakeweb.media.limits import DEFAULT_LIMITS, one_line
from fakeweb.media.source import open_regular
from fakeweb.media.storage import Stamp, Storage

Identity = Literal["path", "sha256"]
LISTS: Final = (".txt", ".lst", ".csv", ".tsv", ".parquet")
ARCHIVES: Final = (".zip", ".tar")
_THREADS: Final = 16
_CHUNK: Final = 1 << 20
_DENSE_CHUNK: Final = 256
"""Packed bytes of LZMA that zipfile unpacks at once, which it does not stop at a size: about 2 MB at the most."""


@dataclass(frozen=True, slots=True)
class Item:
    """One file to judge.

    Attributes:
        path: What results call it: its path or address; of a member of an archive ``ARCHIVE!/NAME``.
        size_bytes, modified_ns: Of the file; -1 where it is not there.
        id: Identity, 32 hexadecimal digits: of path, size and time, or of the content.
        archive: The archive it is a member of, or empty.
        name: Its name in there.
        offset: Where it begins in a tar.
        problem: Why it cannot be judged, where that is known already, as ``FakeWebError.to_dict`` gives it.
    """

    path: str
    size_bytes: int = -1
    modified_ns: int = -1
    id: str = ""
    archive: str = ""
    name: str = ""
    offset: int = -1
    problem: dict[str, str] | None = None


@dataclass
class Source:
    """Where files come from.

    Attributes:
        place: Folder, glob, list (``.txt``: a path per line; ``.csv``, ``.tsv`` and ``.parquet``: a column), ``.zip``
            or ``.tar``, in each case also at an address.
        column: Of a table.
        identity: What makes a file the same one: ``path`` (with size and time) or ``sha256`` of its content.
        limit: At most so many files; 0 for all.
        sample: So many files drawn evenly, the same ones each time; 0 for all.
    """

    place: str
    column: str = "path"
    identity: Identity = "path"
    limit: int = 0
    sample: int = 0
    skipped: int = field(default=0, init=False)

    def items(self) -> list[Item]:
        """Return all files, sorted by path, each once.

        Raises:
            Unreadable, Unsupported: There is nothing, or it may not be read.
            UsageError: A table without that column, an archive of another kind.
        """
        found = sorted(self._found(), key=lambda item: item.path)
        with ThreadPoolExecutor(_THREADS) as pool:
            named = list(pool.map(self._identified, found))
        once = list({item.id: item for item in reversed(named)}.values())[::-1]
        self.skipped = len(named) - len(once)
        if self.sample:
            once = sorted(once, key=lambda item: hashlib.sha256(item.id.encode()).digest())[: self.sample]
            once.sort(key=lambda item: item.path)
        return once[: self.limit] if self.limit else once

    def _found(self) -> Iterable[Item]:
        suffix = PurePosixPath(self.place).suffix.lower()
        if self.place.lower().endswith((".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")):
            raise UsageError(
                f"{one_line(shown(self.place))} is compressed as a whole: its members cannot be read one by one",
                hint="unpack it to a .tar or a folder",
            )
        if suffix in ARCHIVES and not os.path.isdir(self.place):  # noqa: PTH112
            return list(_members(self.place, suffix))
        if suffix in LISTS and not os.path.isdir(self.place):  # noqa: PTH112
            return self._listed(suffix)
        if address_of(self.place) is not None and not self.place.lower().startswith(("http:", "https:")):
            return _stored(self.place)
        expansion = expand_inputs([self.place])
        if not expansion.paths and expansion.problems:
            raise expansion.problems[0]
        items = [Item(path) for path in expansion.paths]
        return items + [Item(_named(e), problem=e.to_dict()) for e in expansion.problems]

    def _listed(self, suffix: str) -> list[Item]:
        paths = [p for p in _column(self.place, suffix, self.column) if not _marks_folder(p)]
        if not paths:
            raise Unreadable(f"{one_line(shown(self.place))} names no files", hint="check the list")
        base = os.path.dirname(self.place) if address_of(self.place) is None else ""  # noqa: PTH120
        return [Item(os.path.join(base, p) if address_of(p) is None else p) for p in dict.fromkeys(paths)]  # noqa: PTH118

    def _identified(self, item: Item) -> Item:
        """Return the item with size, time and identity."""
        if item.size_bytes < 0 and item.problem is None:
            try:
                stamp = _stamp(item.path)
            except FakeWebError as error:
                stamp, item = None, replace(item, problem=error.to_dict())
            if stamp is not None:
                item = replace(item, size_bytes=stamp.size_bytes, modified_ns=stamp.modified_ns)
        told = f"{item.path}\0{item.size_bytes}\0{item.modified_ns}"
        digest = hashlib.sha256(told.encode("utf-8", "surrogateescape"))
        if self.identity == "sha256" and item.problem is None and item.size_bytes >= 0:
            try:
                digest = _content_digest(item)
            except FakeWebError as error:
                item = replace(item, problem=error.to_dict())
        return replace(item, id=digest.hexdigest()[:32])


def open_item(item: Item) -> Any:
    """Return what is to be scanned: a local path, or an open file.

    Raises:
        MediaError: It cannot be read.
    """
    if item.archive:
        content = io.BytesIO()
        content.writelines(_pieces(item))
        content.seek(0)
        return content
    if address_of(item.path) is not None:
        return open_regular(item.path, shown(item.path))
    return item.path


def _stored(address: str) -> list[Item]:
    found = stored_files(address)
    items = [
        Item(path, stamp.size_bytes, stamp.modified_ns)
        for path, stamp in found.items()
        if not _marks_folder(path) and (path == address or has_suffix(path))
    ]
    if not items:
        only = f", only {len(found)} other files" if found else ""
        raise Unreadable(
            f"{one_line(shown(address))} holds no picture or video{only}",
            hint="check the address; in object storage pictures and videos are found by their suffix",
        )
    return items


def _marks_folder(path: str) -> bool:
    """Tell whether an address is that of an empty object by which a bucket's browser marks a folder."""
    return path.endswith("/") and storage_address(path) is not None


def _stamp(path: str) -> Stamp | None:
    if address_of(path) is not None:
        if storage_address(path) is None:
            raise UsageError(
                f"{one_line(shown(path))} is a web address, and a batch downloads nothing from the web",
                hint="download the files first, and name the folder or a list of their paths",
            )
        storage, name = Storage.of_file(path)
        return storage.stamp(name)
    try:
        status = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None  # reading it says why
    return Stamp(status.st_size, status.st_mtime_ns)


def _content_digest(item: Item) -> Any:
    digest = hashlib.sha256()
    if item.archive:
        for part in _pieces(item):
            digest.update(part)
        return digest
    content = open_item(item)
    with open_regular(content, content) if isinstance(content, str) else content as file:
        while part := file.read(_CHUNK):
            digest.update(part)
    return digest


def _named(error: FakeWebError) -> str:
    return error.message.rpartition(" is ")[0]  # names may hold the word too


def _column(place: str, suffix: str, column: str) -> list[str]:
    """Return the paths that a list names.

    Raises:
        UsageError: There is no such column.
        Unreadable: It is not there, or is no such file.
    """
    with open_regular(place, shown(place)) as file:
        data = file.read()
    if suffix == ".parquet":
        pa = arrow()
        try:
            names = pa.parquet.read_schema(io.BytesIO(data)).names
            if column in names:
                table = pa.parquet.read_table(io.BytesIO(data), columns=[column])
                return _texts(table.column(0).to_pylist(), place, column)
        except (pa.ArrowException, OSError) as error:
            raise Unreadable(
                f"{shown(place)} is no Parquet file: {one_line(str(error))}", hint="check it"
            ) from error
    else:
        wide = data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # what PowerShell and Excel write
        text = data.decode(*(("utf-16", "replace") if wide else ("utf-8-sig", "surrogateescape")))
        if suffix not in (".csv", ".tsv"):
            return [line.strip() for line in text.splitlines() if line.strip()]
        delimiter = max(
            ",;\t", key=text.partition("\n")[0].count
        )  # as spreadsheets of other countries write it
        try:
            read = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
            rows = [cells for cells in read if cells]
        except csv.Error as error:
            raise Unreadable(
                f"{one_line(shown(place))} is no CSV file that can be read: {one_line(str(error))}",
                hint="leave out columns of long texts, or make it a .txt list or Parquet",
            ) from error
        names = rows[0] if rows else []
        if column in names:
            at = names.index(column)
            return [cells[at] for cells in rows[1:] if cells[at:] and cells[at]]
    raise UsageError(
        f"{one_line(shown(place))} has no column '{one_line(column)}'",
        hint=f"it has {', '.join(map(readable, names)) or 'none'}; name one with --column",
    )


def _texts(values: list[Any], place: str, column: str) -> list[str]:
    """Return the paths of a Parquet column, also of one that holds text as bytes.

    Raises:
        UsageError: It holds something else.
    """
    for value in values:
        if not isinstance(value, str | bytes | None):
            raise UsageError(
                f"the column '{column}' of {one_line(shown(place))} holds no text: {one_line(str(value), limit=80)}",
                hint="name a column of paths or addresses with --column",
            )
    return [os.fsdecode(value) for value in values if value]


def _members(place: str, suffix: str) -> Iterator[Item]:
    """Yield the members of an archive that are pictures or clips by their names."""
    try:
        with _archive_file(place) as file:
            if suffix == ".zip":
                with zipfile.ZipFile(file) as packed:
                    listed = [
                        (i.filename, i.file_size, i.CRC, -1) for i in packed.infolist() if not i.is_dir()
                    ]
            else:
                with tarfile.open(fileobj=file, mode="r:") as tar:
                    listed = [(m.name, m.size, int(m.mtime), m.offset_data) for m in tar if m.isfile()]
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, ValueError, NotImplementedError) as error:
        raise Unreadable(
            f"{shown(place)} is no whole archive: {one_line(str(error))}", hint="pack it again"
        ) from error
    listed = [m for m in listed if has_suffix(m[0]) and not _hidden(m[0])]
    if not listed:
        raise Unreadable(f"{shown(place)} holds no picture or video", hint="they are found by their suffix")
    for name, size, version, offset in listed:
        yield Item(f"{place}!/{name}", size, version, archive=place, name=name, offset=offset)


def _hidden(name: str) -> bool:
    """Tell whether a member is hidden; ``./a.jpg``, as ``tar -c .`` has it, is not."""
    return any(part[:1] == "." and part not in (".", "..") for part in name.split("/"))


def _archive_file(place: str) -> Any:
    """Open an archive where it lies; of one in object storage only what is read is fetched."""
    if address_of(place) is None:
        return open_regular(place, place)
    storage, name = Storage.of_file(place)
    return storage.open(name)


_BROKEN: Final = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, ValueError)
_OPEN: Final[dict[str, tuple[zipfile.ZipFile, Any]]] = {}
"""The zip read last and its file; its directory is not read anew for each member."""
_OPENING: Final = threading.Lock()


def _zip(place: str) -> zipfile.ZipFile:
    with _OPENING:
        if place not in _OPEN:
            for _, file in _OPEN.values():
                file.close()
            _OPEN.clear()
            file = _archive_file(place).__enter__()
            _OPEN[place] = zipfile.ZipFile(file), file
        return _OPEN[place][0]


def _unpacked(packed: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield a member packed by bzip2, of which 50 bytes may be 46 MB and zipfile makes these at once."""
    raw: Any = copy.copy(info)
    raw.compress_type, raw.file_size, raw.CRC = zipfile.ZIP_STORED, info.compress_size, None
    unpack, left, crc = bz2.BZ2Decompressor(), info.file_size, 0
    with packed.open(raw) as member:
        while left and not unpack.eof:
            data = member.read(_CHUNK) if unpack.needs_input else b""
            if unpack.needs_input and not data:
                break
            part = unpack.decompress(data, min(_CHUNK, left))
            left, crc = left - len(part), zlib.crc32(part, crc)
            yield part
    if left or crc != info.CRC:
        raise zipfile.BadZipFile(f"Bad CRC-32 for file {info.filename!r}")


def _pieces(item: Item) -> Iterator[bytes]:
    """Yield one member of an archive piece by piece, no more of it than it says.

    Raises:
        TooLarge: It says it is larger than any file may be.
        Unreadable: It is damaged.
    """
    if item.size_bytes > DEFAULT_LIMITS.max_clip_bytes:
        raise TooLarge(
            f"{item.path} is larger than the limit of {DEFAULT_LIMITS.max_clip_bytes:,} bytes",
            hint="leave it out of the archive, or cut it",
        )
    try:
        if item.offset >= 0:
            with _archive_file(item.archive) as file:
                file.seek(item.offset)
                left = item.size_bytes
                while left > 0 and (part := bytes(file.read(min(_CHUNK, left)))):
                    left -= len(part)
                    yield part
            return
        packed = _zip(item.archive)
        info = packed.getinfo(item.name)
        if info.compress_type == zipfile.ZIP_BZIP2:
            yield from _unpacked(packed, info)
            return
        with packed.open(info) as member:
            size = _DENSE_CHUNK if info.compress_type == zipfile.ZIP_LZMA else _CHUNK
            member.MIN_READ_SIZE = size  # type: ignore[attr-defined]
            while part := member.read(size):
                yield part
    except (*_BROKEN, KeyError, EOFError, RuntimeError, OSError, NotImplementedError) as error:
        if isinstance(error, OSError):  # the archive itself, not a member: it is opened anew
            _OPEN.pop(item.archive, None)
        raise Unreadable(
            f"{item.path} cannot be unpacked: {one_line(str(error))}", hint="pack it again"
        ) from error
