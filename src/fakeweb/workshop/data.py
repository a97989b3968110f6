"""``fakeweb data``: build a data set, and look at it before trusting it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from fakeweb import registry
from fakeweb.cli.console import ERRORS, print_left_out, progress_bar, write
from fakeweb.cli.options import Finder, FinderModel, Workers
from fakeweb.cli.places import brought, sent
from fakeweb.datasets import Sample, read_samples
from fakeweb.errors import UnknownName, UsageError
from fakeweb.scanner import DEFAULT_FINDER, Scanner
from fakeweb.types import Box, FaceFinder, Image, UInt8Array
from fakeweb.workshop import PANEL
from fakeweb.workshop.probe import command as probe
from fakeweb.workshop.tracks import Frames, Margin, MarginPx, OutShards, Side, extract_parts

command = typer.Typer(
    help="Build a data set from public repositories; look at one: what is in it, what leaks, who stands in it twice.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    rich_help_panel=PANEL,
    add_completion=False,
)

command.add_typer(probe, name="probe")

BUILD_EPILOG = """
**An interrupted build goes on**: the same command, and at most one picture is done again. Nothing is fetched: where a
clone is missing, the error says the command that brings it.

**Example**

* fakeweb data build manifests/*.toml --clones clones --out DATA
"""
INSPECT_EPILOG = """
**An interrupted inspection goes on**: the same command reads only what is missing. Needs the extra 'evaluate'.

**Examples**

* fakeweb data inspect DATA

* fakeweb data inspect FaceForensics++ --layout faceforensics --out reports/ff

* fakeweb data inspect DATA --crops --finder yunet --finder-model face_detection_yunet_2023mar.onnx
"""
EXTRACT_EPILOG = """
**Ctrl-C, a kill or a power cut** costs the clips being looked at and nothing else; the same command goes on. Run
again when all is done, it does nothing.

**Then** `fakeweb train recipe.toml --data OUT`, `fakeweb evaluate MODEL --data OUT`, and a temporal recipe with the
same --data: all know the tracks, with the splits, groups and masks of the videos' layout.

**Examples**

* fakeweb data extract videos/ --out tracks -j 4

* fakeweb data extract FaceForensics++ --layout faceforensics --out tracks

* fakeweb data extract Celeb-DF-v2 --out tracks --finder mtcnn --frames 10 --side 160 --margin-px 14
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

Root = Annotated[
    Path,
    typer.Argument(help="Root of the data set: a folder, or s3://...", show_default=False, callback=brought),
]
LayoutOption = Annotated[str, typer.Option(help=f"How it lies: auto, {', '.join(registry.names('layout'))}.")]


@command.command("build", epilog=BUILD_EPILOG)
def build(
    manifests: Annotated[
        list[Path],
        typer.Argument(help="Manifest files, a source each.", show_default=False, callback=brought),
    ],
    clones: Annotated[
        Path,
        typer.Option(
            help="Folder of the clones (with work trees or bare) and wheels.",
            show_default=False,
            callback=brought,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of the data set.", show_default=False, callback=sent)
    ],
    longest: Annotated[
        int,
        typer.Option(min=0, help="Longer side at most, in pixels; 0 leaves every picture at its own scale."),
    ] = 0,
    quality: Annotated[tuple[int, int], typer.Option(help="Lowest and highest JPEG quality.")] = (80, 97),
    seed: Annotated[int, typer.Option(help="Of the dice for quality and cut.")] = 0,
    resample: Annotated[
        bool,
        typer.Option("--resample", help="Shrink and enlarge what its source did not, as others' fakes were."),
    ] = False,
    accept: Annotated[
        bool, typer.Option("--accept", help="Keep what is not what the manifests say (counts, SHA-256).")
    ] = False,
) -> None:
    """Build a data set from manifests and clones of public repositories: pictures, index.csv, card.md, left_out.csv."""
    from fakeweb.datasets.build import build as run
    from fakeweb.datasets.card import write_card
    from fakeweb.datasets.encoding import Encoding
    from fakeweb.datasets.manifest import read_manifest

    if not 1 <= quality[0] <= quality[1] <= 100:
        raise UsageError("--quality takes the lowest, then the highest", hint="such as --quality 80 97")
    encoding = Encoding(longest, quality, seed, resample)
    wanted = [read_manifest(path) for path in manifests]
    begun = time.monotonic()
    with progress_bar() as bar:
        task = bar.add_task("starting", total=None, note="")
        first: dict[str, float] = {}

        def show(source: str, done: int, total: int) -> None:
            spent = time.monotonic() - first.setdefault(source, time.monotonic())
            note = f"{done / spent:.0f} files a second" if spent > 1 else ""
            bar.update(task, description=source, completed=done, total=total, note=note)

        built = run(wanted, clones, out, encoding, accept=accept, on_progress=show)
    write_card(out / "card.md", wanted, built, encoding)
    for line in built.differences:
        ERRORS.print(f"not what the manifest says: {line}", markup=False)
    kept = sum(not m.why for own in built.made.values() for m in own) - len(built.dropped)
    write(
        f"{kept} pictures of {len(wanted)} sources in {time.monotonic() - begun:.0f} s;"
        f" {len(built.dropped)} twins left out"
    )
    write(f"card: {out / 'card.md'}")
    write(f"SHA-256 of index.csv: {built.index_sha256}")


@command.command("extract", epilog=EXTRACT_EPILOG)
def extract(
    root: Root,
    out: OutShards,
    layout: LayoutOption = "auto",
    frames: Frames = 10,
    side: Side = 224,
    margin: Margin = 1.5,
    margin_px: MarginPx = None,
    finder: Finder = DEFAULT_FINDER,
    finder_model: FinderModel = None,
    workers: Workers = 1,
) -> None:
    """Cut out every face of every video of a data set, once, into shards of face tracks."""
    from fakeweb.tracks.clips import Part, parts_of

    def find() -> list[Part]:
        samples, problems, _ = read_samples(root, layout)
        print_left_out(problems)
        parts, pictures = parts_of(samples, root)
        if pictures:
            print_left_out([f"pictures, which need no extraction: {pictures}"])
        return parts

    extract_parts(
        find, out, workers=workers, finder=finder, finder_model=finder_model,
        frames=frames, side=side, margin=margin, margin_px=margin_px,
    )  # fmt: skip


@command.command("inspect", epilog=INSPECT_EPILOG)
def inspect(
    root: Root,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the report.", callback=sent)] = Path(
        "inspection"
    ),
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
    titles = (
        ("container", "format_leaks"),
        ("resampling", "resampling_leaks"),
        ("training crops", "crop_leaks"),
    )
    for title, key in titles:
        for source, leak in (found[key] or {}).items():
            word = f"LEAKS ({leak['words']})" if leak["leaks"] and "words" in leak else "LEAKS"
            word = word if leak["leaks"] else "no leak"
            lines.append(f"handling, {title}, {source}: AUC {leak['auc']['value']:.3f}, {word}")
    return lines


@command.command("folds", epilog=FOLDS_EPILOG)
def folds(
    root: Root,
    recipe: Annotated[Path, typer.Option(help="Training recipe that every fold changes.", callback=brought)],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for folds.json and the recipes.", callback=sent)
    ],
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
        Path, typer.Option(help="Model file of the finder yunet, which gives five points.", callback=brought)
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for people.csv and pairs.png.", callback=sent)
    ] = Path("people"),
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
