"""Where output goes: answers to stdout, all else to stderr."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fakeweb.errors import FakeWebError

ERRORS = Console(stderr=True, highlight=False, soft_wrap=True)


def print_error(error: FakeWebError) -> None:
    """Print an error on one line: what happened, and what to do."""
    hint = f" ({error.hint})" if error.hint else ""
    ERRORS.print(f"error: {error.message}{hint}", style="red", markup=False)


def write(text: str) -> None:
    """Write an answer to stdout."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def in_colour() -> bool:
    """Tell whether stdout is a terminal that shows colour."""
    return Console().is_terminal and not Console().no_color


def progress_bar(*, wanted: bool = True) -> Progress:
    """Return a progress bar on stderr; silent where stderr is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=ERRORS,
        transient=True,
        disable=not (wanted and ERRORS.is_terminal),
    )
