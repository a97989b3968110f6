"""The mesh's training loop: resumable at any step, the same for the same seed."""

from __future__ import annotations

import copy
import dataclasses
import io
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from fakeweb import registry
from fakeweb.errors import BadRecipe, DatasetError, ModelCorrupt, UsageError
from fakeweb.media import write_atomically
from fakeweb.topology import CONTOURS, POINTS
from fakeweb.train import Progress
from fakeweb.train.devices import pick_device
from fakeweb.train.interrupts import whole_steps
from fakeweb.train.loader import single_thread
from fakeweb.train.logs import Logs
from fakeweb.train.mesh.augment import show_face, show_none
from fakeweb.train.mesh.crops import PARTS, Squares, make_squares
from fakeweb.train.mesh.finish import finish
from fakeweb.train.mesh.label import read_labels
from fakeweb.train.mesh.measure import validate
from fakeweb.train.mesh.net import MeshNet
from fakeweb.train.mesh.recipe import MeshRecipe
from fakeweb.train.optimizers import one_cycle

_FREE = ("title", "licence", "limits", "version", "data.labels", "data.licences", "optim.checkpoint_s")
_SHAPES = 3000
"""So many augmented meshes give the first basis."""
Floats = npt.NDArray[np.float32]


class Samples(Dataset[tuple[Any, ...]]):
    """Sample number i of a training, made when asked for."""

    def __init__(self, squares: Squares, recipe: MeshRecipe) -> None:
        self.squares, self.recipe = squares, recipe
        self.faces = np.flatnonzero(squares.part == 0)
        self.empty = np.flatnonzero(squares.empty_part == 0)
        alarms = squares.empty_kind[self.empty] == "alarm"
        self.alarms = self.empty[alarms]
        _, place, counts = np.unique(squares.source[self.faces], return_inverse=True, return_counts=True)
        weights = (counts ** (recipe.data.source_power - 1.0))[place]
        self.upto = np.cumsum(weights / weights.sum())

    def __len__(self) -> int:
        return self.recipe.optim.epochs * self.recipe.optim.squares_per_epoch

    def __getitem__(self, number: int) -> tuple[Any, ...]:
        rng = np.random.default_rng([self.recipe.seed, number])
        if rng.random() < self.recipe.augment.empty:
            few = len(self.alarms) and rng.random() < self.recipe.augment.alarm
            shown = show_none(self.squares, self.alarms if few else self.empty, self.faces, self.recipe, rng)
        else:
            face = self.faces[min(int(np.searchsorted(self.upto, rng.random())), len(self.faces) - 1)]
            shown = show_face(self.squares, int(face), self.recipe, rng)
        numbers = np.array([shown.weight, shown.presence, shown.printed], np.float32)
        return shown.pixels, shown.mesh, numbers


def point_weights() -> Floats:
    """Weigh the points of the contours twice."""
    weights = np.ones(POINTS, np.float32)
    weights[sorted({i for line in CONTOURS.values() for i in line})] = 2.0
    return weights / weights.mean()


def loss(outs: tuple[torch.Tensor, ...], mesh: torch.Tensor, numbers: torch.Tensor, points: torch.Tensor,
         recipe: MeshRecipe) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
    """Return what is minimised, and the error of the mesh over the distance of the eyes.

    The mesh's part is the mean distance of points in the picture plane, and of their depths, over the distance of
    the eyes; the two questions are cross-entropies.
    """
    weight, presence, printed = numbers.unbind(1)
    gap = outs[0].float() - mesh
    flat = (gap[..., :2].square().sum(-1) + 1e-6).sqrt()
    depth = gap[..., 2].abs()
    off = ((flat + recipe.optim.depth_weight * depth) * points).mean(1)
    some = presence.sum().clamp(min=1)
    total = (off * weight).sum() / some
    there = functional.binary_cross_entropy_with_logits(outs[1].float(), presence * 0.98 + 0.01)
    asked = (printed >= 0).float()
    flatness = functional.binary_cross_entropy_with_logits(
        outs[2].float(), printed.clamp(min=0) * 0.98 + 0.01, reduction="none"
    )
    optim = recipe.optim
    value = total + optim.presence_weight * there
    value = value + optim.printed_weight * (flatness * asked).sum() / asked.sum().clamp(min=1)
    return value, (flat.mean(1) * weight).sum().detach() / some


