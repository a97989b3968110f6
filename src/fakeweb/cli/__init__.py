"""The command line: parse, call, print. One file per command.

May import everything below it; typer and rich are its guests. A new command is one file here with a function,
registered in ``app.py``.
"""

from __future__ import annotations


def main() -> None:
    """Run ``fakeweb``; the entry point of the package."""
    from fakeweb.cli.app import run

    run()
