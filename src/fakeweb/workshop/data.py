"""``fakeweb data``: look at a data set before trusting it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from fakeweb import registry
from fakeweb.cli.console import ERRORS, print_left_out, progress_bar, write
from fakeweb.cli.options import FinderModel, Workers
from fakeweb.datasets import Sample, read_samples
from fakeweb.errors import UnknownName
from fakeweb.scanner import DEFAULT_FINDER, Scanner
from fakeweb.types import Box, FaceFinder, Image, UInt8Array
from fakeweb.workshop import PANEL

command = typer.Typer(
    help="Look at a data set: what is in it, what leaks, who stands in it twice.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    rich_help_panel=PANEL,
    add_completion=False,
)

INSPECT_EPILOG = """
**An interrupted inspection goes on**: the same command reads only what is missing. Needs the extra 'evaluate'.

**Examples**

* fakeweb data inspect DATA

* fakeweb data inspect FaceForensics++ --layout faceforensics --out reports/ff

* fakeweb data inspect DATA --crops --finder yunet --finder-model face_detection_yunet_2023mar.onnx
"""
FOLDS_EPILOG = """
**Then** train each recipe with --out FOLDER/fold1, FOLDER/fold2 ..., and `fakeweb evaluate --folds FOLDER DATA`.

**Example**

* fakeweb data folds DATA --recipe recipes/fast-folds.toml --out runs/folds
"""
PEOPLE_EPILOG = """
**Look at pairs.png before you use the list.** A recipe takes it as people = ["people.csv"] below [data],
`fakeweb evaluate` as --people people.csv.

**Example**

