"""Judge one sample: every model on every view, as a crop or through the whole Scanner."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fakeweb.classifiers import OnnxClassifier
from fakeweb.datasets import half_of_group
from fakeweb.datasets.files import shows_video
from fakeweb.errors import FakeWebError, readable
from fakeweb.evaluate.conditions import NOTHING, Conditions, measure
from fakeweb.evaluate.degrade import PLAIN, degrade, scaled_face
from fakeweb.evaluate.figures import CLIP
from fakeweb.evaluate.judge_video import judge_crops, judge_people
from fakeweb.evaluate.matched import VIEW, Match, handled
from fakeweb.evaluate.metrics import Floats
from fakeweb.evaluate.protocol import Protocol
from fakeweb.evaluate.scores import Row
from fakeweb.evaluate.shallow import MARGIN, SIDE_PX, features
from fakeweb.faces import align, quality_of
from fakeweb.media import Media, read_image
from fakeweb.scanner import Scanner
from fakeweb.scanner.decide import Rules, Seen, cautions_of, judge_face, too_small
from fakeweb.types import Classifier, Face, Image, Report, Sample, Score, Verdict


@dataclass(frozen=True)
class Task:
    """One sample to judge: its name in the table, its clip, the views wanted, and the pair it belongs to, if any."""

    sample: Sample
    name: str
    clip: str
    views: tuple[str, ...]
    match: Match | None = None


@dataclass(frozen=True)
class Judged:
    """The rows of a task, and the shallow features of the plain crop, float64 (K,), or None."""

    rows: list[Row]
    features: Floats | None = None


class Judge:
    """Judges samples by a protocol. Build it inside each worker process.

    Args:
        protocol: Level, finder, models.

    Raises:
        UnknownName, UsageError, ModelError: A finder or model cannot be used.
    """

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self.classifiers: list[Classifier] = [
            *(OnnxClassifier(model) for model in protocol.models),
            *protocol.baselines,
        ]
        first = Scanner(
            finder=protocol.finder,
            finder_model=protocol.finder_model,
            mesher=protocol.mesher,
            model=self.classifiers[0],
        )
        self.finder = first.finder
        others = [Scanner(finder=first.finder, mesher=first.mesher, model=c) for c in self.classifiers[1:]]
        self.scanners = [first, *others]

    def __call__(self, task: Task) -> Judged:
        """Return the rows of one sample, views in order and models within each; of a video file, frames first."""
        if shows_video(task.sample.path):
            if self.protocol.level == "crop":
                return Judged(*judge_crops(self, task))
            return Judged(judge_people(self, task))
        try:
            media = read_image(task.sample.path)
        except FakeWebError:
            return Judged(self.unreadable(task))
        face, count = self.main_face(media.image)
        if task.match is not None:
            return Judged(self._matched_rows(task, task.match, media.image, face))
        seen = NOTHING if face is None else measure(media.image, face)
        rows: list[Row] = []
        for view in task.views:
            image = degrade(media.image, view, task.name)
            if self.protocol.level == "crop":
                rows += self.crop_rows(task, view, media.image, image, face, count, seen)
            else:
                rows += self._scan_rows(task, view, replace(media, image=image), seen)
        traces = None if face is None else features(align(media.image, face, SIDE_PX, margin=MARGIN).pixels)
        return Judged(rows, traces)

    def rows_of(self, task: Task) -> int:
        """Return how many rows a task comes to, those of a video's frames aside."""
        return sum(len(self.asked(view)) for view in task.views)

    def asked(self, view: str) -> list[Classifier]:
        """Return who judges a view: damaged ones only the models themselves, since baselines may be slow."""
        everybody = view in (PLAIN, VIEW, CLIP)
        return self.classifiers if everybody else self.classifiers[: len(self.protocol.models)]

    def main_face(self, image: Image) -> tuple[Face | None, int]:
        """Find the face a picture is about, if there is one, and count the faces."""
        return main_face(self.finder.find(image), image)

    def unreadable(self, task: Task) -> list[Row]:
        """Return the rows of a file that cannot be read."""
        empty = [self.empty(task, view, "unreadable") for view in task.views]
        return [replace(row, model=c.reference) for row in empty for c in self.asked(row.view)]

    def _matched_rows(self, task: Task, match: Match, image: Image, face: Face | None) -> list[Row]:
        """Judge the picture in its pair's common frame, as the source that the pair belongs to."""
        if face is None:
            rows = self.crop_rows(task, VIEW, image, image, None, 0, NOTHING)
        else:
            same, here = handled(image, face, match.side_px)
            rows = self.crop_rows(task, VIEW, same, same, here, 1, NOTHING)
        return [replace(row, source=match.source) for row in rows]

    def empty(self, task: Task, view: str, state: str) -> Row:
        """Return a row that says nothing but of which sample it is."""
        sample = task.sample
        return Row(
            model="",
            view=view,
            path=task.name,
            source=sample.source,
            label=int(sample.label or 0),
            kind=sample.kind or "",
            split=sample.split,
            group=sample.group,
            half=half_of_group(sample.source, sample.group),
            clip=task.clip,
            state=state,  # type: ignore[arg-type]
            verdict="no_face",
            p_fake=math.nan,
            logit=math.nan,
            faces=0,
            time_s=math.nan,
            **vars(NOTHING),
        )

    def crop_rows(
        self,
        task: Task,
        view: str,
        plain: Image,
        image: Image,
        face: Face | None,
        count: int,
        seen: Conditions,
    ) -> list[Row]:
        """Judge the crop around the plain picture's main face, so that only the classifier is measured."""
        empty = self.empty(task, view, "no_face")
        if face is None:
            return [replace(empty, model=c.reference) for c in self.asked(view)]
        here = scaled_face(face, plain, image)
        rows = []
        for classifier in self.asked(view):
            crop = align(image, here, classifier.side_px, margin=classifier.margin)
            score = classifier.score([crop])[0]
            verdict = self._verdict(classifier, image, here, score)
            row = replace(
                empty, model=classifier.reference, state="judged", verdict=verdict.label, faces=count
            )
            rows.append(replace(row, p_fake=score.p_fake, logit=score.logit, **vars(seen)))
        return rows

    @staticmethod
    def _verdict(classifier: Classifier, image: Image, face: Face, score: Score) -> Verdict:
        """Conclude about a face alone as the scanner does."""
        rules = Rules.of(classifier)
        if too_small(face, rules.least_px):
            return Verdict("uncertain", score.p_fake)
        cautions = tuple(cautions_of(face, quality_of(image, face)))
        return judge_face(Seen(face, rules.sized(face, score), cautions=cautions), None, rules).verdict

    def _scan_rows(self, task: Task, view: str, media: Media, seen: Conditions) -> list[Row]:
        """Scan the whole picture: P(fake) is that of its most suspicious face."""
        rows = []
        for classifier, scanner in zip(self.asked(view), self.scanners, strict=False):
            rows.append(self.from_report(task, view, scanner.judge(media), classifier.reference, seen))
        return rows

    def from_report(self, task: Task, view: str, report: Report, model: str, seen: Conditions) -> Row:
        """Return the row of a whole picture or clip."""
        row = replace(self.empty(task, view, "no_face"), model=model, faces=len(report.faces))
        p = report.verdict.p_fake
        if report.faces:
            row = replace(row, verdict=report.verdict.label, **vars(seen))
        if p is None:
            return row
        logits = [f.score.logit for f in report.faces if f.score is not None and f.score.p_fake == p]
        return replace(row, state="judged", p_fake=p, logit=logits[0] if logits else math.nan)


def main_face(faces: Sequence[Face], image: Image) -> tuple[Face | None, int]:
    """Return the large and central face a picture is about, if its middle lies inside, and how many there are.

    Training chooses the same one (area, less up to 80 % for its distance from the centre).
    """
    if not faces:
        return None, 0
    face = max(faces, key=lambda f: _importance(f, image))
    x0, y0, x1, y1 = face.box
    inside = 0 <= x0 + x1 <= 2 * image.width and 0 <= y0 + y1 <= 2 * image.height
    return (face if inside else None), len(faces)


def _importance(face: Face, image: Image) -> float:
    x0, y0, x1, y1 = face.box
    off = abs((x0 + x1) / image.width - 1) + abs((y0 + y1) / image.height - 1)
    return (x1 - x0) * (y1 - y0) * (1 - 0.4 * min(off, 2))


def name_of(path: Path, root: Path) -> str:
    """Return how the tables call a file: relative to the data set, with slashes, in text that UTF-8 can hold."""
    root = root if root.is_dir() else root.parent
    inside = path.is_relative_to(root)
    return readable((path.relative_to(root) if inside else Path(os.path.relpath(path, root))).as_posix())
