"""``fakeweb data probe summary``: what is kept of a head's validation, for ``fakeweb adapt``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fakeweb.adapt.summarise import logits_of, summarise
from fakeweb.adapt.summary import write_summary
from fakeweb.cli.console import write
from fakeweb.errors import UsageError
from fakeweb.evaluate.probe.cache import read_features
from fakeweb.runtime import ModelCard, find_card

SUMMARY_EPILOG = """
**Example**

* fakeweb data probe summary accurate features/* --out src/fakeweb/models
"""


def summary(
    model: Annotated[str, typer.Argument(help="Name of a head, or path of its card.", show_default=False)],
    folders: Annotated[list[Path], typer.Argument(help="Folders of cached features.", show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for MODEL.summary.npz.", show_default=False)
    ],
) -> None:
    """Keep of a head's validation what `fakeweb adapt` checks examples against: moments per source, no row per face.

    The projection is learned from training faces; validation groups A are what is summarised.
    """
    card = find_card(model)
    if not isinstance(card, ModelCard):
        raise UsageError(f"{card.reference} is no classifier", hint="give a head, such as accurate")
    features = read_features(folders)
    found = summarise(card, features, logits_of(card, features))
    path = out / f"{card.name}.summary.npz"
    write_summary(found, path)
    write(f"{path}: {sum(c.count for c in found.cells)} faces in {len(found.cells)} cells")
