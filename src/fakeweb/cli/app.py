"""The application: all commands together, and what happens when one fails."""

from __future__ import annotations

import io
import re
import sys
from functools import partial
from typing import Any

import typer

from fakeweb.cli import adapt, batch, demo, keys, mcp, models, scan, serve, version
from fakeweb.cli.console import ReaderGone, print_error
from fakeweb.cli.guests import Commands
from fakeweb.errors import FakeWebError

INTERRUPTED = 130
# the base of wrong options and arguments: click's own class, or the one newer versions of typer carry inside
_USAGE_ERROR: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")


class _Shown(Commands):
    """All commands; those of other packages show what their options take as FakeWeb's own do."""

    def prepared(self, command: Any) -> Any:
        """Return a command whose help names what each option takes."""
        _name_values(command)
        return command


app = typer.Typer(
    name="fakeweb",
    cls=_Shown,
    help="Tells which faces in a picture were manipulated, draws a mesh over them, and says how sure it is.",
    epilog="Start with `fakeweb scan photo.jpg`; every command explains itself with `--help`.",
    rich_markup_mode="markdown",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.callback()(version.option)
app.command("scan", epilog=scan.EPILOG)(scan.scan)
app.add_typer(batch.batch, name="batch")
app.command("watch", epilog=batch.WATCH_EPILOG)(batch.watch)
app.add_typer(models.models, name="models")
app.command("adapt", epilog=adapt.EPILOG)(adapt.adapt)
app.command("serve", epilog=serve.EPILOG)(serve.serve)
app.command("demo", epilog=demo.EPILOG)(demo.demo)
app.add_typer(keys.keys, name="keys")
app.command("mcp", epilog=mcp.EPILOG)(mcp.mcp)
app.command("version")(version.version)


def command() -> Any:
    """Return the whole command, whose help names what each option takes: nothing for flags, choices by name.

    Commands of other packages are not imported yet.
    """
    whole = typer.main.get_command(app)
    _name_values(whole)
    return whole


def _name_values(group: Any) -> None:
    for parameter in group.params:
        _name_value(parameter)
    group.get_help_option = partial(_named_help, group.get_help_option)
    for inner in getattr(group, "commands", {}).values():
        _name_values(inner)


def _name_value(parameter: Any) -> None:
    shown = getattr(parameter, "display_type", None)  # newer versions of typer have it
    if shown is not None:
        parameter.display_type_rich = partial(_value, parameter, shown)


def _named_help(make: Any, ctx: Any) -> Any:
    """Return the option ``--help``, which a command makes when it is asked for it."""
    option = make(ctx)
    if option is not None:
        _name_value(option)
    return option


def _value(parameter: Any, shown: Any, ctx: Any) -> str:
    """Return what a parameter takes in words: ``PATH`` for ``<path>``, ``real|fake`` for ``<list[real|fake]>``."""
    if parameter.metavar is not None and parameter.param_type_name == "option":
        return str(parameter.metavar)
    kind = re.sub(r"^<(?:list\[)?(.*?)\]?>$", r"\1", str(shown(ctx)))
    return " ".join(_VALUES.get(part, part) for part in kind.split(","))


_VALUES = {"bool": "", "str": "TEXT", "path": "PATH", "int": "NUMBER", "int range": "NUMBER", "float": "NUMBER",
           "float range": "NUMBER"}  # fmt: skip


def run() -> None:
    """Parse, run, and turn errors into one line and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names that the terminal's encoding lacks
    try:
        code = command().main(prog_name="fakeweb", standalone_mode=False)
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
