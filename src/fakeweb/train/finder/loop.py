"""The finder's training loop: resumable at any step, the same for the same seed."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import io
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from fakeweb import registry
from fakeweb.errors import BadRecipe, ModelCorrupt, UsageError
from fakeweb.media import write_atomically
from fakeweb.train import Progress
from fakeweb.train.devices import pick_device
from fakeweb.train.finder.finish import finish
from fakeweb.train.finder.measure import Validation, by_maps
from fakeweb.train.finder.net import FinderNet
from fakeweb.train.finder.pool import Pool, make_pools
from fakeweb.train.finder.recipe import FinderRecipe
from fakeweb.train.finder.scene import Composer
from fakeweb.train.finder.start import start_from
from fakeweb.train.finder.targets import grid, loss, targets
from fakeweb.train.interrupts import whole_steps
from fakeweb.train.loader import single_thread
from fakeweb.train.logs import Logs
from fakeweb.train.optimizers import one_cycle
from fakeweb.types import FloatArray, UInt8Array

_FIRST = 64  # scenes that given weights are tried on
_FREE = ("title", "licence", "limits", "version", "false_alarms")


class Scenes(Dataset[tuple[UInt8Array, FloatArray]]):
    """Scene number i of a training, composed when asked for."""

    def __init__(self, pool: Pool, recipe: FinderRecipe) -> None:
        self.composer, self.recipe = Composer(pool, recipe.scene), recipe

    def __len__(self) -> int:
        return self.recipe.optim.epochs * self.recipe.optim.scenes_per_epoch

    def __getitem__(self, number: int) -> tuple[UInt8Array, FloatArray]:
        scene = self.composer.compose(np.random.default_rng([self.recipe.seed, number]))
        return scene.pixels, targets(scene.boxes, scene.points, scene.taught, self.recipe.scene.side_px)


class FinderTraining:
    """One training in one folder; see :func:`fakeweb.train.run` for the arguments."""

    def __init__(
        self,
        recipe: FinderRecipe,
        recipe_path: Path,
        data: Path,
        out: Path,
        *,
        weights: Path | None,
        resume: bool,
        device: str,
        workers: int,
        threads: int,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self.recipe, self.out, self.data, self.workers = recipe, out, data, workers
        self.files = [recipe_path.parent / name for name in recipe.data.files]
        self.weights, self.on_progress = weights, on_progress
        self.checkpoint = out / "checkpoint.pt"
        if self.checkpoint.is_file() and not resume:
            raise UsageError(
                f"{out} already holds a training", hint="go on with --resume, or name another --out"
            )
        if threads:
            torch.set_num_threads(threads)
        self.device = pick_device(device)
        torch.manual_seed(recipe.seed)
        self.net = FinderNet().to(self.device)
        self.average = copy.deepcopy(self.net).eval().requires_grad_(False)
        self.optim = torch.optim.AdamW(_groups(self.net, recipe.optim.weight_decay), lr=recipe.optim.lr)
        self.cells = grid(recipe.scene.side_px).to(self.device)
        self.step = 0

    def run(self) -> Path:
        """Train to the end and export; on an interrupt the last step is kept."""
        self.out.mkdir(parents=True, exist_ok=True)
        if self.checkpoint.is_file():
            self._load()
        pools = self._pools()
        scenes = Scenes(pools["train"], self.recipe)
        if self.weights is not None and not self.checkpoint.is_file():
            start_from(self.net, self.weights, [scenes[i][0] for i in range(min(_FIRST, len(scenes)))])
            self.average.load_state_dict(self.net.state_dict())
        validation = Validation(pools["A"], self.recipe.scene, self.recipe.seed)
        per_epoch = self.recipe.optim.scenes_per_epoch // self.recipe.optim.batch
        logs = Logs(self.out, self.step)
        try:
            while self.step < self.recipe.optim.epochs * per_epoch:
                self._one_epoch(scenes, per_epoch, logs)
                self._end_epoch(validation, per_epoch, logs)
        except KeyboardInterrupt:
            self._save()
            raise
        finally:
            logs.close()
        self.on_progress(Progress("export", 0, 1))
        return finish(self.average.cpu().eval(), self.recipe, validation, pools, self.out)

    def _pools(self) -> dict[str, Pool]:
        samples = list(registry.load("layout", self.recipe.data.layout)().index(self.data))
        return make_pools(
            samples,
            self.data,
            self.files,
            self.recipe.data,
            lambda done, total: self.on_progress(Progress("faces", done, total)),
        )

    def _one_epoch(self, scenes: Scenes, per_epoch: int, logs: Logs) -> None:
        optim = self.recipe.optim
        epoch, begun = divmod(self.step, per_epoch)
        batches = [
            list(range(step * optim.batch, (step + 1) * optim.batch))
            for step in range(self.step, (epoch + 1) * per_epoch)
        ]
        self.net.train()
        saved, running = time.monotonic(), 0.0
        for number, (pixels, wanted) in enumerate(self._load_batches(scenes, batches), begun + 1):
            with whole_steps():
                value = self._train_step(pixels, wanted, per_epoch * optim.epochs)
                logs.step(self.step, value, self.optim.param_groups[0]["lr"])
            running = value if number == begun + 1 else 0.98 * running + 0.02 * value
            self.on_progress(Progress("train", number, per_epoch, epoch + 1, optim.epochs, round(running, 4)))
            if time.monotonic() - saved > optim.checkpoint_s:
                self._save()
                saved = time.monotonic()

    def _load_batches(self, scenes: Scenes, batches: list[list[int]]) -> Iterator[Any]:
        loader: DataLoader[Any] = DataLoader(
            scenes, batch_sampler=batches, num_workers=self.workers, worker_init_fn=single_thread
        )
        yield from loader

    def _train_step(self, pixels: torch.Tensor, wanted: torch.Tensor, total: int) -> float:
        optim = self.recipe.optim
        for group in self.optim.param_groups:
            group["lr"] = optim.lr * one_cycle(self.step / total, optim.warmup)
        pixels, wanted = pixels.to(self.device), wanted.to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=optim.bf16):
            outs = self.net(pixels)
        value = loss(outs, wanted, self.cells)
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
        return number

    def _end_epoch(self, validation: Validation, per_epoch: int, logs: Logs) -> None:
        epoch = self.step // per_epoch
        self.on_progress(Progress("validate", 0, 1))
        _, figures = validation.measure(by_maps(self.look), self.recipe.false_alarms)
        logs.epoch(epoch, self.step, figures)
        self._save()
        note = ", ".join(f"{k} {v:.3f}" for k, v in figures.items())
        self.on_progress(Progress("train", per_epoch, per_epoch, epoch, self.recipe.optim.epochs, note=note))

    def look(self, pixels: UInt8Array) -> list[FloatArray]:
        """Run the averaged network over one picture whose sides are multiples of 32."""
        with torch.no_grad():
            outs = self.average(torch.from_numpy(np.ascontiguousarray(pixels[None])).to(self.device))
        return [out[0].cpu().numpy() for out in outs]

    def _save(self) -> None:
        state = {
            "recipe": dataclasses.asdict(self.recipe),
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optim": self.optim.state_dict(),
            "step": self.step,
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        write_atomically(self.checkpoint, buffer.getvalue())

    def _load(self) -> None:
        again = "begin anew in another --out"
        try:
            state = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
            theirs, mine = state["recipe"], dataclasses.asdict(self.recipe)
            changed = [k for k in mine if k not in _FREE and _plain(mine[k]) != _plain(theirs.get(k))]
            self.net.load_state_dict(state["net"])
            self.average.load_state_dict(state["average"])
            self.optim.load_state_dict(state["optim"])
            self.step = state["step"]
        except Exception as error:  # the guest has no common base for its exceptions
            reason = str(error).partition("\n")[0]
            raise ModelCorrupt(f"{self.checkpoint} cannot be read: {reason}", hint=again) from error
        if changed:
            raise UsageError(
                f"{self.checkpoint} was trained by another recipe: {', '.join(changed)} differ", hint=again
            )


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        value = {k: v for k, v in value.items() if k != "licences"}  # they change nothing that is learned
    return hashlib.sha256(repr(value).replace("[", "(").replace("]", ")").encode()).hexdigest()


def _groups(net: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Decay the weights of convolutions alone."""
    heavy = [p for p in net.parameters() if p.ndim > 1]
    light = [p for p in net.parameters() if p.ndim <= 1]
    return [{"params": heavy, "weight_decay": decay}, {"params": light, "weight_decay": 0.0}]
