"""Models as data: cards, a verified store, ONNX Runtime sessions, public weights by name, frozen encoders.

May import: numpy, onnxruntime (its guest), :mod:`fakeweb.registry`, :mod:`fakeweb.types`, :mod:`fakeweb.errors`.

A new model is two files in ``models/``: ``<name>.onnx`` and ``<name>.json``, its card; both are written by
``fakeweb train``. No code changes. Weights that `fakeweb models fetch` brings are a table, ``weights.toml``; how one is
made of others is a line in :mod:`fakeweb.registry` (``conversion``).
"""

from fakeweb.runtime.adapter import Adapter
from fakeweb.runtime.cards import (
    Calibration,
    Card,
    ContentCard,
    Decision,
    FinderCard,
    MeshCard,
    ModelCard,
    TemporalCard,
    read_card,
)
from fakeweb.runtime.composition import Composition
from fakeweb.runtime.driven import Driven
from fakeweb.runtime.encoder import ENCODERS, Encoder, features_of
from fakeweb.runtime.fetch import fetch_weights
from fakeweb.runtime.find import find_card, list_cards, sha256_of, user_folder, verify
from fakeweb.runtime.halve import half_weights
from fakeweb.runtime.norms import NOTHING as NO_NORMS
from fakeweb.runtime.norms import ClipNorm, GroupNorm, Norms, RarityNorm, SmallNorm
from fakeweb.runtime.pack import Packed, pack_models, packed_file
from fakeweb.runtime.session import Session, library_version, open_session
from fakeweb.runtime.told import measured, model_info
from fakeweb.runtime.weights import find_weights, weights_table

__all__ = [
    "ENCODERS",
    "NO_NORMS",
    "Adapter",
    "Calibration",
    "Card",
    "ClipNorm",
    "Composition",
    "ContentCard",
    "Decision",
    "Driven",
    "Encoder",
    "FinderCard",
    "GroupNorm",
    "MeshCard",
    "ModelCard",
    "Norms",
    "Packed",
    "RarityNorm",
    "Session",
    "SmallNorm",
    "TemporalCard",
    "features_of",
    "fetch_weights",
    "find_card",
    "find_weights",
    "half_weights",
    "library_version",
    "list_cards",
    "measured",
    "model_info",
    "open_session",
    "pack_models",
    "packed_file",
    "read_card",
    "sha256_of",
    "user_folder",
    "verify",
    "weights_table",
]
