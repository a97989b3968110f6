"""Shards -> a folder of frames with a ``metadata.json`` per part, which the layout ``dfdc`` reads: for training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from fakeweb.datasets.tracks import unpack_crops
from fakeweb.media import write_atomically

_LABELS: Final = {0: "REAL", 1: "FAKE"}


def unpack_shards(out: str, folder: Path, *, on_shard: Callable[[int, int], None] | None = None) -> int:
    """Write every crop as ``PART/CLIP/TRACK_NN.jpg``; shards that are unpacked already are left alone.

    Args:
        out: Where :func:`fakeweb.tracks.extract.extract` wrote.
        folder: Where to; made if needed.
        on_shard: Called with (done, total).

    Returns:
        How many crops were written now.

    Raises:
        DatasetError: No shard, or a damaged one.
    """
    sidecars, written = unpack_crops(out, folder, on_shard=on_shard)
    tables: dict[str, dict[str, Any]] = {}
    for sidecar in sidecars.values():
        tables.setdefault(str(sidecar["about"]["part"]), {}).update(
            {c["clip"]: _entry(c) for c in sidecar["clips"] if c["label"] is not None}
        )
    for part, table in tables.items():
        write_atomically(
            folder / part / "metadata.json", json.dumps(table, indent=1, sort_keys=True).encode()
        )
    return written


def _entry(clip: dict[str, Any]) -> dict[str, Any]:
    entry = {"label": _LABELS[clip["label"]], "split": "train"}
    return {**entry, "original": clip["original"]} if clip["original"] else entry
