"""The training loop of every task: resumable at any step, the same for the same seed, on one process or many."""

from __future__ import annotations

import contextlib
import copy
import math
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fakeweb.errors import ModelCorrupt, UsageError
from fakeweb.train.checkpoint import read_checkpoint, write_checkpoint
from fakeweb.train.interrupts import asked_to_stop, whole_steps
from fakeweb.train.logs import Logs, NoLogs
from fakeweb.train.optimizers import drops, rate_at, uphill
from fakeweb.train.progress import Progress
from fakeweb.train.task import Result, Setting, Task, came_apart
from fakeweb.train.weights import write_state

State = dict[str, torch.Tensor]


class Loop:
    """One training in one folder.

    Args:
        task: What is trained.
        setting: Where and how.
        resume: Go on from the folder's checkpoint, if there is one.

    Raises:
        UsageError: The folder holds a training and ``resume`` is False.
    """

    def __init__(self, task: Task, setting: Setting, *, resume: bool) -> None:
        self.task, self.setting, self.schedule = task, setting, task.schedule
        self.crew, self.tell = setting.crew, setting.tell
        self.checkpoint = setting.out / "checkpoint.pt"
        self.resumed = self.checkpoint.is_file()
        if self.resumed and not resume:
            raise UsageError(
                f"{setting.out} already holds a training", hint="go on with --resume, or name another --out"
            )
        torch.manual_seed(task.recipe.seed)
        self.net = task.build()
        averaged = copy.deepcopy(self.net).eval().requires_grad_(False) if self.schedule.ema else None
        self.average: nn.Module = self.net if averaged is None else averaged
        self.optim = task.optimizer(self.net)
        self.step = 0
        self.best: dict[str, Any] = {"score": -math.inf, "epoch": 0, "state": None}
        self.top: list[dict[str, Any]] = []  # the best epochs, where several are averaged
        self.scores: dict[int, float] = {}  # of each epoch
        self.sums = [0.0, 0.0, 0.0]  # of the epoch: loss, right answers, samples
        self.start: State | None = None  # what the training began with, where a share of it is kept
        self.logs: Logs
        self._stop = False

    def run(self) -> Path:
        """Train to the end and export; on an interrupt the last step is kept.

        Returns:
            Path of the card.
        """
        try:
            self.setting.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"{self.setting.out} cannot be made: {error.strerror}", hint="name another --out"
            ) from error
        if self.resumed:
            self._load()
        self.task.gather()
        if self.step == 0:
            self._begin()
        self.logs = Logs(self.setting.out, self.step) if self.crew.first else NoLogs()
        try:
            with asked_to_stop(self._ask_to_stop) if self.crew.size > 1 else contextlib.nullcontext():
                self._epochs()
        except KeyboardInterrupt:
            self._save()
            raise
        except torch.OutOfMemoryError as error:
            raise UsageError(
                f"{self.setting.device} has too little memory for batches of {self.schedule.batch}",
                hint="lower optim.batch or the side in pixels, raise optim.accumulate where the recipe has it, "
                "or use --device cpu",
            ) from error
        finally:
            self.logs.close()
        return self._export(self._choose())

    def _begin(self) -> None:
        self.task.begin(self.net)
        self.average.load_state_dict(self.net.state_dict())
        if self.schedule.keep_start and self.start is None:
            self.start = copy.deepcopy(self.net.state_dict())

    def _epochs(self) -> None:
        plan = self.schedule
        # stopped after an epoch's last step, or none to come
        if (self.step and self.step % plan.steps == 0) or not plan.epochs:
            self._end_epoch()
        while self.step < plan.epochs * plan.steps and not self._tired():
            self._one_epoch(self.step // plan.steps)
            self._end_epoch()

    def _tired(self) -> bool:
        """Tell whether the score has not risen for too long; known from the checkpoint alone."""
        epoch, begun = divmod(self.step, self.schedule.steps)
        patience = self.schedule.patience
        return bool(patience) and not begun and epoch - int(self.best["epoch"]) >= patience and epoch > 0

    def _one_epoch(self, epoch: int) -> None:
        plan = self.schedule
        begun = self.step - epoch * plan.steps
        self.task.begin_epoch(self.net, epoch)
        if not begun:
            self.sums = [0.0, 0.0, 0.0]
        saved, running = time.monotonic(), 0.0
        for number, batch in enumerate(self.task.batches(epoch, begun), begun + 1):
            with whole_steps():
                told = self._train_step(batch)
                self.logs.step(self.step, told, self.optim.param_groups[0]["lr"])
            running = told if number == begun + 1 else 0.95 * running + 0.05 * told
            self.tell(Progress("train", number, plan.steps, epoch + 1, plan.epochs, round(running, 4)))
            if time.monotonic() - saved > plan.checkpoint_s:
                self._save()
                saved = time.monotonic()

    def _train_step(self, batch: Any) -> float:
        plan = self.schedule
        if self.crew.total([float(self._stop)])[0]:  # all of them stop here if one was asked to
            raise KeyboardInterrupt
        rate = rate_at(self.step, plan, drops([self.scores[e] for e in sorted(self.scores)], plan.every))
        for group in self.optim.param_groups:
            group["lr"] = plan.lr * rate * group.get("lr_scale", 1.0)
        parts = self.task.parts(batch)
        values = self._gradients(parts)
        if plan.sam:
            with uphill(self.net, plan.sam):
                values = self._gradients(parts)
        value, told, *seen = self.crew.total([*values, *self.task.seen])
        self.sums = [a + b for a, b in zip(self.sums, seen, strict=True)]
        nn.utils.clip_grad_norm_(self.net.parameters(), plan.clip)
        self.optim.step()
        self.step += 1
        self._follow()
        if not math.isfinite(value):
            raise came_apart(f"the loss is {value} at step {self.step}")
        return told

    def _gradients(self, parts: Any) -> list[float]:
        """Compute the gradients over all processes; return this one's shares of the loss and of what is logged."""
        # dropout does not depend on resuming, and differs between processes
        torch.manual_seed(self.task.recipe.seed * 1_000_003 + self.step + 7_919_000_003 * self.crew.rank)
        self.optim.zero_grad(set_to_none=True)
        values = [0.0, 0.0]
        self.task.seen = (0.0, 0.0, 0.0)
        for part in parts:
            with self.crew.whole_norms():
                loss, told = self.task.loss(self.net, part)
            loss.backward()
            values = [values[0] + float(loss.detach()), values[1] + float(told.detach())]
        self.crew.share_gradients(self.net)
        return values

    def _follow(self) -> None:
        """Move the averaged weights towards the new ones."""
        if self.average is self.net:
            return
        decay = min(self.schedule.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            pairs = zip(self.average.state_dict().values(), self.net.state_dict().values(), strict=True)
            kept, new = zip(*((k, n) for k, n in pairs if k.dtype.is_floating_point), strict=True)
            torch._foreach_lerp_(list(kept), list(new), 1 - decay)
            for k, n in zip(self.average.buffers(), self.net.buffers(), strict=True):
                if not k.dtype.is_floating_point:
                    k.copy_(n)

    def _end_epoch(self) -> None:
        """Validate and save; doing it twice changes nothing."""
        plan, epoch = self.schedule, self.step // self.schedule.steps
        self.tell(Progress("validate", 0, 1))
        score, figures = self.task.validate(self.average)
        if self.sums[2]:
            learned = {
                "train_loss": self.sums[0] / self.sums[2],
                "train_accuracy": self.sums[1] / self.sums[2],
            }
            figures = {**figures, **learned}
        self.scores[epoch] = score
        entry: dict[str, Any] = {"score": score, "epoch": epoch}
        wanted = plan.average_best > 1 and epoch not in {e["epoch"] for e in self.top}
        chosen = score > self.best["score"] or plan.choose == "last" or self.best["state"] is None
        if chosen or wanted:
            entry["state"] = {k: v.detach().cpu().clone() for k, v in self.average.state_dict().items()}
        if chosen:
            self.best = entry
        if wanted:
            ranked = sorted([*self.top, entry], key=lambda e: (-e["score"], e["epoch"]))
            self.top = ranked[: plan.average_best]
        self._keep_top(epoch)
        self.logs.epoch(epoch, self.step, figures)
        self._save()
        note = ", ".join(f"{k} {v:.3f}" for k, v in figures.items())
        self.tell(Progress("train", plan.steps, plan.steps, epoch, plan.epochs, note=note))

    def _keep_top(self, epoch: int) -> None:
        """Keep the weights of this epoch if it is among the best, and no others than the best."""
        if not (self.schedule.keep_top and self.crew.first):
            return
        ranked = sorted(self.scores, key=lambda e: (-self.scores[e], e))
        best = {self.setting.out / f"epoch-{e:04}.npz" for e in ranked[: self.schedule.keep_top]}
        if (own := self.setting.out / f"epoch-{epoch:04}.npz") in best:
            write_state(own, self.average.state_dict())
        for path in set(self.setting.out.glob("epoch-*.npz")) - best:
            path.unlink()

    def _choose(self) -> Result:
        """Return the best epoch's weights, or the mean of the best epochs' if that scores higher."""
        chosen = self.best["state"]
        averaged: tuple[int, ...] = ()
        if len(self.top) > 1:
            mean = _mean([entry["state"] for entry in self.top], chosen)
            self.average.load_state_dict(mean)
            score, _ = self.task.validate(self.average)
            if score > self.best["score"]:
                chosen, averaged = mean, tuple(sorted(entry["epoch"] for entry in self.top))
        if self.start is not None:
            share = self.schedule.keep_start
            chosen = {
                k: torch.lerp(v, self.start[k].to(v), share) if v.dtype.is_floating_point else v
                for k, v in chosen.items()
            }
        self.net.load_state_dict(chosen)
        net = self.net.to("cpu", memory_format=torch.contiguous_format).eval()
        return Result(self.task.settle(net), self.best["epoch"], averaged)

    def _export(self, result: Result) -> Path:
        """Export, by the first process alone; the weights first, which the others may go on from."""
        if self.crew.first:
            write_state(self.setting.out / "weights.npz", result.net.state_dict())
        self.crew.wait()
        self.crew.close()
        if not self.crew.first:
            return self.setting.out / f"{self.task.recipe.name}.json"
        self.tell(Progress("export", 0, 1))
        card = self.task.export(result)
        self.tell(Progress("export", 1, 1))
        return card

    def _ask_to_stop(self) -> None:
        self._stop = True

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
            "scores": self.scores,
            "sums": self.sums,
            **self.task.state(),
        }
        write_checkpoint(self.checkpoint, self.task.recipe, state)

    def _load(self) -> None:
        state = read_checkpoint(self.checkpoint, self.task.recipe, self.task.free)
        try:
            self.net.load_state_dict(state["net"])
            self.average.load_state_dict(state["average"])
            self.optim.load_state_dict(state["optim"])
            self.step, self.best = state["step"], state.get("best", self.best)
            self.top, self.start = state.get("top", []), state.get("start")
            self.scores, self.sums = state.get("scores", {}), state.get("sums", self.sums)
            self.task.restore(state)
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise ModelCorrupt(
                f"{self.checkpoint} does not fit the network of '{self.task.recipe.name}': {reason}",
                hint="begin anew in another --out",
            ) from error


def _mean(states: list[State], like: State) -> State:
    """Return the mean of several states; what is counted, not learned, is taken from ``like``."""
    return {
        k: torch.stack([s[k] for s in states]).mean(0) if v.dtype.is_floating_point else v
        for k, v in like.items()
    }
