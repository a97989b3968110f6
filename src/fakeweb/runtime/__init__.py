"""Models as data: cards, a verified store, ONNX Runtime sessions.

May import: numpy, onnxruntime (its guest), :mod:`fakeweb.types`, :mod:`fakeweb.errors`.

A new model is two files in ``models/``: ``<name>.onnx`` and ``<name>.json``, its card; both are written by
``fakeweb train``. No code changes.
"""

from fakeweb.runtime.adapter import Adapter
from fakeweb.runtime.cards import (
    Calibration,
    Card,
    Decision,
    FinderCard,
    MeshCard,
    ModelCard,
    TemporalCard,
    read_card,
)
from fakeweb.runtime.driven import Driven
from fakeweb.runtime.find import find_card, list_cards, sha256_of, user_folder, verify
from fakeweb.runtime.norms import NOTHING as NO_NORMS
from fakeweb.runtime.norms import ClipNorm, GroupNorm, Norms, RarityNorm, SmallNorm
from fakeweb.runtime.session import Session, library_version, open_session

__all__ = [
    "NO_NORMS",
    "Adapter",
    "Calibration",
    "Card",
    "ClipNorm",
    "Decision",
    "Driven",
    "FinderCard",
    "GroupNorm",
    "MeshCard",
    "ModelCard",
    "Norms",
    "RarityNorm",
    "Session",
    "SmallNorm",
    "TemporalCard",
    "find_card",
    "library_version",
    "list_cards",
    "open_session",
    "read_card",
    "sha256_of",
    "user_folder",
    "verify",
]
