"""``fakeweb adapt``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fakeweb import registry
from fakeweb.cli.console import ERRORS, printable, progress_bar, write
from fakeweb.cli.places import brought

EPILOG = """
**Nothing is written** where the examples give themselves away (formats, sizes, cameras), teach nothing that holds on
examples not learned from, or raise false alarms elsewhere; the error says why.

**Examples**

* fakeweb adapt examples/ --out my.json (with examples/real/ and examples/fake/; inside, a folder per person)

* fakeweb adapt mine.csv --out my.json

* fakeweb adapt accepted.json rejected.json --out my.json (what the review queue decided, references naming files)

* fakeweb scan --model my.json photo.jpg
"""


def adapt(
    examples: Annotated[
        list[Path],
        typer.Argument(
            help="Folders with real and fake in them, CSV files with path and label, or exports of the review queue.",
            show_default=False,
            callback=brought,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="The card to write, .json; the model goes beside it.", show_default=False
        ),
    ],
    parent: Annotated[
        str, typer.Option(help="Shipped model to correct: a head over an encoder.")
    ] = "accurate",
) -> None:
    """Teach a shipped model what reaches you, from five real and five fake pictures on: a model for --model."""
    with progress_bar() as bar:
        task = bar.add_task("reading", total=None, note="")
        made: Any = registry.load("adaptation", "examples")(
            examples, out, parent,
            on_progress=lambda stage, done, total: bar.update(task, description=stage, completed=done, total=total),
        )  # fmt: skip
    for told in made.left_out:
        ERRORS.print(printable(f"left out, {told}"), markup=False)
    for told in made.doubts:
        ERRORS.print(printable(f"in doubt, perhaps handling alone was learned: {told}"), markup=False)
    own, other = made.figures["own"], made.figures["elsewhere"]
    write(f"{made.path}  {made.card.title}")
    write(f"  {own['real']} real, {own['fake']} fake          before   after, on examples not learned from")
    write(f"  AUC                       {own['auc'][0]:6.2f}  {own['auc'][1]:6.2f}")
    for word, key in (("fakes called fake", "caught"), ("reals called fake", "alarms")):
        write(f"  {word:<25} {own[key][0]:6.0%}  {own[key][1]:6.0%}")
    write("  elsewhere, on the faces it was validated on")
    for word, key in (("fakes called fake", "caught"), ("reals called fake", "alarms")):
        write(f"  {word:<25} {other[key][0]:6.1%}  {other[key][1]:6.1%}")
    ERRORS.print(f"try it: fakeweb scan --model {made.path} photo.jpg", markup=False)
