"""Scan one clip: every person in it, over time."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.faces import align, quality_of, share_inside
from fakeweb.faces.track import Tracker
from fakeweb.media import Choice, Clip, Limits, Pace, open_clip
from fakeweb.provenance import look_at_clip
from fakeweb.runtime import ClipNorm
from fakeweb.scanner.decide import Caution, Rules, Seen, cautions_of, conclude, too_small
from fakeweb.scanner.frame_finder import FrameFinder
from fakeweb.scanner.moments import Looks, Moment, looks_of, scan_looks
from fakeweb.scanner.parts import models_of
from fakeweb.types import (
    Classifier,
    Crop,
    Curve,
    Face,
    FaceFinder,
    FaceMesher,
    Frame,
    Image,
    Report,
    Score,
    Video,
)

MAX_FACES_PER_FRAME: Final = 40
"""At most so many faces of one frame are judged, the largest first."""
MIN_FRAMES: Final = 3
"""A person judged in fewer frames gets no verdict, unless shown for :data:`MIN_SHOWN_S` or half of the clip."""
MIN_SHOWN_S: Final = 0.5
_BATCH: Final = 16
_LOOK_PX: Final = 24  # crops are compared at this side
_SAME: Final = 1.5  # grey levels by which the same picture differs from itself after two encodings, at most
_GLANCE_PX: Final = 64  # frames are compared at this side
_STILL: Final = 3.0  # grey levels by which a part of a frame differs from that of the same picture, at most
_PLAIN: Final = ClipNorm(1.0, 0.0, 0.0)


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


@dataclass(frozen=True, eq=False)
class _Sighting:
    """The sighting of a person that says most."""

    time_s: float
    face: Face
    score: Score | None = None
    cautions: tuple[Caution, ...] = ()
    inside: float = 1.0

    @property
    def forbidden(self) -> bool:
        return any(caution.forbids for caution in self.cautions)


@dataclass(eq=False)
class _Track:
    """What was seen of one person: compact, since a long clip has many sightings."""

    number: int
    times_s: array[float] = field(default_factory=lambda: array("d"))
    shown_s: array[float] = field(default_factory=lambda: array("d"))  # of the stored frame
    boxes: array[float] = field(default_factory=lambda: array("f"))
    p_fake: array[float] = field(default_factory=lambda: array("d"))  # NaN where not judged
    logits: array[float] = field(default_factory=lambda: array("d"))
    looks: array[int] = field(default_factory=lambda: array("l"))
    forbidden: array[int] = field(default_factory=lambda: array("b"))
    printed: array[float] = field(default_factory=lambda: array("f"))
    kinds: dict[str, float] = field(default_factory=dict)
    telling: _Sighting | None = None
    widest_px: float = 0.0
    _look: npt.NDArray[np.float32] | None = None

    def see(self, frame: Frame, face: Face) -> int:
        """Note a sighting; return its place."""
        self.times_s.append(frame.time_s)
        self.shown_s.append(frame.duration_s)
        self.boxes.extend(face.box)
        self.p_fake.append(float("nan"))
        self.logits.append(float("nan"))
        self.looks.append(self.looks[-1] if self.looks else 0)
        self.forbidden.append(0)
        self.widest_px = max(self.widest_px, face.width_px)
        if face.printed is not None:
            self.printed.append(face.printed)
        best = self.telling
        if best is None or (best.score is None and face.width_px > best.face.width_px):
            inside = share_inside(frame.image, face)
            self.telling = _Sighting(frame.time_s, face, inside=inside)
        return len(self.times_s) - 1

    def look(self, place: int, crop: Crop) -> None:
        """Compare the crop with the look before: another number where it shows something else."""
        small = cv2.resize(crop.pixels, (_LOOK_PX, _LOOK_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
        if self._look is None or float(np.abs(small - self._look).mean()) > _SAME:
            self._look = small
            self.looks[place] += 1

    def judge(self, place: int, sighting: _Sighting, score: Score) -> None:
        """Note what the classifier said of a sighting."""
        self.p_fake[place], self.logits[place] = score.p_fake, score.logit
        self.forbidden[place] = sighting.forbidden
        for kind, share in (score.kinds or {}).items():
            self.kinds[kind] = self.kinds.get(kind, 0.0) + share * score.p_fake
        best, now = self.telling, replace(sighting, score=score)
        if (
            best is None
            or best.score is None
            or (now.forbidden, -score.p_fake)
            < (
                best.forbidden,
                -best.score.p_fake,
            )
        ):
            self.telling = now

    def places(self) -> npt.NDArray[np.int64]:
        """Return the places of the sightings a verdict may rest on: judged, and well seen if any is."""
        judged = np.isfinite(np.asarray(self.logits))
        well = judged & (np.asarray(self.forbidden) == 0)
        return np.flatnonzero(well if well.any() else judged)


@dataclass(eq=False)
class _Waiting:
    """A crop to be scored, and the sightings it stands for."""

    track: _Track
    sighting: _Sighting
    crop: Crop
    places: list[int]
    score: Score | None = None


class VideoScan:
    """One pass over one clip.

    Attributes:
        looks: Of each judged person, by track: what the verdict rests on.

    Args:
        finder, classifier: What finds and what judges.
        rules: What verdicts go by.
        limits: How much the clip may cost.
        mesher: Measures faces, drops what is none and recognises prints; or None.
        max_faces: Judge at most so many faces of a frame, the largest first; never more than 40.
        threads: Threads that decode; 0 leaves it to the decoder.
        trust: Certificates of those whose content credentials the user trusts, PEM.
    """

    def __init__(
        self,
        finder: FaceFinder,
        classifier: Classifier,
        rules: Rules,
        *,
        limits: Limits,
        mesher: FaceMesher | None = None,
        max_faces: int = MAX_FACES_PER_FRAME,
        threads: int = 0,
        trust: str | None = None,
    ) -> None:
        self.finder, self.classifier, self.rules = finder, classifier, rules
        self.mesher = mesher
        self.frame_finder = FrameFinder(finder, mesher, rules.least_px)
        self.limits, self.threads, self.trust = limits, threads, trust
        self.max_faces = min(max_faces, MAX_FACES_PER_FRAME)
        self.looks: dict[int, Looks] = {}
        self._tracks: dict[int, _Track] = {}
        self._waiting: list[_Waiting] = []
        self._before: tuple[Image, dict[int, _Waiting]] | None = None
        self._held: tuple[npt.NDArray[np.float32], list[Face]] | None = None
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
        """Find, link and cut out the faces of one frame.

        A frame that repeats the one before is not looked at anew; in one that shows the same picture, faces are where
        they were.
        """
        started = time.perf_counter()
        cut = tracker.watch(frame)
        before = self._before
        same = before is not None and np.array_equal(before[0].pixels, frame.image.pixels)
        small = _glance(frame.image)
        if self._held is None or cut or float(np.abs(small - self._held[0]).max()) > _STILL:
            self._held = (small, self.frame_finder.find(frame, cut=cut))
        faces = self._held[1]
        known = before[1] if before is not None and same else {}
        numbers = tracker.link(frame, faces)
        self._frames.append(frame.time_s)
        judged = set(self._worth_judging(faces))
        seen: dict[int, _Waiting] = {}
        for i, (face, number) in enumerate(zip(faces, numbers, strict=True)):
            track = self._tracks.setdefault(number, _Track(number))
            place = track.see(frame, face)
            if i in judged:
                seen[i] = self._crop(frame, face, track, place, known.get(i))
        self._before = (frame.image, seen)
        self._timings["find"] += time.perf_counter() - started
        if len(self._waiting) >= _BATCH:
            self._score()

    def _crop(self, frame: Frame, face: Face, track: _Track, place: int, known: _Waiting | None) -> _Waiting:
        """Cut a face out to be scored, or take the score of the same pixels before."""
        if known is not None and known.track is track:
            if known.score is None:
                known.places.append(place)
            else:
                track.judge(place, known.sighting, known.score)
            return known
        model = self.classifier
        crop = align(frame.image, replace(face, track=track.number), model.side_px, margin=model.margin)
        track.look(place, crop)
        quality = quality_of(frame.image, face)
        sighting = _Sighting(
            frame.time_s, crop.face, cautions=tuple(cautions_of(face, quality)), inside=quality.inside
        )
        waiting = _Waiting(track, sighting, crop, [place])
        self._waiting.append(waiting)
        return waiting

    def _worth_judging(self, faces: Sequence[Face]) -> list[int]:
        large = [i for i, face in enumerate(faces) if face.width_px >= self.rules.least_px]
        large.sort(key=lambda i: -faces[i].width_px * faces[i].height_px)
        return large[: self.max_faces]

    def _score(self) -> None:
        started = time.perf_counter()
        scores = self.classifier.score([waiting.crop for waiting in self._waiting])
        for waiting, score in zip(self._waiting, scores, strict=True):
            waiting.score = self.rules.sized(waiting.sighting.face, score)
            for place in waiting.places:
                waiting.track.judge(place, waiting.sighting, waiting.score)
        self._waiting.clear()
        self._timings["score"] += time.perf_counter() - started

    def _report(self, clip: Clip, choice: Choice, *, stopped: bool) -> Report:
        tracks = [self._tracks[number] for number in sorted(self._tracks)]
        step_s = float(np.median(np.diff(self._frames))) if len(self._frames) > 1 else 0.0
        seen = [self._seen(t, step_s, clip.info.duration_s) for t in tracks]
        results, verdict = conclude(seen, self.rules)
        info = clip.info
        return Report(
            source=info.source,
            verdict=verdict,
            width=info.width,
            height=info.height,
            faces=results,
            thresholds=self.rules.thresholds,
            finder=self.finder.name,
            models=models_of(self.classifier, self.finder, self.mesher),
            media_sha256=info.sha256,
            timeline=tuple(_curve(t) for t in tracks),
            video=self._describe(clip, choice, stopped=stopped),
            provenance=look_at_clip(clip.file, clip.tags, trust=self.trust).to_dict(),
            timings_s=self._timings,
            warnings=(*info.warnings, *self._warnings(clip, choice, stopped=stopped)),
        )

    def _seen(self, track: _Track, step_s: float, duration_s: float) -> Seen:
        """Return what was seen of a person in all frames."""
        telling = track.telling or _Sighting(0.0, Face((0, 0, 1, 1)))
        face = replace(telling.face, track=track.number)
        if track.printed:
            face = replace(face, printed=float(np.median(track.printed)))
        times, shown = np.asarray(track.times_s), np.asarray(track.shown_s)
        stands_for = _stands_for(times, shown, step_s)
        places = track.places()
        why_not = self._why_not(track, places, shown, stands_for, duration_s)
        seconds = float(stands_for.sum())
        if why_not is not None or telling.score is None:
            return Seen(face, unjudged=why_not, inside=telling.inside, stretches=(), time=seconds)
        moment = self._moment(track, places, stands_for)
        score = self._score_of(track, telling.score, moment)
        return Seen(
            face, score, None, telling.cautions, telling.inside, moment.level, moment.stretches, seconds
        )

    def _moment(
        self, track: _Track, places: npt.NDArray[np.int64], stands_for: npt.NDArray[np.float64]
    ) -> Moment:
        looks = looks_of(
            np.asarray(track.times_s)[places],
            stands_for[places],
            np.asarray(track.logits)[places],
            np.asarray(track.looks, np.int64)[places],
        )
        self.looks[track.number] = looks
        probability = self.rules.probability or _even
        return scan_looks(looks, self.rules.norms.clip or _PLAIN, probability, self.rules.thresholds.fake)

    def _score_of(self, track: _Track, telling: Score, moment: Moment) -> Score:
        """Return the score of the time that speaks most, with the telling frame's map."""
        total = sum(track.kinds.values())
        kinds = {k: v / total for k, v in track.kinds.items()} if total > 0 else telling.kinds
        if self.rules.probability is None:  # no way from a logit to P: the mean over the frames
            p = np.asarray(track.p_fake)[track.places()]
            return replace(telling, p_fake=float(p.mean()), logit=moment.level, kinds=kinds)
        return replace(telling, p_fake=self.rules.probability(moment.logit), logit=moment.logit, kinds=kinds)

    def _why_not(
        self,
        track: _Track,
        places: npt.NDArray[np.int64],
        shown: npt.NDArray[np.float64],
        stands_for: npt.NDArray[np.float64],
        duration_s: float,
    ) -> str | None:
        """Say why a person cannot be judged, or None."""
        if not len(places):
            widest = Face((0, 0, max(track.widest_px, 1e-3), 1))
            return (
                too_small(widest, self.rules.least_px)
                or f"not judged: more than {self.max_faces} faces at a time"
            )
        repeated = np.bincount(np.asarray(track.looks)[places]).max() > 1
        seconds = float((stands_for if repeated else shown)[places].sum())
        enough = min(MIN_FRAMES, len(self._frames))
        if len(places) >= enough or seconds >= min(MIN_SHOWN_S, 0.45 * duration_s):
            return None
        frames = "frame" if len(places) == 1 else "frames"
        return f"too short to judge: large enough in {len(places)} {frames}, {enough} or {MIN_SHOWN_S:g} s needed"

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
        "telling_s": round(float(track.telling.time_s), 3) if track.telling else None,
        "time_s": np.round(times, 3).tolist(),
        "box": np.round(boxes, 1).tolist(),
        "p_fake": [round(v, 4) if v == v else None for v in track.p_fake],
    }


def _stands_for(
    times_s: npt.NDArray[np.float64],
    shown_s: npt.NDArray[np.float64],
    step_s: float,
) -> npt.NDArray[np.float64]:
    """Return for how long each sighting stands, in seconds: up to the next one, or one and a half steps at most.

    A frame that is shown for longer stands for that time; so does a sighting that is the only one.
    """
    if len(times_s) < 2:
        return shown_s
    gaps = np.append(np.diff(times_s), step_s)
    return np.asarray(np.maximum(shown_s, np.minimum(gaps, max(step_s, 1e-3) * 1.5)))


def _glance(image: Image) -> npt.NDArray[np.float32]:
    """Return a frame at 64 px, float32 RGB (64, 64, 3)."""
    small = cv2.resize(image.pixels, (_GLANCE_PX, _GLANCE_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def _even(logit: float) -> float:
    """Return the probability of a logit as such."""
    return float(1 / (1 + np.exp(-np.clip(logit, -60, 60))))
