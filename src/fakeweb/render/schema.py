"""The JSON Schema of a report, and ``python -m fakeweb.render.schema``, which writes it to standard output.

The schema is strict: it knows every field of this version and no other. A field that later versions add
raises the minor number of ``schema_version``, and this schema with it. What no part of FakeWeb fills yet is
null.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from fakeweb.types import KINDS, LABELS, SCHEMA_VERSION

_Schema = dict[str, Any]


def _object(description: str, properties: _Schema) -> _Schema:
    """Return an object whose fields are all required and that has no others."""
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _nullable(schema: _Schema, when_null: str) -> _Schema:
    description = schema["description"]
    rest = {k: v for k, v in schema.items() if k != "description"}
    return {"description": f"{description} Null {when_null}.", "anyOf": [rest, {"type": "null"}]}


def _array(description: str, items: _Schema, length: int | None = None) -> _Schema:
    fixed = {} if length is None else {"minItems": length, "maxItems": length}
    return {"type": "array", "description": description, "items": items, **fixed}


def _string(description: str, **more: Any) -> _Schema:
    return {"type": "string", "description": description, **more}


def _probability(description: str) -> _Schema:
    return {"type": "number", "description": description, "minimum": 0, "maximum": 1}


_NUMBER: _Schema = {"type": "number"}
_SHARE: _Schema = {"type": "number", "minimum": 0, "maximum": 1}


def _verdict(of: str) -> _Schema:
    schema = _object(
        f"The answer for {of}.",
        {
            "label": _string("What we conclude.", enum=list(LABELS)),
            "p_fake": _nullable(
                _probability("Calibrated P(fake) behind the label."), "where nothing was scored"
            ),
            "reasons": _array("Sentences for the reader, most important first.", {"type": "string"}),
        },
    )
    schema["allOf"] = [
        {
            "if": {"properties": {"label": {"enum": ["real", "fake"]}}, "required": ["label"]},
            "then": {"properties": {"p_fake": {"type": "number"}}},
        },
        {
            "if": {"properties": {"label": {"const": "no_face"}}, "required": ["label"]},
            "then": {"properties": {"p_fake": {"type": "null"}}},
        },
    ]
    return schema


def _score() -> _Schema:
    kinds = {
        "type": "object",
        "description": "Probability of each manipulation kind given that the face is fake; they sum to 1.",
        "properties": dict.fromkeys(KINDS, _SHARE),
        "minProperties": 1,
        "additionalProperties": False,
    }
    evidence = _array(
        "Where in the crop the model saw something: rows of values from 0 to 1.", {"type": "array"}
    )
    evidence["items"] = {"type": "array", "items": _SHARE}
    row = {"type": "array", "items": _NUMBER, "minItems": 3, "maxItems": 3}
    to_image = _array("Affine map from column and row of the evidence to x and y in the picture.", row, 2)
    return _object(
        "What the classifier said.",
        {
            "p_fake": _probability("Calibrated P(fake), at even odds before looking."),
            "logit": {"type": "number", "description": "The network's raw output, before calibration."},
            "model": _string("The model that said so, name@version.", minLength=1),
            "kinds": _nullable(kinds, "where the model tells no kinds apart"),
            "evidence": _nullable(evidence, "where the model gives no map"),
            "evidence_to_image": _nullable(to_image, "where the model gives no map"),
        },
    )


def _face() -> _Schema:
    points = _array(
        "Eye, eye, nose tip, mouth corner, mouth corner as [x, y] in pixels, each pair from left to right.",
        {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2},
        5,
    )
    mesh = _array(
        "468 points as [x, y, z], x and y in pixels.",
        {"type": "array", "items": _NUMBER, "minItems": 3, "maxItems": 3},
        468,
    )
    track = {"type": "integer", "description": "Number of the person's track in a video."}
    return _object(
        "One face.",
        {
            "number": {"type": "integer", "minimum": 1, "description": "Position in the list, from 1."},
            "box": _array("x0, y0, x1, y1 in pixels; may reach beyond the picture.", _NUMBER, 4),
            "confidence": _probability("How sure the finder is that this is a face."),
            "points": _nullable(points, "where the finder gives none"),
            "mesh": _nullable(mesh, "where none was measured"),
            "track": _nullable(track, "for pictures"),
            "presence": _nullable(
                _probability("P(there is a face at all), by the mesh model."), "where it was not asked"
            ),
            "printed": _nullable(
                _probability("P(the face is a print, on paper, cloth or a screen)."), "where it was not asked"
            ),
            "verdict": _verdict("this face"),
            "score": _nullable(_score(), "where the face was not scored"),
        },
    )


def _thresholds() -> _Schema:
    return _object(
        "Where the verdicts begin.",
        {
            "real": _probability("At or below this P(fake) a face is called real."),
            "fake": _probability(
                "At or above this P(fake) a face is called fake; between the two, uncertain."
            ),
            "source": _string("Who set them.", enum=["model", "user"]),
        },
    )


def _curve() -> _Schema:
    seconds = {"type": "number", "minimum": 0}
    return _object(
        "One person's track; the three lists have one entry per sighting.",
        {
            "track": {"type": "integer", "minimum": 1, "description": "Number of the track, as in faces."},
            "from_s": {**seconds, "description": "First sighting, in seconds from the first frame."},
            "to_s": {**seconds, "description": "Last sighting."},
            "telling_s": _nullable(
                {**seconds, "description": "When the sighting shown in faces was."}, "never in practice"
            ),
            "time_s": _array("Seconds.", seconds),
            "box": _array("x0, y0, x1, y1 in pixels.", _array("A box.", _NUMBER, 4)),
            "p_fake": _array(
                "P(fake) of the frame; null where it was not judged.", {"anyOf": [_SHARE, {"type": "null"}]}
            ),
        },
    )


def _video() -> _Schema:
    seconds, count = {"type": "number", "minimum": 0}, {"type": "integer", "minimum": 0}
    return _object(
        "The clip, and how closely it was looked at.",
        {
            "duration_s": {**seconds, "description": "By the timestamps of its frames."},
            "fps": {**seconds, "description": "Frames a second on average."},
            "frames": {**count, "description": "Frames in the clip."},
            "frames_examined": {**count, "description": "Frames looked at."},
            "bursts": {**count, "description": "Separate stretches looked at; 1 where evenly spread."},
            "longest_gap_s": {**seconds, "description": "Longest stretch not looked at."},
            "damaged_frames": {**count, "description": "Broken places met."},
            "complete": {"type": "boolean", "description": "False where the scan was stopped early."},
            "codec": _string("FFmpeg's name of the codec, or GIF, PNG, WebP."),
            "has_sound": {"type": "boolean", "description": "Whether there is a sound track."},
        },
    )


def _report() -> _Schema:
    size = {"type": "integer", "minimum": 1}
    timeline = _array("The people of a video over time, in the order of faces.", _curve())
    provenance = {
        "type": "object",
        "description": "Signals from metadata and content credentials; never a vote.",
    }
    timings = {
        "type": "object",
        "description": "Seconds spent per step.",
        "additionalProperties": {"type": "number", "minimum": 0},
    }
    return _object(
        "All that FakeWeb says about one picture or video.",
        {
            "schema_version": _string("Version of this form.", const=SCHEMA_VERSION),
            "source": _string(
                "The name the caller knows the media by: a path, an address, '-' or '<array>'."
            ),
            "media_sha256": _string("Hex SHA-256 of the bytes read.", pattern="^[0-9a-f]{64}$"),
            "width": {**size, "description": "Width of the upright picture in pixels."},
            "height": {**size, "description": "Height of the upright picture in pixels."},
            "verdict": _verdict("the whole picture or video"),
            "thresholds": _thresholds(),
            "faces": _array(
                "Every face found, from left to right; in a video one per person, by number of track.",
                _face(),
            ),
            "content": _nullable(
                _string("What the picture shows where no face was found."), "until a model says"
            ),
            "timeline": _nullable(timeline, "for pictures"),
            "video": _nullable(_video(), "for pictures"),
            "provenance": _nullable(provenance, "where not looked at"),
            "finder": _string("Name of the face finder.", minLength=1),
            "models": _array("The models used, name@version.", {"type": "string", "minLength": 1}),
            "timings_s": timings,
            "warnings": _array("What the reader should know about the input.", {"type": "string"}),
        },
    )


REPORT_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": f"urn:fakeweb:report:{SCHEMA_VERSION}",
    "title": "FakeWeb report",
    **_report(),
}
"""JSON Schema (2020-12) of ``Report.to_dict()``; treat it as read-only."""


def schema_text() -> str:
    """Return the schema as the text of docs/reference/report.schema.json."""
    return json.dumps(REPORT_SCHEMA, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
