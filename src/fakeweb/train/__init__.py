"""Recipes, networks, the training loop, and export to ONNX with a card. Extra ``train``.

What lives where: ``loop`` trains whatever a ``task`` is; the tasks are ``classifier/``, ``content/``, ``finder/``,
``mesh/`` and ``temporal/``, each with its options, samples, loss, figures and export; ``nets/`` are networks by name.
What tasks share stands beside them: ``recipe``, ``batches``, ``augment``, ``optimizers``, ``devices``, ``weights``,
``checkpoint``, ``logs``, ``calibrate``, ``export``.

* A new training is one TOML file in ``recipes/``.
* A new network is one file in ``nets/`` with ``build(outputs, argument, weights) -> torch.nn.Module`` and one line in
  :mod:`fakeweb.registry`.
* A new task is one subclass of :class:`fakeweb.train.task.Task` and one line in :mod:`fakeweb.registry`.

May import: torch, timm, onnx (its guests), numpy, OpenCV, :mod:`fakeweb.forge`, :mod:`fakeweb.faces`,
:mod:`fakeweb.classifiers` (teachers), :mod:`fakeweb.datasets`, :mod:`fakeweb.runtime`, :mod:`fakeweb.media`,
:mod:`fakeweb.registry`, :mod:`fakeweb.topology`, :mod:`fakeweb.metrics`, :mod:`fakeweb.types`, :mod:`fakeweb.errors`.

Importing this package loads no torch; :func:`run` does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fakeweb import registry
from fakeweb.errors import missing_extra
from fakeweb.train.progress import Progress, Tell, first_process
from fakeweb.train.recipe import task_of
from fakeweb.train.stages import Plan, train

__all__ = ["Progress", "first_process", "run"]


def run(
    recipe: str | Path,
    data: str | Path,
    out: str | Path,
    *,
    resume: bool = False,
    device: str = "auto",
    workers: int = 1,
    threads: int = 0,
    on_progress: Tell | None = None,
    **options: Any,
) -> Path:
    """Train a recipe to the end, stage by stage, and export the model with its card.

    Started several times by torchrun, the processes share the work of each step; the first one writes.

    Args:
        recipe: TOML file, or one stage of it, ``FILE#STAGE``; its ``task`` says what is trained.
        data: Root of the data set.
        out: Folder for checkpoints, logs and the exported model; made if needed.
        resume: Go on from the last checkpoint in ``out``; without one, begin.
        device: ``auto``, ``cpu``, ``cuda``, ``mps`` or ``hpu`` (never run: no such device was at hand).
        workers: Processes that prepare batches; results do not depend on it.
        threads: Threads torch computes with; 0 leaves it to torch.
        on_progress: Called often, from the same thread.
        options: The task's own; None counts as not given. ``classifier``: ``weights`` (one or several),
            ``finder_model``, ``fold``, ``mesher_model``, ``cache``, see
            :class:`fakeweb.train.classifier.task.ClassifierOptions`. ``content``, ``finder`` and ``video``:
            ``weights``.

    Returns:
        Path of the exported card.

    Raises:
        BadRecipe, LayoutMismatch, UnknownName: As their names say; also a network that does not fit the recipe
            or a loss that is no number.
        DatasetError: No face, too few faces, or a picture that changed while training.
        ModelMissing, ModelCorrupt: The finder's model, the weights or the checkpoint cannot be used.
        ModelIncompatible: ONNX Runtime computes something else than torch.
        MissingExtra: torch, onnx or onnxscript is not installed.
        UsageError: An option that the task does not take; ``out`` already holds a training and ``resume`` is False,
            or holds one of another recipe or other pictures; no such device; ``out`` cannot be written to.
    """
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401 - the exporter needs it, hours later
        import torch  # noqa: F401
    except ImportError as error:
        raise missing_extra("train", "training") from error
    from fakeweb.train.devices import Crew
    from fakeweb.train.loop import Loop
    from fakeweb.train.task import Setting, options_of

    def once(path: str, out: Path, options: dict[str, Any], tell: Tell, checked: Callable[[], None]) -> Path:
        name = task_of(path)
        task = registry.load("task", name)
        own = options_of(task.Options, name, options)
        setting = Setting.here(
            str(data), out, device=device, workers=workers, threads=threads, tell=tell, shared=task.shares
        )
        loop = Loop(task(Path(path), own, setting), setting, resume=resume)
        checked()
        return loop.run()

    card = train(
        str(recipe), Plan(once, str(data), Path(out), resume, options, on_progress or (lambda _: None))
    )
    Crew.part()
    return card
