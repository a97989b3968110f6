"""A clip's report at one moment: the people where they are then, drawn like those of a picture."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np

from fakeweb.render.overlay import overlay
from fakeweb.types import Box, Face, FaceMesher, FaceResult, Image, Report, Verdict

_LINGER_S: Final = 0.3
_MOST_GAP_S: Final = 1.5


def report_at(report: Report, time_s: float) -> Report:
    """Return the report of one moment: everybody seen then, each with the verdict of the whole track.

    Of somebody who looks manipulated in parts of the clip only, the face is there in these parts alone, with their
    P(fake): nothing is drawn over seconds that nothing was found in. Between two sightings a box moves evenly from one
    to the other; beyond a gap of a second and a half, a person is only there for a moment around each sighting.

    Args:
        report: Of a clip, with its timeline.
        time_s: Seconds from the clip's first frame.

    Raises:
        ValueError: The report is not of a clip.
    """
    if report.timeline is None:
        raise ValueError("the report is not about a clip: it has no timeline")
    faces = []
    for result, curve in zip(report.faces, report.timeline, strict=True):
        box, verdict = _box_at(curve, time_s), _verdict_at(result, time_s)
        if box is not None and verdict is not None:
            face = Face(box, result.face.confidence, track=result.face.track)
            faces.append(replace(result, face=face, verdict=verdict))
    return replace(report, faces=tuple(faces))


def overlay_at(
    image: Image, report: Report, time_s: float, *, opacity: float = 1.0, mesher: FaceMesher | None = None
) -> Image:
    """Draw what a clip's report says over one of its frames, as :func:`fakeweb.render.overlay` does for a picture.

    Args:
        image: The upright frame.
        report: Of the clip.
        time_s: When the frame is shown, in seconds from the first one.
        opacity: How strongly to draw, from 0 to 1.
        mesher: Measures the fake faces in this frame; None fits the mesh to the box.

    Returns:
        A new picture of the same size; the very same object where nobody is to be drawn.
    """
    now = report_at(report, time_s)
    if all(f.verdict.label == "real" for f in now.faces):
        return image
    if mesher is not None:
        now = replace(now, faces=tuple(_measured(image, f, mesher) for f in now.faces))
    return overlay(image, replace(now, width=image.width, height=image.height), opacity=opacity)


def _measured(image: Image, result: FaceResult, mesher: FaceMesher) -> FaceResult:
    """Return a fake face with its mesh, where the mesh agrees that a face is there."""
    if result.verdict.label != "fake":
        return result
    (face,) = mesher.mesh(image, [result.face])
    return result if face.mesh is None else replace(result, face=face)


def _verdict_at(result: FaceResult, time_s: float) -> Verdict | None:
    """Return the verdict that holds at a moment; None between the stretches of somebody called fake for them."""
    if result.verdict.label != "fake" or not result.stretches:
        return result.verdict
    inside = [s.p_fake for s in result.stretches if s.from_s <= time_s <= s.to_s]
    return replace(result.verdict, p_fake=max(inside)) if inside else None


def _box_at(curve: Mapping[str, Any], time_s: float) -> Box | None:
    times, boxes = curve["time_s"], curve["box"]
    after = bisect_left(times, time_s)
    if after < len(times) and times[after] == time_s:
        return _as_box(boxes[after])
    before = after - 1
    between = before >= 0 and after < len(times)
    if between and times[after] - times[before] <= _MOST_GAP_S:
        share = (time_s - times[before]) / (times[after] - times[before])
        return _as_box(np.asarray(boxes[before]) * (1 - share) + np.asarray(boxes[after]) * share)
    near = [i for i in (before, after) if 0 <= i < len(times) and abs(times[i] - time_s) <= _LINGER_S]
    return _as_box(boxes[min(near, key=lambda i: abs(times[i] - time_s))]) if near else None


def _as_box(values: Any) -> Box:
    x0, y0, x1, y1 = (float(v) for v in values)
    return x0, y0, x1, y1
