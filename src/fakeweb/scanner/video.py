"""Scan one clip: every person in it, over time."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from fakeweb.faces import align
from fakeweb.faces.track import Tracker
from fakeweb.media import Choice, Clip, Limits, Pace, open_clip
from fakeweb.scanner.aggregate import DEFAULT_STRATEGY, STRATEGIES
from fakeweb.scanner.decide import decide_face, decide_video, printed
from fakeweb.scanner.frame_finder import FrameFinder
from fakeweb.scanner.parts import models_of
from fakeweb.types import (
    Classifier,
    Crop,
    Curve,
    Face,
    FaceFinder,
    FaceMesher,
    FaceResult,
    Frame,
    Report,
    Score,
    Thresholds,
    TrackClassifier,
    Verdict,
    Video,
)

MAX_FACES_PER_FRAME: Final = 40
"""At most so many faces of one frame are judged, the largest first."""
MIN_FRAMES: Final = 3
"""A track judged in fewer frames gets no verdict, unless the clip has no more."""
_BATCH: Final = 16


@dataclass(frozen=True)
class VideoProgress:
    """Where a scan of a clip stands.

    Attributes:
        done, total: Frames looked at, and to be looked at.
        time_s, duration_s: The same as time in the clip.
    """

    done: int
    total: int
    time_s: float
    duration_s: float


@dataclass(eq=False)
class _Track:
    """What was seen of one person: compact, since a long clip has many sightings."""

    number: int
    times_s: array[float] = field(default_factory=lambda: array("f"))
    boxes: array[float] = field(default_factory=lambda: array("f"))
    p_fake: array[float] = field(default_factory=lambda: array("f"))  # NaN where not judged
    logits: array[float] = field(default_factory=lambda: array("f"))
    printed: array[float] = field(default_factory=lambda: array("f"))
    kinds: dict[str, float] = field(default_factory=dict)
    telling: tuple[float, Face, Score | None] | None = None  # the sighting that says most, and when
    widest_px: float = 0.0

    def see(self, time_s: float, face: Face) -> int:
        """Note a sighting; return its place."""
        self.times_s.append(time_s)
        self.boxes.extend(face.box)
        self.p_fake.append(float("nan"))
        self.logits.append(float("nan"))
        self.widest_px = max(self.widest_px, face.width_px)
        if face.printed is not None:
            self.printed.append(face.printed)
        if self.telling is None or (self.telling[2] is None and face.width_px > self.telling[1].width_px):
            self.telling = (time_s, face, None)
        return len(self.times_s) - 1

    def judge(self, place: int, face: Face, score: Score) -> None:
        """Note what the classifier said of a sighting."""
        self.p_fake[place], self.logits[place] = score.p_fake, score.logit
        for kind, share in (score.kinds or {}).items():
            self.kinds[kind] = self.kinds.get(kind, 0.0) + share * score.p_fake
        best = self.telling[2] if self.telling else None
        if best is None or score.p_fake > best.p_fake:
            self.telling = (self.times_s[place], face, score)

    @property
    def judged(self) -> int:
        """In how many frames it was judged."""
        return int(np.isfinite(np.asarray(self.p_fake)).sum())


class VideoScan:
    """One pass over one clip.

    Args:
        finder, classifier: What finds and what judges.
        thresholds: Gives where verdicts begin.
        mesher: Measures faces, drops what is none and recognises prints; or None.
        limits: How much the clip may cost.
        max_faces: Judge at most so many faces of a frame, the largest first; never more than 40.
        strategy: Name of the way to one score per person.
        threads: Threads that decode; 0 leaves it to the decoder.
    """

    def __init__(
        self,
        finder: FaceFinder,
        classifier: Classifier,
        thresholds: Callable[[], Thresholds],
        *,
        limits: Limits,
        mesher: FaceMesher | None = None,
        max_faces: int = MAX_FACES_PER_FRAME,
        strategy: str = DEFAULT_STRATEGY,
        threads: int = 0,
    ) -> None:
        self.finder, self.classifier, self.thresholds = finder, classifier, thresholds
        self.mesher = mesher
        self.frame_finder = FrameFinder(finder, mesher, classifier.min_face_px)
        self.limits, self.threads = limits, threads
        self.max_faces = min(max_faces, MAX_FACES_PER_FRAME)
        self.combine = STRATEGIES[strategy]
        self._tracks: dict[int, _Track] = {}
        self._waiting: list[tuple[_Track, int, Crop]] = []
        self._timings = {"read": 0.0, "decode": 0.0, "find": 0.0, "score": 0.0}
        self._frames: list[float] = []

    def run(
        self,
        source: Any,
        pace: Pace | None,
        name: str | None,
        on_progress: Callable[[VideoProgress], None] | None,
        should_stop: Callable[[], bool] | None,
    ) -> Report:
        """Scan; see :meth:`fakeweb.scanner.Scanner.scan_video`."""
        started = time.perf_counter()
        with open_clip(source, limits=self.limits, name=name, threads=self.threads) as clip:
            choice = clip.choose(pace)
            self._timings["read"] = time.perf_counter() - started
            stopped = self._watch(clip, choice, on_progress, should_stop)
            return self._report(clip, choice, stopped=stopped)

    def _watch(
        self,
        clip: Clip,
        choice: Choice,
        on_progress: Callable[[VideoProgress], None] | None,
        should_stop: Callable[[], bool] | None,
    ) -> bool:
        """Go through the frames; return whether it was stopped before the end."""
        tracker = Tracker()
        total, before = len(choice.places), time.perf_counter()
        for done, frame in enumerate(clip.read(choice), 1):
            self._timings["decode"] += time.perf_counter() - before
            self._look(frame, tracker)
            if on_progress is not None:
                on_progress(VideoProgress(done, total, frame.time_s, clip.info.duration_s))
            if should_stop is not None and done < total and should_stop():
                self._score()
                return True
            before = time.perf_counter()
        self._timings["decode"] += time.perf_counter() - before
        self._score()
        return False

    def _look(self, frame: Frame, tracker: Tracker) -> None:
        """Find, link and cut out the faces of one frame."""
        started = time.perf_counter()
        faces = self.frame_finder.find(frame, cut=tracker.watch(frame))
        numbers = tracker.link(frame, faces)
        self._frames.append(frame.time_s)
        judged = set(self._worth_judging(faces))
        for i, (face, number) in enumerate(zip(faces, numbers, strict=True)):
            track = self._tracks.setdefault(number, _Track(number))
            place = track.see(frame.time_s, face)
            if i in judged:
                model = self.classifier
                crop = align(frame.image, replace(face, track=number), model.side_px, margin=model.margin)
                self._waiting.append((track, place, crop))
        self._timings["find"] += time.perf_counter() - started
        if len(self._waiting) >= _BATCH:
            self._score()

    def _worth_judging(self, faces: Sequence[Face]) -> list[int]:
        large = [i for i, face in enumerate(faces) if face.width_px >= self.classifier.min_face_px]
        large.sort(key=lambda i: -faces[i].width_px * faces[i].height_px)
        return large[: self.max_faces]

    def _score(self) -> None:
        started = time.perf_counter()
        scores = self.classifier.score([crop for _, _, crop in self._waiting])
        for (track, place, crop), score in zip(self._waiting, scores, strict=True):
            track.judge(place, crop.face, score)
        self._waiting.clear()
        self._timings["score"] += time.perf_counter() - started

    def _report(self, clip: Clip, choice: Choice, *, stopped: bool) -> Report:
        tracks = [self._tracks[number] for number in sorted(self._tracks)]
        needed = min(MIN_FRAMES, len(self._frames))
        thresholds = self.thresholds()
        results = tuple(self._result(t, thresholds, needed) for t in tracks)
        info = clip.info
        return Report(
            source=info.source,
            verdict=decide_video(results),
            width=info.width,
            height=info.height,
            faces=results,
            thresholds=thresholds,
            finder=self.finder.name,
            models=models_of(self.classifier, self.finder, self.mesher),
            media_sha256=info.sha256,
            timeline=tuple(_curve(t) for t in tracks),
            video=self._describe(clip, choice, stopped=stopped),
            timings_s=self._timings,
            warnings=(*info.warnings, *self._warnings(clip, choice, stopped=stopped)),
        )

    def _result(self, track: _Track, thresholds: Thresholds, needed: int) -> FaceResult:
        _, face, telling = track.telling or (0.0, Face((0, 0, 1, 1)), None)
        face = replace(face, track=track.number)
        if track.judged < needed or telling is None:
            return FaceResult(face, Verdict("uncertain", None, (self._why_not(track, needed),)))
        score = self._track_score(track, telling)
        if self.mesher is not None and track.printed:
            print_of = replace(face, printed=float(np.median(track.printed)))
            verdict = printed(print_of, score, self.mesher.max_printed)
            if verdict is not None:
                return FaceResult(face, verdict, score)
        return FaceResult(face, decide_face(score, thresholds), score)

    def _track_score(self, track: _Track, telling: Score) -> Score:
        p = np.asarray(track.p_fake, np.float64)
        total = sum(track.kinds.values())
        kinds = {k: v / total for k, v in track.kinds.items()} if total > 0 else telling.kinds
        p_fake = self.combine(p[np.isfinite(p)])
        if isinstance(self.classifier, TrackClassifier):
            p_fake = self.classifier.track_probability(p_fake)
        logit = float(np.nanmean(np.asarray(track.logits, np.float64)))
        return Score(min(1.0, max(0.0, p_fake)), logit, telling.model, kinds, telling.evidence)

    def _why_not(self, track: _Track, needed: int) -> str:
        least_px = self.classifier.min_face_px
        if track.widest_px < least_px:
            return f"too small to judge: {track.widest_px:.0f} px wide at most, {least_px:.0f} px needed"
        if track.judged == 0:
            return f"not judged: more than {self.max_faces} faces at a time"
        frames = "frame" if track.judged == 1 else "frames"
        return f"too short to judge: large enough in {track.judged} {frames}, {needed} needed"

    def _describe(self, clip: Clip, choice: Choice, *, stopped: bool) -> Video:
        info = clip.info
        seen = np.array([0.0, *self._frames, info.duration_s])
        return {
            "duration_s": round(info.duration_s, 3),
            "fps": round(info.fps, 3),
            "frames": info.frames,
            "frames_examined": len(self._frames),
            "bursts": choice.bursts,
            "longest_gap_s": round(float(np.diff(seen).max()), 3),
            "damaged_frames": clip.damaged,
            "complete": not stopped,
            "codec": info.codec,
            "has_sound": info.has_sound,
        }

    def _warnings(self, clip: Clip, choice: Choice, *, stopped: bool) -> list[str]:
        texts = []
        if clip.damaged:
            noun = "place" if clip.damaged == 1 else "places"
            texts.append(
                f"the clip is damaged in {clip.damaged} {noun}; frames up to the next whole one were left out"
            )
        if stopped:
            until = self._frames[-1] if self._frames else 0.0
            texts.append(
                f"stopped at {until:.1f} s of {clip.info.duration_s:.1f} s; what follows was not looked at"
            )
        elif choice.bursts > 1:
            looked = len(self._frames)
            texts.append(
                f"a long clip: {looked} of {clip.info.frames:,} frames were looked at, in {choice.bursts} bursts spread"
                f" over {clip.info.duration_s:.0f} s; what lies between them may differ"
            )
        return texts


def _curve(track: _Track) -> Curve:
    """Return a track's part of the timeline: only what JSON can hold."""
    times = np.asarray(track.times_s, np.float64)
    boxes = np.asarray(track.boxes, np.float64).reshape(-1, 4)
    return {
        "track": track.number,
        "from_s": round(float(times[0]), 3),
        "to_s": round(float(times[-1]), 3),
        "telling_s": round(float(track.telling[0]), 3) if track.telling else None,
        "time_s": np.round(times, 3).tolist(),
        "box": np.round(boxes, 1).tolist(),
        "p_fake": [round(v, 4) if v == v else None for v in track.p_fake],
    }
