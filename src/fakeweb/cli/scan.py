"""``fakeweb scan``."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from fakeweb.batch import ordered_map
from fakeweb.cli.clip_bar import ClipBar, Interrupt
from fakeweb.cli.clip_files import ClipFiles
from fakeweb.cli.console import ERRORS, in_colour, print_error, printable, progress_bar, write
from fakeweb.cli.handed_on import HandedOn
from fakeweb.cli.options import Finder, FinderModel, Workers
from fakeweb.cli.resume import Resume
from fakeweb.cli.scan_one import Options, Outcome, make_worker
from fakeweb.cli.tally import Tally
from fakeweb.cli.targets import Target, is_folder, plan_targets
from fakeweb.errors import UsageError, readable
from fakeweb.media import Limits, Pace, expand_inputs
from fakeweb.render import to_json, to_text
from fakeweb.render.impact import MOST_PEOPLE, Reach, impact_words, viewer_warnings
from fakeweb.render.words import file_name
from fakeweb.scanner import DEFAULT_FINDER, DEFAULT_MODEL
from fakeweb.scanner.pages import about
from fakeweb.types import Impact, Report

EPILOG = """
**Exit status**: 0 whatever the verdict; 1 with --fail-on where that verdict came up; 2 where an input or an option
was wrong (the other inputs are finished first); 3 where a model is missing or broken.

**Examples**

* fakeweb scan photo.jpg

* fakeweb scan album/ --out checked/ --workers 2

* fakeweb scan "**/*.png" --json > reports.jsonl

* cat photo.jpg | fakeweb scan - --fail-on fake

* fakeweb scan clip.mp4

* fakeweb scan clip.mp4 --frames 10 --json

* fakeweb scan photo.jpg --html report.html --views 120000

* fakeweb scan album/ --html album.html --csv album.csv

* fakeweb scan clip.mp4 --overlay-to drawn.mp4 --html report.html --sheet faces.jpg

