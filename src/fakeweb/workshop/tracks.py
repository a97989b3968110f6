"""What ``fakeweb data extract`` and ``fakeweb dfdc extract`` share: options, progress, and what is said at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from fakeweb.cli.console import ERRORS, progress_bar, write
from fakeweb.errors import UsageError
from fakeweb.tracks.clips import Part

OutShards = Annotated[str, typer.Option("--out", help="Folder or s3:// address for the shards.")]
Frames = Annotated[int, typer.Option(min=1, help="Frames to look at in each clip.")]
Side = Annotated[int, typer.Option(min=32, max=1024, help="Side of the crops in pixels.")]
Margin = Annotated[float, typer.Option(min=1.0, max=4.0, help="Side of a crop over the face's length.")]
MarginPx = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Instead of --margin: pixels of the crop around the face, both sides together.",
        show_default=False,
    ),
]
_MOST_NAMED = 20


def extract_parts(
    find: Callable[[], Sequence[Part]],
    out: str,
    *,
    workers: int,
    finder: str,
    finder_model: Path | None,
    frames: int,
    side: int,
    margin: float,
    margin_px: int | None,
) -> None:
    """Extract with a progress bar, and name the clips that could not be read."""
    from fakeweb.datasets.shards import read_sidecars
    from fakeweb.media.storage import Storage
    from fakeweb.tracks.extract import ExtractOptions, ExtractProgress, extract

    if margin_px is not None:
        if margin_px * 4 > side * 3:
            raise UsageError("--margin-px leaves no face", hint="take at most three quarters of --side")
        margin = side / (side - margin_px)
    model = None if finder_model is None else str(finder_model)
    options = ExtractOptions(finder=finder, finder_model=model, frames=frames, side_px=side, margin=margin)
    with progress_bar() as bar:
        task = bar.add_task("listing", total=None, note="")
        parts = find()
        bar.update(task, description="extracting", total=sum(len(p.clips) for p in parts))

        def show(progress: ExtractProgress) -> None:
            note = f"{progress.failed} unreadable" if progress.failed else ""
            bar.update(task, completed=progress.done, note=note)

        done = extract(parts, out, options, workers=workers, on_progress=show)
    if done.failed:
        clips = [clip for sidecar in read_sidecars(Storage(out)).values() for clip in sidecar["clips"]]
        bad = [clip for clip in clips if clip["error"]]
        for clip in bad[:_MOST_NAMED]:
            ERRORS.print(f"{clip['part']}/{clip['clip']}: {clip['error']}", markup=False)
        if len(bad) > _MOST_NAMED:
            ERRORS.print(f"and {len(bad) - _MOST_NAMED} more", markup=False)
    write(f"{done.done} clips of {len(parts)} parts in {out}, {done.failed} of them unreadable")
