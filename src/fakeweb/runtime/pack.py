"""Models packed for checks in a browser: half-precision weights, gzip, names with a hash of the content."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fakeweb.errors import ModelIncompatible
from fakeweb.runtime.cards import Card, ModelCard
from fakeweb.runtime.find import find_card, verify
from fakeweb.runtime.halve import half_weights

_FINDER: Final = "finder"
_MESH: Final = "mesh"


@dataclass(frozen=True)
class Packed:
    """What a browser fetches to check pictures by itself, but for ONNX Runtime.

    Attributes:
        parts: Per role (``finder``, ``mesh``, ``classifier``) the card, and its file: name,
            SHA-256 (unpacked) and sizes.
        files: The packed files by their names.
    """

    parts: Mapping[str, Mapping[str, Any]]
    files: Mapping[str, bytes]


def pack_models(classifier: str | Path) -> Packed:
    """Pack the shipped finder and mesh, and a classifier.

    Args:
        classifier: Name of a model, or path of a card.

    Raises:
        ModelIncompatible: A network that needs more than itself, or that was not exported by FakeWeb.
        UnknownName, ModelMissing, ModelCorrupt: The model cannot be used.
    """
    cards = {"finder": find_card(_FINDER), "mesh": find_card(_MESH), "classifier": find_card(classifier)}
    own = cards["classifier"]
    if not isinstance(own, ModelCard) or own.adapter is not None or own.composed is not None:
        raise ModelIncompatible(
            f"{own.reference} cannot be run in a browser",
            hint="only networks that `fakeweb train` exports can",
        )
    parts, files = {}, {}
    for role, card in cards.items():
        # in half precision finder and mesh would move crops by a pixel now and then, which moves scores by up to 0.1
        content = half_weights(verify(card)) if role == "classifier" else verify(card)
        name, packed, told = packed_file(card.name, ".onnx", content)
        parts[role] = {"card": _short(card), **told}
        files[name] = packed
    return Packed(parts, files)


def packed_file(stem: str, suffix: str, content: bytes) -> tuple[str, bytes, dict[str, Any]]:
    """Return name and content of a gzip file, and what a browser must know of it."""
    digest = hashlib.sha256(content).hexdigest()
    packed = gzip.compress(content, 9, mtime=0)
    name = f"{stem}.{digest[:12]}{suffix}.gz"
    return name, packed, {"file": name, "sha256": digest, "bytes": len(content), "packed_bytes": len(packed)}


def _short(card: Card) -> dict[str, Any]:
    """Return a card without its details and without the name of a file that a browser does not get."""
    return {key: value for key, value in card.to_dict().items() if key not in ("details", "file")}
