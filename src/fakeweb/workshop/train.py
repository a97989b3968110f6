"""``fakeweb train``."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress as Bar

from fakeweb.cli.console import ERRORS, progress_bar, write
from fakeweb.cli.places import brought, sent
from fakeweb.train import Progress, first_process, run
from fakeweb.workshop import PANEL

EPILOG = """
**Ctrl-C** keeps the last step; the same command with --resume goes on and ends in the same model. Logs: steps.csv,
epochs.csv and tensorboard/ in the output folder. Needs the extra 'train'.

**Several GPUs or machines**: start it by torchrun; optim.batch is shared among the processes, and --out must be one
folder for all.

**Examples**

* fakeweb train recipes/own.toml --data DATA --out runs/own
* fakeweb train recipes/fast.toml --data DATA --out runs/fast --resume (all stages; finished ones stay as they are)
* torchrun --nproc-per-node 4 -m fakeweb train recipes/fast.toml --data DATA --out runs/fast
"""


command = typer.Typer(add_completion=False, rich_markup_mode="markdown", rich_help_panel=PANEL)


@command.command("train", epilog=EPILOG)
def train(
    recipe: Annotated[
        Path, typer.Argument(help="TOML recipe; FILE#STAGE: one of its stages alone.", callback=brought)
    ],
    data: Annotated[
        Path, typer.Option(help="Root of the data set the recipe's layout describes.", callback=brought)
    ],
    out: Annotated[
        Path, typer.Option(help="Folder for checkpoints, logs and the model with its card.", callback=sent)
    ],
    weights: Annotated[
        list[str] | None,
        typer.Option(
            help="Start from this file, or weights that `models fetch` brought, by name; repeated: from their mean.",
            callback=brought,
        ),
    ] = None,
    finder_model: Annotated[
        Path | None, typer.Option(help="Model file of the recipe's face detector.", callback=brought)
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint, if any.")] = False,
    fold: Annotated[
        str, typer.Option(help="Fold of the recipe, whose sources are held out and measured at the end.")
    ] = "",
    mesher_model: Annotated[
        Path | None, typer.Option(help="Model file of the recipe's mesher, or mesh labels.", callback=brought)
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder for found faces and kept regions, shared by trainings.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps or hpu (hpu is untested).")] = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Processes that prepare batches.")] = 1,
    threads: Annotated[
        int, typer.Option(min=0, help="Threads torch computes with; 0: as many as it likes.")
    ] = 0,
) -> None:
    """Train a classifier from a recipe and export it to ONNX with its card."""
    with progress_bar() as bar:
        card = run(
            recipe,
            data,
            out,
            weights=weights or None,
            finder_model=finder_model,
            resume=resume,
            device=device,
            workers=workers,
            threads=threads,
            fold=fold,
            mesher_model=mesher_model,
            cache=cache,
            on_progress=_Show(bar),
        )
    if first_process():
        write(f"model card: {card}")


def show_progress(bar: Bar) -> Callable[[Progress], None]:
    """Return what shows a training's progress on a bar."""
    return _Show(bar)


_QUIET_S = 30.0


class _Show:
    """Shows a training's progress: a bar on a terminal, elsewhere two lines a minute; a line per epoch everywhere."""

    def __init__(self, bar: Bar) -> None:
        self.bar = bar
        self.task = bar.add_task("starting", total=None, note="")
        self._told = ("", -_QUIET_S)  # stage and moment of the last line

    def __call__(self, progress: Progress) -> None:
        part = f"{progress.part}: " if progress.part else ""
        where = f" epoch {progress.epoch}/{progress.epochs}" if progress.epoch else ""
        loss = "" if progress.loss is None else f"loss {progress.loss:.3f}"
        self.bar.update(
            self.task,
            description=part + progress.stage + where,
            completed=progress.done,
            total=progress.total,
            note=loss,
        )
        stage, moment = self._told
        if not ERRORS.is_terminal and (stage != progress.stage or time.monotonic() - moment >= _QUIET_S):
            self._told = (progress.stage, time.monotonic())
            ERRORS.print(
                f"{part}{progress.stage}{where}: {progress.done} of {progress.total}{loss and ', '}{loss}",
                markup=False,
            )
        if progress.note:
            prefix = f"epoch {progress.epoch}/{progress.epochs}: " if progress.epoch else ""
            ERRORS.print(part + prefix + progress.note, markup=False)
