"""All commands together, and what happens when one fails."""

from __future__ import annotations

import io
import sys
from typing import Any

import typer

from fakeweb.cli import data, demo, dfdc, evaluate, forge, keys, label, models, scan, serve, train, version
from fakeweb.cli.console import ReaderGone, print_error
from fakeweb.errors import FakeWebError

INTERRUPTED = 130
# the base of wrong options and arguments: click's own class, or the one newer versions of typer carry inside
_USAGE_ERROR: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")

app = typer.Typer(
    name="fakeweb",
    help="Tells which faces in a picture were manipulated, draws a mesh over them, and says how sure it is.",
    epilog="Start with `fakeweb scan photo.jpg`; every command explains itself with `--help`.",
    rich_markup_mode="markdown",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.callback()(version.option)
app.command("scan", epilog=scan.EPILOG)(scan.scan)
app.add_typer(models.models, name="models")
app.command("label", epilog=label.EPILOG)(label.label)
app.command("train", epilog=train.EPILOG)(train.train)
app.command("forge", epilog=forge.EPILOG)(forge.forge)
app.command("evaluate", epilog=evaluate.EPILOG)(evaluate.evaluate)
app.add_typer(data.data, name="data")
app.add_typer(dfdc.dfdc, name="dfdc")
app.command("serve", epilog=serve.EPILOG)(serve.serve)
app.command("demo", epilog=demo.EPILOG)(demo.demo)
app.add_typer(keys.keys, name="keys")
app.command("version")(version.version)


def run() -> None:
    """Parse, run, and turn errors into one line and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names that the terminal's encoding lacks
    try:
        code = typer.main.get_command(app).main(prog_name="fakeweb", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except _USAGE_ERROR as error:
        error.show()
        sys.exit(error.exit_code)
    except FakeWebError as error:
        print_error(error)
        sys.exit(error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        sys.stderr.write("interrupted\n")
        sys.exit(INTERRUPTED)
    except ReaderGone:
        sys.exit(0)
