"""The checkpoint: one file from which a training goes on as if it had never stopped."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from fakeweb.errors import ModelCorrupt, UsageError
from fakeweb.media import write_atomically
from fakeweb.train.prepare import FaceSample
from fakeweb.train.recipe import Recipe, to_dict

_LEARNING = ("net", "seed", "data", "forge", "optim", "loss", "evidence", "augment")
_FREE = (
    "data.licences",
    "data.folds",
    "optim.checkpoint_s",
)  # may change without changing what is learned
_ANEW = "begin anew in another --out"


def write_checkpoint(path: Path, recipe: Recipe, state: dict[str, Any]) -> None:
    """Write a checkpoint, whole or not at all."""
    buffer = io.BytesIO()
    torch.save({"recipe": to_dict(recipe), **state}, buffer)
    write_atomically(path, buffer.getvalue())


def read_checkpoint(path: Path, recipe: Recipe) -> dict[str, Any]:
    """Read a checkpoint of this recipe.

    Raises:
        ModelCorrupt: The file is damaged, or something else.
        UsageError: It was trained by a recipe that learns something else; the keys that differ are named.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        theirs = {k: _with_defaults(getattr(recipe, k), state["recipe"][k]) for k in _LEARNING}
    except Exception as error:  # the guest has no common base for its exceptions
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ModelCorrupt(f"{path} cannot be read: {reason}", hint=_ANEW) from error
    mine = to_dict(recipe)
    if changed := _differences({k: mine[k] for k in _LEARNING}, theirs):
        raise UsageError(f"{path} was trained by another recipe: {'; '.join(changed)}", hint=_ANEW)
    return state


def fingerprint(faces: Iterable[FaceSample]) -> str:
    """Return a digest of which faces there are; it does not depend on where the data set lies."""
    digest = hashlib.sha256()
    for sample in (face.sample for face in faces):
        row = (sample.source, sample.group, sample.label, sample.kind, sample.split, sample.path.name)
        digest.update(repr(row).encode())
    return digest.hexdigest()


def _with_defaults(section: Any, theirs: Any) -> Any:
    """Return a section with the defaults of options its version did not have yet: a default changes nothing."""
    if not dataclasses.is_dataclass(section) or not isinstance(theirs, dict):
        return theirs
    plain = (f for f in dataclasses.fields(section) if f.default is not dataclasses.MISSING)
    return {f.name: f.default for f in plain} | theirs


def _differences(mine: dict[str, Any], theirs: dict[str, Any], prefix: str = "") -> list[str]:
    out = []
    for key in dict.fromkeys([*mine, *theirs]):
        name, here, there = f"{prefix}{key}", mine.get(key), theirs.get(key)
        if isinstance(here, dict) and isinstance(there, dict) and not prefix:
            out += _differences(here, there, f"{name}.")
        elif here != there and name not in _FREE:
            out.append(f"{name} was {there!r}, is {here!r}")
    return out
