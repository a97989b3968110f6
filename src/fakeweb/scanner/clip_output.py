"""A clip and its report -> an overlay video, the telling moments. A second pass over the clip, only where asked for."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from fakeweb.media import Choice, Limits, open_clip, rewrite_clip
from fakeweb.render.clip_overlay import overlay_at
from fakeweb.render.sheet import Moment, contact_sheet, cut_moment, telling_moments
from fakeweb.scanner.video import VideoProgress
from fakeweb.types import FaceMesher, Frame, Image, Report


def overlay_clip(
    source: Any,
    report: Report,
    path: str | os.PathLike[str],
    *,
    opacity: float = 1.0,
    limits: Limits | None = None,
    mesher: FaceMesher | None = None,
    on_progress: Callable[[VideoProgress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> bool:
    """Write the clip with meshes on fake faces and dashes round uncertain ones; real ones are not drawn on.

    The result is an MP4 (H.264, AAC) of the same duration and frame rate, with its sound.

    Args:
        source: The clip that was scanned; a file object must stand at its start again.
        report: Its report.
        path: The file to write; it appears whole or not at all.
        opacity: How strongly to draw.
        limits: How much the clip may cost.
        mesher: Measures fake faces in every frame, so that the mesh lies on them also between the frames that were
            looked at; None fits it to the box.
        on_progress: Called after each frame.
        should_stop: Asked after each frame; True ends the video there, and what was drawn is kept.

    Returns:
        Whether it went to the end of the clip.

    Raises:
        MediaError: The clip cannot be read.
        UsageError: The place cannot be written to.
        ValueError: The report is not of a clip.
    """
    video = report.video
    if video is None:
        raise ValueError("the report is not about a clip")
    total, duration_s = int(video["frames"]), float(video["duration_s"])

    def tell(frame: Frame) -> None:
        if on_progress is not None:
            on_progress(VideoProgress(frame.index + 1, total, frame.time_s, duration_s))

    def draw(frame: Frame) -> Image:
        return overlay_at(frame.image, report, frame.time_s, opacity=opacity, mesher=mesher)

    return rewrite_clip(
        source,
        path,
        draw,
        limits=limits or Limits(),
        name=report.source,
        on_frame=tell,
        should_stop=should_stop,
        drawn=True,
    )


def contact_sheet_of(source: Any, report: Report, *, limits: Limits | None = None) -> Image:
    """Read the telling frames of a scanned clip again and lay them out on one sheet.

    Raises:
        MediaError: The clip cannot be read.
        ValueError: The report is not of a clip.
    """
    moments = telling_moments(report)
    with open_clip(source, limits=limits or Limits(), name=report.source) as clip:
        places = {m: int(np.abs(clip.times_s - m.time_s).argmin()) for m in moments}
        choice = Choice(np.unique(np.array(list(places.values()), np.int64)))
        found: dict[Moment, Image] = {}
        for frame in clip.read(choice) if moments else ():
            for moment, place in places.items():
                if place == frame.index:
                    found[moment] = cut_moment(frame.image, moment)
    return contact_sheet(report, {m: found[m] for m in moments if m in found})
