"""All commands together, and what happens when one fails."""

from __future__ import annotations

import os
import sys

import typer

from fakeweb.cli import models, scan, train, version
from fakeweb.cli.console import print_error
from fakeweb.errors import FakeWebError

INTERRUPTED = 130

app = typer.Typer(
    name="fakeweb",
    help="Tells which faces in a picture were manipulated, draws a mesh over them, and says how sure it is.",
    epilog="Start with `fakeweb scan photo.jpg`; every command explains itself with `--help`.",
    rich_markup_mode="markdown",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("scan", epilog=scan.EPILOG)(scan.scan)
app.command("models")(models.models)
app.command("train", epilog=train.EPILOG)(train.train)
app.command("version")(version.version)


def run() -> None:
    """Parse, run, and turn errors into one line and an exit code."""
    try:
        app()
    except FakeWebError as error:
        print_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # the reader has gone; say nothing more
        sys.exit(0)
