"""What a task is to the training loop: options, network, batches, loss, validation and export.

A new task is a subclass of :class:`Task` with a recipe and an options dataclass, and one line in
:mod:`fakeweb.registry`; :class:`fakeweb.train.loop.Loop` does the rest.
"""

from __future__ import annotations

import abc
import dataclasses
import difflib
import os
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from fakeweb.errors import BadRecipe, UsageError
from fakeweb.train.batches import load
from fakeweb.train.devices import Crew, pick_device
from fakeweb.train.progress import Tell


@dataclass(frozen=True)
class Schedule:
    """How the loop trains; what a task's recipe does not have keeps its default.

    Attributes:
        steps: Steps per epoch.
        epochs, batch, lr, warmup, clip, schedule, gamma, every, ema, sam, choose, keep_top, average_best, keep_start,
            patience, bf16, checkpoint_s: See :class:`fakeweb.train.recipe.OptimRecipe`; ``ema`` 0 validates and exports
            the weights as they are.
    """

    steps: int
    epochs: int
    batch: int
    lr: float
    warmup: float
    clip: float
    schedule: str = "cosine"
    gamma: float = 0.1
    every: int = 10
    ema: float = 0.0
    sam: float = 0.0
    choose: str = "best"
    keep_top: int = 0
    average_best: int = 1
    keep_start: float = 0.0
    patience: int = 0
    bf16: bool = True
    checkpoint_s: float = 120.0

    @classmethod
    def of(cls, optim: Any, per_epoch: int, **fixed: Any) -> Schedule:
        """Take what a recipe's ``[optim]`` says.

        Args:
            optim: Its dataclass.
            per_epoch: Samples per epoch.
            fixed: What the task decides, not the recipe.
        """
        own = {f.name: getattr(optim, f.name) for f in dataclasses.fields(cls) if hasattr(optim, f.name)}
        return cls(steps=per_epoch // optim.batch, **own, **fixed)


@dataclass(frozen=True)
class Setting:
    """Where and how a training runs, whatever it trains.

    Attributes:
        data: Root of the data set, or wherever the task's data are.
        out: Folder for checkpoint, logs and model.
        device: Where torch computes.
        crew: The processes that train together.
        workers: Processes that prepare batches.
        tell: Called with progress.
    """

    data: str
    out: Path
    device: torch.device
    crew: Crew
    workers: int
    tell: Tell

    @classmethod
    def here(
        cls, data: str, out: Path, *, device: str, workers: int, threads: int, tell: Tell, shared: bool
    ) -> Setting:
        """Prepare this process: threads, determinism, device, crew.

        Args:
            data: See above.
            out: See above.
            device: Its name; see :func:`fakeweb.train.devices.pick_device`.
            workers: See above.
            threads: Threads torch computes with; 0 leaves it to torch.
            tell: See above; only the first process does.
            shared: Whether the task can be trained by several processes.

        Raises:
            UsageError: There is no such device here, or torchrun has started several processes for a task of one.
        """
        if not shared and int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise UsageError(
                "this recipe is trained by one process, and torchrun has started several",
                hint="run `fakeweb train` without torchrun",
            )
        if threads:
            torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True, warn_only=True)
        # no result depends on it, and it takes time
        torch.utils.deterministic.fill_uninitialized_memory = False
        where = pick_device(device)
        crew = Crew(where)
        return cls(data, out, where, crew, workers, tell if crew.first else lambda _: None)


@dataclass(frozen=True, eq=False)
class Result:
    """What a training gave.

    Attributes:
        net: The network with the chosen weights, in evaluation mode, on the CPU.
        epoch: Which epoch they are of.
        averaged: The epochs they are the mean of; empty: of one.
    """

    net: nn.Module
    epoch: int
    averaged: tuple[int, ...] = ()


