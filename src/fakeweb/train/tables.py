"""Recipe files: what one is based on, its stages, and the files it starts from. Needs no torch.

``base = "other.toml"`` begins with another recipe: tables merge key by key, and this file's values win; an empty table
empties. ``[[stage]]`` tables say how the trainings of one recipe differ; ``recipes/fast.toml#second`` is its stage
``second`` alone, wherever a recipe is named. ``[inputs]`` names files by their SHA-256.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakeweb.errors import BadRecipe

GUIDE = "see docs/guide/train.md"
DATA_INDEX = "data"
"""Name of the input that says which index the recipe was written for; another one is no error."""

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_DIGEST = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True)
class Input:
    """A file that a training needs beside its data.

    Attributes:
        file: Its name, relative to the recipe, to the data set's root, or to FakeWeb's own models.
        sha256: Its SHA-256 in hex, or the beginning of it, from eight digits on.
        about: What it is and where it comes from, for the message when it is missing.
    """

    file: str
    sha256: str
    about: str = ""


@dataclass(frozen=True)
class Table:
    """One training's recipe, or a recipe with stages.

    Attributes:
        where: The file, with ``#`` and the stage.
        values: What the task's dataclass is built from.
        inputs: Files by name.
        weights: What the training starts from: names of inputs or of earlier stages; several: their mean.
        finder_model: Name of the input that is the face finder's model, or empty.
        stages: Names of the stages, in order; empty for one training.
        folders: The folders of the recipe and of those it is based on.
    """

    where: str
    values: dict[str, Any]
    inputs: dict[str, Input]
    weights: tuple[str, ...]
    finder_model: str
    stages: tuple[str, ...]
    folders: tuple[Path, ...]


def read_table(path: str | Path) -> Table:
    """Read a recipe, or, by ``FILE#STAGE``, one of its stages; one with stages has the values of the last.

    Raises:
        BadRecipe: A file is not there or not TOML; a circle of bases; no such stage; a stage or an input that is not
            written as one.
    """
    file, _, stage = str(path).partition("#")
    raw, folders = _based(Path(file), ())
    stages = _stages_of(raw.pop("stage", []), file)
    if stage or stages:
        names = list(stages)
        if stage and stage not in stages:
            raise BadRecipe(
                f"{file} has no stage '{stage}'", hint=f"its stages: {', '.join(names) or 'none'}"
            )
        raw = _staged(raw, stages, stage or names[-1], file)
        known = names[: names.index(stage or names[-1])]
    else:
        known = []
    where = str(path)
    inputs = _inputs_of(raw.pop("inputs", {}), where)
    weights = tuple(_names_of(raw.pop("weights", []), f"{where}: weights", [*inputs, *known]))
    finder_model = raw.pop("finder_model", "")
    if finder_model:
        _names_of([finder_model], f"{where}: finder_model", inputs)
    return Table(where, raw, inputs, weights, finder_model, () if stage else tuple(stages), folders)


def _based(file: Path, above: tuple[Path, ...]) -> tuple[dict[str, Any], tuple[Path, ...]]:
    """Return a file's values merged into those of its base, and the folders of all of them."""
    here = file.resolve()
    if here in above:
        circle = " -> ".join(p.name for p in (*above[above.index(here) :], here))
        raise BadRecipe(f"{above[0]}: base leads in a circle: {circle}", hint=GUIDE)
    raw = _read_toml(file, above[-1] if above else None)
    base = raw.pop("base", "")
    if not isinstance(base, str):
        raise BadRecipe(f"{file}: base must be a string, got {base!r}", hint='write base = "other.toml"')
    if not base:
        return raw, (file.parent,)
    name, _, stage = base.partition("#")
    under, folders = _based(file.parent / name, (*above, here))
    if stage:
        stages = _stages_of(under.pop("stage", []), name)
        if stage not in stages:
            raise BadRecipe(
                f"{file}: {name} has no stage '{stage}'", hint=f"its stages: {', '.join(stages) or 'none'}"
            )
        under = _staged(under, stages, stage, name)
        under["weights"] = [w for w in under.get("weights", []) if w not in stages]
    return merged(under, raw), tuple(dict.fromkeys((file.parent, *folders)))


def merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return a table with another laid over it, key by key; an empty table empties the one below."""
    out = dict(under)
    for key, value in over.items():
        below = out.get(key)
        if isinstance(value, dict) and isinstance(below, dict) and value:
            value = merged(below, value)
        out[key] = value
    return out


def _staged(raw: dict[str, Any], stages: dict[str, dict[str, Any]], stage: str, file: str) -> dict[str, Any]:
    """Return the recipe of a stage: the file's, or that of the stage it is based on, and what it says itself."""
    own = dict(stages[stage])
    names = list(stages)
    base = own.pop("base", "")
    del own["name"]
    under = raw
    if base:
        _names_of([base], f"{file}#{stage}: base", names[: names.index(stage)])
        under = _staged(raw, stages, base, file)
    if isinstance(raw.get("name"), str):
        own["name"] = raw["name"] if stage == names[-1] else f"{raw['name']}-{stage}"
    return merged(under | {"weights": raw.get("weights", [])}, own)


def _stages_of(tables: Any, file: str) -> dict[str, dict[str, Any]]:
    out: dict[str, dict[str, Any]] = {}
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        raise BadRecipe(f"{file}: stage must be a list of tables", hint="write each as [[stage]]")
    for number, table in enumerate(tables, 1):
        name = table.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise BadRecipe(
                f"{file}: stage {number} must have a name of letters, digits, - and _", hint='name = "first"'
            )
        if name in out:
            raise BadRecipe(f"{file}: two stages are called '{name}'", hint="give each a name of its own")
        for key in ("stage", "inputs"):
            if key in table:
                raise BadRecipe(
                    f"{file}#{name}: a stage has no '{key}'", hint=f"write it above the stages; {GUIDE}"
                )
        out[name] = table
    return out


def _inputs_of(tables: Any, where: str) -> dict[str, Input]:
    if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
        raise BadRecipe(f"{where}: inputs must be a table of tables", hint="write each as [inputs.NAME]")
    out = {}
    for name, table in tables.items():
        known = ("file", "sha256", "about")
        for key, value in table.items():
            if key not in known:
                raise BadRecipe(
                    f"{where}: unknown key 'inputs.{name}.{key}'", hint=f"known here: {', '.join(known)}"
                )
            if not isinstance(value, str):
                raise BadRecipe(f"{where}: inputs.{name}.{key} must be a string, got {value!r}", hint=GUIDE)
        if not table.get("file") or Path(table["file"]).is_absolute():
            raise BadRecipe(f"{where}: inputs.{name}.file must be a relative path", hint=GUIDE)
        if not _DIGEST.fullmatch(table.get("sha256", "")):
            raise BadRecipe(
                f"{where}: inputs.{name}.sha256 must be a SHA-256 in hex, or at least eight digits of it",
                hint="sha256sum FILE says it",
            )
        out[name] = Input(**table)
    return out


def _names_of(value: Any, what: str, known: Iterable[str]) -> list[str]:
    """Return a list of names, each out of the known ones."""
    known = [name for name in known if name != DATA_INDEX]
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise BadRecipe(f"{what} must be a list of names, got {value!r}", hint=GUIDE)
    for name in value:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            guess = f"did you mean '{near[0]}'? " if near else ""
            raise BadRecipe(
                f"{what}: there is no '{name}' before it",
                hint=f"{guess}known here: {', '.join(known) or 'none'}",
            )
    return value


def _read_toml(path: Path, asked_by: Path | None) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        what = "the recipe" if asked_by is None else f"the base of {asked_by.name},"
        raise BadRecipe(
            f"cannot read {what} {path}: {error.strerror}", hint="recipes lie in recipes/"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRecipe(f"{path} is not TOML: {error}", hint=GUIDE) from error
