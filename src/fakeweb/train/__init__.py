"""Recipes, networks, the loop, and export to ONNX with a card. Extra ``train``.

May import: torch, timm, onnx (its guests), numpy, OpenCV, :mod:`fakeweb.forge`, :mod:`fakeweb.faces`,
:mod:`fakeweb.datasets`, :mod:`fakeweb.runtime`, :mod:`fakeweb.media`, :mod:`fakeweb.registry`,
:mod:`fakeweb.topology`, :mod:`fakeweb.types`, :mod:`fakeweb.errors`.

A new network is one file in ``nets/`` with ``build(outputs, argument, weights) -> torch.nn.Module`` and one
line in :mod:`fakeweb.registry`; a new training is one TOML file in ``recipes/``.

Importing this package loads no torch; :func:`run` does.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakeweb.errors import BadRecipe, ModelMissing, UsageError, missing_extra
from fakeweb.media import write_atomically


@dataclass(frozen=True)
class Progress:
    """Where a training stands, for whoever shows it.

    Attributes:
        stage: ``faces`` (finding the training faces), ``regions`` (keeping their surroundings), ``train``,
            ``validate`` or ``export``.
        done, total: Units of the stage: pictures or steps.
        epoch, epochs: From 1; 0 before the first.
        loss: Running mean of the training loss, or None.
        note: One line worth keeping, such as an epoch's validation figures; empty otherwise.
    """

    stage: str
    done: int
    total: int
    epoch: int = 0
    epochs: int = 0
    loss: float | None = None
    note: str = ""


def first_process() -> bool:
    """Tell whether this process is the only one, or the first of those that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def run(
    recipe: str | Path,
    data: str | Path,
    out: str | Path,
    *,
    weights: str | Path | Sequence[str | Path] | None = None,
    finder_model: str | Path | None = None,
    resume: bool = False,
    device: str = "auto",
    workers: int = 1,
    threads: int = 0,
    fold: str = "",
    mesher_model: str | Path | None = None,
    cache: str | Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Path:
    """Train a recipe to the end and export the model with its card.

    Started several times by torchrun, the processes share the work of each step; the first one writes.

    Args:
        recipe: TOML file.
        data: Root of the data set.
        out: Folder for checkpoints, logs and the exported model; made if needed.
        weights: File to start from, for networks that take one and for the finder, which goes on from an exported one.
            A classifier takes several, too: it starts from their mean, kept as ``start.npz`` in ``out``.
        finder_model: Model file of the finder the recipe names, if that needs one.
        resume: Go on from the last checkpoint in ``out``; without one, begin.
        device: ``auto``, ``cpu``, ``cuda``, ``mps`` or ``hpu`` (never run: no such device was at hand).
        workers: Processes that prepare batches; results do not depend on it.
        threads: Threads torch computes with; 0 leaves it to torch.
        fold: Name of one of the recipe's ``data.folds``, whose sources are then only measured.
        mesher_model: Model file of the mesher the recipe names, or mesh labels for the mesher ``labels``.
        cache: Folder for found faces and kept regions, which other trainings may share; None: ``out``.
        on_progress: Called often, from the same thread.

    Returns:
        Path of the exported card.

    Raises:
        BadRecipe, LayoutMismatch, UnknownName: As their names say; also a network that does not fit the recipe
            or a loss that is no number.
        DatasetError: No face, too few faces, or a picture that changed while training.
        ModelMissing, ModelCorrupt: The finder's model, the weights or the checkpoint cannot be used.
        ModelIncompatible: ONNX Runtime computes something else than torch.
        MissingExtra: torch, onnx or onnxscript is not installed.
        UsageError: ``out`` already holds a training and ``resume`` is False, or holds one of another recipe or
            other pictures; no such device; ``out`` cannot be written to.
    """
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401 - the exporter needs it, hours later
        import torch  # noqa: F401
    except ImportError as error:
        raise missing_extra("train", "training") from error
    from fakeweb.train.recipe import read_recipe, task_of, with_fold

    show = on_progress or (lambda _: None)
    task = task_of(recipe)
    start = _start(weights, Path(out), task)
    if task == "finder":
        from fakeweb.train.finder.loop import FinderTraining
        from fakeweb.train.finder.recipe import read_finder_recipe

        return FinderTraining(
            read_finder_recipe(Path(recipe)),
            Path(recipe),
            Path(data),
            Path(out),
            weights=start,
            resume=resume,
            device=device,
            workers=workers,
            threads=threads,
            on_progress=show,
        ).run()
    if task == "mesh":
        from fakeweb.train.mesh.loop import MeshTraining
        from fakeweb.train.mesh.recipe import read_mesh_recipe

        return MeshTraining(
            read_mesh_recipe(Path(recipe)),
            Path(recipe),
            Path(data),
            Path(out),
            resume=resume,
            device=device,
            workers=workers,
            threads=threads,
            on_progress=show,
        ).run()
    if task == "video":
        from fakeweb.train.temporal.loop import TemporalTraining
        from fakeweb.train.temporal.recipe import read_temporal_recipe

        return TemporalTraining(
            read_temporal_recipe(Path(recipe)),
            str(data),
            Path(out),
            weights=start,
            resume=resume,
            device=device,
            workers=workers,
            threads=threads,
            on_progress=show,
        ).run()
    if task != "classifier":
        raise BadRecipe(
            f"{recipe}: there is no task '{task}'",
            hint="known: classifier, finder, mesh, video; 'autoencoder' stayed in 0.8.0",
        )
    from fakeweb.train.loop import Training

    read = read_recipe(recipe)
    return Training(
        with_fold(read, fold) if fold else read,
        Path(data),
        Path(out),
        weights=start,
        finder_model=None if finder_model is None else Path(finder_model),
        resume=resume,
        device=device,
        workers=workers,
        threads=threads,
        mesher_model=None if mesher_model is None else Path(mesher_model),
        cache=None if cache is None else Path(cache),
        on_progress=show,
    ).run()


def _start(weights: str | Path | Sequence[str | Path] | None, out: Path, task: str) -> Path | None:
    """Return the file to start from; the mean of several is written first."""
    if weights is None or isinstance(weights, str | Path):
        return None if weights is None else Path(weights)
    paths = [Path(path) for path in weights]
    if len(paths) < 2:
        return paths[0] if paths else None
    if task != "classifier":
        raise UsageError(
            f"a {task} starts from one file", hint="only classifiers start from a mean of several"
        )
    if missing := next((path for path in paths if not path.is_file()), None):
        raise ModelMissing(f"no weights at {missing}", hint="see docs/guide/train.md")
    import numpy as np

    from fakeweb.train.weights import average_states

    start = out / "start.npz"
    arrays: dict[str, Any] = {k: v.numpy() for k, v in average_states(paths).items()}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    # each process for itself: what lies there may be another training's
    write_atomically(start, buffer.getvalue())
    return start