class MeshTraining:
    """One training in one folder; see :func:`fakeweb.train.run` for the arguments."""

    def __init__(
        self,
        recipe: MeshRecipe,
        recipe_path: Path,
        data: Path,
        out: Path,
        *,
        resume: bool,
        device: str,
        workers: int,
        threads: int,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self.recipe, self.out, self.data, self.workers = recipe, out, data, workers
        self.labels = recipe_path.parent / recipe.data.labels
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
        self.net = MeshNet(recipe.square.side_px).to(self.device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.net).eval().requires_grad_(False)
        self.optim = torch.optim.AdamW(_groups(self.net, recipe.optim.weight_decay), lr=recipe.optim.lr)
        self.points = torch.from_numpy(point_weights()).to(self.device)
        self.step = 0
        self.best: dict[str, Any] = {"score": -math.inf, "epoch": 0, "state": None, "figures": {}}

    def run(self) -> Path:
        """Train to the end and export; on an interrupt the last step is kept."""
        self.out.mkdir(parents=True, exist_ok=True)
        if self.checkpoint.is_file():
            self._load()
        squares = self.squares()
        samples = Samples(squares, self.recipe)
        if self.step == 0:
            self._begin(squares, samples)
        per_epoch = self.recipe.optim.squares_per_epoch // self.recipe.optim.batch
        logs = Logs(self.out, self.step)
        try:
            while self.step < self.recipe.optim.epochs * per_epoch:
                self._one_epoch(samples, per_epoch, logs)
                self._end_epoch(squares, per_epoch, logs)
        except KeyboardInterrupt:
            self._save()
            raise
        finally:
            logs.close()
        self.on_progress(Progress("export", 0, 1))
        self.net.load_state_dict(self.best["state"])
        return finish(self.net.cpu().eval(), self.recipe, self.best, squares, self.out)

    def squares(self) -> Squares:
        """Cut or open the training's squares."""
        samples = list(registry.load("layout", self.recipe.data.layout)().index(self.data))
        squares = make_squares(
            samples,
            self.data,
            read_labels(self.labels),
            self.recipe.data,
            self.out,
            lambda done, total: self.on_progress(Progress("faces", done, total)),
        )
        for part, name in enumerate(PARTS[:2]):
            if not (squares.part == part).any():
                raise DatasetError(f"no labelled face in part {name}", hint="see docs/guide/mesh.md")
        return squares

    def _begin(self, squares: Squares, samples: Samples) -> None:
        """Give the network the principal components of augmented meshes."""
        shapes = []
        for i in range(_SHAPES):
            rng = np.random.default_rng([self.recipe.seed, 1, i])
            bare = dataclasses.replace(self.recipe.augment, printed=0.0, hidden=0.0, encode=0.0)
            shown = show_face(
                squares, int(rng.choice(samples.faces)), dataclasses.replace(self.recipe, augment=bare), rng
            )
            shapes.append(shown.mesh)
        for net in (self.net, self.average):
            net.set_basis(np.stack(shapes))

    def _one_epoch(self, samples: Samples, per_epoch: int, logs: Logs) -> None:
        optim = self.recipe.optim
        epoch, begun = divmod(self.step, per_epoch)
        batches = [
            list(range(step * optim.batch, (step + 1) * optim.batch))
            for step in range(self.step, (epoch + 1) * per_epoch)
        ]
        self.net.train()
        saved, running = time.monotonic(), 0.0
        for number, batch in enumerate(self._load_batches(samples, batches), begun + 1):
            with whole_steps():
                value = self._train_step(batch, per_epoch * optim.epochs)
                logs.step(self.step, value, self.optim.param_groups[0]["lr"])
            running = value if number == begun + 1 else 0.98 * running + 0.02 * value
            self.on_progress(Progress("train", number, per_epoch, epoch + 1, optim.epochs, round(running, 4)))
            if time.monotonic() - saved > optim.checkpoint_s:
                self._save()
                saved = time.monotonic()

    def _load_batches(self, samples: Samples, batches: list[list[int]]) -> Iterator[Any]:
        loader: DataLoader[Any] = DataLoader(
            samples, batch_sampler=batches, num_workers=self.workers, worker_init_fn=single_thread
        )
        yield from loader

    def _train_step(self, batch: tuple[torch.Tensor, ...], total: int) -> float:
        optim = self.recipe.optim
        for group in self.optim.param_groups:
            group["lr"] = optim.lr * one_cycle(self.step / total, optim.warmup)
        pixels, mesh, numbers = (t.to(self.device) for t in batch)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=optim.bf16):
            features = self.net.look(pixels)
        outs = self.net.answer(features.float())
        value, off = loss(outs, mesh, numbers, self.points, self.recipe)
        self.optim.zero_grad(set_to_none=True)
        value.backward()
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
        number = float(value.detach())
        if not math.isfinite(number):
            raise BadRecipe(
                f"the training came apart: the loss is {number} at step {self.step}",
                hint="lower optim.lr and begin anew in another --out",
            )
        return float(off)

    def _end_epoch(self, squares: Squares, per_epoch: int, logs: Logs) -> None:
        epoch = self.step // per_epoch
        self.on_progress(Progress("validate", 0, 1))
        figures = validate(self.average, squares, self.recipe, self.device)
        score = -figures["median"] - figures["failures"] - 0.05 * (1 - figures["presence_auc"])
        if score > self.best["score"]:
            state = {k: v.detach().cpu().clone() for k, v in self.average.state_dict().items()}
            self.best = {"score": score, "epoch": epoch, "state": state, "figures": figures}
        logs.epoch(epoch, self.step, figures)
        self._save()
        note = ", ".join(f"{k} {v:.4f}" for k, v in figures.items())
        self.on_progress(Progress("train", per_epoch, per_epoch, epoch, self.recipe.optim.epochs, note=note))

    def _save(self) -> None:
        state = {
            "recipe": dataclasses.asdict(self.recipe),
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optim": self.optim.state_dict(),
            "step": self.step,
            "best": self.best,
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        write_atomically(self.checkpoint, buffer.getvalue())

    def _load(self) -> None:
        again = "begin anew in another --out"
        try:
            state = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
            theirs, mine = state["recipe"], dataclasses.asdict(self.recipe)
            changed = _differences(mine, theirs)
            self.net.load_state_dict(state["net"])
            self.average.load_state_dict(state["average"])
            self.optim.load_state_dict(state["optim"])
            self.step, self.best = state["step"], state["best"]
        except Exception as error:  # the guest has no common base for its exceptions
            reason = str(error).partition("\n")[0]
            raise ModelCorrupt(f"{self.checkpoint} cannot be read: {reason}", hint=again) from error
        if changed:
            raise UsageError(
                f"{self.checkpoint} was trained by another recipe: {', '.join(changed)} differ", hint=again
            )


def _differences(mine: dict[str, Any], theirs: dict[str, Any], prefix: str = "") -> list[str]:
    """Return the keys that differ, but for those that change nothing of what is learned."""
    out = []
    for key, value in mine.items():
        name, other = f"{prefix}{key}", theirs.get(key)
        if name in _FREE:
            continue
        if isinstance(value, dict) and isinstance(other, dict):
            out += _differences(value, other, f"{name}.")
        elif value != other:
            out.append(name)
    return out


def _groups(net: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Decay the weights of convolutions and layers alone."""
    heavy = [p for p in net.parameters() if p.ndim > 1]
    light = [p for p in net.parameters() if p.ndim <= 1]
    return [{"params": heavy, "weight_decay": decay}, {"params": light, "weight_decay": 0.0}]
