"""The process that judges pictures."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import orjson

from fakeweb import Scanner
from fakeweb.server.settings import Settings
from fakeweb.server.worker import Judge, report_json
from fakeweb.types import Report, Thresholds, Verdict

_KEYS = (
    "finder", "finder_model", "model", "threshold", "max_bytes", "max_pixels", "max_side_px", "max_video_bytes",
    "max_duration_s", "max_faces",
)  # fmt: skip


def _parts(scanner: Scanner) -> tuple[object, ...]:
    return scanner.finder, scanner.mesher, scanner.classifier


def test_requests_with_other_options_open_no_network_again() -> None:
    settings = Settings()
    judge = Judge({key: getattr(settings, key) for key in _KEYS})
    first, second = judge.scanner(None, None), judge.scanner(0.9, 3)
    assert all(a is b for a, b in zip(_parts(first), _parts(second), strict=True))
    assert second.threshold == 0.9
    assert second.max_faces == 3


def test_odd_names_and_metadata_become_strict_json() -> None:
    limits = Thresholds(real=0.4, fake=0.6)
    plain = Report("a.png", Verdict("no_face"), 6, 4, (), limits, "fakeweb", (), "0" * 64)
    odd = replace(plain, source="\udcff.png", provenance={"version": 1, "gain": math.nan})
    for report in (plain, odd):
        read = json.loads(orjson.dumps(report_json(report)), parse_constant=lambda name: 1 / 0)
        assert Report.from_dict(read).source == report.source
