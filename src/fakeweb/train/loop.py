"""The training loop: resumable at any step, the same for the same seed."""

from __future__ import annotations

import contextlib
import copy
import inspect
import math
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader

from fakeweb import registry
from fakeweb.datasets import half_of_group, read_samples
from fakeweb.errors import BadRecipe, DatasetError, ModelCorrupt, ModelMissing, UsageError
from fakeweb.train import Progress
from fakeweb.train.calibrate import MIN_LOGITS, labels_and_sources, source_aucs
from fakeweb.train.checkpoint import fingerprint, read_checkpoint, write_checkpoint
from fakeweb.train.finish import finish
from fakeweb.train.loader import NO_KIND, EpochPlan, FaceDataset, Pick, collate
from fakeweb.train.logs import Logs
from fakeweb.train.prepare import FaceSample, Prepared, prepare, write_table
from fakeweb.train.recipe import Recipe
from fakeweb.types import KINDS, FaceFinder, Sample


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
        if weights is not None and not weights.is_file():
            raise ModelMissing(f"no weights at {weights}", hint="see docs/guide/train.md")
        if threads:
            torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True, warn_only=True)
        self.device = pick_device(device)
        torch.manual_seed(recipe.seed)
        name, _, argument = recipe.net.partition(":")
        self.net: nn.Module = registry.load("net", name)(1 + len(KINDS), argument, weights)
        _try_out(self.net, recipe)
        self.net = self.net.to(self.device)
        self.average = copy.deepcopy(self.net).eval().requires_grad_(False)
        self.optim = torch.optim.AdamW(
            self.net.parameters(), lr=recipe.optim.lr, weight_decay=recipe.optim.weight_decay
        )
        self.step = 0
        self.best: dict[str, Any] = {"score": -math.inf, "epoch": 0, "state": None}
        self.faces: str | None = None  # which faces the checkpoint was trained on
        self.logs: Logs

    def run(self) -> Path:
        """Train to the end and export; on an interrupt the last step is kept."""
        try:
            self.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"{self.out} cannot be made: {error.strerror}", hint="name another --out"
            ) from error
        if self.resume and self.checkpoint.is_file():
            self._load()
        prepared = self._prepare()
        split = self._split(prepared)
        plan = EpochPlan(split["train"], self.recipe)
        self.logs = Logs(self.out, self.step)
        try:
            self._epochs(plan, split)
        except KeyboardInterrupt:
            self._save()
            raise
        except torch.OutOfMemoryError as error:
            raise UsageError(
                f"{self.device} has too little memory for batches of {self.recipe.optim.batch}",
                hint="lower optim.batch or data.side_px, or use --device cpu",
            ) from error
        finally:
            self.logs.close()
        self.net.load_state_dict(self.best["state"])
        self.on_progress(Progress("export", 0, 1))
        card = finish(self, split, prepared)
        self.on_progress(Progress("export", 1, 1))
        return card

    def _prepare(self) -> Prepared:
        wanted = self.recipe.data
        indexed, problems, _ = read_samples(self.data, wanted.layout, wanted.options, wanted.people)
        samples: list[Sample] = [
            s
            for s in indexed
            if s.label is not None and s.source not in wanted.skip_sources and s.split != "test"
        ]
        for problem in problems:
            self.on_progress(Progress("faces", 0, len(samples), note=problem))
        prepared = prepare(
            samples,
            _finder(self.recipe.data.finder, self.finder_model),
            self.out,
            lambda done, total: self.on_progress(Progress("faces", done, total)),
        )
        table = self.out / "left_out.csv"
        write_table(table, [("path", "reason"), *((s.path, why) for s, why in prepared.left_out)])
        if prepared.left_out:
            reasons = ", ".join(f"{n} x {why}" for why, n in prepared.reasons().items())
            note = f"{len(prepared.left_out)} of {len(samples)} pictures left out ({reasons}), see {table}"
            self.on_progress(Progress("faces", len(samples), len(samples), note=note))
        return prepared

    def _split(self, prepared: Prepared) -> dict[str, list[FaceSample]]:
        """Sort the faces into train and the validation halves A and B, and see whether they suffice."""
        split: dict[str, list[FaceSample]] = {"train": [], "A": [], "B": []}
        for face in prepared.faces:
            sample = face.sample
            half = "train" if sample.split == "train" else half_of_group(sample.source, sample.group)
            split[half].append(face)
        for part, name, needed in (("train", "train", 1), ("A", "val (groups A)", -(-MIN_LOGITS // 2))):
            labels = [f.sample.label for f in split[part]]
            real, fake = labels.count(0), labels.count(1)
            if min(real, fake) < needed:
                raise DatasetError(
                    f"the split {name} holds {real} real and {fake} fake faces, and needs {needed} of each",
                    hint="half of the validation groups are groups A; see docs/guide/train.md",
                )
        found = fingerprint(prepared.faces)
        if self.faces not in (None, found):
            raise UsageError(
                f"{self.checkpoint} was trained on other pictures than {self.data} holds now",
                hint="restore the data, or begin anew in another --out",
            )
        self.faces = found
        return split

    def _epochs(self, plan: EpochPlan, split: dict[str, list[FaceSample]]) -> None:
        if self.step and self.step % plan.steps == 0:  # stopped after an epoch's last step
            self._end_epoch(plan, split["A"])
        while self.step < self.recipe.optim.epochs * plan.steps:
            self._one_epoch(plan, self.step // plan.steps, split["train"])
            self._end_epoch(plan, split["A"])

    def _one_epoch(self, plan: EpochPlan, epoch: int, faces: list[FaceSample]) -> None:
        begun = self.step - epoch * plan.steps
        epochs = self.recipe.optim.epochs
        batches = plan.batches(epoch)[begun:]
        self.net.train()
        saved, running = time.monotonic(), 0.0
        for number, batch in enumerate(self._load_batches(faces, batches), begun + 1):
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
        if figures["score"] > self.best["score"]:
            self.best = {
                "score": figures["score"],
                "epoch": epoch,
                "state": {k: v.detach().cpu().clone() for k, v in self.average.state_dict().items()},
            }
        self.logs.epoch(epoch, self.step, figures)
        self._save()
        note = ", ".join(f"{k} {v:.3f}" for k, v in figures.items())
        self.on_progress(Progress("train", plan.steps, plan.steps, epoch, epochs, note=note))

    def _load_batches(self, faces: list[FaceSample], batches: list[list[Pick]]) -> Iterator[Any]:
        loader: DataLoader[Any] = DataLoader(
            FaceDataset(faces, self.recipe),
            batch_sampler=batches,
            num_workers=self.workers,
            worker_init_fn=single_thread,
            collate_fn=collate,
        )
        with warnings.catch_warnings():  # from Python 3.12 on; the workers compute with one thread
            warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
            loading = iter(loader)
        try:
            for batch in loading:
                if isinstance(batch, DatasetError):
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

    def _train_step(self, batch: tuple[torch.Tensor, ...], total: int) -> float:
        optim = self.recipe.optim
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.step)  # dropout does not depend on resuming
        for group in self.optim.param_groups:
            group["lr"] = optim.lr * one_cycle(self.step / total, optim.warmup)
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
        value = float(loss.detach())
        if not math.isfinite(value):
            raise _diverged(f"the loss is {value} at step {self.step}")
        return value

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        unable = self.device.type == "cuda" and not torch.cuda.is_bf16_supported()
        if not self.recipe.optim.bf16 or unable:
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
        outputs = np.concatenate(out).astype(np.float64)
        if not np.isfinite(outputs).all():
            raise _diverged("the network gives no finite numbers")
        return outputs

    def _validate(self, faces: list[FaceSample]) -> dict[str, float]:
        logits = self.outputs(self.average, faces)[:, 0]
        figures = source_aucs(logits, *labels_and_sources(faces))
        self.net.train()
        return {"score": float(np.mean(list(figures.values()))), **figures}

    def _save(self) -> None:
        self.logs.flush()
        state = {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optim": self.optim.state_dict(),
            "step": self.step,
            "best": self.best,
            "faces": self.faces,
        }
        write_checkpoint(self.checkpoint, self.recipe, state)

    def _load(self) -> None:
        state = read_checkpoint(self.checkpoint, self.recipe)
        try:
            self.net.load_state_dict(state["net"])
            self.average.load_state_dict(state["average"])
            self.optim.load_state_dict(state["optim"])
            self.step, self.best, self.faces = state["step"], state["best"], state.get("faces")
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise ModelCorrupt(
                f"{self.checkpoint} does not fit the network '{self.recipe.net}': {reason}",
                hint="begin anew in another --out",
            ) from error


def pick_device(name: str) -> torch.device:
    """Return the device of a name; ``auto`` takes a GPU where there is one.

    Raises:
        UsageError: There is none of that name.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"no device is called '{name}'", hint="known: auto, cpu, cuda")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(
            f"torch {torch.__version__} sees no device '{name}'",
            hint="use --device cpu, or install a torch built for CUDA and its driver",
        )
    return device


def _finder(name: str, model: Path | None) -> FaceFinder:
    make = registry.load("finder", name)
    if model is not None and "model" not in inspect.signature(make).parameters:
        raise UsageError(f"the finder '{name}' takes no model file", hint="leave out --finder-model")
    made: FaceFinder = make() if model is None else make(model)
    return made


def _try_out(net: nn.Module, recipe: Recipe) -> None:
    """Run a network once, so that one that does not fit the recipe fails now."""
    side = recipe.data.side_px
    try:
        with torch.no_grad():
            shape = tuple(net.eval()(torch.zeros(2, 3, side, side)).shape)
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


@contextlib.contextmanager
def whole_steps() -> Iterator[None]:
    """Let an interrupt wait until the block is through: a step is taken and logged wholly or not at all."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    held: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _frame: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if held:
        raise KeyboardInterrupt


def single_thread(_worker: int) -> None:
    """Keep a process that prepares batches from starting threads of its own."""
    import cv2

    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def one_cycle(part: float, warmup: float) -> float:
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
