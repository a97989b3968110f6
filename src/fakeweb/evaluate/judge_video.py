"""Judge one video file: its frames one by one, and the clip as a whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from fakeweb.errors import FakeWebError
from fakeweb.evaluate.conditions import NOTHING, measure
from fakeweb.evaluate.degrade import PLAIN
from fakeweb.evaluate.figures import CLIP, by_clip
from fakeweb.evaluate.metrics import Floats
from fakeweb.evaluate.scores import Row
from fakeweb.evaluate.shallow import MARGIN, SIDE_PX, features
from fakeweb.faces import align
from fakeweb.media import Pace, read_frames
from fakeweb.scanner import VideoProgress
from fakeweb.scanner.decide import Rules, decide_face
from fakeweb.types import Classifier, Report, Score

if TYPE_CHECKING:
    from fakeweb.evaluate.judge import Judge, Task

FRAMES: Final = 16
"""Frames of each video file whose main face is judged, spread evenly, unless the protocol says how many."""


def judge_crops(judge: Judge, task: Task) -> tuple[list[Row], Floats | None]:
    """Judge the main face of some frames; the clip is their mean.

    Returns:
        Rows of the frames, then one per model on the whole clip; and the mean of the shallow features, if any.
    """
    rows: list[Row] = []
    traces = []
    try:
        for frame in read_frames(task.sample.path, pace=Pace(frames=judge.protocol.frames or FRAMES)):
            face, count = judge.main_face(frame.image)
            seen = NOTHING if face is None else measure(frame.image, face)
            found = judge.crop_rows(task, PLAIN, frame.image, frame.image, face, count, seen)
            rows += [replace(row, time_s=round(frame.time_s, 3)) for row in found]
            if face is not None:
                traces.append(features(align(frame.image, face, SIDE_PX, margin=MARGIN).pixels))
    except FakeWebError:
        rows = []
    if not rows:
        return judge.unreadable(task), None
    wholes = []
    for classifier in judge.asked(PLAIN):
        (mean,) = by_clip([row for row in rows if row.model == classifier.reference])
        wholes.append(replace(mean, view=CLIP, path=task.name, time_s=math.nan, **vars(NOTHING)))
    return [*rows, *wholes], np.mean(traces, axis=0) if traces else None


def judge_people(judge: Judge, task: Task) -> list[Row]:
    """Scan the clip as ``fakeweb scan`` does: every person in it, over time.

    Returns:
        Rows of the frames (P(fake) is that of the most suspicious face), then one per model with the verdict on the
        clip.
    """
    frames: list[Row] = []
    wholes: list[Row] = []
    pace = Pace(frames=judge.protocol.frames) if judge.protocol.frames else None
    for classifier, scanner in zip(judge.asked(PLAIN), judge.scanners, strict=True):
        times_s: list[float] = []
        try:
            report = scanner.scan_video(
                task.sample.path,
                pace=pace,
                threads=1,
                on_progress=_noting(times_s),
            )
        except FakeWebError:
            return judge.unreadable(task)
        frames += _frame_rows(judge.empty(task, PLAIN, "no_face"), report, times_s, classifier)
        whole = judge.from_report(task, CLIP, report, classifier.reference, NOTHING)
        wholes.append(replace(whole, logit=math.nan))
    return [*frames, *wholes]


def _noting(times_s: list[float]) -> Callable[[VideoProgress], None]:
    """Return what notes when each frame was, as the scan goes on."""
    return lambda seen: times_s.append(seen.time_s)


def _frame_rows(empty: Row, report: Report, times_s: Sequence[float], classifier: Classifier) -> list[Row]:
    """Return one row per frame that was looked at, out of the curves of the report's timeline."""
    seen: dict[float, int] = {}
    p_fake: dict[float, list[float]] = {}
    for curve in report.timeline or ():
        for time_s, p in zip(curve["time_s"], curve["p_fake"], strict=True):
            seen[time_s] = seen.get(time_s, 0) + 1
            if p is not None:
                p_fake.setdefault(time_s, []).append(p)
    rows = []
    for time_s in times_s:
        at = float(np.round(np.float64(np.float32(time_s)), 3))  # as the curves hold it
        row = replace(empty, model=classifier.reference, time_s=at, faces=seen.get(at, 0))
        if at in p_fake:
            p = max(p_fake[at])
            score = Score(p, 0.0, classifier.reference)  # the logit is not known
            verdict = decide_face(score, Rules.of(classifier))
            row = replace(row, state="judged", p_fake=p, verdict=verdict.label)
        elif at in seen:
            row = replace(row, verdict="uncertain")
        rows.append(row)
    return rows
