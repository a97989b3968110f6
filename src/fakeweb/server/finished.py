"""A report as the service handles it: finished JSON, and the little of it that anybody here looks at.

A worker writes the JSON once. From then on it is stored and sent as it is; only the source, which stands at a known
place, is put in for each caller.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from fakeweb.render.impact import leading_kind, viewer_warnings
from fakeweb.server.packing import pack
from fakeweb.types import SCHEMA_VERSION, Label, Report

FOR_PAGE = "page.jpg"
"""File in a job's folder, there where an overlay was wanted: what its page to hand on shows of the video."""
_VERSION = f'{{"schema_version":"{SCHEMA_VERSION}","source":'.encode()
_HEAD = _VERSION + b'"upload",'


@dataclass(frozen=True)
class Summary:
    """What decides about queue, impact and headers.

    Attributes:
        media_sha256: Of the bytes.
        label: The verdict on the whole.
        p_fake: P(fake) behind it, or None.
        kind: How the most suspicious face called fake was manipulated, or None.
        viewer_warnings: JSON of what viewers can be told.
    """

    media_sha256: str
    label: Label
    p_fake: float | None
    kind: str | None
    viewer_warnings: list[dict[str, Any]]


@dataclass(frozen=True)
class Finished:
    """A report that is written.

    Attributes:
        summary: What the service looks at.
        text: The report as JSON, with the source ``upload``.
        packed: The same as it is stored; empty where it came out of the store.
    """

    summary: Summary
    text: bytes
    packed: bytes = b""

    @classmethod
    def of(cls, report: Report) -> Finished:
        """Write a report."""
        data = {**report.to_dict(), "source": "upload"}
        return cls(_summary(report), orjson.dumps(data), pack(data))

    @classmethod
    def stored(cls, text: str) -> Finished:
        """Take a report that was stored, perhaps by an earlier FakeWeb: then it is written anew.

        Raises:
            ValueError: It is no report.
        """
        data = orjson.loads(text)
        if not text.startswith(_HEAD.decode()):
            return cls.of(Report.from_dict(data))
        # the many numbers that say nothing about the verdicts need not be read
        faces = [{**face, "points": None, "mesh": None} for face in data["faces"]]
        return cls(_summary(Report.from_dict({**data, "faces": faces})), text.encode())

    def named(self, source: str) -> orjson.Fragment:
        """Return the report's JSON under the name its caller gave."""
        return orjson.Fragment(b"".join((_VERSION, orjson.dumps(source), b",", self.text[len(_HEAD) :])))


def to_frame(finished: Finished, drawn: bytes = b"") -> tuple[dict[str, Any], bytes]:
    """Return header and body of a worker's answer: the report, how it is stored, and what was drawn after it."""
    lengths = [len(finished.text), len(finished.packed)]
    header = {"summary": asdict(finished.summary), "lengths": lengths}
    return header, b"".join((finished.text, finished.packed, drawn))


def from_frame(header: dict[str, Any], body: bytes) -> tuple[Finished, bytes]:
    """Return what :func:`to_frame` was given."""
    first, second = itertools.accumulate(header["lengths"])
    return Finished(Summary(**header["summary"]), body[:first], body[first:second]), body[second:]


def _summary(report: Report) -> Summary:
    verdict = report.verdict
    warnings = [asdict(warning) for warning in viewer_warnings(report)]
    return Summary(report.media_sha256, verdict.label, verdict.p_fake, leading_kind(report), warnings)
