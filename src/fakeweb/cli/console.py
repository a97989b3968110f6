"""Standard output and error: answers to stdout, all else to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fakeweb.errors import FakeWebError, UsageError, readable

ERRORS = Console(stderr=True, highlight=False, soft_wrap=True)


def print_error(error: FakeWebError) -> None:
    """Print an error on one line: what happened, and what to do."""
    hint = f" ({error.hint})" if error.hint else ""
    ERRORS.print(printable(f"error: {error.message}{hint}"), style="red", markup=False)


def print_left_out(problems: Iterable[str]) -> None:
    """Say on stderr what a data set's layout left out, a line per reason."""
    for problem in problems:
        ERRORS.print(printable(f"left out, {problem}"), markup=False)


class ReaderGone(Exception):
    """Whoever read our output has closed it, as ``head`` does."""


def write(text: str) -> None:
    """Write an answer to stdout.

    Raises:
        ReaderGone: The pipe was closed at the other end.
        UsageError: stdout is closed or full.
    """
    try:
        if sys.stdout is None:
            raise UsageError("standard output is closed", hint="give it a file or a terminal")
        sys.stdout.write(readable(text) + "\n")
        sys.stdout.flush()
    except BrokenPipeError as error:
        _silence()
        raise ReaderGone from error
    except OSError as error:
        _silence()
        raise UsageError(
            f"cannot write to standard output: {error.strerror}", hint="is the disk full?"
        ) from error


def _silence() -> None:
    """Send what is left in stdout's buffer nowhere, so that Python does not try it again at exit."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def printable(text: object) -> str:
    """Replace what a terminal would obey rather than show."""
    return "".join(c if c.isprintable() else "?" for c in readable(str(text)))


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
        redirect_stdout=sys.stdout is not None
        and sys.stdout.isatty(),  # else the bar would swallow the answers
        redirect_stderr=False,
        disable=not (wanted and ERRORS.is_terminal),
    )
