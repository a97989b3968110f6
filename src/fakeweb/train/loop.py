"""The training loop: resumable at any step, the same for the same seed."""

from __future__ import annotations

import contextlib
import copy
import io
import math
import pickle
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader

from fakeweb import registry
from fakeweb.datasets import half_of_group
from fakeweb.errors import DatasetError, ModelCorrupt, UsageError
from fakeweb.media import write_atomically
from fakeweb.train import Progress
from fakeweb.train.calibrate import labels_and_sources, source_aucs
from fakeweb.train.finish import finish
from fakeweb.train.loader import NO_KIND, EpochPlan, FaceDataset, Pick
from fakeweb.train.logs import Logs
from fakeweb.train.prepare import FaceSample, Prepared, prepare
from fakeweb.train.recipe import Recipe, to_dict
from fakeweb.types import KINDS, Sample


class Training:
    """One training in one folder; see :func:`fakeweb.train.run` for the arguments."""

    def __init__(
        self,
        recipe: Recipe,
        data: Path,
        out: Path,
        *,
        weights: Path | None,
        finder_model: Path | None,
        resume: bool,
        device: str,
        workers: int,
        threads: int,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self.recipe, self.out, self.resume, self.workers = recipe, out, resume, workers
        self.data, self.finder_model, self.on_progress = data, finder_model, on_progress
        self.checkpoint = out / "checkpoint.pt"
        if self.checkpoint.is_file() and not resume:
            raise UsageError(
                f"{out} already holds a training", hint="go on with --resume, or name another --out"
            )
        if threads:
            torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True, warn_only=True)
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.device = torch.device(device)
        torch.manual_seed(recipe.seed)
        name, _, argument = recipe.net.partition(":")
        self.net: nn.Module = registry.load("net", name)(1 + len(KINDS), argument, weights).to(self.device)
        self.average = copy.deepcopy(self.net).eval().requires_grad_(False)
        self.optim = torch.optim.AdamW(
            self.net.parameters(), lr=recipe.optim.lr, weight_decay=recipe.optim.weight_decay
        )
        self.step = 0
        self.best: dict[str, Any] = {"score": -math.inf, "epoch": 0, "state": None}

    def run(self) -> Path:
        """Train to the end and export; on an interrupt the last step is kept."""
        self.out.mkdir(parents=True, exist_ok=True)
        prepared = self._prepare()
        split: dict[str, list[FaceSample]] = {"train": [], "A": [], "B": []}
        for face in prepared.faces:
            sample = face.sample
            split["train" if sample.split == "train" else half_of_group(sample.source, sample.group)].append(
                face
            )
        for name in ("train", "A"):
            if len({f.sample.label for f in split[name]}) < 2:
                raise DatasetError(
                    f"the split '{name}' lacks real or fake faces",
                    hint="both classes are needed in train and val",
                )
        plan = EpochPlan(split["train"], self.recipe)
        if self.resume and self.checkpoint.is_file():
            self._load()
        logs = Logs(self.out, self.step)
        try:
            self._epochs(plan, split, logs)
        except KeyboardInterrupt:
            self._save()
            raise
        finally:
            logs.close()
        self.net.load_state_dict(self.best["state"])
        self.on_progress(Progress("export", 0, 1))
        return finish(self, split, prepared)

    def _prepare(self) -> Prepared:
        layout = registry.load("layout", self.recipe.data.layout)()
        skipped = set(self.recipe.data.skip_sources)
        samples: list[Sample] = [
            s for s in layout.index(self.data) if s.label is not None and s.source not in skipped
        ]
        make = registry.load("finder", self.recipe.data.finder)
        finder = make(self.finder_model) if self.finder_model else make()
        return prepare(
            samples, finder, self.out, lambda done, total: self.on_progress(Progress("faces", done, total))
        )

    def _epochs(self, plan: EpochPlan, split: dict[str, list[FaceSample]], logs: Logs) -> None:
        epochs = self.recipe.optim.epochs
        while self.step < epochs * plan.steps:
            epoch = self.step // plan.steps
            self._one_epoch(plan, epoch, split["train"], logs)
            figures = self._validate(split["A"])
            logs.epoch(epoch + 1, self.step, figures)
            if figures["score"] > self.best["score"]:
                self.best = {
                    "score": figures["score"],
                    "epoch": epoch + 1,
                    "state": {k: v.detach().cpu().clone() for k, v in self.average.state_dict().items()},
                }
            self._save()
            note = ", ".join(f"{k} {v:.3f}" for k, v in figures.items())
            self.on_progress(Progress("train", plan.steps, plan.steps, epoch + 1, epochs, note=note))

    def _one_epoch(self, plan: EpochPlan, epoch: int, faces: list[FaceSample], logs: Logs) -> None:
        begun = self.step - epoch * plan.steps
        batches = plan.batches(epoch)[begun:]
        self.net.train()
        saved, running = time.monotonic(), 0.0
        for number, batch in enumerate(self._load_batches(faces, batches), begun + 1):
            loss = self._train_step(batch, plan.steps * self.recipe.optim.epochs)
            running = loss if number == begun + 1 else 0.95 * running + 0.05 * loss
            logs.step(self.step, loss, self.optim.param_groups[0]["lr"])
            self.on_progress(
                Progress("train", number, plan.steps, epoch + 1, self.recipe.optim.epochs, round(running, 4))
            )
            if time.monotonic() - saved > self.recipe.optim.checkpoint_s:
                self._save()
                saved = time.monotonic()

    def _load_batches(self, faces: list[FaceSample], batches: list[list[Pick]]) -> Iterator[Any]:
        return iter(
            DataLoader(
                FaceDataset(faces, self.recipe),
                batch_sampler=batches,
                num_workers=self.workers,
                worker_init_fn=_single_thread,
            )
        )

    def _train_step(self, batch: tuple[torch.Tensor, ...], total: int) -> float:
        optim = self.recipe.optim
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.step)  # dropout does not depend on resuming
        for group in self.optim.param_groups:
            group["lr"] = optim.lr * _one_cycle(self.step / total, optim.warmup)
        pixels, labels, kinds = (t.to(self.device) for t in batch)
        with self._autocast():
            out = self.net(pixels.permute(0, 3, 1, 2).float())
        loss = _loss(out.float(), labels, kinds, self.recipe)
        self.optim.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), optim.clip)
        self.optim.step()
        self.step += 1
        decay = min(optim.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for kept, new in zip(
                self.average.state_dict().values(), self.net.state_dict().values(), strict=True
            ):
                if kept.dtype.is_floating_point:
                    kept.lerp_(new, 1 - decay)
                else:
                    kept.copy_(new)
        return float(loss.detach())

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        if not self.recipe.optim.bf16:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def outputs(self, net: nn.Module, faces: list[FaceSample], *, seed: int | None = None) -> np.ndarray:
        """Return the network's raw outputs, float64 (N, 1 + kinds), for faces as they are or degraded."""
        net.eval()
        size = 2 * self.recipe.optim.batch
        picks = [Pick(i, None if seed is None else (self.recipe.seed, seed, i)) for i in range(len(faces))]
        batches = [picks[i : i + size] for i in range(0, len(picks), size)]
        out = []
        with torch.no_grad():
            for done, (pixels, _, _) in enumerate(self._load_batches(faces, batches), 1):
                out.append(net(pixels.to(self.device).permute(0, 3, 1, 2).float()).cpu().numpy())
                self.on_progress(Progress("validate", done, len(batches)))
        return np.concatenate(out).astype(np.float64)

    def _validate(self, faces: list[FaceSample]) -> dict[str, float]:
        logits = self.outputs(self.average, faces)[:, 0]
        figures = source_aucs(logits, *labels_and_sources(faces))
        self.net.train()
        return {"score": float(np.mean(list(figures.values()))), **figures}

    def _save(self) -> None:
        buffer = io.BytesIO()
        torch.save(
            {
                "recipe": to_dict(self.recipe),
                "net": self.net.state_dict(),
                "average": self.average.state_dict(),
                "optim": self.optim.state_dict(),
                "step": self.step,
                "best": self.best,
            },
            buffer,
        )
        write_atomically(self.checkpoint, buffer.getvalue())

    def _load(self) -> None:
        try:
            state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise ModelCorrupt(
                f"{self.checkpoint} cannot be read: {error}", hint="begin anew in another --out"
            ) from error
        mine, theirs = to_dict(self.recipe), state["recipe"]
        free = ("checkpoint_s",)  # may change without changing the result
        for part in (mine, theirs):
            part["optim"] = {k: v for k, v in part["optim"].items() if k not in free}
        learning = ("net", "seed", "data", "optim", "augment")
        if changed := [k for k in learning if mine[k] != theirs[k]]:
            raise UsageError(
                f"{self.checkpoint} was trained by another recipe (it differs in {', '.join(changed)})",
                hint="begin anew in another --out",
            )
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        self.optim.load_state_dict(state["optim"])
        self.step, self.best = state["step"], state["best"]


def _single_thread(_worker: int) -> None:
    import cv2

    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def _one_cycle(part: float, warmup: float) -> float:
    """Rise linearly, then fall by a half cosine (Smith, Super-convergence, 2018)."""
    if part < warmup:
        return max(part / warmup, 0.02)
    return 0.5 * (1 + math.cos(math.pi * (part - warmup) / (1 - warmup)))


def _loss(out: torch.Tensor, labels: torch.Tensor, kinds: torch.Tensor, recipe: Recipe) -> torch.Tensor:
    soft = labels.float() * (1 - 2 * recipe.optim.label_smoothing) + recipe.optim.label_smoothing
    loss = functional.binary_cross_entropy_with_logits(out[:, 0], soft)
    if bool((kinds != NO_KIND).any()):
        loss = loss + recipe.optim.kind_weight * functional.cross_entropy(
            out[:, 1:], kinds, ignore_index=NO_KIND
        )
    return loss
