"""The training loop: resumable at any step, the same for the same seed, on one process or many."""

from __future__ import annotations

import contextlib
import copy
import math
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from fakeweb.errors import BadRecipe, FakeWebError, ModelCorrupt, ModelMissing, UsageError
from fakeweb.train import Progress
from fakeweb.train.augment import views
from fakeweb.train.calibrate import labels_and_sources, source_aucs
from fakeweb.train.checkpoint import fingerprint, read_checkpoint, write_checkpoint
from fakeweb.train.corpus import Corpus, gather
from fakeweb.train.devices import Crew, autocast, pick_device
from fakeweb.train.finish import finish
from fakeweb.train.forging import Forger
from fakeweb.train.heads import build_net, freeze, outputs_of
from fakeweb.train.interrupts import asked_to_stop, whole_steps
from fakeweb.train.loader import NO_KIND, EpochPlan, FaceDataset, Pick, collate, part_of, single_thread
from fakeweb.train.logs import Logs, NoLogs
from fakeweb.train.losses import Counts, Targets, loss_of
from fakeweb.train.optimizers import make_optimizer, one_cycle
from fakeweb.train.prepare import FaceSample
from fakeweb.train.recipe import AugmentRecipe, Recipe
from fakeweb.types import KINDS

Batch = dict[str, torch.Tensor]


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
        mesher_model: Path | None = None,
        cache: Path | None = None,
    ) -> None:
        self.recipe, self.out, self.resume, self.workers = recipe, out, resume, workers
        self.data, self.finder_model, self.on_progress = data, finder_model, on_progress
        self.mesher_model, self.cache = mesher_model, cache or out
        self.checkpoint = out / "checkpoint.pt"
        if self.checkpoint.is_file() and not resume:
            raise UsageError(
                f"{out} already holds a training", hint="go on with --resume, or name another --out"
            )
        if weights is not None and not weights.is_file():
            raise ModelMissing(f"no weights at {weights}", hint="see docs/guide/train.md")
        if weights is None and not recipe.optim.epochs:
            raise UsageError(
                "optim.epochs = 0 exports what it starts from, and that is nothing", hint="give --weights"
            )
        if threads:
            torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = (
            False  # no result depends on it, and it takes time
        )
        self.device = pick_device(device)
        self.crew = Crew(self.device)
        if recipe.optim.batch % (2 * self.crew.size * recipe.optim.accumulate):
            raise BadRecipe(
                f"optim.batch = {recipe.optim.batch} cannot be cut into {self.crew.size} x "
                f"{recipe.optim.accumulate} parts, each half fake",
                hint="make it a multiple of 2 x processes x optim.accumulate",
            )
        if not self.crew.first:
            self.on_progress = lambda _: None
        torch.manual_seed(recipe.seed)
        self.net = build_net(recipe, weights)
        _try_out(self.net, recipe)
        freeze(self.net, recipe, True)  # for its error
        self.net = self.net.to(self.device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.net).eval().requires_grad_(False)
        self.optim = make_optimizer(self.net, recipe.optim)
        self.step = 0
        self.best: dict[str, Any] = {"score": -math.inf, "epoch": 0, "state": None}
        self.top: list[dict[str, Any]] = []  # the best epochs, where several are averaged
        self.averaged: list[int] = []
        self.start = copy.deepcopy(self.net.state_dict()) if recipe.optim.keep_start else None
        self.faces: str | None = None  # which faces the checkpoint was trained on
        self.logs: Logs
        self.corpus: Corpus
        self.forger: Forger | None = None
        self._stop = False
        self.seen_kinds: set[str | None] = set()

    def run(self) -> Path:
        """Train to the end and export; on an interrupt the last step is kept."""
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            self.cache.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"{self.out} cannot be made: {error.strerror}", hint="name another --out"
            ) from error
        if self.resume and self.checkpoint.is_file():
            self._load()
        self._gather()
        split = self.corpus.split
        forgeable = self.corpus.forgeable(self.recipe)
        plan = EpochPlan(split["train"], self.recipe, forgeable)
        if plan.forged and self.corpus.regions is not None:
            donors = self.corpus.places_of([split["train"][i] for i in forgeable]) or []
            self.forger = Forger(self.recipe.forge, self.corpus.regions, donors)
        self.logs = Logs(self.out, self.step) if self.crew.first else NoLogs()
        try:
            with asked_to_stop(self._ask_to_stop) if self.crew.size > 1 else contextlib.nullcontext():
                self._epochs(plan, split)
        except KeyboardInterrupt:
            self._save()
            raise
        except torch.OutOfMemoryError as error:
            raise UsageError(
                f"{self.device} has too little memory for batches of {self.recipe.optim.batch}",
                hint="raise optim.accumulate, lower optim.batch or data.side_px, or use --device cpu",
            ) from error
        finally:
            self.logs.close()
        self._choose(split["A"])
        self.crew.wait()
        if not self.crew.first:
            self.crew.close()
            return self.out / f"{self.recipe.name}.json"
        self.crew.close()
        self.crew.size = 1  # what follows is done by one
        self.on_progress(Progress("export", 0, 1))
        card = finish(self, split, self.corpus.prepared)
        self.on_progress(Progress("export", 1, 1))
        return card

    def _gather(self) -> None:
        """Find the faces; the first process does, the others read what it kept."""
        for mine in (True, False):
            if self.crew.first == mine:
                self.corpus = gather(
                    self.recipe, self.data, self.out, self.cache, self.finder_model, self.mesher_model,
                    self.on_progress, first=self.crew.first,
                )  # fmt: skip
            self.crew.wait()
        found = fingerprint(self.corpus.prepared.faces)
        if self.faces not in (None, found):
            raise UsageError(
                f"{self.checkpoint} was trained on other pictures than {self.data} holds now",
                hint="restore the data, or begin anew in another --out",
            )
        self.faces = found

    def _epochs(self, plan: EpochPlan, split: dict[str, list[FaceSample]]) -> None:
        # stopped after an epoch's last step, or none to come
        if (self.step and self.step % plan.steps == 0) or not self.recipe.optim.epochs:
            self._end_epoch(plan, split["A"])
        while self.step < self.recipe.optim.epochs * plan.steps and not self._tired(plan):
            self._one_epoch(plan, self.step // plan.steps, split["train"])
            self._end_epoch(plan, split["A"])

    def _tired(self, plan: EpochPlan) -> bool:
        """Tell whether the score has not risen for too long; known from the checkpoint alone."""
        epoch, patience = self.step // plan.steps, self.recipe.optim.patience
        whole = self.step % plan.steps == 0
        return bool(patience) and whole and epoch - int(self.best["epoch"]) >= patience and epoch > 0

    def _one_epoch(self, plan: EpochPlan, epoch: int, faces: list[FaceSample]) -> None:
        begun, epochs = self.step - epoch * plan.steps, self.recipe.optim.epochs
        batches = [part_of(b, self.crew.rank, self.crew.size) for b in plan.batches(epoch)[begun:]]
        self.net.train()
        thawed = 0 < self.recipe.optim.freeze_epochs <= epoch
        freeze(self.net, self.recipe, not thawed)
        saved, running = time.monotonic(), 0.0
        for number, batch in enumerate(self.batches_of(faces, batches), begun + 1):
            with whole_steps():
                loss = self._train_step(batch, plan.steps * epochs)
                self.logs.step(self.step, loss, self.optim.param_groups[0]["lr"])
            running = loss if number == begun + 1 else 0.95 * running + 0.05 * loss
            self.on_progress(Progress("train", number, plan.steps, epoch + 1, epochs, round(running, 4)))
            if time.monotonic() - saved > self.recipe.optim.checkpoint_s:
                self._save()
                saved = time.monotonic()

    def _end_epoch(self, plan: EpochPlan, faces: list[FaceSample]) -> None:
        """Validate and save; doing it twice changes nothing."""
        epoch, epochs = self.step // plan.steps, self.recipe.optim.epochs
        figures = self._validate(faces)
        entry: dict[str, Any] = {"score": figures["score"], "epoch": epoch}
        kept, known = self.recipe.optim.average_best, {e["epoch"] for e in self.top}
        wanted = kept > 1 and epoch not in known
        chosen = figures["score"] > self.best["score"] or self.recipe.optim.choose == "last"
        if chosen or wanted:
            entry["state"] = {k: v.detach().cpu().clone() for k, v in self.average.state_dict().items()}
        if chosen:
            self.best = entry
        if wanted:
            self.top = sorted([*self.top, entry], key=lambda e: (-e["score"], e["epoch"]))[:kept]
        self.logs.epoch(epoch, self.step, figures)
        self._save()
        note = ", ".join(f"{k} {v:.3f}" for k, v in figures.items())
        self.on_progress(Progress("train", plan.steps, plan.steps, epoch, epochs, note=note))

    def _choose(self, faces: list[FaceSample]) -> None:
        """Load the best epoch's weights, or the mean of the best epochs' if that scores higher."""
        chosen = self.best["state"]
        if len(self.top) > 1:
            states = [entry["state"] for entry in self.top]
            mean = {
                k: torch.stack([s[k] for s in states]).mean(0) if v.dtype.is_floating_point else v
                for k, v in chosen.items()
            }
            self.average.load_state_dict(mean)
            score = self._validate(faces)["score"]
            if score > self.best["score"]:
                chosen, self.averaged = mean, sorted(entry["epoch"] for entry in self.top)
        if self.start is not None:
            share = self.recipe.optim.keep_start
            chosen = {
                k: torch.lerp(v, self.start[k].to(v), share) if v.dtype.is_floating_point else v
                for k, v in chosen.items()
            }
        self.net.load_state_dict(chosen)

    def batches_of(
        self, faces: list[FaceSample], batches: list[list[Pick]], augment: AugmentRecipe | None = None
    ) -> Iterator[Batch]:
        """Yield the batches of these picks, prepared by worker processes."""
        places = self.corpus.places_of(faces)
        loader: DataLoader[Any] = DataLoader(
            FaceDataset(faces, self.recipe, augment, self.corpus.regions, places, self.forger),
            batch_sampler=batches,
            num_workers=self.workers,
            worker_init_fn=single_thread,
            collate_fn=collate,
            prefetch_factor=4 if self.workers else None,
        )
        with warnings.catch_warnings():  # from Python 3.12 on; the workers compute with one thread
            warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
            loading = iter(loader)
        try:
            for batch in loading:
                if isinstance(batch, FakeWebError):
                    raise batch
                yield batch
        except RuntimeError as error:
            if not str(error).startswith("DataLoader worker"):
                raise
            raise UsageError(
                "a process that prepares batches has died, perhaps for lack of memory",
                hint="go on with --resume --workers 0",
            ) from error
        finally:
            del loading  # ends the workers now; left to a traceback and the collector, it takes seconds

    def _train_step(self, batch: Batch, total: int) -> float:
        optim = self.recipe.optim
        for group in self.optim.param_groups:
            group["lr"] = optim.lr * one_cycle(self.step / total, optim.warmup)
        counts = self._counts(batch)
        self.seen_kinds |= {KINDS[k] for k in set(batch["kind"].tolist()) - {NO_KIND}}
        value = self._gradients(batch, counts)
        if optim.sam:
            with self._uphill(optim.sam):
                value = self._gradients(batch, counts)
        (value,) = self.crew.total([value])
        nn.utils.clip_grad_norm_(self.net.parameters(), optim.clip)
        self.optim.step()
        self.step += 1
        self._follow()
        if not math.isfinite(value):
            raise _diverged(f"the loss is {value} at step {self.step}")
        return value

    def _gradients(self, batch: Batch, counts: Counts) -> float:
        """Compute the gradients over all processes; return this one's share of the loss."""
        parts, value = self.recipe.optim.accumulate, 0.0
        # dropout does not depend on resuming, and differs between processes
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.step + 7_919_000_003 * self.crew.rank)
        self.optim.zero_grad(set_to_none=True)
        for part in range(parts):
            loss = self._loss(_rows(batch, part, parts), counts)
            loss.backward()
            value += float(loss.detach())
        self._share_gradients()
        return value

    @contextlib.contextmanager
    def _uphill(self, length: float) -> Iterator[None]:
        """Move the weights so far along their gradient, and back to where they were."""
        moved = [w for w in self.net.parameters() if w.grad is not None]
        kept = [w.detach().clone() for w in moved]
        slopes = [w.grad for w in moved if w.grad is not None]
        with torch.no_grad():
            steep = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(slopes)))
            torch._foreach_add_(moved, torch._foreach_mul(slopes, length / (steep + 1e-12)))
        yield
        with torch.no_grad():
            torch._foreach_copy_(moved, kept)

    def _counts(self, batch: Batch) -> Counts:
        """Count over all processes; all of them stop here if one was asked to."""
        known = batch["known"].sum() if "known" in batch else 0
        numbers = [len(batch["label"]), int((batch["kind"] != NO_KIND).sum()), int(known), int(self._stop)]
        faces, kinds, masks, stop = self.crew.total([float(n) for n in numbers])
        if stop:
            raise KeyboardInterrupt
        return Counts(faces, kinds, masks)

    def _loss(self, part: Batch, counts: Counts) -> torch.Tensor:
        """Return a part's share of the batch's loss."""
        part = {k: v.to(self.device, non_blocking=True) for k, v in part.items()}
        targets = Targets(part["label"].float(), part["kind"], part.get("mask"), part.get("known"))
        pixels = part["pixels"].permute(0, 3, 1, 2).float()
        with autocast(self.device, self.recipe.optim):
            said = outputs_of(self.net, pixels)
        return loss_of(said, targets, self.recipe, counts)

    def _ask_to_stop(self) -> None:
        self._stop = True

    def _share_gradients(self) -> None:
        """Add up what the processes found; alone, nothing."""
        if self.crew.size == 1:
            return
        gradients, averages = [], []
        for weight in self.net.parameters():
            if weight.requires_grad:
                weight.grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
                gradients.append(weight.grad)
        averages = [b for b in self.net.buffers() if b.dtype.is_floating_point]
        self.crew.add_up(gradients, averages)

    def _follow(self) -> None:
        """Move the averaged weights towards the new ones."""
        decay = min(self.recipe.optim.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            pairs = zip(self.average.state_dict().values(), self.net.state_dict().values(), strict=True)
            kept, new = zip(*((k, n) for k, n in pairs if k.dtype.is_floating_point), strict=True)
            torch._foreach_lerp_(list(kept), list(new), 1 - decay)
            for k, n in zip(self.average.buffers(), self.net.buffers(), strict=True):
                if not k.dtype.is_floating_point:
                    k.copy_(n)

    def outputs(
        self, net: nn.Module, faces: list[FaceSample], *, seed: int | None = None, mirrored: bool = False
    ) -> np.ndarray:
        """Return the network's raw outputs, float64 (N, 1 + kinds), for crops as they are or degraded, or mirrored."""
        net.eval()
        size = 2 * self.recipe.optim.batch
        picks = [Pick(i, None if seed is None else (self.recipe.seed, seed, i)) for i in range(len(faces))]
        mine = picks[self.crew.rank :: self.crew.size]
        batches = [mine[i : i + size] for i in range(0, len(mine), size)]
        out = [np.zeros((0, 1 + len(KINDS)), np.float32)]
        with torch.no_grad():
            for done, batch in enumerate(self.batches_of(faces, batches, views(self.recipe.augment)), 1):
                pixels = batch["pixels"].to(self.device).permute(0, 3, 1, 2).float()
                out.append(net(pixels.flip(3) if mirrored else pixels).cpu().numpy())
                self.on_progress(Progress("validate", done, len(batches)))
        outputs = self.crew.interleave(np.concatenate(out), len(faces)).astype(np.float64)
        if not np.isfinite(outputs).all():
            raise _diverged("the network gives no finite numbers")
        return outputs

    def _validate(self, faces: list[FaceSample]) -> dict[str, float]:
        logits = self.outputs(self.average, faces)[:, 0]
        figures = source_aucs(logits, *labels_and_sources(faces))
        return {"score": float(np.mean(list(figures.values()))), **figures}

    def _save(self) -> None:
        if not self.crew.first:
            return
        self.logs.flush()
        state = {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optim": self.optim.state_dict(),
            "step": self.step,
            "best": self.best,
            "top": self.top,
            "start": self.start,
            "faces": self.faces,
            "seen_kinds": sorted(k for k in self.seen_kinds if k),
        }
        write_checkpoint(self.checkpoint, self.recipe, state)

    def _load(self) -> None:
        state = read_checkpoint(self.checkpoint, self.recipe)
        try:
            self.net.load_state_dict(state["net"])
            self.average.load_state_dict(state["average"])
            self.optim.load_state_dict(state["optim"])
            self.step, self.best, self.faces = state["step"], state["best"], state.get("faces")
            self.top, self.start = state["top"], state.get("start")
            self.seen_kinds = set(state["seen_kinds"])
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise ModelCorrupt(
                f"{self.checkpoint} does not fit the network '{self.recipe.net}': {reason}",
                hint="begin anew in another --out",
            ) from error


def _rows(batch: Batch, part: int, parts: int) -> Batch:
    """Return one of equal parts of a batch, fakes and their reals."""
    if parts == 1:
        return batch
    half = len(batch["label"]) // 2
    size = half // parts
    rows = torch.arange(part * size, (part + 1) * size)
    rows = torch.cat([rows, rows + half])
    return {k: v[rows] for k, v in batch.items()}


def _try_out(net: nn.Module, recipe: Recipe) -> None:
    """Run a network once, so that one that does not fit the recipe fails now."""
    side = recipe.data.side_px
    try:
        with torch.no_grad():
            shape = tuple(outputs_of(net.eval(), torch.zeros(2, 3, side, side)).logits.shape)
    except Exception as error:  # whatever the network raises
        reason = str(error).partition("\n")[0]
        raise BadRecipe(
            f"the network '{recipe.net}' does not take {side} px: {reason}",
            hint="choose another data.side_px or net",
        ) from error
    if shape != (2, 1 + len(KINDS)):
        raise BadRecipe(
            f"the network '{recipe.net}' gives {shape}, not (2, {1 + len(KINDS)})",
            hint="build(outputs, argument, weights) must return a module with that many outputs",
        )


def _diverged(what: str) -> BadRecipe:
    return BadRecipe(
        f"the training came apart: {what}", hint="lower optim.lr and begin anew in another --out"
    )
