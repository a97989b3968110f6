"""What the loop needs to train a temporal network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import Dataset

from fakeweb.errors import DatasetError, UsageError
from fakeweb.train.calibrate import auc
from fakeweb.train.devices import autocast
from fakeweb.train.progress import Progress
from fakeweb.train.task import Result, Schedule, Setting, Task, numbered
from fakeweb.train.temporal.clips import ClipMaker
from fakeweb.train.temporal.finish import finish
from fakeweb.train.temporal.net import TemporalNet, clip_logits
from fakeweb.train.temporal.recipe import TemporalRecipe, read_temporal_recipe
from fakeweb.train.temporal.tracks import ClipTracks, TrackSet
from fakeweb.train.weights import start_of

_Item = tuple[np.ndarray, int, int]


class Taught(Dataset[_Item]):
    """Clip number i of a training, degraded when asked for; every second one is fake."""

    def __init__(self, maker: ClipMaker, clips: list[ClipTracks]) -> None:
        self.maker, self.recipe = maker, maker.recipe
        self.real = [c for c in clips if c.label == 0]
        self.fake = [c for c in clips if c.label == 1]

    def __len__(self) -> int:
        return self.recipe.optim.epochs * self.recipe.optim.clips_per_epoch

    def __getitem__(self, number: int) -> _Item:
        rng = np.random.default_rng([self.recipe.seed, number])
        wanted = number % 2
        forge = bool(wanted and self.recipe.data.forge and rng.random() < self.recipe.data.forge_share)
        pool = self.real if not wanted or forge or not self.fake else self.fake
        clip = pool[int(rng.integers(len(pool)))]
        return self.maker.taught(clip, rng, forge=forge, reorder=self.recipe.optim.reorder)


@dataclass(frozen=True)
class TemporalOptions:
    """What a temporal network's training takes besides its recipe.

    Attributes:
        weights: File the encoder starts from.
    """

    weights: Path | None = None


class TemporalTask(Task):
    """A network that judges a face track as a whole."""

    Options = TemporalOptions

    def __init__(self, path: Path, options: TemporalOptions, setting: Setting) -> None:
        self.recipe: TemporalRecipe = read_temporal_recipe(path)
        self.schedule = Schedule.of(self.recipe.optim, self.recipe.optim.clips_per_epoch)
        self.options, self.setting = options, setting
        self.fingerprint: str | None = None  # which shards the checkpoint was trained on
        self.tracks: TrackSet
        self.maker: ClipMaker
        self.taught: Taught

    def build(self) -> nn.Module:
        weights = start_of([self.options.weights] if self.options.weights else [], self.setting.out)
        return TemporalNet(self.recipe.net, weights).to(self.setting.device)

    def optimizer(self, net: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(net.parameters(), lr=self.recipe.optim.lr)

    def gather(self) -> None:
        """Index the shards."""
        data, place, tell = self.recipe.data, self.setting.data, self.setting.tell
        self.tracks = TrackSet(
            place,
            source=data.source,
            val=data.val,
            min_face_px=self.recipe.calibration.min_face_px,
            on_shard=lambda done, total: tell(Progress("faces", done, total)),
        )
        if self.tracks.margin < data.margin:
            raise DatasetError(
                f"{place} holds crops of margin {self.tracks.margin}, the recipe wants {data.margin}",
                hint="extract again with a larger --margin",
            )
        if self.fingerprint not in (None, self.tracks.fingerprint):
            raise UsageError(
                f"{self.setting.out / 'checkpoint.pt'} was trained on other shards than {place} holds now",
                hint="restore the data, or begin anew in another --out",
            )
        self.fingerprint = self.tracks.fingerprint
        parts = {p: self._clips(p) for p in ("train", "A", "B")}
        _check(parts, forged=bool(data.forge))
        self.maker = ClipMaker(self.tracks, self.recipe)
        self.taught = Taught(self.maker, parts["train"])

    def _clips(self, part: str) -> list[ClipTracks]:
        return [clip for clip in self.tracks.clips if clip.split == part]

    def batches(self, epoch: int, begun: int) -> Iterator[Any]:
        return numbered(self, self.taught, self.setting.workers, epoch, begun)

    def loss(self, net: nn.Module, part: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the log loss of the clips, twice."""
        pixels, counts, labels = (t.to(self.setting.device) for t in part)
        with autocast(self.setting.device, self.schedule.bf16):
            logits = clip_logits(net, pixels, counts)
        smooth = self.recipe.optim.label_smoothing
        soft = labels.float() * (1 - 2 * smooth) + smooth
        value = functional.binary_cross_entropy_with_logits(logits.float(), soft)
        return value, value

    def logits(self, net: nn.Module, clips: list[ClipTracks]) -> np.ndarray:
        """Score clips as they are: logits (N,)."""
        device = next(net.parameters()).device
        net.eval()
        logits = []
        with torch.no_grad():
            for clip in clips:
                pixels, count = self.maker.plain(clip)
                tracks = torch.from_numpy(pixels[None]).to(device)
                logits.append(float(clip_logits(net, tracks, torch.tensor([count]))[0]))
        return np.array(logits)

    def validate(self, net: nn.Module) -> tuple[float, dict[str, float]]:
        """Return the negated log loss of groups A, and AUC and log loss."""
        clips = self._clips("A")
        logits, labels = self.logits(net, clips), np.array([c.label for c in clips])
        log_loss = float(np.mean(np.logaddexp(0, np.where(labels == 1, -logits, logits))))
        return -log_loss, {"auc": auc(logits[labels == 1], logits[labels == 0]), "log_loss": log_loss}

    def state(self) -> dict[str, Any]:
        return {"fingerprint": self.fingerprint}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.fingerprint = state["fingerprint"]

    def export(self, result: Result) -> Path:
        scored = {part: self.logits(result.net, self._clips(part)) for part in ("A", "B")}
        return finish(result, self.recipe, self.tracks, scored, self.setting.out)


def _check(parts: dict[str, list[ClipTracks]], *, forged: bool) -> None:
    for name, needed in (("train", (0,) if forged else (0, 1)), ("A", (0, 1))):
        labels = [c.label for c in parts[name]]
        for label in needed:
            if label not in labels:
                what = "real" if label == 0 else "fake"
                raise DatasetError(
                    f"no {what} clip in the split {name}", hint="extract more clips, or change data.val"
                )
