"""Staging: a local copy of what lies in object storage, and a local folder that is sent there.

For what needs a real folder: data sets that are read again and again, trainings with their checkpoints, journals. A
local place is used as it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final

from fakeweb.errors import FakeWebError, Unreadable
from fakeweb.media.address import address_of, shown
from fakeweb.media.limits import one_line
from fakeweb.media.storage import Stamp, Storage
from fakeweb.media.walk import Walk
from fakeweb.media.whole import TEMPORARY, replace_whole

_THREADS: Final = 8
_STAMPS: Final = ".fakeweb-stamps.json"
_EVERY_S: Final = 20.0


def staging_folder() -> Path:
    """Return the folder of all copies, where the system keeps what can be had again; it may not exist yet."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "fakeweb" / "places"


def _copy_of(address: str) -> Path:
    """Return where the copy of an address lies: always the same, under the name it has in the storage."""
    name = address.rstrip("/").rpartition("/")[2]
    return staging_folder() / hashlib.sha256(address.rstrip("/").encode()).hexdigest()[:16] / name


def fetch_place(place: str | os.PathLike[str]) -> Path:
    """Return a local path of a file or folder; what lies in object storage is copied, only what changed since.

    Raises:
        Unreadable: Nothing is there, or it may not be read.
        MissingExtra, UsageError: The kind of storage is not known or not installed.
    """
    address = address_of(place)
    if address is None:
        return Path(place)
    storage, name = Storage.of_file(address.rstrip("/"))
    stamp = storage.stamp(name)
    target = _copy_of(address)
    if stamp is not None:
        _copy(storage, {name: stamp}, target.parent)
        return target
    storage = Storage(address)
    found = storage.listing()
    if not found:
        raise Unreadable(f"{one_line(shown(address))} holds no files", hint="check the address")
    _copy(storage, found, target)
    return target


def _copy(storage: Storage, wanted: dict[str, Stamp], folder: Path) -> None:
    """Make a folder hold these files of a storage and no others."""
    stamps = folder / _STAMPS
    try:
        known = json.loads(stamps.read_text())
    except (OSError, ValueError):
        known = {}
    now = {name: [stamp.size_bytes, stamp.modified_ns] for name, stamp in wanted.items()}

    def copy(name: str) -> None:
        if known.get(name) != now[name] or not (folder / name).is_file():
            replace_whole(folder / name, storage.read(name))

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(copy, wanted))
    for name in known.keys() - now.keys():
        with suppress(OSError):
            (folder / name).unlink()
    replace_whole(stamps, json.dumps(now).encode())


class Outbox:
    """A local folder or file whose content is sent to an address: every 20 seconds, and when it is closed.

    Each file goes whole, in one put; those that did not change are not sent again. What lies at the address already is
    fetched first, so that interrupted work goes on from there.

    Args:
        address: Where to.

    Attributes:
        local: What to write to.
        sent: How many files have arrived.

    Raises:
        Unreadable, UsageError, MissingExtra: The storage cannot be used.
    """

    def __init__(self, address: str) -> None:
        self.address, self.local, self.sent = address, _copy_of(address), 0
        self._storage, self._known = Storage(address.rstrip("/")), dict[str, tuple[int, int]]()
        self._holder, self._name = Storage.of_file(address.rstrip("/"))
        stored, whole = self._storage.listing(), self._holder.stamp(self._name)
        if stored:
            _copy(self._storage, stored, self.local)
        elif whole is not None:
            replace_whole(self.local, self._holder.read(self._name))
        self._known = self._state()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._go_on_sending, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Send what is left.

        Raises:
            UsageError: It cannot be written.
        """
        self._closed.set()
        self._thread.join()
        self._send()

    def _go_on_sending(self) -> None:
        while not self._closed.wait(_EVERY_S):
            with suppress(FakeWebError):  # said at the end, if it does not pass
                self._send()

    def _state(self) -> dict[str, tuple[int, int]]:
        alone = self.local.is_file()
        paths = [self.local] if alone else [Path(p) for p in Walk(self.local).files()]
        found = {}
        for path in paths:
            with suppress(OSError):  # replaced in this moment
                status = path.stat()
                name = "" if path == self.local else path.relative_to(self.local).as_posix()
                found[name] = (status.st_size, status.st_mtime_ns)
        return {name: state for name, state in found.items() if not name.startswith(TEMPORARY)}

    def _send(self) -> None:
        for name, state in self._state().items():
            if self._known.get(name) == state:
                continue
            try:
                data = (self.local / name if name else self.local).read_bytes()
            except OSError:
                continue
            if name:
                self._storage.write(name, data)
            else:
                self._holder.write(self._name, data)
            self._known[name] = state
            self.sent += 1
