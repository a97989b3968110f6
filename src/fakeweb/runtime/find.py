"""Model lookup: where models lie, and proof (SHA-256) that they are the ones their cards describe."""

from __future__ import annotations

import difflib
import hashlib
import os
import sys
from pathlib import Path

from fakeweb.errors import ModelCorrupt, ModelMissing, UnknownName
from fakeweb.runtime.cards import Card, read_card

PACKAGED = Path(__file__).parents[1] / "models"


def user_folder() -> Path:
    """Return the folder of the models that the user added, where the system keeps such data; it may not exist yet."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "fakeweb" / "models"


def list_cards(folder: Path = PACKAGED) -> list[Card]:
    """Return the cards in a folder, sorted by name."""
    return [read_card(path) for path in sorted(folder.glob("*.json"))]


def find_card(name: str | Path, folder: Path | None = None) -> Card:
    """Find a model by name, or read the card at a path ending in ``.json``.

    Args:
        name: Name or path.
        folder: Where to look; None: among the shipped models, then among those the user added.

    Raises:
        UnknownName: No model of that name.
        ModelMissing, ModelCorrupt: See :func:`read_card`.
    """
    if Path(name).suffix == ".json":
        return read_card(Path(name))
    folders = (PACKAGED, user_folder()) if folder is None else (folder,)
    if Path(name).name == str(name):
        for place in folders:
            if (place / f"{name}.json").is_file():
                return read_card(place / f"{name}.json")
    known = [p.stem for place in folders for p in sorted(place.glob("*.json"))]
    near = difflib.get_close_matches(str(name), known, n=1)
    guess = f"did you mean '{near[0]}'? " if near else ""
    raise UnknownName(
        f"no model is called '{name}'",
        hint=f"{guess}known: {', '.join(known) or 'none'}; or give a card.json",
    )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def verify(card: Card) -> bytes:
    """Check that the model file is the one the card describes, and return the very bytes that were checked.

    Raises:
        ModelMissing: The file is not there.
        ModelCorrupt: Its digest differs.
    """
    hint = "reinstall FakeWeb, or export the model again with `fakeweb train --resume`"
    try:
        content = card.path.read_bytes()
    except OSError as error:
        raise ModelMissing(f"the model {card.reference} has no file at {card.path}", hint=hint) from error
    found = hashlib.sha256(content).hexdigest()
    if found != card.sha256:
        raise ModelCorrupt(
            f"{card.path} is not the file its card describes (SHA-256 {found[:12]}..., not {card.sha256[:12]}...)",
            hint=hint,
        )
    return content
