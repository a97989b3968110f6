"""``fakeweb forge``."""

from __future__ import annotations

import json
import os
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from fakeweb.batch import ordered_map
from fakeweb.cli.console import ERRORS, print_error, printable, progress_bar, write
from fakeweb.cli.options import Finder, FinderModel, Workers
from fakeweb.cli.places import brought, sent
from fakeweb.datasets.csvfile import to_csv
from fakeweb.datasets.journal import Journal
from fakeweb.errors import DatasetError, UsageError, readable
from fakeweb.forge.dataset import COLUMNS, FoundFace, Look, Plan, files_of, methods_of, rows_of
from fakeweb.forge.sheet import write_blind, write_sheets
from fakeweb.media import expand_inputs, write_atomically
from fakeweb.registry import names
from fakeweb.scanner import DEFAULT_FINDER
from fakeweb.types import KINDS
from fakeweb.workshop import PANEL

DEFAULT_MESH = "fakeweb"
EPILOG = """
**The data set**: OUT/index.csv lists real/ and fake/ crops (half each, in pairs, same crop, size and encoder), mask/,
kind, method, split and group (the picture they come from). `fakeweb train` reads it with the layouts `index` and `csv`.

**Ctrl-C** keeps what is done; the same command goes on, and ends in the same files. A larger --count adds to it.

**Examples**

* fakeweb forge photos/ data/

* fakeweb forge photos/ data/ --kinds swap,retouch --count 4000 --seed 7 --workers 4

* fakeweb forge photos/ data/ --pairs --kinds retouch,swap

* fakeweb forge photos/ sheets/ --sheet --kinds smooth,jaw

* fakeweb forge photos/ blind/ --blind --kinds retouch --strength 0.3 0.3
"""


command = typer.Typer(add_completion=False, rich_markup_mode="markdown", rich_help_panel=PANEL)


