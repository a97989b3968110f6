"""Face tracks out of the shards of ``fakeweb data extract``: an index; crops are read when asked for."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fakeweb.datasets import half_of_group, split_of_group
from fakeweb.datasets.shards import MASK, read_sidecars
from fakeweb.errors import DatasetError
from fakeweb.media.storage import Storage
from fakeweb.types import Box


@dataclass(frozen=True)
class TrackRef:
    """One track: where its crops lie in a shard, and where the face is in each crop."""

    shard: str
    spans: tuple[tuple[int, int], ...]
    in_crop: Box
    width_px: float


@dataclass(frozen=True)
class ClipTracks:
    """One clip with its tracks, the longest first.

    Attributes:
        name: Part and file name.
        label: 0 real, 1 fake.
        group: The original; a fake shares its original's.
        split: ``train``, ``A`` or ``B``.
        tracks: At least one.
    """

    name: str
    label: int
    group: str
    split: str
    tracks: tuple[TrackRef, ...]


class TrackSet:
    """All labelled clips of an extraction.

    Args:
        place: What ``fakeweb data extract --out`` wrote.
        source: Name of the data set, for clips whose shard does not say it.
        val: Share of the originals that go to validation, where the shard does not say which do; clips that it
            calls ``test`` are passed over.
        min_face_px: Tracks narrower than this on average are left out.
        on_shard: Called with (done, total).

    Raises:
        DatasetError: No shard, or a damaged one.
    """

    def __init__(
        self,
        place: str,
        *,
        source: str,
        val: float,
        min_face_px: float,
        on_shard: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> None:
        self._store = Storage(place)
        self.margin = 0.0
        self.clips: list[ClipTracks] = []
        self.left_out = 0
        sidecars = read_sidecars(self._store)
        if not sidecars:
            raise DatasetError(f"no shards in {place}", hint="run `fakeweb data extract` first")
        digest = hashlib.sha256()
        for number, (name, sidecar) in enumerate(sorted(sidecars.items()), 1):
            self.margin = float(sidecar["about"]["options"]["margin"])
            digest.update(sidecar["sha256"].encode())
            found = self._index(name, sidecar["sha256"])
            for record in sidecar["clips"]:
                self._add(record, found.get(record["clip"], []), source, val, min_face_px)
            on_shard(number, len(sidecars))
        self.fingerprint = digest.hexdigest()

    def _index(self, name: str, sha256: str) -> dict[str, list[TrackRef]]:
        """Find where every crop of a shard lies, and verify the shard."""
        hint = "remove the shard with its sidecar and extract again"
        with self._store.open(f"{name}.tar") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:  # type: ignore[arg-type]
                raise DatasetError(f"{self._store.path_of(name)}.tar is not what its sidecar says", hint=hint)
            file.seek(0)
            found: dict[str, list[TrackRef]] = defaultdict(list)
            meta: dict[str, Any] = {}
            spans: list[tuple[int, int]] = []
            with tarfile.open(fileobj=file, mode="r:") as tar:
                for member in tar:
                    if member.name.endswith(".json"):
                        _keep(found, name, meta, spans)
                        content = tar.extractfile(member)
                        meta, spans = json.loads(content.read() if content else b"{}"), []
                    elif not member.name.endswith(MASK):
                        spans.append((member.offset_data, member.size))
                _keep(found, name, meta, spans)
        return found

    def _add(
        self, record: dict[str, Any], tracks: list[TrackRef], source: str, val: float, least_px: float
    ) -> None:
        wide = [t for t in tracks if t.width_px >= least_px]
        if record["label"] is None or not wide:
            self.left_out += 1
            return
        source = str(record.get("source", source))
        group = str(record.get("group") or record["original"] or record["clip"])
        split: str = record.get("split") or split_of_group(source, group, val=val)
        if split == "test":
            return
        if split == "val":
            split = half_of_group(source, group)
        wide.sort(key=lambda t: -len(t.spans))
        if record.get("source"):  # groups are unique within a source only
            group = f"{source}/{group}"
        name = f"{record['part']}/{record['clip']}"
        self.clips.append(ClipTracks(name, int(record["label"]), group, split, tuple(wide)))

    def crops(self, track: TrackRef, count: int) -> list[bytes]:
        """Return ``count`` crops of a track as JPEG, spread evenly; a short track repeats some."""
        places = np.linspace(0, len(track.spans) - 1, count).round().astype(int)
        with self._store.open(f"{track.shard}.tar") as file:
            read: dict[int, bytes] = {}
            for place in sorted(set(places.tolist())):
                offset, size = track.spans[place]
                file.seek(offset)
                read[place] = file.read(size)
        return [read[p] for p in places.tolist()]


def _keep(
    found: dict[str, list[TrackRef]], shard: str, meta: dict[str, Any], spans: list[tuple[int, int]]
) -> None:
    if meta and spans:
        x0, y0, x1, y1 = meta["in_crop"]
        width_px = float(np.mean(meta["width_px"]))
        found[str(meta["clip"])].append(TrackRef(shard, tuple(spans), (x0, y0, x1, y1), width_px))
