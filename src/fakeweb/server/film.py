"""The process that judges one video: ``python -m fakeweb.server.film FD``.

It reads one frame with the task, sends progress, and ends with a report or an error. It may be killed at any moment:
when it takes too long, when its job is cancelled, when the service stops. Its address space is limited.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from fakeweb.errors import FakeWebError, TooLarge
from fakeweb.media import Limits, encode_png, kind_of, read_image, write_atomically
from fakeweb.render import overlay
from fakeweb.scanner import VideoProgress, overlay_clip
from fakeweb.scanner.pages import what_is_kept
from fakeweb.server import frames
from fakeweb.server.finished import FOR_PAGE, Finished, to_frame
from fakeweb.server.worker import WorkerScanner, prepare
from fakeweb.types import Report

OnProgress = Callable[[str, float], None]


class ScanFilm(Protocol):
    """Judges a video and, where wanted, draws it."""

    def __call__(
        self, own: WorkerScanner, task: dict[str, Any], on_progress: OnProgress
    ) -> tuple[Report, str | None]:
        """Return the report and the name of the overlay's file inside the job's folder, or None.

        Args:
            own: Makes the scanner.
            task: ``path``, ``folder``, ``name``, ``threshold``, ``faces``, ``opacity``, ``overlay``.
            on_progress: Called with the stage in words and how much is done, from 0 to 1.
        """
        ...


def scan_picture(
    own: WorkerScanner, task: dict[str, Any], on_progress: OnProgress
) -> tuple[Report, str | None]:
    """Judge a picture as if it were a video of one frame."""
    on_progress("reading", 0.0)
    scanner = own.scanner(task["threshold"], task["faces"])
    media = read_image(Path(task["path"]), limits=scanner.limits, name=task["name"])
    on_progress("judging", 0.2)
    report = scanner.judge(media)
    if not task["overlay"]:
        return report, None
    on_progress("drawing", 0.9)
    drawn = encode_png(overlay(media.image, report, opacity=task["opacity"]), drawn=True)
    write_atomically(Path(task["folder"], "overlay.png"), drawn)
    _keep(task, report, scanner.limits)
    return report, "overlay.png"


def scan_film(own: WorkerScanner, task: dict[str, Any], on_progress: OnProgress) -> tuple[Report, str | None]:
    """Judge a video or an animated picture, and draw it in a second pass; a still picture is judged too."""
    path = Path(task["path"])
    if kind_of(path) != "clip":
        return scan_picture(own, task, on_progress)
    scanner = own.scanner(task["threshold"], task["faces"])
    judging = 0.6 if task["overlay"] else 1.0

    def judged(at: VideoProgress) -> None:
        on_progress("judging", judging * at.done / max(1, at.total))

    def drawn(at: VideoProgress) -> None:
        on_progress("drawing", judging + (1 - judging) * at.done / max(1, at.total))

    report = scanner.scan_video(path, name=task["name"], on_progress=judged, threads=1)
    if not task["overlay"]:
        return report, None
    target = Path(task["folder"], "overlay.mp4")
    overlay_clip(path, report, target, opacity=task["opacity"], limits=scanner.limits, on_progress=drawn)
    _keep(task, report, scanner.limits)
    return report, target.name


def _keep(task: dict[str, Any], report: Report, limits: Limits) -> None:
    kept = what_is_kept(Path(task["path"]), report, limits=limits)
    write_atomically(Path(task["folder"], FOR_PAGE), kept)


def main(scan: ScanFilm = scan_film) -> None:
    """Judge one video and say how it went."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    first = frames.receive(channel)
    if first is None:
        return
    task = first[0]
    try:
        prepare(task["settings"]["job_memory_mb"])
        own = WorkerScanner(task["settings"])

        def on_progress(stage: str, share: float) -> None:
            frames.send(channel, {"stage": stage, "progress": min(1.0, max(0.0, share))})

        report, name = scan(own, task, on_progress)
        header, body = to_frame(Finished.of(report))
        frames.send(channel, {**header, "overlay": name}, body)
    except FakeWebError as error:
        frames.send(channel, {"error": error.to_dict()})
    except MemoryError:
        large = TooLarge(f"{task['name']} needs more memory than a video may", hint="scale it down or cut it")
        frames.send(channel, {"error": large.to_dict()})


if __name__ == "__main__":
    main()
