"""``fakeweb dfdc``: from the challenge's zip files to a submission."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from fakeweb.classifiers import DEFAULT_MODEL, OnnxClassifier, OnnxTemporal
from fakeweb.classifiers.remote import local_model
from fakeweb.cli.console import ERRORS, print_error, progress_bar, write
from fakeweb.cli.options import Finder, FinderModel, Workers
from fakeweb.cli.places import brought, sent
from fakeweb.errors import UsageError
from fakeweb.media.storage import Storage
from fakeweb.media.walk import Obstacle
from fakeweb.runtime import find_card
from fakeweb.scanner import DEFAULT_FINDER
from fakeweb.workshop import PANEL
from fakeweb.workshop.tracks import Frames, Margin, MarginPx, OutShards, Side, extract_parts
from fakeweb.workshop.train import show_progress

command = typer.Typer(
    name="dfdc",
    help="The Deepfake Detection Challenge: its clips to face tracks, statistics, training, figures, a submission.",
    epilog="Places are folders, zip files (read in place) or addresses such as s3://bucket/dfdc (extra 's3').",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    rich_help_panel=PANEL,
    add_completion=False,
)

Places = Annotated[
    list[str], typer.Argument(help="Folders, .zip files, or s3:// addresses of either.", show_default=False)
]
Shards = Annotated[str, typer.Argument(help="What `fakeweb dfdc extract --out` wrote.", show_default=False)]

EXTRACT_EPILOG = """
**Ctrl-C, a kill or a power cut** costs the clips being looked at and nothing else; the same command goes on. Run
again when all is done, it does nothing.

**Examples**

* fakeweb dfdc extract /data/dfdc_train_part_*.zip --out /data/tracks -j 4

* fakeweb dfdc extract s3://bucket/dfdc --out s3://bucket/tracks
"""


@command.command("extract", epilog=EXTRACT_EPILOG)
def extract_command(
    places: Places,
    out: OutShards,
    frames: Frames = 10,
    side: Side = 224,
    margin: Margin = 1.5,
    margin_px: MarginPx = None,
    finder: Finder = DEFAULT_FINDER,
    finder_model: FinderModel = None,
    workers: Workers = 1,
) -> None:
    """Cut out every face of every clip, once, into shards: `fakeweb data extract` for the challenge's zip files."""
    from fakeweb.dfdc.parts import find_parts

    extract_parts(
        lambda: find_parts(places, on_obstacle=_tell), out, workers=workers,
        finder=finder, finder_model=finder_model, frames=frames, side=side, margin=margin, margin_px=margin_px,
    )  # fmt: skip


def _tell(obstacle: Obstacle) -> None:
    print_error(obstacle.error())


@command.command("eda")
def eda_command(
    shards: Shards,
    out: Annotated[
        str,
        typer.Option(help="Folder or s3:// address for report.html, report.md, summary.json and drawings."),
    ],
) -> None:
    """Say what is in the clips: labels, frames, light, faces per clip, originals, and show faces of each label.

    **Example**: fakeweb dfdc eda /data/tracks --out eda
    """
    from fakeweb.dfdc.eda import examples, read_clips, report, summarise
    from fakeweb.evaluate.pages import to_html, to_markdown

    clips = read_clips(shards)
    if not clips:
        raise UsageError(f"no shards in {shards}", hint="run `fakeweb dfdc extract` first")
    blocks, plots = report(clips, examples(shards))
    drawings = {f"plots/{plot.name}.svg": plot.svg.decode() for plot in plots}
    pages = {"report.html": to_html(blocks), "report.md": to_markdown(blocks)}
    _write_all(out, {**pages, "summary.json": json.dumps(summarise(clips), indent=2), **drawings})
    write(f"report: {Storage(out).path_of('report.html')}")


def _write_all(out: str, files: dict[str, str]) -> None:
    """Write text files into a folder, or to an address of object storage."""
    storage = Storage(out)
    for name, text in files.items():
        storage.write(name, text.encode())


