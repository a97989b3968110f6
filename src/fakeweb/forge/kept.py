"""Kept copies: what slow networks made of faces, in shards on disk, so that a training need not make them again.

A folder per network and version of its weights holds numbered shards, zip files of PNG pictures named after the
SHA-256 of the pixels they are copies of. A shard is written whole or not at all: a kill loses one, and whoever goes on
makes what is missing. Pictures are PNG, since an encoding that only the fakes have would tell them.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from fakeweb.batch import ordered_map
from fakeweb.errors import DatasetError
from fakeweb.forge.copies import Copier, Copy
from fakeweb.media import encode_png, write_atomically
from fakeweb.types import Image, UInt8Array

SHARD = 64
"""Copies in a shard: half a minute's work of the slowest network."""
_EPOCH = (1980, 1, 1, 0, 0, 0)


def key_of(pixels: UInt8Array) -> str:
    """Return the name of a copy: SHA-256 of the shape and the pixels it is made of."""
    return hashlib.sha256(repr(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes()).hexdigest()


class KeptCopies:
    """The copies in a folder, by the pixels they are made of; what is not there is made anew.

    Args:
        folder: Of :func:`keep_copies`; need not exist.
        copier: Makes what is missing.

    Raises:
        DatasetError: When called: a shard was damaged.
    """

    def __init__(self, folder: Path, copier: Copier) -> None:
        self.folder, self.copier = folder, copier
        self._shards = {name: path for path in _shards(folder) for name in _names(path)}

    def __len__(self) -> int:
        return len(self._shards)

    def __contains__(self, key: str) -> bool:
        return key in self._shards

    def __call__(self, pixels: UInt8Array) -> UInt8Array:
        """Return the copy of pixels, uint8 RGB (h, w, 3)."""
        key = key_of(pixels)
        if key not in self._shards:
            return self.copier(pixels)
        path = self._shards[key]
        try:
            with zipfile.ZipFile(path) as shard:
                content = np.frombuffer(shard.read(f"{key}.png"), np.uint8)
        except (OSError, zipfile.BadZipFile, KeyError) as error:
            raise DatasetError(
                f"{path} cannot be read: {error}", hint="delete it; it is made again"
            ) from error
        blue_first = np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR), np.uint8)
        return np.asarray(cv2.cvtColor(blue_first, cv2.COLOR_BGR2RGB), np.uint8)


def keep_copies(
    method: type[Copy],
    numbers: Sequence[int],
    source: Callable[[int], UInt8Array],
    cache: Path,
    *,
    workers: int = 1,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> KeptCopies:
    """Make the copies of some faces that are not kept yet, shard by shard.

    Args:
        method: Its network makes them.
        numbers: Which faces.
        source: Returns what of a face is copied, by its number; see :meth:`Copy.source_of`.
        cache: Where the method's folder lies; its name tells the weights.
        workers: Processes.
        on_progress: Called with (done, total).

    Returns:
        All copies in the folder.

    Raises:
        ModelMissing, ModelCorrupt: The network was not fetched.
        DatasetError: The disk is full.
    """
    method.check_ready()
    folder = cache / f"copies-{method.name}-{method.network.digest()}"
    kept = KeptCopies(folder, method.network)
    missing = [number for number in numbers if key_of(source(number)) not in kept]
    done = len(numbers) - len(missing)
    pixels = (source(number) for number in missing)
    make = partial(_network, method)
    shard = max((int(path.stem) for path in _shards(folder)), default=-1) + 1
    made = ordered_map(make, pixels, workers=min(workers, max(1, len(missing))))
    for part in _parts(made):
        _write(folder / f"{shard:05d}.zip", part)
        shard, done = shard + 1, done + len(part)
        on_progress(done, len(numbers))
    return KeptCopies(folder, method.network)


def _network(method: type[Copy]) -> Copier:
    cv2.setNumThreads(1)
    return method.network


def _parts(made: Iterable[tuple[UInt8Array, UInt8Array]]) -> Iterator[dict[str, UInt8Array]]:
    """Gather copies by their names, as many as a shard holds."""
    part: dict[str, UInt8Array] = {}
    for pixels, copy in made:
        part[key_of(pixels)] = copy
        if len(part) == SHARD:
            yield part
            part = {}
    if part:
        yield part


def _write(path: Path, part: dict[str, UInt8Array]) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as shard:
        for key, copy in part.items():
            shard.writestr(zipfile.ZipInfo(f"{key}.png", _EPOCH), encode_png(Image(copy)))
    write_atomically(path, file.getvalue())


def _shards(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("*.zip") if p.stem.isdigit()) if folder.is_dir() else []


def _names(path: Path) -> list[str]:
    """Return the names in a shard; none where it was damaged, so that its copies are made again."""
    try:
        with zipfile.ZipFile(path) as shard:
            return [name.removesuffix(".png") for name in shard.namelist()]
    except (OSError, zipfile.BadZipFile):
        return []
