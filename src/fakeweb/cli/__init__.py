"""The command line: parse, call, print. One file per command.

May import everything of the product; typer and rich are its guests. A new command is one file here with a function,
registered in ``app.py``. The workshop's commands live in :mod:`fakeweb.workshop` and come in by entry point, as those
of any other package do (``guests.py``).
"""

from __future__ import annotations

import signal
import sys
from typing import Any


def main() -> None:
    """Run ``fakeweb``; the entry point of the package."""
    signal.signal(signal.SIGTERM, _as_ctrl_c)
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


def _as_ctrl_c(_number: int, _frame: Any) -> None:
    """What a cluster or a system that shuts down sends loses as little as Ctrl-C: nothing."""
    if callable(signal.getsignal(signal.SIGINT)):
        signal.raise_signal(signal.SIGINT)  # may be held back until a step is whole
    else:  # ignored, as in the background of a script
        raise KeyboardInterrupt
