"""Shards -> a folder of frames with a ``metadata.json`` per part, which the layout ``dfdc`` reads: for training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, Final

from fakeweb.datasets.shards import read_shard, read_sidecars
from fakeweb.errors import DatasetError
from fakeweb.media import write_atomically
from fakeweb.media.storage import Storage

_LABELS: Final = {0: "REAL", 1: "FAKE"}


def unpack_shards(out: str, folder: Path, *, on_shard: Callable[[int, int], None] | None = None) -> int:
    """Write every crop as ``PART/CLIP/TRACK_NN.jpg``; shards that are unpacked already are left alone.

    Args:
        out: Where :func:`fakeweb.dfdc.extract.extract` wrote.
        folder: Where to; made if needed.
        on_shard: Called with (done, total).

    Returns:
        How many crops were written now.

    Raises:
        DatasetError: No shard, or a damaged one.
    """
    store = Storage(out)
    sidecars = read_sidecars(store)
    if not sidecars:
        raise DatasetError(f"no shards in {out}", hint="run `fakeweb dfdc extract` first")
    written = 0
    tables: dict[str, dict[str, Any]] = {}
    for number, (name, sidecar) in enumerate(sorted(sidecars.items()), 1):
        part = str(sidecar["about"]["part"])
        tables.setdefault(part, {}).update(
            {c["clip"]: _entry(c) for c in sidecar["clips"] if c["label"] is not None}
        )
        mark = folder / ".unpacked" / f"{PurePosixPath(name).name}.{sidecar['sha256'][:16]}"
        if not mark.exists():
            for sample in read_shard(store, name, sidecar):
                target = folder / part / PurePosixPath(str(sample.meta["clip"])).stem
                for i, crop in enumerate(sample.crops):
                    write_atomically(target / f"{sample.meta['track']}_{i:02}.jpg", crop)
                    written += 1
            write_atomically(mark, b"")
        if on_shard is not None:
            on_shard(number, len(sidecars))
    for part, table in tables.items():
        write_atomically(
            folder / part / "metadata.json", json.dumps(table, indent=1, sort_keys=True).encode()
        )
    return written


def _entry(clip: dict[str, Any]) -> dict[str, Any]:
    entry = {"label": _LABELS[clip["label"]], "split": "train"}
    return {**entry, "original": clip["original"]} if clip["original"] else entry