@command.command("train")
def train_command(
    recipe: Annotated[
        Path,
        typer.Argument(
            help="TOML recipe of a classifier (layout dfdc) or of a temporal one.", callback=brought
        ),
    ],
    shards: Annotated[str, typer.Option(help="What `fakeweb dfdc extract --out` wrote.")],
    out: Annotated[
        Path, typer.Option(help="Folder for checkpoints, logs and the model with its card.", callback=sent)
    ],
    weights: Annotated[
        Path | None, typer.Option(help="File with weights to start from.", callback=brought)
    ] = None,
    finder_model: FinderModel = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder for found faces and kept regions, shared by trainings.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint, if any.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps or hpu (hpu is untested).")] = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Processes that prepare batches.")] = 1,
    threads: Annotated[int, typer.Option(min=0, help="Threads torch computes with.")] = 0,
) -> None:
    """Train on extracted tracks: shards become frames once, then as `fakeweb train`; needs the extra 'train'.

    **Example**: fakeweb dfdc train recipes/temporal.toml --shards /data/tracks --out runs/temporal
    """
    from fakeweb.dfdc.unpack import unpack_shards
    from fakeweb.train import run
    from fakeweb.train.recipe import task_of

    with progress_bar() as bar:
        data = shards
        if task_of(recipe) != "video":  # a temporal network reads the shards themselves
            task = bar.add_task("unpacking", total=None, note="")
            data = str(out / "frames")
            unpack_shards(shards, Path(data), on_shard=lambda d, t: bar.update(task, completed=d, total=t))
            bar.remove_task(task)
        card = run(
            recipe, data, out, weights=weights, finder_model=finder_model, cache=cache, resume=resume, device=device,
            workers=workers, threads=threads, on_progress=show_progress(bar),
        )  # fmt: skip
    write(f"model card: {card}")


@command.command("evaluate")
def evaluate_command(
    shards: Shards,
    out: Annotated[
        str, typer.Option(help="Folder or s3:// address for report.md, figures.json, scores.json.")
    ],
    model: Annotated[str, typer.Option(help="Name of a model or path of a card.")] = DEFAULT_MODEL,
    threshold: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="P(fake) from which a clip counts as fake.")
    ] = 0.5,
) -> None:
    """Judge extracted clips: log loss, AUC, confusion matrices for one, two and three faces.

    **Example**: fakeweb dfdc evaluate /data/tracks --model runs/mine/mine.json --out figures
    """
    from fakeweb.dfdc.score_clips import figures, judge_shards, to_markdown

    card = find_card(local_model(model))
    classifier = OnnxTemporal(card) if card.task == "temporal" else OnnxClassifier(model)
    with progress_bar() as bar:
        task = bar.add_task("judging", total=None, note="")
        scores = judge_shards(shards, classifier, on_clip=lambda d, t: bar.update(task, completed=d, total=t))
    found = figures(scores, threshold)
    text = to_markdown(found, classifier.reference)
    said = json.dumps([vars(s) for s in scores])
    _write_all(out, {"report.md": text, "figures.json": json.dumps(found, indent=2), "scores.json": said})
    write(text.rstrip())


@command.command("submit")
def submit_command(
    places: Places,
    out: Annotated[Path, typer.Option(help="The CSV file.", callback=sent)],
    order: Annotated[
        Path | None,
        typer.Option(
            help="sample_submission.csv: which clips, in which order.", show_default=False, callback=brought
        ),
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help="Frames to look at in each clip.")] = 32,
    model: Annotated[str, typer.Option(help="Name of a model or path of a card.")] = DEFAULT_MODEL,
    finder: Finder = DEFAULT_FINDER,
    finder_model: FinderModel = None,
    workers: Workers = 1,
) -> None:
    """Scan clips and write filename,label with P(fake) held within 0.01 and 0.99. Killed, it goes on where it stood.

    **Example**: fakeweb dfdc submit test_videos.zip --out submission.csv -j 2
    """
    from fakeweb.dfdc.parts import find_parts
    from fakeweb.dfdc.submit import UNKNOWN, ScannerOptions, read_order, submit

    options = ScannerOptions(finder, None if finder_model is None else str(finder_model), model, frames)
    options.make()  # wrong names and broken models are found before anything else is done
    with progress_bar() as bar:
        task = bar.add_task("scanning", total=None, note="")
        predictions = submit(
            find_parts(places, on_obstacle=_tell), out, options,
            order=None if order is None else read_order(order), workers=workers,
            on_clip=lambda d, t: bar.update(task, completed=d, total=t),
        )  # fmt: skip
    unknown = [p for p in predictions if p.p_fake is None]
    for prediction in unknown[:20]:
        ERRORS.print(f"{prediction.filename}: {prediction.note}", markup=False)
    write(f"{out}: {len(predictions)} clips, {len(unknown)} of them {UNKNOWN} because nobody could be judged")