@command.command("forge", epilog=EPILOG)
def forge(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="IN...",
            help="Genuine pictures: files, folders (to any depth), globs.",
            callback=brought,
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", help="Folder of the data set to make.", show_default=False, callback=sent
        ),
    ],
    kinds: Annotated[
        str, typer.Option(help="Kinds and methods to make, with commas between; see the guide for all names.")
    ] = ",".join(KINDS),
    count: Annotated[int, typer.Option(min=2, help="Pictures in all, half of them real.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="All randomness follows from it.")] = 0,
    strength: Annotated[
        tuple[float, float], typer.Option(help="Weakest and strongest: 0.1 hardly visible, 1 obvious.")
    ] = (0.1, 1.0),
    side_px: Annotated[
        int, typer.Option("--side", min=64, max=2048, help="Longest side of the crops.")
    ] = 320,
    quality: Annotated[int, typer.Option(min=50, max=100, help="JPEG quality of both classes.")] = 92,
    min_face: Annotated[float, typer.Option(min=16, help="Narrower faces are passed over, in pixels.")] = 80,
    finder: Finder = DEFAULT_FINDER,
    finder_model: FinderModel = None,
    mesh: Annotated[str, typer.Option(help=f"Mesh model: {', '.join(names('mesh'))}.")] = DEFAULT_MESH,
    mesh_model: Annotated[
        Path | None, typer.Option(help="Model file, for mesh models that need one.")
    ] = None,
    workers: Workers = 1,
    sheet: Annotated[
        bool, typer.Option("--sheet", help="Write one contact sheet per method instead: before, after, mask.")
    ] = False,
    blind: Annotated[
        bool,
        typer.Option(
            "--blind",
            help="Write one sheet per kind instead: 40 numbered faces, half forged, to be sorted by somebody who has "
            "not seen key.csv beside them.",
        ),
    ] = False,
    together: Annotated[
        bool,
        typer.Option(
            "--pairs", help="Forge every original once by each kind, so that kinds show the same pictures."
        ),
    ] = False,
) -> None:
    """Make a labelled data set of real and manipulated faces from genuine pictures of your own.

    Every face is found, measured and forged: swapped, reenacted, retouched or painted as a generator would, from barely
    visible to obvious.
    """
    methods = methods_of([word for word in kinds.replace(" ", "").split(",") if word])
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file", hint="name a folder as the last argument")
    if not methods or not 0 <= strength[0] <= strength[1] <= 1:
        raise UsageError("--kinds names nothing, or --strength is no range within 0 and 1", hint="see --help")
    look = Look(finder, finder_model, mesh, mesh_model, min_face)
    faces = _find_faces(inputs, out, look, workers)
    plan = Plan(out, tuple(faces), methods, seed, strength, side_px, quality, look, together)
    if sheet or blind:
        make = write_sheets if sheet else write_blind
        with progress_bar(wanted=sum(map(len, methods.values())) > 1) as bar:
            task = bar.add_task("sheets", total=None, note="")
            for path in make(plan, lambda done, total: bar.update(task, completed=done, total=total)):
                write(printable(path))
        return
    _make(plan, count // (1 + plan.per_original), workers)


def _find_faces(sources: list[str], out: Path, look: Look, workers: int) -> list[FoundFace]:
    """Find the faces of all pictures, or read them from an earlier run."""
    expansion = expand_inputs(sources)
    for problem in expansion.problems:
        print_error(problem)
    paths = [p for p in expansion.paths if p != "-" and "://" not in p]
    inside = os.path.realpath(out)
    paths = [p for p in paths if not os.path.realpath(p).startswith(inside + os.sep)]
    journal = Journal(out / "faces.jsonl")
    known = {(r["path"], r["stamp"]): r for r in journal.records if r["look"] == str(look)}
    missing = [p for p in paths if (p, _stamp(p)) not in known]
    workers = min(workers, max(1, len(missing)), os.cpu_count() or 1)
    with progress_bar(wanted=len(missing) > 1) as bar:
        task = bar.add_task("finding faces", total=len(missing), note="")
        for path, (faces, why) in ordered_map(look.make, missing, workers=workers):
            record = {"path": path, "stamp": _stamp(path), "look": str(look), "faces": faces, "why": why}
            journal.add(record)
            known[path, record["stamp"]] = record
            bar.advance(task)
    records = [known[p, _stamp(p)] for p in paths]
    _tell_left_out(records)
    groups = _groups(paths)
    found = [FoundFace.from_json(r["path"], groups[r["path"]], f) for r in records for f in r["faces"]]
    if not found:
        raise DatasetError(
            f"no usable face in {len(paths)} pictures",
            hint="--min-face takes smaller ones, another --finder may see more",
        )
    return found


def _stamp(path: str) -> str:
    """Return what changes when a file does."""
    with suppress(OSError, ValueError):
        status = Path(path).stat()
        return f"{status.st_size}-{status.st_mtime_ns}"
    return "missing"


def _groups(paths: list[str]) -> dict[str, str]:
    """Name each picture by its path below what all have in common, in characters any CSV reader takes."""
    whole = {p: os.path.abspath(p) for p in paths}  # noqa: PTH100
    folders = {os.path.dirname(p) for p in whole.values()}  # noqa: PTH120
    base = os.path.commonpath(folders) if folders else ""
    return {p: readable(Path(os.path.relpath(full, base)).as_posix()) for p, full in whole.items()}


def _tell_left_out(records: list[dict[str, Any]]) -> None:
    reasons = Counter(r["why"] for r in records if r["why"])
    shown = ", ".join(f"{n} x {why}" for why, n in reasons.most_common(3))
    if reasons:
        ERRORS.print(
            printable(f"{sum(reasons.values())} of {len(records)} pictures left out: {shown}"), markup=False
        )


def _make(plan: Plan, originals: int, workers: int) -> None:
    """Make what is missing of the pairs, and list all that is there."""
    _check_same(plan)
    journal = Journal(plan.out / "pairs.jsonl")
    done = {r.get("job", r["pair"]): r for r in journal.records if _there(plan, r)}
    wanted = max(originals, 1) * plan.per_original
    jobs = [plan.job(n) for n in range(originals * plan.per_original) if n not in done]
    failed = Counter[str]()
    workers = min(workers, max(1, len(jobs)), os.cpu_count() or 1)
    try:
        with progress_bar(wanted=len(jobs) > 1) as bar:
            task = bar.add_task("forging", total=len(jobs), note="")
            for job, made in ordered_map(plan.make, jobs, workers=workers):
                record = (
                    {"job": job.number, "pair": job.original, "failed": made}
                    if isinstance(made, str)
                    else made
                )
                journal.add(record)
                done[job.number] = record
                bar.advance(task)
    finally:
        made_of: dict[int, list[dict[str, Any]]] = {}
        for record in (done[n] for n in sorted(done) if n < wanted and "failed" not in done[n]):
            made_of.setdefault(record["pair"], []).append(record)
        kept = [records for records in made_of.values() if len(records) == plan.per_original]
        failed.update(done[n]["failed"] for n in done if "failed" in done[n])
        _write_index(plan.out, kept)
    if not kept:
        raise DatasetError("nothing could be forged", hint=", ".join(failed) or "see --help")
    _summary(plan.out, kept, failed)


def _check_same(plan: Plan) -> None:
    """Refuse to mix two data sets in one folder."""
    faces = [[f.group, *np.round(f.box, 1).tolist()] for f in plan.faces]
    mine = json.loads(json.dumps({
        "seed": plan.seed, "methods": plan.methods, "strength": plan.strength, "side_px": plan.side_px,
        "quality": plan.quality, "faces": faces, **({"pairs": True} if plan.together else {}),
    }))  # fmt: skip
    path = plan.out / "forge.json"
    if path.is_file():
        try:
            theirs = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            theirs = {}
        changed = [k for k in {**theirs, **mine} if theirs.get(k) != mine.get(k)]
        if changed:
            raise UsageError(
                f"{plan.out} holds a data set made with other {', '.join(changed)}",
                hint="name another folder",
            )
    write_atomically(path, json.dumps(mine, indent=1).encode())


def _there(plan: Plan, record: dict[str, Any]) -> bool:
    if "failed" in record:
        return True
    return all((plan.out / file).is_file() for file in files_of(record))


def _write_index(out: Path, kept: list[list[dict[str, Any]]]) -> None:
    rows = to_csv([COLUMNS, *(row for records in kept for row in rows_of(records))])
    write_atomically(out / "index.csv", rows.encode("utf-8", "replace"))


def _summary(out: Path, kept: list[list[dict[str, Any]]], failed: Counter[str]) -> None:
    records = [record for one in kept for record in one]
    kinds = Counter(r["kind"] for r in records)
    splits = Counter(r["split"] for r in records)
    shares = ", ".join(f"{kinds[k]} {k}" for k in KINDS if kinds[k])
    write(f"{printable(out / 'index.csv')}: {len(kept)} real, {len(records)} fake ({shares})")
    write(f"pairs per split: {', '.join(f'{s} {n}' for s, n in sorted(splits.items()))}")
    if failed:
        why = ", ".join(f"{n} x {w}" for w, n in failed.most_common(3))
        ERRORS.print(printable(f"{sum(failed.values())} pairs could not be made: {why}"), markup=False)
