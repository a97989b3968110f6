"""Scores of pictures: every model on every view, as a crop or through the whole Scanner."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from pathlib import Path

from fakeweb.classifiers import OnnxClassifier
from fakeweb.datasets import Sample, half_of_group
from fakeweb.errors import FakeWebError, readable
from fakeweb.evaluate.conditions import NOTHING, Conditions, measure
from fakeweb.evaluate.degrade import PLAIN, degrade, scaled_face
from fakeweb.evaluate.figures import CLIP
from fakeweb.evaluate.matched import ALIKE, ALIKE_PX, VIEW, Match, handled, large_enough
from fakeweb.evaluate.protocol import Protocol
from fakeweb.evaluate.scores import Row, State
from fakeweb.evaluate.shallow import face_features
from fakeweb.faces import align, main_face, quality_of
from fakeweb.media import read_image
from fakeweb.metrics import Floats
from fakeweb.scanner import Scanner
from fakeweb.scanner.decide import Rules, Seen, cautions_of, judge_face, too_small
from fakeweb.types import Classifier, Face, Image, Report, Score, Verdict


@dataclass(frozen=True)
class Task:
    """One sample to score: its name in the table, its clip, the views wanted, and the pair it belongs to, if any."""

    sample: Sample
    name: str
    clip: str
    views: tuple[str, ...]
    match: Match | None = None


@dataclass(frozen=True)
class Scored:
    """The rows of a task, and the shallow features of the plain crop, float64 (K,), or None."""

    rows: list[Row]
    features: Floats | None = None


class PictureScorer:
    """Scores pictures by a protocol. Build it inside each worker process.

    Args:
        protocol: Level, finder, models.

    Raises:
        UnknownName, UsageError, ModelError: A finder or model cannot be used.
    """

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        own = [OnnxClassifier(model) for model in protocol.models]
        self.classifiers: list[Classifier] = [*own, *protocol.baselines]
        first = Scanner(
            finder=protocol.finder,
            finder_model=protocol.finder_model,
            mesher=protocol.mesher,
            model=self.classifiers[0],
        )
        self.finder = first.finder
        others = [Scanner(finder=first.finder, mesher=first.mesher, model=c) for c in self.classifiers[1:]]
        self.scanners = [first, *others]

    def __call__(self, task: Task) -> Scored:
        """Return the rows of one picture, views in order and models within each."""
        try:
            media = read_image(task.sample.path)
        except FakeWebError:
            return Scored(self.unreadable(task))
        face, count = main_face(self.finder.find(media.image), media.image)
        if task.match is not None:
            return Scored(self._matched_rows(task, task.match, media.image, face))
        seen = NOTHING if face is None else measure(media.image, face)
        rows: list[Row] = []
        for view in task.views:
            if view == ALIKE:
                rows += self._alike_rows(task, media.image, face)
                continue
            image = degrade(media.image, view, task.name)
            if self.protocol.level == "crop":
                here = None if face is None else scaled_face(face, media.image, image)
                rows += self.crop_rows(task, view, image, here, count, seen)
            else:  # P(fake) is that of the picture's most suspicious face
                rows += [
                    self.from_report(
                        task, view, scanner.judge(replace(media, image=image)), classifier.reference, seen
                    )
                    for classifier, scanner in zip(self.asked(view), self.scanners, strict=False)
                ]
        return Scored(rows, None if face is None else face_features(media.image, face))

    def rows_of(self, task: Task) -> int:
        """Return how many rows a task comes to, those of a video's frames aside."""
        return sum(len(self.asked(view)) for view in task.views)

    def asked(self, view: str) -> list[Classifier]:
        """Return who judges a view: damaged ones only the models themselves, since baselines may be slow."""
        everybody = view in (PLAIN, VIEW, CLIP)
        return self.classifiers if everybody else self.classifiers[: len(self.protocol.models)]

    def unreadable(self, task: Task) -> list[Row]:
        """Return the rows of a file that cannot be read."""
        empty = [self.empty(task, view, "unreadable") for view in task.views]
        return [replace(row, model=c.reference) for row in empty for c in self.asked(row.view)]

    def empty(self, task: Task, view: str, state: State = "no_face") -> Row:
        """Return a row that says nothing but of which sample it is."""
        s = task.sample
        return Row(
            "", view, task.name, s.source, int(s.label or 0), s.kind or "", s.split, s.group,
            half_of_group(s.source, s.group), task.clip, state, verdict="no_face", said="", p_fake=math.nan,
            logit=math.nan, faces=0, time_s=math.nan, **vars(NOTHING),
        )  # fmt: skip

    def crop_rows(
        self, task: Task, view: str, image: Image, face: Face | None, count: int, seen: Conditions
    ) -> list[Row]:
        """Judge the crop around a face, so that only the classifier is measured."""
        rows = []
        for classifier in self.asked(view):
            row = replace(self.empty(task, view), model=classifier.reference)
            if face is not None:
                crop = align(image, face, classifier.side_px, margin=classifier.margin)
                score = classifier.score([crop])[0]
                verdict = _verdict(classifier, image, face, score).label
                row = replace(row, state="judged", verdict=verdict, faces=count, **vars(seen))
                row = replace(row, p_fake=score.p_fake, logit=score.logit, said=score.kind or "")
            rows.append(row)
        return rows

    def _alike_rows(self, task: Task, image: Image, face: Face | None) -> list[Row]:
        """Judge the face in the frame that every picture is brought to, unless it would have to be enlarged."""
        if face is None or not large_enough(face):
            return [replace(self.empty(task, ALIKE), model=c.reference) for c in self.asked(ALIKE)]
        return self.crop_rows(task, ALIKE, *handled(image, face, ALIKE_PX), 1, NOTHING)

    def _matched_rows(self, task: Task, match: Match, image: Image, face: Face | None) -> list[Row]:
        """Judge the picture in its pair's common frame, as the source that the pair belongs to."""
        if face is not None:
            image, face = handled(image, face, match.side_px)
        rows = self.crop_rows(task, VIEW, image, face, 1, NOTHING)
        return [replace(row, source=match.source) for row in rows]

    def from_report(self, task: Task, view: str, report: Report, model: str, seen: Conditions) -> Row:
        """Return the row of a whole picture or clip."""
        row = replace(self.empty(task, view), model=model, faces=len(report.faces))
        p = report.verdict.p_fake
        if report.faces:
            row = replace(row, verdict=report.verdict.label, **vars(seen))
        if p is None:
            return row
        worst = next((f.score for f in report.faces if f.score is not None and f.score.p_fake == p), None)
        row = replace(row, state="judged", p_fake=p)
        return row if worst is None else replace(row, logit=worst.logit, said=worst.kind or "")


def _verdict(classifier: Classifier, image: Image, face: Face, score: Score) -> Verdict:
    """Conclude about a face alone as the scanner does."""
    rules = Rules.of(classifier)
    if too_small(face, rules.least_px):
        return Verdict("uncertain", score.p_fake)
    cautions = tuple(cautions_of(face, quality_of(image, face)))
    return judge_face(Seen(face, rules.sized(face, score), cautions=cautions), None, rules).verdict


def name_of(path: Path, root: Path) -> str:
    """Return how the tables call a file: relative to the data set, with slashes, in text that UTF-8 can hold."""
    root = root if root.is_dir() else root.parent
    inside = path.is_relative_to(root)
    return readable((path.relative_to(root) if inside else Path(os.path.relpath(path, root))).as_posix())
