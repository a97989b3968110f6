"""The checkpoint: one file from which a training goes on as if it had never stopped."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any

import torch

from fakeweb.errors import ModelCorrupt, UsageError
from fakeweb.media import write_atomically

FREE = (
    "name",
    "version",
    "title",
    "licence",
    "limits",
    "data.licences",
    "optim.checkpoint_s",
    "calibration.false_alarms",
    "calibration.missed",
    "calibration.second_look",
)
"""Keys of every task's recipe that may change without changing what is learned."""
_ANEW = "begin anew in another --out"


def write_checkpoint(path: Path, recipe: Any, state: dict[str, Any]) -> None:
    """Write a checkpoint, whole or not at all."""
    buffer = io.BytesIO()
    torch.save({"recipe": dataclasses.asdict(recipe), **state}, buffer)
    write_atomically(path, buffer.getvalue())


def read_checkpoint(path: Path, recipe: Any, free: tuple[str, ...] = ()) -> dict[str, Any]:
    """Read a checkpoint of this recipe.

    Args:
        path: The file.
        recipe: A task's recipe.
        free: Keys that may change, such as ``data.labels``, besides :data:`FREE`.

    Raises:
        ModelCorrupt: The file is damaged, or something else.
        UsageError: It was trained by a recipe that learns something else; the keys that differ are named.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        theirs = _with_defaults(recipe, state["recipe"])
    except Exception as error:  # the guest has no common base for its exceptions
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ModelCorrupt(f"{path} cannot be read: {reason}", hint=_ANEW) from error
    if changed := _differences(dataclasses.asdict(recipe), theirs, (*FREE, *free)):
        raise UsageError(f"{path} was trained by another recipe: {'; '.join(changed)}", hint=_ANEW)
    return state


def _with_defaults(recipe: Any, theirs: dict[str, Any]) -> dict[str, Any]:
    """Return a recipe with the defaults of options its version did not have yet: a default changes nothing."""
    out = dict(theirs)
    for field in dataclasses.fields(recipe):
        section = getattr(recipe, field.name)
        if field.name not in theirs:
            out[field.name] = _default(field)
        elif dataclasses.is_dataclass(section):
            given = theirs[field.name]  # a network was its name alone
            out[field.name] = _with_defaults(section, {"arch": given} if isinstance(given, str) else given)
    return out


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is dataclasses.MISSING:
        raise KeyError(field.name)
    made = field.default_factory()
    return dataclasses.asdict(made) if dataclasses.is_dataclass(made) and not isinstance(made, type) else made


def _differences(
    mine: dict[str, Any], theirs: dict[str, Any], free: tuple[str, ...], prefix: str = ""
) -> list[str]:
    out = []
    for key in dict.fromkeys([*mine, *theirs]):
        name, here, there = f"{prefix}{key}", mine.get(key), theirs.get(key)
        if name in free:
            continue
        if isinstance(here, dict) and isinstance(there, dict) and not prefix:
            out += _differences(here, there, free, f"{name}.")
        elif here != there:
            now = f"is {here!r}" if key in mine else "which this version does not know"
            out.append(f"{name} was {there!r}, {now}")
    return out
