"""Frozen encoders: crops -> features, each computed once and kept on disk.

A probe or a head is trained on such features in minutes (Radford et al., CLIP, ICML 2021; Ojha et al., Towards
universal fake image detectors, CVPR 2023). Needs what :mod:`fakeweb.runtime.fetch` brought, and no torch.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from fakeweb.errors import BadArgument, ModelCorrupt, UnknownName
from fakeweb.runtime.find import sha256_of
from fakeweb.runtime.session import guest, load_graph
from fakeweb.runtime.weights import find_weights
from fakeweb.runtime.wire import bytes_field

Crop = npt.NDArray[np.uint8]
Features = npt.NDArray[np.float32]
_KEY_BYTES: Final = 32
_GRAPH, _OUTPUT, _NAME = 7, 12, 1
"""Numbers of fields of ONNX's protobuf: ModelProto.graph, GraphProto.output, ValueInfoProto.name."""


@dataclass(frozen=True)
class EncoderPlan:
    """What is known of an encoder's file.

    Attributes:
        side_px: Side of its input, float RGB (1, 3, S, S).
        mean, std: Of the input, which is (pixel / 255 - mean) / std.
        tokens: Names in its graph of each block's tokens (1, 1 + patches, width), the class token first.
        width: Of a token.
    """

    side_px: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    tokens: tuple[str, ...]
    width: int

    def size(self, *, patches: bool) -> int:
        """Return how many features a crop has."""
        return len(self.tokens) * self.width * (2 if patches else 1)


ENCODERS: Final = {
    "clip-vit-b16": EncoderPlan(
        224, (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711),
        (*(f"/vision_model/encoder/layers.{i}/Add_1_output_0" for i in range(11)), "onnx::Gather_1524"), 768,
    ),
    "dinov2-vits14": EncoderPlan(
        224, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225),
        tuple(f"/backbone/encoder/layer.{i}/Add_1_output_0" for i in range(12)), 384,
    ),
}  # fmt: skip
"""Encoders by the names of their weights."""


class Encodes(Protocol):
    """What turns a crop, uint8 RGB (S, S, 3), into numbers, float32 (``size``,); ``digest`` tells it from others."""

    size: int
    digest: str

    def __call__(self, crop: Crop) -> Features: ...  # noqa: D102


class Encoder:
    """A pretrained network whose tokens are taken as features, one crop at a time.

    One at a time, since an int8 graph scales its activations by all of a batch: what is said of a crop must not depend
    on what stands beside it.

    Args:
        name: Of :data:`ENCODERS`.
        patches: Whether the mean of the patch tokens stands beside the class token of each block.
        threads: Threads inside one call.

    Attributes:
        name, patches, plan: As above.
        size: Numbers per crop: blocks x width, twice with ``patches``; the class tokens of all blocks come first.
        digest: SHA-256 of all that decides the features: weights, what is taken of them, ONNX Runtime's version.

    Raises:
        UnknownName: There is no such encoder.
        ModelMissing, ModelCorrupt: Its weights were not fetched, or are others.
        ModelIncompatible: ONNX Runtime cannot load them.
    """

    def __init__(self, name: str, *, patches: bool = False, threads: int = 1) -> None:
        if name not in ENCODERS:
            raise UnknownName(f"no encoder is called '{name}'", hint=f"known: {', '.join(ENCODERS)}")
        self.name, self.patches, self.plan = name, patches, ENCODERS[name]
        self.size = self.plan.size(patches=patches)
        self.path = find_weights(name)
        told = (name, patches, self.plan, sha256_of(self.path), guest().__version__)
        self.digest = hashlib.sha256(repr(told).encode()).hexdigest()
        self._threads = threads
        self._open(with_outputs(self.path.read_bytes(), self.plan.tokens))

    def _open(self, content: bytes) -> None:
        """Open a graph in ONNX Runtime."""
        self._session = load_graph(content, self.path, self._threads)
        self._input = self._session.get_inputs()[0].name

    def __call__(self, crop: Crop) -> Features:
        """Return the features of one crop, float32 (size,).

        Args:
            crop: uint8 RGB (S, S, 3).

        Raises:
            BadArgument: It has another shape or type.
        """
        self._check(crop)
        mean, std = (np.asarray(v, np.float32) for v in (self.plan.mean, self.plan.std))
        values = (crop.astype(np.float32) / np.float32(255) - mean) / std
        pixels = np.ascontiguousarray(values.transpose(2, 0, 1)[None], np.float32)
        tokens = self._session.run(list(self.plan.tokens), {self._input: pixels})
        parts = [t[0, 0] for t in tokens]
        if self.patches:
            parts += [t[0, 1:].mean(0) for t in tokens]
        return np.concatenate(parts).astype(np.float32)

    def _check(self, crop: Crop) -> None:
        side = self.plan.side_px
        if crop.dtype != np.uint8 or crop.shape != (side, side, 3):
            raise BadArgument(
                f"'{self.name}' takes crops of uint8 ({side}, {side}, 3), got {crop.dtype} {crop.shape}",
                hint=f"cut them at {side} px",
            )