* fakeweb data people DATA --source ciplab --finder-model face_detection_yunet_2023mar.onnx --out people
"""

Root = Annotated[Path, typer.Argument(help="Root of the data set.", show_default=False)]
LayoutOption = Annotated[str, typer.Option(help=f"How it lies: auto, {', '.join(registry.names('layout'))}.")]


@command.command("inspect", epilog=INSPECT_EPILOG)
def inspect(
    root: Root,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the report.")] = Path("inspection"),
    layout: LayoutOption = "auto",
    crops: Annotated[
        bool, typer.Option("--crops", help="Also look for leaks in crops cut and degraded as training does.")
    ] = False,
    finder: Annotated[str, typer.Option(help="Face detector, for --crops.")] = DEFAULT_FINDER,
    finder_model: FinderModel = None,
    workers: Workers = 1,
) -> None:
    """Count, measure and plot: classes, sizes, formats, brightness, duplicates, broken files, leaks by handling."""
    from fakeweb.evaluate import need_guests

    need_guests("fakeweb data inspect")
    from fakeweb.evaluate.inspect import inspect as run

    samples, problems, name = read_samples(root, layout)
    print_left_out(problems)
    face_finder = Scanner(finder=finder, finder_model=finder_model).finder if crops else None
    with progress_bar() as bar:
        task = bar.add_task("starting", total=None, note="")

        def show(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done, total=total)

        def leaks() -> dict[str, Any]:
            from fakeweb.evaluate.leaks import crops_leak

            assert face_finder is not None  # noqa: S101 - made above
            return crops_leak(
                samples, face_finder, _training_crop, on_progress=lambda d, t: show("crops", d, t)
            )

        result = run(
            root,
            samples,
            problems,
            name,
            out,
            crop_leaks=leaks if crops else None,
            workers=workers,
            on_progress=show,
        )
    for line in _findings(result.findings):
        write(line)
    write(f"report: {out / 'report.html'}")


def _training_crop(image: Image, box: Box, dice: np.random.Generator) -> UInt8Array:
    """Cut and degrade a crop as `fakeweb train` does by default."""
    from fakeweb.train.augment import augmented_crop
    from fakeweb.train.recipe import AugmentRecipe, DataRecipe

    wanted = DataRecipe()
    return augmented_crop(image, box, wanted.side_px, wanted.margin, AugmentRecipe(), dice)


def _findings(found: dict[str, Any]) -> list[str]:
    """Return the inspection in a few lines."""
    lines = [f"{found['files']} pictures in {len(found['sources'])} sources (layout {found['layout']})"]
    for name, source in found["sources"].items():
        labels = ", ".join(f"{n} {label}" for label, n in source["labels"].items())
        size = source["sizes"][0][0] if source["sizes"] else "none readable"
        lines.append(f"  {name}: {labels}; {source['groups']} groups; mostly {size}")
    lines.append(f"cannot be read: {len(found['broken'])}")
    doubles = found["duplicates"]
    lines.append(
        f"duplicates: {doubles['exact']} exact, {doubles['near']} near; across splits {doubles['exact_across_splits']}"
        f" and {doubles['near_across_splits']}, across labels {doubles['exact_across_labels']}"
        f" and {doubles['near_across_labels']}"
    )
    for title, key in (("container", "format_leaks"), ("training crops", "crop_leaks")):
        for source, leak in (found[key] or {}).items():
            word = "LEAKS" if leak["leaks"] else "no leak"
            lines.append(f"handling, {title}, {source}: AUC {leak['auc']['value']:.3f}, {word}")
    return lines


@command.command("folds", epilog=FOLDS_EPILOG)
def folds(
    root: Root,
    recipe: Annotated[Path, typer.Option(help="Training recipe that every fold changes.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for folds.json and the recipes.")],
    layout: LayoutOption = "auto",
    count: Annotated[int, typer.Option(min=2, help="How many folds.")] = 4,
) -> None:
    """Write one recipe per fold, each leaving out some fake and some real sources, for cross-validation by source."""
    from fakeweb.evaluate.folds import make_folds, write_folds
    from fakeweb.train.tables import read_table

    samples, problems, _ = read_samples(root, layout)
    print_left_out(problems)
    made = make_folds(samples, count)
    for fold, path in zip(made, write_folds(made, recipe, read_table(recipe).values, out), strict=True):
        write(f"{path}  leaves out {', '.join(fold.held_out)}")


@command.command("people", epilog=PEOPLE_EPILOG)
def people(
    root: Root,
    source: Annotated[str, typer.Option(help="Source to look through.", show_default=False)],
    finder_model: Annotated[
        Path, typer.Option(help="Model file of the finder yunet, which gives five points.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for people.csv and pairs.png.")] = Path(
        "people"
    ),
    layout: LayoutOption = "auto",
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Least likeness of a pair.", show_default=False)
    ] = None,
) -> None:
    """Find pictures of one person that stand under different groups, and list them so that no split parts them."""
    from fakeweb.datasets.people import write_people
    from fakeweb.evaluate.people import THRESHOLD, contact_sheet, families, find_pairs
    from fakeweb.media import encode_png, write_atomically

    found, problems, _ = read_samples(root, layout)
    print_left_out(problems)
    samples = [s for s in found if s.source == source and s.label is not None]
    if not samples:
        known = ", ".join(sorted({s.source for s in found}))
        raise UnknownName(f"no source is called '{source}'", hint=f"known: {known}")
    finder: FaceFinder = registry.load("finder", "yunet")(finder_model)
    with progress_bar() as bar:
        task = bar.add_task("faces", total=len(samples), note="")
        pairs = find_pairs(
            samples,
            finder,
            threshold=THRESHOLD if threshold is None else threshold,
            on_progress=lambda done, _total: bar.update(task, completed=done),
        )
    groups = families(samples, pairs)
    write_atomically(out / "people.csv", write_people({source: groups}))
    shown = [*pairs[:30], *pairs[-42:]] if len(pairs) > 72 else pairs
    write_atomically(out / "pairs.png", encode_png(Image(contact_sheet(samples, shown, finder)), drawn=True))
    write(
        f"{len(pairs)} pairs, {len(groups)} persons under several groups,"
        f" {_apart(samples, groups)} of them in two splits"
    )
    write(f"list: {out / 'people.csv'}")
    ERRORS.print(f"look at {out / 'pairs.png'}: every pair must show one person", markup=False)


def _apart(samples: list[Sample], groups: list[list[str]]) -> int:
    """Count the persons whose groups stand in more than one split."""
    split = {s.group: s.split for s in samples}
    return sum(len({split[g] for g in family}) > 1 for family in groups)
