"""What a frozen encoder makes of clips, computed once and kept in a file: a training then costs only its head."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from fakeweb.media import write_atomically
from fakeweb.train.loader import single_thread
from fakeweb.train.temporal.clips import ClipMaker
from fakeweb.train.temporal.net import TemporalNet
from fakeweb.train.temporal.recipe import TemporalRecipe
from fakeweb.train.temporal.tracks import ClipTracks

_VERSION = 1
_CLIPS = 4  # encoded at a time


@dataclass(frozen=True)
class _View:
    """One way to show a clip: its place in the list, which of its views, and whether its first track is forged."""

    clip: int
    number: int
    forge: bool


class _Views(Dataset[tuple[np.ndarray, int, int]]):
    """Views as pixels, each drawn from its place and number alone. Frames stay in order: they are mixed when taught."""

    def __init__(
        self, maker: ClipMaker, clips: Sequence[ClipTracks], views: Sequence[_View], seed: int
    ) -> None:
        self.maker, self.clips, self.views, self.seed = maker, clips, views, seed

    def __len__(self) -> int:
        return len(self.views)

    def __getitem__(self, place: int) -> tuple[np.ndarray, int, int]:
        view = self.views[place]
        rng = np.random.default_rng([self.seed, view.clip, view.number, int(view.forge)])
        return self.maker.taught(self.clips[view.clip], rng, forge=view.forge)


class KeptFeatures:
    """Features of every view of the training's clips: float16 (views, K, T, F) in one memory-mapped file.

    Another training with the same clips, encoder, degradation and seed finds them there, whatever its head.

    Args:
        maker: Degrades and forges.
        clips: The training's.
        net: Its encoder is frozen.
        folder: Where to keep them.
        key: What the clips are, such as the digest of their shards.
        workers: Processes that prepare clips.
        on_progress: Called with (views done, in all).
    """

    def __init__(
        self,
        maker: ClipMaker,
        clips: Sequence[ClipTracks],
        net: TemporalNet,
        folder: Path,
        key: str,
        *,
        workers: int = 0,
        on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> None:
        recipe = maker.recipe
        self._recipe = recipe
        self._views = _all_views(clips, recipe)
        stem = folder / f"features-{_digest(recipe, net, key)}"
        self._path, index = stem.with_suffix(".npy"), stem.with_suffix(".npz")
        if not index.is_file():
            self._make(maker, clips, net, index, workers, on_progress)
        with index.open("rb") as stream, np.load(stream) as arrays:
            self._counts, self._labels = arrays["counts"], arrays["labels"]
        self._real = [i for i, v in enumerate(self._views) if clips[v.clip].label == 0 and not v.forge]
        self._forged = [i for i, v in enumerate(self._views) if v.forge]
        self._fake = [i for i, v in enumerate(self._views) if clips[v.clip].label == 1]
        self._features: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_features": None}

    def draw(self, rng: np.random.Generator, *, fake: bool, forge: bool) -> tuple[np.ndarray, int, int]:
        """Return features float32 (K, T, F), how many of the K tracks there are, and the label.

        Args:
            rng: Decides which; and the order of frames, where real clips are re-ordered.
            fake: Which class.
            forge: Whether a forged real clip is to be the fake one; the only ones where there are no other fakes.
        """
        pool = self._real if not fake else self._forged if forge or not self._fake else self._fake
        place = pool[int(rng.integers(len(pool)))]
        if self._features is None:
            self._features = np.load(self._path, mmap_mode="r")
        features, label = np.array(self._features[place], np.float32), int(self._labels[place])
        if label == 0 and rng.random() < self._recipe.optim.reorder:
            features = np.stack([track[rng.permutation(len(track))] for track in features])
        return features, int(self._counts[place]), label

    def _make(
        self,
        maker: ClipMaker,
        clips: Sequence[ClipTracks],
        net: TemporalNet,
        index: Path,
        workers: int,
        on_progress: Callable[[int, int], None],
    ) -> None:
        """Encode all views; the small index is written last and says that they are whole."""
        index.parent.mkdir(parents=True, exist_ok=True)
        views = _Views(maker, clips, self._views, self._recipe.seed)
        loader: DataLoader[Any] = DataLoader(
            views, batch_size=_CLIPS, num_workers=workers, worker_init_fn=single_thread
        )
        part = index.with_suffix(f".{os.getpid()}.part")
        try:
            out, counts, labels, done = None, [], [], 0
            for pixels, count, label in loader:
                encoded = encode(net, pixels, bf16=self._recipe.optim.bf16)
                if out is None:
                    shape = (len(self._views), *encoded.shape[1:])
                    out = np.lib.format.open_memmap(part, "w+", np.float16, shape)
                out[done : done + len(encoded)] = encoded
                done += len(encoded)
                counts += count.tolist()
                labels += label.tolist()
                on_progress(done, len(self._views))
            del out
            part.replace(self._path)
        finally:
            part.unlink(missing_ok=True)
        buffer = io.BytesIO()
        np.savez(buffer, counts=np.array(counts), labels=np.array(labels))
        write_atomically(index, buffer.getvalue())


def encode(net: TemporalNet, pixels: torch.Tensor, *, bf16: bool = False) -> np.ndarray:
    """Encode clips: uint8 (N, K, T, S, S, 3) -> float32 (N, K, T, F).

    Args:
        net: Its encoder is used as in judging.
        pixels: The clips.
        bf16: Compute in bfloat16, which CPUs do in half the time.
    """
    device = next(net.parameters()).device
    net.eval()
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        features = net.features(pixels.flatten(0, 1).to(device))
    return np.asarray(features.reshape(*pixels.shape[:2], *features.shape[1:]).float().cpu().numpy())


def _all_views(clips: Sequence[ClipTracks], recipe: TemporalRecipe) -> list[_View]:
    """List the views of each clip; real ones are also forged, where the recipe names methods."""
    return [
        _View(place, number, forge)
        for place, clip in enumerate(clips)
        for forge in ((False, True) if clip.label == 0 and recipe.data.forge else (False,))
        for number in range(recipe.net.views)
    ]


def _digest(recipe: TemporalRecipe, net: TemporalNet, key: str) -> str:
    """Name everything the features depend on."""
    digest = hashlib.sha256(
        f"{_VERSION} {key} {recipe.seed} {recipe.net.views} {recipe.net.encoder}".encode()
    )
    data = replace(recipe.data, licences={}, forge_share=0.0)
    digest.update(repr((dataclasses.asdict(data), dataclasses.asdict(recipe.augment))).encode())
    digest.update(repr(recipe.calibration.min_face_px).encode())
    for name, tensor in net.encoder.state_dict().items():
        digest.update(name.encode() + tensor.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]
