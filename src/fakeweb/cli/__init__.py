"""The command line: parse, call, print. One file per command.

May import everything of the product; typer and rich are its guests. A new command is one file here with a function,
registered in ``app.py``. The workshop's commands live in :mod:`fakeweb.workshop` and come in by entry point, as those
of any other package do (``guests.py``).
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run ``fakeweb``; the entry point of the package."""
    try:
        from fakeweb.cli.app import run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
    except (ImportError, AttributeError) as error:
        from fakeweb.cli.install import explain

        line = explain(error)
        if line is None:
            raise
        sys.stderr.write(line + "\n")
        sys.exit(3)
