"""``fakeweb label``."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated

import typer

from fakeweb import registry
from fakeweb.cli.console import ERRORS, progress_bar, write
from fakeweb.cli.options import FinderModel
from fakeweb.cli.places import brought, sent
from fakeweb.errors import UsageError
from fakeweb.train.labels import label as label_faces
from fakeweb.train.labels import read_labels
from fakeweb.workshop import PANEL

EPILOG = """
Face finders are trained from what other finders see: write one file per teacher (each may run in an environment of its
own), then name them in a recipe. **Ctrl-C** keeps what was found; the same command goes on.

**Example**

* fakeweb label DATA --finder yunet --finder-model yunet.onnx --out labels/yunet.csv
"""


command = typer.Typer(add_completion=False, rich_markup_mode="markdown", rich_help_panel=PANEL)


@command.command("label", epilog=EPILOG)
def label(
    data: Annotated[Path, typer.Argument(help="Root of the data set.", callback=brought)],
    finder: Annotated[str, typer.Option(help="Name of the face detector that looks: the teacher.")],
    out: Annotated[Path, typer.Option(help="CSV file to write, or to carry on.", callback=sent)],
    layout: Annotated[str, typer.Option(help="Name of the data set's layout.")] = "index",
    finder_model: FinderModel = None,
    every: Annotated[list[str] | None, typer.Option(
        metavar="SOURCE=N", help="Take one in N pictures of a source, 0 for none; may be given several times.",
    )] = None,
) -> None:  # fmt: skip
    """Write every face that a finder sees in a data set, as labels for training a finder."""
    make = registry.load("finder", finder)
    takes_model = "model" in inspect.signature(make).parameters
    if finder_model is not None and not takes_model:
        raise UsageError(f"the finder '{finder}' takes no model file", hint="leave out --finder-model")
    teacher = make() if finder_model is None else make(finder_model)
    steps = dict(_step(text) for text in every or [])
    samples, seen = [], dict.fromkeys(steps, 0)
    for sample in registry.load("layout", layout)().index(data):
        if sample.source in steps:
            seen[sample.source] += 1
            step = steps[sample.source]
            if step == 0 or seen[sample.source] % step:
                continue
        samples.append(sample)
    with progress_bar() as bar:
        task = bar.add_task(f"{finder} looks", total=len(samples), note="")
        unread = label_faces(
            samples, data, teacher, out, lambda done, total: bar.update(task, completed=done, total=total)
        )
    if unread:
        ERRORS.print(f"{unread} pictures could not be read and were passed over", markup=False)
    labels = read_labels(out)
    write(f"{out}: {sum(map(len, labels.values()))} faces in {len(labels)} pictures")


def _step(text: str) -> tuple[str, int]:
    source, _, number = text.partition("=")
    if not source or not number.isdigit():
        raise UsageError(f"--every wants SOURCE=N, got '{text}'", hint="such as --every dfdc=3")
    return source, int(number)