class Task(abc.ABC):
    """What is trained. The loop calls the methods in this order; what they need in between is the task's own.

    Args:
        path: The recipe's file.
        options: An instance of :attr:`Options`.
        setting: Where and how.

    Attributes:
        Options: Dataclass of the options that this task alone takes.
        free: Keys of the recipe that change nothing of what is learned, besides those of all tasks.
        shares: Whether several processes may share a step.
        recipe: The recipe, a dataclass with ``name`` and ``seed``.
        schedule: How to train.
        seen: Sums over this process's samples of a step, which :meth:`loss` adds to: the loss that validation has too,
            right answers, samples. The loop empties it before each step; a task may count nothing.
    """

    Options: ClassVar[type]
    free: ClassVar[tuple[str, ...]] = ()
    shares: ClassVar[bool] = False
    recipe: Any
    schedule: Schedule
    seen: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @abc.abstractmethod
    def __init__(self, path: Path, options: Any, setting: Setting) -> None: ...

    @abc.abstractmethod
    def build(self) -> nn.Module:
        """Build the network, on the setting's device; torch is seeded."""

    @abc.abstractmethod
    def optimizer(self, net: nn.Module) -> torch.optim.Optimizer:
        """Make the optimiser of its weights."""

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: B027 - most have no state
        """Take back what :meth:`state` gave; a key that is missing may raise."""

    @abc.abstractmethod
    def gather(self) -> None:
        """Read the data; called after :meth:`restore`, so that other data than the checkpoint's can be refused."""

    def begin(self, net: nn.Module) -> None:  # noqa: B027 - most begin as built
        """Change the network before the first step."""

    def begin_epoch(self, net: nn.Module, epoch: int) -> None:  # noqa: ARG002 - for those that thaw
        """Put the network into training mode."""
        net.train()

    @abc.abstractmethod
    def batches(self, epoch: int, begun: int) -> Iterator[Any]:
        """Yield the batches of an epoch (from 0) after the first ``begun``; the same for the same recipe."""

    def parts(self, batch: Any) -> Sequence[Any]:
        """Cut a batch into parts whose losses add up to the batch's."""
        return [batch]

    @abc.abstractmethod
    def loss(self, net: nn.Module, part: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what is made small, and what the log is told; mostly the same."""

    @abc.abstractmethod
    def validate(self, net: nn.Module) -> tuple[float, dict[str, float]]:
        """Return the score by which epochs are chosen, higher is better, and the figures for the log."""

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint must hold of the task."""
        return {}

    def settle(self, net: nn.Module) -> nn.Module:
        """Return the chosen network as it is handed on and exported."""
        return net

    @abc.abstractmethod
    def export(self, result: Result) -> Path:
        """Calibrate, measure and write ``<name>.onnx`` and its card; return the card's path."""


def numbered(task: Task, samples: Any, workers: int, epoch: int, begun: int) -> Iterator[Any]:
    """Yield batches of samples that are a function of their number, from 0 at the first step of all."""
    size, first = task.schedule.batch, epoch * task.schedule.steps
    steps = range(first + begun, first + task.schedule.steps)
    return load(samples, [list(range(step * size, (step + 1) * size)) for step in steps], workers)


def options_of(cls: type, task: str, given: Mapping[str, Any]) -> Any:
    """Make a task's options of those that were given; None and what is empty count as not given.

    Raises:
        UsageError: The task does not take one, or not several files where it starts from one.
    """
    hints = typing.get_type_hints(cls)
    given = {k: v for k, v in given.items() if v is not None and v != "" and v != () and v != []}
    if unknown := [name for name in given if name not in hints]:
        near = difflib.get_close_matches(unknown[0], hints, n=1)
        guess = f"did you mean '{near[0]}'? " if near else ""
        known = ", ".join(hints) or "no options of its own"
        raise UsageError(f"a {task} takes no option '{unknown[0]}'", hint=f"{guess}it takes {known}")
    return cls(**{name: _as(hints[name], value, task, name) for name, value in given.items()})


def _as(hint: Any, value: Any, task: str, name: str) -> Any:
    """Bring one option to its type: several of something, or one."""
    several = list(value) if isinstance(value, list | tuple) else [value]
    if typing.get_origin(hint) is tuple:
        return tuple(typing.get_args(hint)[0](one) for one in several)
    if len(several) > 1:
        raise UsageError(f"a {task} takes one '{name}', got {len(several)}", hint="name one alone")
    return str(several[0]) if hint is str else Path(several[0])


def came_apart(what: str) -> BadRecipe:
    """Return the error of a training that has diverged."""
    return BadRecipe(
        f"the training came apart: {what}", hint="lower optim.lr and begin anew in another --out"
    )
