"""Scores of samples: of pictures, and of a video file's frames one by one and of the clip as a whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from fakeweb.datasets.files import shows_video
from fakeweb.errors import FakeWebError
from fakeweb.evaluate.conditions import NOTHING, measure
from fakeweb.evaluate.degrade import PLAIN
from fakeweb.evaluate.figures import CLIP, by_clip
from fakeweb.evaluate.score_picture import PictureScorer, Scored, Task
from fakeweb.evaluate.scores import Row
from fakeweb.evaluate.shallow import face_features
from fakeweb.faces import main_face
from fakeweb.media import Pace, read_frames
from fakeweb.scanner.decide import Rules, decide_face
from fakeweb.types import Classifier, Report, Score

FRAMES: Final = 16
"""Frames of each video file whose main face is judged, spread evenly, unless the protocol says how many."""


class SampleScorer(PictureScorer):
    """Scores samples by a protocol: pictures as :class:`PictureScorer` does, and video files."""

    def __call__(self, task: Task) -> Scored:
        """Return the rows of one sample; of a video file, its frames first, then one per model on the whole clip."""
        if not shows_video(task.sample.path):
            return super().__call__(task)
        try:
            return self._crops(task) if self.protocol.level == "crop" else Scored(self._people(task))
        except FakeWebError:
            return Scored(self.unreadable(task))

    def _crops(self, task: Task) -> Scored:
        """Judge the main face of some frames; the clip is their mean, and so are the shallow features."""
        rows: list[Row] = []
        traces = []
        for frame in read_frames(task.sample.path, pace=Pace(frames=self.protocol.frames or FRAMES)):
            face, count = main_face(self.finder.find(frame.image), frame.image)
            seen = NOTHING if face is None else measure(frame.image, face)
            found = self.crop_rows(task, PLAIN, frame.image, face, count, seen)
            rows += [replace(row, time_s=round(frame.time_s, 3)) for row in found]
            if face is not None:
                traces.append(face_features(frame.image, face))
        if not rows:
            return Scored(self.unreadable(task))
        for classifier in self.asked(PLAIN):
            (mean,) = by_clip([r for r in rows if r.model == classifier.reference and r.view == PLAIN])
            rows.append(replace(mean, view=CLIP, path=task.name, time_s=math.nan, **vars(NOTHING)))
        return Scored(rows, np.mean(traces, axis=0) if traces else None)

    def _people(self, task: Task) -> list[Row]:
        """Scan the clip as ``fakeweb scan`` does: every person in it, over time.

        P(fake) of a frame is that of its most suspicious face; the clip has the verdict on it.
        """
        frames: list[Row] = []
        wholes: list[Row] = []
        pace = Pace(frames=self.protocol.frames) if self.protocol.frames else None
        for classifier, scanner in zip(self.asked(PLAIN), self.scanners, strict=True):
            times_s: list[float] = []
            report = scanner.scan_video(
                task.sample.path,
                pace=pace,
                threads=1,
                on_progress=lambda seen, times_s=times_s: times_s.append(seen.time_s),  # type: ignore[misc]
            )
            frames += _frame_rows(self.empty(task, PLAIN), report, times_s, classifier)
            whole = self.from_report(task, CLIP, report, classifier.reference, NOTHING)
            wholes.append(replace(whole, logit=math.nan))
        return [*frames, *wholes]


def _frame_rows(empty: Row, report: Report, times_s: Sequence[float], classifier: Classifier) -> list[Row]:
    """Return one row per frame that was looked at, out of the curves of the report's timeline."""
    seen: dict[float, list[float | None]] = {}
    for curve in report.timeline or ():
        for time_s, p in zip(curve["time_s"], curve["p_fake"], strict=True):
            seen.setdefault(time_s, []).append(p)
    rows = []
    for time_s in times_s:
        at = float(np.round(np.float64(np.float32(time_s)), 3))  # as the curves hold it
        faces = seen.get(at, [])
        row = replace(empty, model=classifier.reference, time_s=at, faces=len(faces))
        judged = [p for p in faces if p is not None]
        if judged:
            score = Score(max(judged), 0.0, classifier.reference)  # the logit is not known
            verdict = decide_face(score, Rules.of(classifier)).label
            row = replace(row, state="judged", p_fake=score.p_fake, verdict=verdict)
        elif faces:
            row = replace(row, verdict="uncertain")
        rows.append(row)
    return rows
