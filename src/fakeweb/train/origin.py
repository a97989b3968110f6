"""Where a training comes from: its starting weights, data and labels by SHA-256, and what it was made with.

It is noted in ``origin.json`` when a training begins, so that a resumed one cannot go on from other files, and stands
in the card. Needs no torch.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import fakeweb
from fakeweb.errors import ModelCorrupt, ModelMissing, UsageError
from fakeweb.media import write_atomically
from fakeweb.runtime import find_weights, sha256_of, weights_table
from fakeweb.train.progress import first_process
from fakeweb.train.tables import DATA_INDEX, Input, Table

_SHIPPED = Path(fakeweb.__file__).parent / "models"
_NOTED = "origin.json"


@dataclass(frozen=True)
class Start:
    """A file that a training starts from.

    Attributes:
        name: What the card calls it: never a path of this machine.
        path: Where it is.
    """

    name: str
    path: Path


def locate(table: Table, name: str, data: str) -> Start:
    """Find an input of a recipe and see that it is the one the recipe names.

    Args:
        table: The recipe.
        name: The input's.
        data: Root of the data set.

    Raises:
        ModelMissing: It lies neither beside the recipe, nor in the data set, nor among FakeWeb's models, and it is no
            name of fetched weights, or was not fetched.
        ModelCorrupt: Its SHA-256 is another one.
    """
    wanted = table.inputs[name]
    for folder in (*table.folders, Path(data), _SHIPPED):
        if (path := folder / wanted.file).is_file():
            _same(path, wanted, table.where)
            return Start(Path(wanted.file).name, path)
    if wanted.file in weights_table():
        _same(path := find_weights(wanted.file), wanted, table.where)
        return Start(wanted.file, path)
    raise ModelMissing(
        f"{table.where} needs {wanted.file}, which lies neither beside the recipe nor in {data}",
        hint=f"put it there (SHA-256 {wanted.sha256[:16]}): {wanted.about or 'see docs/guide/train.md'}",
    )


def weights_at(given: str | Path) -> Path:
    """Return the file of weights that a path or a name of fetched weights means.

    Raises:
        ModelMissing: They are known by name and were not fetched.
        ModelCorrupt: What was fetched is damaged.
    """
    if Path(given).exists() or str(given) not in weights_table():
        return Path(given)
    return find_weights(str(given))


def _same(path: Path, wanted: Input, where: str) -> None:
    found = sha256_of(path)
    if not found.startswith(wanted.sha256):
        raise ModelCorrupt(
            f"{path} is not the file that {where} names: its SHA-256 is {found[:16]}, not {wanted.sha256[:16]}",
            hint=f"{wanted.about or 'get that one'}, or write the new SHA-256 into a recipe based on this one",
        )


def labels_of(table: Table) -> list[Path]:
    """Return the label files that a finder's or a mesh's recipe names, relative to the recipe.

    Raises:
        ModelCorrupt: One is an input of the recipe and its SHA-256 is another one.
    """
    section = table.values.get("data")
    section = section if isinstance(section, dict) else {}
    named = [section.get("labels"), *(section.get("files") or ())]
    found = [(name, table.folders[0] / name) for name in named if isinstance(name, str)]
    for name, path in found:
        for wanted in table.inputs.values():
            if wanted.file == name and path.is_file():
                _same(path, wanted, table.where)
    return [path for _, path in found if path.is_file()]


def record_of(table: Table, starts: Sequence[Start], finder_model: Start | None, data: str) -> dict[str, Any]:
    """Return where a training comes from, as its card says it: names and digests of files, and versions."""
    labels = [_digest(path.name, path) for path in labels_of(table)]
    inputs = {
        "weights": [_digest(s.name, s.path) for s in starts if s.path.is_file()],
        **({"finder_model": _digest(finder_model.name, finder_model.path)} if finder_model else {}),
        **({"labels": labels} if labels else {}),
        **_data(table, data),
    }
    return {"inputs": inputs, "made_with": made_with()}


def begun_from(out: Path, now: dict[str, Any]) -> dict[str, Any]:
    """Return where the training in a folder came from when it began; what goes on with it must start from the same.

    Args:
        out: The folder.
        now: The record of what is to go on; it holds, where nothing was begun.

    Raises:
        UsageError: It was begun from other weights.
        ModelCorrupt: What was noted cannot be read.
    """
    noted = out / _NOTED
    if not (out / "checkpoint.pt").is_file() or not noted.is_file():
        return now
    then = _read(noted)
    before, after = ([w["sha256"] for w in record["inputs"]["weights"]] for record in (then, now))
    if after and before != after:
        raise UsageError(
            f"{out} was begun from other weights ({', '.join(s[:12] for s in before) or 'none'})",
            hint="go on with the same ones, or begin anew in another --out",
        )
    return then


def note(out: Path, record: dict[str, Any]) -> None:
    """Note in a training's folder where it comes from, when it begins."""
    if first_process() and not (out / "checkpoint.pt").is_file():
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{out} cannot be made: {error.strerror}", hint="name another --out") from error
        write_atomically(out / _NOTED, _text(record))


def made_with() -> dict[str, str]:
    """Return the versions of FakeWeb and of what trains."""
    found = {"fakeweb": fakeweb.__version__}
    for name in ("torch", "timm", "onnx"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def sign(card: Path, record: dict[str, Any]) -> None:
    """Write where a training comes from into its card."""
    values = json.loads(card.read_text(encoding="utf-8"))
    values["details"] = {**values.get("details", {}), **record}
    write_atomically(card, _text(values))


def _data(table: Table, data: str) -> dict[str, Any]:
    """Return the digest of the data set's index; another one than the recipe names is no error, and said."""
    wanted = table.inputs.get(DATA_INDEX)
    index = Path(data) / (wanted.file if wanted else "index.csv")
    if not index.is_file():
        return {}
    entry = _digest(index.name, index)
    if wanted and not entry["sha256"].startswith(wanted.sha256):
        entry["note"] = f"not the data of the recipe, whose index has the SHA-256 {wanted.sha256}"
    return {"data": entry}


def _digest(name: str, path: Path) -> dict[str, str]:
    return {"file": name, "sha256": sha256_of(path)}


def _read(path: Path) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        values["inputs"]["weights"], values["made_with"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelCorrupt(f"{path} cannot be read", hint="begin anew in another --out") from error
    return values


def _text(values: dict[str, Any]) -> bytes:
    return (json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode(
        "utf-8", "replace"
    )
