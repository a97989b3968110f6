"""Options that several commands share, as types of their arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fakeweb.cli.places import brought
from fakeweb.registry import names

Finder = Annotated[str, typer.Option(help=f"Face detector: {', '.join(names('finder'))}.")]
FinderModel = Annotated[
    Path | None, typer.Option(help="Model file, for finders that need one.", callback=brought)
]
Workers = Annotated[int, typer.Option("--workers", "-j", min=1, help="Processes to use.")]
