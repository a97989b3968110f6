"""Where a training stands, for whoever shows it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Where a training stands.

    Attributes:
        stage: ``weights`` (what was loaded), ``faces`` (finding the training faces), ``regions`` (keeping their
            surroundings), ``copies`` (of faces, by slow networks of the forge), ``features`` (keeping what a frozen
            encoder makes of them), ``train``, ``validate`` or ``export``.
        done, total: Units of the stage: pictures or steps.
        epoch, epochs: From 1; 0 before the first.
        loss: Running mean of the training loss, or None.
        note: One line worth keeping, such as an epoch's validation figures; empty otherwise.
        part: Which of a recipe's stages, and of how many, such as ``second 2/11``; empty for a recipe without.
    """

    stage: str
    done: int
    total: int
    epoch: int = 0
    epochs: int = 0
    loss: float | None = None
    note: str = ""
    part: str = ""


Tell = Callable[[Progress], None]


def first_process() -> bool:
    """Tell whether this process is the only one, or the first of those that torchrun started."""
    return os.environ.get("RANK", "0") == "0"
