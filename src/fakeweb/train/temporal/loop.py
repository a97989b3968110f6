"""The training of a temporal network: resumable at any step, the same for the same seed."""

from __future__ import annotations

import dataclasses
import io
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from fakeweb.errors import BadRecipe, DatasetError, ModelCorrupt, UsageError
from fakeweb.media import write_atomically
from fakeweb.train import Progress
from fakeweb.train.calibrate import auc
from fakeweb.train.devices import pick_device
from fakeweb.train.interrupts import whole_steps
from fakeweb.train.loader import single_thread
from fakeweb.train.logs import Logs
from fakeweb.train.optimizers import one_cycle
from fakeweb.train.temporal.clips import ClipMaker
from fakeweb.train.temporal.finish import Judge, finish
from fakeweb.train.temporal.net import TemporalNet, clip_logits
from fakeweb.train.temporal.recipe import TemporalRecipe
from fakeweb.train.temporal.tracks import ClipTracks, TrackSet

_FREE = ("title", "licence", "limits", "version", "calibration")
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


class TemporalTraining:
    """One training in one folder; see :func:`fakeweb.train.run` for the arguments."""

    def __init__(
        self,
        recipe: TemporalRecipe,
        data: str,
        out: Path,
        *,
        weights: Path | None,
        resume: bool,
        device: str,
        workers: int,
        threads: int,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self.recipe, self.data, self.out, self.workers = recipe, data, out, workers
        self.on_progress = on_progress
        self.checkpoint = out / "checkpoint.pt"
        if self.checkpoint.is_file() and not resume:
            raise UsageError(
                f"{out} already holds a training", hint="go on with --resume, or name another --out"
            )
        if threads:
            torch.set_num_threads(threads)
        self.device = pick_device(device)
        torch.manual_seed(recipe.seed)
        self.net = TemporalNet(recipe.net, weights).to(self.device)
        self.optim = torch.optim.Adam(self.net.parameters(), lr=recipe.optim.lr)
        self.step = 0
        self.best: dict[str, Any] = {"score": -math.inf, "epoch": 0, "state": None, "figures": {}}
        self.fingerprint: str | None = None

    def run(self) -> Path:
        """Train to the end and export; on an interrupt the last step is kept."""
        self.out.mkdir(parents=True, exist_ok=True)
        if self.checkpoint.is_file():
            self._load()
        tracks = self._tracks()
        maker = ClipMaker(tracks, self.recipe)
        parts = {p: [c for c in tracks.clips if c.split == p] for p in ("train", "A", "B")}
        _check(parts, forged=bool(self.recipe.data.forge))
        taught = Taught(maker, parts["train"])
        judge = self.judge(maker)
        per_epoch = self.recipe.optim.clips_per_epoch // self.recipe.optim.batch
        logs = Logs(self.out, self.step)
        try:
            if self.step and self.step % per_epoch == 0:
                self._end_epoch(judge, parts["A"], per_epoch, logs)
            while self.step < self.recipe.optim.epochs * per_epoch:
                self._one_epoch(taught, per_epoch, logs)
                self._end_epoch(judge, parts["A"], per_epoch, logs)
        except KeyboardInterrupt:
            self._save()
            raise
        finally:
            logs.close()
        self.on_progress(Progress("export", 0, 1))
        self.net.load_state_dict(self.best["state"])
        card = finish(self.net.cpu().eval(), self.recipe, self.best, tracks, judge, self.out)
        self.on_progress(Progress("export", 1, 1))
        return card

    def _tracks(self) -> TrackSet:
        data = self.recipe.data
        tracks = TrackSet(
            self.data,
            source=data.source,
            val=data.val,
            min_face_px=self.recipe.calibration.min_face_px,
            on_shard=lambda done, total: self.on_progress(Progress("faces", done, total)),
        )
        if tracks.margin < data.margin:
            raise DatasetError(
                f"{self.data} holds crops of margin {tracks.margin}, the recipe wants {data.margin}",
                hint="extract again with a larger --margin",
            )
        if self.fingerprint not in (None, tracks.fingerprint):
            raise UsageError(
                f"{self.checkpoint} was trained on other shards than {self.data} holds now",
                hint="restore the data, or begin anew in another --out",
            )
        self.fingerprint = tracks.fingerprint
        return tracks

    def _one_epoch(self, clips: Taught, per_epoch: int, logs: Logs) -> None:
        optim = self.recipe.optim
        epoch, begun = divmod(self.step, per_epoch)
        batches = [
            list(range(step * optim.batch, (step + 1) * optim.batch))
            for step in range(self.step, (epoch + 1) * per_epoch)
        ]
        self.net.train()
        saved, running = time.monotonic(), 0.0
        for number, batch in enumerate(self._load_batches(clips, batches), begun + 1):
            with whole_steps():
                value = self._train_step(batch, per_epoch * optim.epochs)
                logs.step(self.step, value, self.optim.param_groups[0]["lr"])
            running = value if number == begun + 1 else 0.95 * running + 0.05 * value
            self.on_progress(Progress("train", number, per_epoch, epoch + 1, optim.epochs, round(running, 4)))
            if time.monotonic() - saved > optim.checkpoint_s:
                self._save()
                saved = time.monotonic()

    def _load_batches(self, clips: Taught, batches: list[list[int]]) -> Iterator[Any]:
        loader: DataLoader[Any] = DataLoader(
            clips, batch_sampler=batches, num_workers=self.workers, worker_init_fn=single_thread
        )
        yield from loader

    def _train_step(self, batch: Any, total: int) -> float:
        optim = self.recipe.optim
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.step)  # dropout does not depend on resuming
        for group in self.optim.param_groups:
            group["lr"] = optim.lr * one_cycle(self.step / total, optim.warmup)
        pixels, counts, labels = (t.to(self.device) for t in batch)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=optim.bf16):
            logits = clip_logits(self.net, pixels, counts)
        soft = labels.float() * (1 - 2 * optim.label_smoothing) + optim.label_smoothing
        loss = functional.binary_cross_entropy_with_logits(logits.float(), soft)
        self.optim.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), optim.clip)
        self.optim.step()
        self.step += 1
        value = float(loss.detach())
        if not math.isfinite(value):
            raise BadRecipe(
                f"the training came apart: the loss is {value} at step {self.step}",
                hint="lower optim.lr and begin anew in another --out",
            )
        return value

    def judge(self, maker: ClipMaker) -> Judge:
        """Return what scores clips as they are: list -> logits (N,)."""

        def score(clips: list[ClipTracks]) -> np.ndarray:
            device = next(self.net.parameters()).device
            self.net.eval()
            logits = []
            with torch.no_grad():
                for clip in clips:
                    pixels, count = maker.plain(clip)
                    tracks = torch.from_numpy(pixels[None]).to(device)
                    logits.append(float(clip_logits(self.net, tracks, torch.tensor([count]))[0]))
            return np.array(logits)

        return score

    def _end_epoch(self, judge: Judge, clips: list[ClipTracks], per_epoch: int, logs: Logs) -> None:
        """Validate on groups A and save; doing it twice changes nothing."""
        epoch = self.step // per_epoch
        self.on_progress(Progress("validate", 0, 1))
        logits = judge(clips)
        labels = np.array([c.label for c in clips])
        figures = {
            "auc": auc(logits[labels == 1], logits[labels == 0]),
            "log_loss": float(np.mean(np.logaddexp(0, np.where(labels == 1, -logits, logits)))),
        }
        if -figures["log_loss"] > self.best["score"]:
            state = {k: v.detach().cpu().clone() for k, v in self.net.state_dict().items()}
            self.best = {"score": -figures["log_loss"], "epoch": epoch, "state": state, "figures": figures}
        logs.epoch(epoch, self.step, figures)
        self._save()
        note = ", ".join(f"{k} {v:.3f}" for k, v in figures.items())
        self.on_progress(Progress("train", per_epoch, per_epoch, epoch, self.recipe.optim.epochs, note=note))

    def _save(self) -> None:
        buffer = io.BytesIO()
        state = {
            "recipe": _learning(self.recipe), "net": self.net.state_dict(), "optim": self.optim.state_dict(),
            "step": self.step, "best": self.best, "fingerprint": self.fingerprint,
        }  # fmt: skip
        torch.save(state, buffer)
        write_atomically(self.checkpoint, buffer.getvalue())

    def _load(self) -> None:
        try:
            state = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
        except Exception as error:  # the guest has no common base for its exceptions
            raise ModelCorrupt(
                f"{self.checkpoint} cannot be read: {error}", hint="begin anew in another --out"
            ) from error
        if state["recipe"] != _learning(self.recipe):
            raise UsageError(
                f"{self.checkpoint} was trained by another recipe", hint="begin anew in another --out"
            )
        self.net.load_state_dict(state["net"])
        self.optim.load_state_dict(state["optim"])
        self.step, self.best, self.fingerprint = state["step"], state["best"], state["fingerprint"]


def _learning(recipe: TemporalRecipe) -> dict[str, Any]:
    """Return the part of a recipe that changes what is learned."""
    return {k: repr(v) for k, v in dataclasses.asdict(recipe).items() if k not in _FREE}


def _check(parts: dict[str, list[ClipTracks]], *, forged: bool) -> None:
    for name, needed in (("train", (0,) if forged else (0, 1)), ("A", (0, 1))):
        labels = [c.label for c in parts[name]]
        for label in needed:
            if label not in labels:
                what = "real" if label == 0 else "fake"
                raise DatasetError(
                    f"no {what} clip in the split {name}", hint="extract more clips, or change data.val"
                )
