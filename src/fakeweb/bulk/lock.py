"""One run at a time: a lock that a dead run does not keep."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import threading
import time
from contextlib import suppress
from typing import Any, Final

from fakeweb.errors import FakeWebError, Unreadable, UsageError
from fakeweb.media.storage import Storage

NAME: Final = "lock.json"
_BEAT_S: Final = 10.0
STALE_S: Final = 60.0
"""A lock in object storage that was not renewed for so long is a dead run's."""


class Lock:
    """Held while a run writes. A folder's is the system's and ends with the process; a bucket's must be renewed.

    Args:
        storage: The destination.

    Raises:
        UsageError: Another run holds it.
    """

    def __init__(self, storage: Storage) -> None:
        self.storage, self.owner = storage, secrets.token_hex(8)
        self._file: Any = None
        self._ended = threading.Event()
        if storage.local is not None:
            self._lock_folder()
        else:
            self._lock_bucket()
            threading.Thread(target=self._renew, daemon=True).start()

    def check(self) -> None:
        """See that the lock is still ours.

        Raises:
            UsageError: Another run took it over.
        """
        if self._file is None and self._told().get("owner") != self.owner:
            raise UsageError(
                f"another run took over {self.storage.place}",
                hint="this one did not reach the storage for a minute",
            )

    def release(self) -> None:
        """Give it back."""
        self._ended.set()
        if self._file is not None:
            assert self.storage.local is not None  # noqa: S101
            (self.storage.local / NAME).unlink(missing_ok=True)
            self._file.close()
        else:
            with suppress(FakeWebError):
                if self._told().get("owner") == self.owner:
                    self.storage.remove(NAME)

    def _lock_folder(self) -> None:
        assert self.storage.local is not None  # noqa: S101
        path = self.storage.local / NAME
        while True:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                file = path.open("a+")
            except OSError as error:
                raise UsageError(
                    f"{path.parent} cannot be written: {error.strerror}", hint="name another --out"
                ) from error
            if not _taken(file):
                file.seek(0)
                told = file.read()
                file.close()
                raise self._held(told)
            with suppress(OSError):
                if os.fstat(file.fileno()).st_ino == path.stat().st_ino:
                    break
            file.close()  # the run that held it has just removed it
        file.truncate(0)
        file.write(json.dumps(self._self()))
        file.flush()
        self._file = file

    def _lock_bucket(self) -> None:
        held = self.storage.stamp(NAME)
        if held is not None:
            probe = f"lock-{self.owner}.json"  # its time is by the storage's clock, as the lock's is
            self.storage.write(probe, b"{}")
            now = self.storage.stamp(probe)
            self.storage.remove(probe)
            age_s = (now.modified_ns - held.modified_ns) / 1e9 if now is not None else 0.0
            if age_s < STALE_S:
                raise self._held(json.dumps(self._told()))
        self._beat()
        time.sleep(1)
        if self._told().get("owner") != self.owner:
            raise self._held(json.dumps(self._told()))

    def _self(self) -> dict[str, Any]:
        return {"owner": self.owner, "host": socket.gethostname(), "pid": os.getpid()}

    def _told(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self.storage.read(NAME)))
        except (Unreadable, ValueError):
            return {}

    def _beat(self) -> None:
        self.storage.write(NAME, json.dumps({**self._self(), "at": time.time()}).encode())

    def _renew(self) -> None:
        while not self._ended.wait(_BEAT_S):
            with suppress(FakeWebError):  # the next beat may arrive; check() tells whether it was too late
                if self._told().get("owner") == self.owner:
                    self._beat()

    def _held(self, told: str) -> UsageError:
        try:
            by = json.loads(told)
            who = f" (process {by['pid']} on {by['host']})"
        except (ValueError, KeyError, TypeError):
            who = ""
        wait = "" if self.storage.local is not None else f"; a run that died keeps it for {STALE_S:.0f} s"
        return UsageError(
            f"another run writes to {self.storage.place}{who}",
            hint=f"wait for it, or name another --out{wait}",
        )


def is_held(storage: Storage) -> bool:
    """Tell whether a run writes there now."""
    if storage.local is None:
        return storage.exists(NAME)
    try:
        with (storage.local / NAME).open("a+" if os.name == "nt" else "r") as file:
            return not _taken(file)
    except OSError:
        return False


def _taken(file: Any) -> bool:
    """Take the system's lock on an open file, if it is free."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
