"""``fakeweb evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fakeweb.cli.console import print_left_out, progress_bar, write
from fakeweb.cli.options import Finder, FinderModel, Workers
from fakeweb.cli.places import brought, sent
from fakeweb.errors import UsageError
from fakeweb.evaluate import evaluate as run
from fakeweb.evaluate.protocol import LEVELS, PARTS, Protocol
from fakeweb.registry import names
from fakeweb.scanner import DEFAULT_FINDER, DEFAULT_MODEL
from fakeweb.workshop import PANEL

EPILOG = """
**A killed run goes on**: the same command with the same --out judges only what is missing. Needs the extra 'evaluate'.

**Never choose anything on `val-B` or `test`**: look at them once, for the report.

**Examples**

* fakeweb evaluate DATA

* fakeweb evaluate runs/mine/mine.json DATA --split val-B --level scan --out reports/mine

* fakeweb evaluate fast DATA --split val-A --robustness 300

* fakeweb evaluate fast CLIPS --level video --split all

* fakeweb evaluate runs/folds DATA --folds

* fakeweb evaluate fast accurate --data CELEBDF --data DFDC --matched-handling --out reports/table
"""


command = typer.Typer(add_completion=False, rich_markup_mode="markdown", rich_help_panel=PANEL)


@command.command("evaluate", epilog=EPILOG)
def evaluate(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL] DATA",
            help="A model's name or card (the shipped one if left out), then a data set's root; beside --data: models.",
            callback=brought,
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="Root of a data set; repeated: one table over sets and models.",
            show_default=False,
            callback=brought,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Folder for the report. [default: evaluation-MODEL-SPLIT]",
            show_default=False,
            callback=sent,
        ),
    ] = None,
    layout: Annotated[
        str, typer.Option(help=f"How the data set lies: auto, {', '.join(names('layout'))}.")
    ] = "auto",
    split: Annotated[str, typer.Option(help=f"What to judge: {', '.join(PARTS)}.")] = "val",
    level: Annotated[
        str, typer.Option(help=f"{', '.join(LEVELS)}: the main face's crop, or whole pictures and videos.")
    ] = "crop",
    finder: Finder = DEFAULT_FINDER,
    finder_model: FinderModel = None,
    peers: Annotated[
        Path | None, typer.Option(help="Moved to benchmarks/classifiers.py in the sources.", hidden=True)
    ] = None,
    robustness: Annotated[
        int, typer.Option(min=0, help="Damage this many pictures in every way, for the curves; 0: none.")
    ] = 0,
    matched_handling: Annotated[
        bool,
        typer.Option(
            "--matched-handling",
            help="Judge each picture once more, real and fake cut, shrunk and encoded alike.",
        ),
    ] = False,
    frames: Annotated[
        int, typer.Option(min=0, help="Frames to judge of each video file; 0: 16, or as a scan does.")
    ] = 0,
    people: Annotated[
        list[str] | None,
        typer.Option(
            help="List of persons to regroup by: ciplab, lfw, or a CSV; may be repeated.",
            show_default=False,
            callback=brought,
        ),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Judge this source; may be repeated.", show_default=False)
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option(help="Leave out this source; may be repeated.", show_default=False)
    ] = None,
    allow_conflicts: Annotated[
        bool,
        typer.Option(
            "--allow-conflicts",
            help="Go on where a picture is labelled both real and fake; the first counts.",
        ),
    ] = False,
    limit: Annotated[
        int, typer.Option(min=0, help="Judge at most so many pictures, drawn evenly; 0: all.")
    ] = 0,
    workers: Workers = 1,
    folds: Annotated[
        bool,
        typer.Option(
            "--folds",
            help="MODEL is the folder of `fakeweb data folds`: judge each on the sources it never saw.",
        ),
    ] = False,
) -> None:
    """Measure a model on labelled pictures, and write a report that shows where it fails.

    AUC, calibration, false alarms and verdicts; per source and kind of manipulation; by skin tone, size, brightness and
    sharpness; against a shallow baseline; with intervals.
    """
    what = list(what or ())
    if not data and len(what) not in (1, 2):
        raise UsageError(
            f"expected [MODEL] DATA, got {len(what)} arguments",
            hint="quote paths with spaces; several data sets go by --data, once for each",
        )
    if data and folds:
        raise UsageError(
            "--folds takes one data set, without --data", hint="fakeweb evaluate FOLDER DATA --folds"
        )
    if peers is not None:
        raise UsageError(
            "--peers is no option any more",
            hint="in the sources, python benchmarks/classifiers.py --baselines FOLDER measures them",
        )
    models = tuple(what if data else what[:-1]) or (DEFAULT_MODEL,)
    sets = data or [Path(what[-1])]
    protocol = Protocol(
        data=sets[0],
        models=models,
        layout=layout,
        people=tuple(people or ()),
        part=split,  # type: ignore[arg-type]
        level=level,  # type: ignore[arg-type]
        finder=finder,
        finder_model=finder_model,
        matched_handling=matched_handling,
        robustness=robustness,
        frames=frames,
        only=tuple(only or ()),
        skip=tuple(skip or ()),
        allow_conflicts=allow_conflicts,
        limit=limit,
    )
    folder = out or Path(f"evaluation-{'-'.join(Path(model).stem for model in models)}-{split}")
    report = "report.html"
    with progress_bar() as bar:
        task = bar.add_task("starting", total=None, note="")

        def show(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done, total=total)

        if folds:
            from fakeweb.evaluate.folds import evaluate_folds

            for line in evaluate_folds(Path(models[0]), protocol, folder, workers=workers, on_progress=show):
                write(line)
        elif data:
            from fakeweb.evaluate.across import evaluate_sets

            table = evaluate_sets(protocol, sets, folder, workers=workers, on_progress=show)
            write("\n".join(map(_line, table["lines"])))
            report = "table.html"
        else:
            result = run(protocol, folder, workers=workers, on_progress=show)
            print_left_out(result.metrics["problems"])
            write(_summary(result.metrics))
    write(f"report: {folder / report}")


def _line(line: dict) -> str:  # type: ignore[type-arg]
    """Return a set and model of the table as one line."""
    from fakeweb.evaluate.report import cell

    video = f"  video AUC {cell(line['video_auc'])}" if line["video_auc"] else ""
    alike = f"  handled alike {cell(line['alike_auc'])}" if line["alike_auc"] else ""
    right = cell(line["accuracy"], True)
    return f"{line['set']}  {line['model']}  AUC {cell(line['auc'])}{video}{alike}  accuracy {right}"


def _summary(metrics: dict) -> str:  # type: ignore[type-arg]
    """Return one line per model, and one on the shallow baseline."""
    from fakeweb.evaluate.report import cell

    lines = []
    for name, model in {**metrics["models"], **{"shallow baseline": metrics["shallow"]}}.items():
        pooled = model["pooled_two_class"] if model["two_class_sources"] else model["pooled_all"]
        lines.append(
            f"{name}  AUC {cell(pooled['auc'])}  reals called fake {cell(pooled['false_alarm_rate'], True)}"
            f"  fakes called fake {cell(pooled['recall'], True)}"
        )
        if "video" in model:
            clips = model["video"]["pooled_two_class" if model["two_class_sources"] else "pooled_all"]
            lines.append(f"{name}, clips  AUC {cell(clips['auc'])}")
    return "\n".join(lines)