**Videos and animated pictures** are looked at twice a second, at least in 32 frames; clips beyond a minute in bursts
spread over them, and the report says how closely. Ctrl-C ends a scan early: the report is about what was seen.
"""


class FailOn(StrEnum):
    """Verdicts that can make the command fail."""

    FAKE = "fake"
    UNCERTAIN = "uncertain"
    NO_FACE = "no_face"
    REAL = "real"


def scan(
    inputs: Annotated[
        list[str],
        typer.Argument(
            help="Pictures, videos, folders (searched to any depth), globs, '-' for stdin.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for overlays; folders inside inputs are kept.")
    ] = None,
    draw: Annotated[
        bool | None,
        typer.Option(
            "--overlay/--no-overlay",
            help="Write PICTURE.fakeweb.png, or CLIP.fakeweb.mp4 with its sound. By default for pictures named one by"
            " one and for all with --out, never for videos.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print JSON: one object for one picture, else one line per picture."),
    ] = False,
    threshold: Annotated[
        float | None,
        typer.Option(help="Call faces fake from this probability on, instead of the model's own threshold."),
    ] = None,
    opacity: Annotated[float, typer.Option(min=0, max=1, help="How strongly overlays are drawn.")] = 1.0,
    finder: Finder = DEFAULT_FINDER,
    finder_model: FinderModel = None,
    model: Annotated[
        str, typer.Option(help="Name of a model ('fakeweb models') or path of a card.")
    ] = DEFAULT_MODEL,
    workers: Workers = 1,
    fail_on: Annotated[
        list[FailOn] | None,
        typer.Option(help="Exit with 1 if this verdict comes up; may be repeated.", show_default=False),
    ] = None,
    allow_url: Annotated[
        bool,
        typer.Option("--allow-url", help="Also fetch http:// and https:// addresses, never private ones."),
    ] = False,
    strict_suffixes: Annotated[
        bool,
        typer.Option(
            "--strict-suffixes",
            help="From folders and globs take only names that end like pictures and videos, instead of whatever is one"
            " by its first bytes.",
        ),
    ] = False,
    frames: Annotated[
        int | None, typer.Option(min=1, help="Look at so many frames of a video.", show_default=False)
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(min=0.001, help="Look at so many frames a second of a video.", show_default=False),
    ] = None,
    max_megapixels: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            help="Largest picture, in million pixels; 80 unless given. Larger JPEGs are read at a half or a quarter of"
            " their size, others are refused.",
            show_default=False,
        ),
    ] = None,
    every_frame: Annotated[bool, typer.Option("--all", help="Look at every frame of a video.")] = False,
    timeline: Annotated[
        Path | None,
        typer.Option(
            help="Draw P(fake) over time of one video: .svg, .png, or a whole .html report.",
            show_default=False,
        ),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(help="Write the most telling frames of one video: .jpg or .png.", show_default=False),
    ] = None,
    overlay_to: Annotated[
        Path | None,
        typer.Option(help="Write the overlay of one input to this .png or .mp4 file.", show_default=False),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(help="Write a page to hand on: of one input, or of all.", show_default=False),
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--csv", help="Write a table, one line per input.", show_default=False)
    ] = None,
    trust: Annotated[
        Path | None,
        typer.Option(help="Certificates (PEM) whose content credentials are trusted.", show_default=False),
    ] = None,
    views: Annotated[
        int | None,
        typer.Option(min=0, max=MOST_PEOPLE, help="Reach: how often the post was seen.", show_default=False),
    ] = None,
    followers: Annotated[
        int | None,
        typer.Option(min=0, max=MOST_PEOPLE, help="Reach: followers of the account.", show_default=False),
    ] = None,
    engagement_rate: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Reach: reactions, comments and shares over views.", show_default=False
        ),
    ] = None,
) -> None:
    """Say which faces in pictures and videos were manipulated, how sure that is, and draw it.

    Every face found is real, fake or uncertain, with P(fake); a picture without one is 'no face'. Fake faces get
    a mesh in the overlay, uncertain ones a dashed outline, real ones stay as they are.
    """
    limits = None if max_megapixels is None else Limits.of_megapixels(max_megapixels)
    options = Options(
        finder,
        finder_model,
        model,
        threshold,
        opacity,
        _pace(frames, fps, every_frame),
        limits,
        trust=trust,
        reach=Reach(views, followers, engagement_rate),
    )
    scanner = options.scanner()  # wrong names and broken models are found before anything else is done
    if out is not None and out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file", hint="name a folder; it is made if needed")
    expansion = expand_inputs(inputs, strict_suffixes=strict_suffixes)
    extras = ClipFiles(timeline, sheet, overlay_to)
    targets = extras.aim(plan_targets(inputs, expansion.paths, out, draw))
    handed_on = HandedOn(html, table, title=_title(inputs))
    handed_on.check(targets)
    started, tally, total = time.monotonic(), Tally(), len(targets) + len(expansion.problems)
    single = total == 1 and not expansion.skipped and not any(is_folder(i) for i in inputs)
    options = replace(options, files=extras, page="" if html is None else "one" if single else "many")
    exit_code = 0
    for problem in expansion.problems:
        exit_code = max(exit_code, _show(Outcome(error=problem), None, as_json, single))
        tally.add(None, None)
        handed_on.add("", None, None, problem)
    try:
        resume = Resume(out, options, scanner.digest())
        for target, outcome in _outcomes(options, targets, workers, resume, allow_url=allow_url):
            tally.add(target.source, outcome.report)
            handed_on.add(target.source, outcome.report, outcome.shown, outcome.error)
            exit_code = max(exit_code, _show(outcome, target, as_json, single))
    finally:
        if not single:
            with suppress(OSError):
                ERRORS.print(tally.line(total, time.monotonic() - started, expansion.skipped), markup=False)
        for line in handed_on.write(about(scanner.classifier), single=single):
            ERRORS.print(printable(line), markup=False)
    if not exit_code and any(tally.labels[verdict.value] for verdict in fail_on or ()):
        exit_code = 1
    raise typer.Exit(exit_code)


def _judgement(report: Report, found: Impact | None, single: bool) -> str:
    """Return JSON as the service answers where a reach was given: report, impact, warnings."""
    told = {
        "report": json.loads(to_json(report)),
        "impact": None if found is None else asdict(found),
        "viewer_warnings": [asdict(warning) for warning in viewer_warnings(report)],
    }
    return json.dumps(told, indent=2 if single else None)


def _title(inputs: Sequence[str]) -> str:
    """Return what the page of many inputs is called: by names, never by paths."""
    named = ", ".join(file_name(i.rstrip("/")) for i in inputs[:3])
    return named if len(inputs) <= 3 else f"{named} and {len(inputs) - 3} more"


def _pace(frames: int | None, fps: float | None, every: bool) -> Pace | None:
    if (frames is not None) + (fps is not None) + every > 1:
        raise UsageError("--frames, --fps and --all exclude each other", hint="give one of them")
    return Pace(frames, fps, every) if frames or fps or every else None


def _outcomes(
    options: Options, targets: list[Target], workers: int, resume: Resume, *, allow_url: bool
) -> Iterator[tuple[Target, Outcome]]:
    """Scan all targets in order, with a bar where there are several or a clip goes on for long."""
    workers = min(workers, max(1, len(targets)), os.cpu_count() or 1)
    if workers > 1 and any(t.source == "-" for t in targets):
        raise UsageError("stdin cannot be shared by several processes", hint="leave out --workers or '-'")
    with progress_bar() as bar, Interrupt() as interrupt:
        task = bar.add_task("scanning", total=len(targets), note="", visible=len(targets) > 1)
        show = ClipBar(bar, interrupt) if workers == 1 else None
        make = partial(make_worker, options, allow_url, show)
        known, finished = resume.known(targets), False
        fresh = ordered_map(make, [t for t in targets if t not in known], workers=workers)
        try:
            for target in targets:
                outcome = known.get(target) or next(fresh)[1]
                if target not in known:
                    resume.add(target, outcome)
                bar.advance(task)
                yield target, outcome
                interrupt.raise_if_asked()
            finished = True
        finally:
            fresh.close()
            resume.close(finished=finished)


def _show(outcome: Outcome, target: Target | None, as_json: bool, single: bool) -> int:
    """Print one outcome; return the exit code it calls for."""
    if outcome.report is not None:
        write(_shown(outcome, as_json, single))
    if outcome.error is None:
        return 0
    if outcome.report is None and as_json:
        source = None if target is None else readable(target.source)
        write(json.dumps({"source": source, "error": outcome.error.to_dict()}))
    print_error(outcome.error)
    return outcome.error.exit_code


def _shown(outcome: Outcome, as_json: bool, single: bool) -> str:
    report = outcome.report
    if report is None:
        return ""
    if as_json and outcome.impact is None:
        return to_json(report, indent=2 if single else None)
    if as_json:
        return _judgement(report, outcome.impact, single)
    told = [to_text(report, color=in_colour())]
    if outcome.impact is not None:
        told.append(f"  impact  {impact_words(outcome.impact)}")
        told += [f"  viewers  {w.title}. {w.text}" for w in viewer_warnings(report)]
    return "\n".join([*told, *map(printable, outcome.written)])