def features_of(
    encoder: Encodes,
    crops: Sequence[Crop],
    cache: Path | None = None,
    *,
    keys: Sequence[str] | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Features:
    """Return the features of crops, float32 (N, size), each computed once and kept in half precision.

    A run that is stopped goes on where it was; several may fill one cache at the same time.

    Args:
        encoder: The encoder, or whatever else says numbers of a crop.
        crops: Of these only those are taken by their number whose features are not kept yet.
        cache: Folder; None: nothing is kept.
        keys: What tells the crops apart, such as path, size, box and degradation of each; None: their pixels, for
            which all of them are taken.
        on_progress: Called with (done, all).

    Raises:
        BadArgument: Not as many keys as crops, or a crop that the encoder does not take.
        ModelCorrupt: The cache cannot be read.
    """
    if keys is not None and len(keys) != len(crops):
        raise BadArgument(f"{len(keys)} keys for {len(crops)} crops", hint="one key per crop")
    told = (_of_pixels(crops[i]) for i in range(len(crops))) if keys is None else (k.encode() for k in keys)
    digests = [hashlib.sha256(text).digest() for text in told]
    out = np.empty((len(crops), encoder.size), np.float32)
    store = None if cache is None else FeatureStore(cache / f"features-{encoder.digest[:16]}", encoder.size)
    fresh: dict[bytes, int] = {}
    try:
        for number, digest in enumerate(digests):
            row = None if store is None else store.get(digest)
            if row is not None:
                out[number] = row
            elif digest in fresh:
                out[number] = out[fresh[digest]]
            else:
                out[number] = encoder(crops[number]).astype(np.float16)
                fresh[digest] = number
                if store is not None:
                    store.put(digest, out[number])
            on_progress(number + 1, len(crops))
    finally:
        if store is not None:
            store.close()
    return out


class FeatureStore:
    """Cache of feature vectors on disk: rows of half precision in files that only grow, and their keys beside them.

    Each writer has a file of its own. A row counts when its key is there, and both are flushed row by row: what a kill
    leaves behind is whole but for a piece at the end, which is passed over.

    Args:
        folder: Made when the first row is put.
        size: Numbers per row.

    Raises:
        ModelCorrupt: A file cannot be read.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.size = folder, size
        self._places: dict[bytes, tuple[int, int]] = {}
        self._rows: list[npt.NDArray[np.float16]] = []
        self._files: tuple[IO[bytes], IO[bytes]] | None = None
        for path in sorted(folder.glob("*.rows")) if folder.is_dir() else ():
            self._read(path)

    def __len__(self) -> int:
        return len(self._places)

    def get(self, key: bytes) -> npt.NDArray[np.float16] | None:
        """Return the row of a key of 32 bytes, or None."""
        place = self._places.get(key)
        return None if place is None else self._rows[place[0]][place[1]]

    def put(self, key: bytes, row: npt.NDArray[Any]) -> None:
        """Keep a row."""
        if self._files is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self.folder / f"{secrets.token_hex(8)}.rows"
            self._files = path.open("ab"), path.with_suffix(".keys").open("ab")
        rows, keys = self._files
        rows.write(row.astype(np.float16).tobytes())
        rows.flush()
        keys.write(key)
        keys.flush()

    def close(self) -> None:
        """Close the files."""
        for file in self._files or ():
            file.close()
        self._files = None

    def _read(self, path: Path) -> None:
        try:
            keys = path.with_suffix(".keys").read_bytes() if path.with_suffix(".keys").is_file() else b""
            count = min(len(keys) // _KEY_BYTES, path.stat().st_size // (2 * self.size))
            if not count:
                return
            rows = np.memmap(path, np.float16, "r", shape=(count, self.size))
        except (OSError, ValueError) as error:
            raise ModelCorrupt(f"{path} cannot be read: {error}", hint="delete it") from error
        for i in range(count):
            self._places[keys[i * _KEY_BYTES : (i + 1) * _KEY_BYTES]] = (len(self._rows), i)
        self._rows.append(rows)


def with_outputs(model: bytes, names: Iterable[str]) -> bytes:
    """Return an ONNX file whose graph gives these inner values too.

    A protobuf may hold a message in several pieces, which are merged: the new outputs are a piece of the graph at the
    end of the file.
    """
    outputs = b"".join(bytes_field(_OUTPUT, bytes_field(_NAME, name.encode())) for name in names)
    return model + bytes_field(_GRAPH, outputs)


def _of_pixels(crop: Crop) -> bytes:
    return repr(crop.shape).encode() + np.ascontiguousarray(crop).tobytes()
