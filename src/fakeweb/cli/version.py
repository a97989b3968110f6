"""``fakeweb version`` and ``fakeweb --version``."""

from __future__ import annotations

import platform
from typing import Annotated

import typer

from fakeweb import __version__
from fakeweb.cli.console import write


def version() -> None:
    """Print the versions that matter when something goes wrong."""
    import cv2
    import numpy as np

    from fakeweb.runtime import library_version

    write(f"fakeweb {__version__}")
    write(f"python {platform.python_version()} on {platform.system()} {platform.machine()}")
    write(f"numpy {np.__version__}, opencv {cv2.__version__}, onnxruntime {library_version()}")


def _print_and_end(wanted: bool) -> None:
    if wanted:
        write(f"fakeweb {__version__}")
        raise typer.Exit


def option(
    _: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_and_end, help="Print the version and end."),
    ] = False,
) -> None:
    """Take the options that stand before a command."""
