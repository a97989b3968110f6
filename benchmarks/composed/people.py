"""Scores of the people of composed clips: what the scanner said of each, frame by frame; and figures from rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from composed.clips import ComposedClip, Person, read_truth
from fakeweb.media import Pace, write_atomically
from fakeweb.metrics import Floats, Interval, bootstrap, ranked
from fakeweb.scanner import Scanner
from fakeweb.types import Report

_FACE: Final = 0.6  # a sighting belongs to the nearest person within this share of the tile's side


@dataclass(frozen=True)
class PersonRow:
    """One person of one clip.

    Attributes:
        clip: Its file name.
        people: How many people are in the clip.
        crf: How coarsely it was encoded.
        source, group, label: Of the person.
        width_px: Width of the face, the median over its sightings; 0 where nobody was found.
        tracks: Numbers of the tracks that show the person; empty where nobody was found.
        mixed: Whether one of these tracks shows somebody else as well.
        p_frames: P(fake) of every judged sighting, in order of time.
        verdict: Label of the person's longest track, or ``missed``.
        p_fake: Of that track: calibrated for people in videos, where the model is.
    """

    clip: str
    people: int
    crf: int
    source: str
    group: str
    label: int
    width_px: float
    tracks: list[int]
    mixed: bool
    p_frames: list[float]
    verdict: str
    p_fake: float | None


@dataclass(frozen=True)
class ClipRow:
    """One clip: what was said of it, and tracks that show nobody who is there."""

    clip: str
    people: int
    label: int
    verdict: str
    p_fake: float | None
    nobody: int


def scan_clips(
    folder: Path,
    scanner: Scanner,
    out: Path,
    *,
    pace: Pace | None = None,
    on_clip: Callable[[int, int], None] | None = None,
) -> tuple[list[PersonRow], list[ClipRow]]:
    """Scan every composed clip and match tracks with people; rows kept in ``out`` are not scanned again.

    Args:
        folder: What :func:`composed.clips.compose` wrote.
        scanner: To be judged.
        out: JSON file with the rows; made anew every few clips.
        pace: Which frames to look at.
        on_clip: Called with (done, total).
    """
    clips = read_truth(folder)
    done: dict[str, Any] = json.loads(out.read_text(encoding="utf-8")) if out.is_file() else {}
    for number, clip in enumerate(clips, 1):
        if clip.name not in done:
            report = scanner.scan_video(folder / clip.name, pace=pace, threads=1)
            people, whole = match(clip, report)
            done[clip.name] = {"people": [asdict(p) for p in people], "clip": asdict(whole)}
            if number % 10 == 0 or number == len(clips):
                write_atomically(out, json.dumps(done).encode())
        if on_clip is not None:
            on_clip(number, len(clips))
    write_atomically(out, json.dumps(done).encode())
    rows = [PersonRow(**p) for c in clips for p in done[c.name]["people"]]
    return rows, [ClipRow(**done[c.name]["clip"]) for c in clips]


def match(clip: ComposedClip, report: Report) -> tuple[list[PersonRow], ClipRow]:
    """Say which tracks show which person: a track belongs to whom most of its sightings are nearest to."""
    owners: dict[int, list[int]] = {}
    for curve in report.timeline or ():
        owners[curve["track"]] = [
            _nearest(clip, time_s, box) for time_s, box in zip(curve["time_s"], curve["box"], strict=True)
        ]
    mostly = {track: max(set(seen), key=seen.count) for track, seen in owners.items()}
    rows = []
    for number, person in enumerate(clip.people):
        tracks = [t for t, owner in mostly.items() if owner == number]
        mixed = any(set(owners[t]) - {number, -1} for t in tracks)
        rows.append(_row(clip, person, tracks, mixed, report))
    nobody = sum(owner == -1 for owner in mostly.values())
    verdict = report.verdict
    return rows, ClipRow(clip.name, len(clip.people), clip.label, verdict.label, verdict.p_fake, nobody)


def _nearest(clip: ComposedClip, time_s: float, box: Sequence[float]) -> int:
    """Return the number of the person a sighting shows, or -1."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    away = []
    for person in clip.people:
        cx, cy = person.centres[min(round(time_s * clip.fps), len(person.centres) - 1)]
        away.append(np.hypot(cx - x, cy - y) / person.side_px)
    best = int(np.argmin(away))
    return best if away[best] <= _FACE else -1


def _row(clip: ComposedClip, person: Person, tracks: list[int], mixed: bool, report: Report) -> PersonRow:
    curves = {c["track"]: c for c in report.timeline or ()}
    faces = {r.face.track: r for r in report.faces}
    pairs = [
        (t, p)
        for track in tracks
        for t, p in zip(curves[track]["time_s"], curves[track]["p_fake"], strict=True)
        if p is not None
    ]
    widths = [box[2] - box[0] for track in tracks for box in curves[track]["box"]]
    longest = max(tracks, key=lambda t: len(curves[t]["time_s"]), default=None)
    verdict = None if longest is None else faces[longest].verdict
    return PersonRow(
        clip.name, len(clip.people), clip.crf, person.source, person.group, person.label,
        float(np.median(widths)) if widths else 0.0, tracks, mixed,
        [p for _, p in sorted(pairs)],
        "missed" if verdict is None else verdict.label,
        None if verdict is None else verdict.p_fake,
    )  # fmt: skip


def accuracy_of(rows: Sequence[PersonRow]) -> list[tuple[float, Interval]]:
    """Return balanced accuracy at P(fake) 0.5 and AUC over people who got a verdict, with 95 % intervals over clips.

    Balanced, the mean of the shares of fake and of real people who are told right: with three people in a clip there
    are more real ones, and plain accuracy would profit from that.
    """
    own = [r for r in rows if r.p_fake is not None]
    p, label = np.array([r.p_fake for r in own], float), np.array([r.label for r in own], int)
    right = (p >= 0.5) == (label == 1)

    def figures(w: Floats) -> Floats:
        with np.errstate(invalid="ignore"):
            fake, real = (w @ (own & right) / (w @ own) for own in (label == 1, label == 0))
        return np.column_stack([(fake + real) / 2, ranked(label, p, w)[:, 0]])

    values = figures(np.ones((1, len(own))))[0].tolist()
    return list(zip(values, bootstrap(figures, [r.clip for r in own]), strict=True))
