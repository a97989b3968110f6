"""The workshop's command line: train, evaluate, forge, data, dfdc, label. Parse, call, print; one file per command.

May import everything: the rooms of the workshop (:mod:`fakeweb.train`, :mod:`fakeweb.evaluate`, :mod:`fakeweb.forge`,
:mod:`fakeweb.datasets`, :mod:`fakeweb.dfdc`) and those of the product; typer and rich are its guests, as they are of
:mod:`fakeweb.cli`. Nothing of the product imports it: the commands come in by the entry points ``fakeweb.command`` in
``pyproject.toml``, as those of any other package do.

A new command is one file here with a :class:`typer.Typer`, and one entry point.
"""

from typing import Final

PANEL: Final = "Workshop: make, train and measure models"
"""Where ``fakeweb --help`` shows these commands."""
