"""Reports as the service handles them: written once, stored and sent as they are."""

import json
import math
from dataclasses import replace
from pathlib import Path

import jsonschema
import orjson
import pytest

from fakeweb.render import REPORT_SCHEMA
from fakeweb.render.impact import leading_kind, viewer_warnings
from fakeweb.server.finished import Finished, from_frame, to_frame
from fakeweb.types import Face, FaceResult, Report, Score, Thresholds, Verdict

OLD = sorted((Path(__file__).parents[2] / "reports_1_1").glob("*.json"))
LIMITS = Thresholds(real=0.4, fake=0.6)
NOTHING = Report("a.png", Verdict("no_face"), 6, 4, (), LIMITS, "fakeweb", (), "0" * 64)
FACES = tuple(
    FaceResult(Face((i, 1, i + 9, 10)), Verdict("fake", p), Score(p, 1.0, "m@1", {kind: 1.0}))
    for i, (p, kind) in enumerate([(0.9, "swap"), (0.95, "retouch"), (0.8, "swap")])
)
FAKE = replace(NOTHING, verdict=Verdict("fake", 0.95), faces=FACES)


def _read(fragment):
    return json.loads(orjson.dumps(fragment), parse_constant=lambda name: 1 / 0)


@pytest.mark.parametrize("report", [NOTHING, FAKE], ids=["no face", "fakes"])
def test_the_report_is_what_it_was_but_for_its_name(report):
    finished = Finished.of(report)
    for name in ("a.png", "upload", 'odd "quoted" \\ {"schema_version":', "фото 写真.jpg"):
        data = _read(finished.named(name))
        assert data == {**json.loads(json.dumps(report.to_dict())), "source": name}
        jsonschema.validate(data, REPORT_SCHEMA)


def test_a_reports_own_name_is_not_stored():
    assert b"secret" not in Finished.of(replace(FAKE, source="secret.png")).text


def test_the_summary_says_what_the_report_says():
    told = Finished.of(FAKE).summary
    assert (told.label, told.p_fake, told.media_sha256) == ("fake", 0.95, "0" * 64)
    assert told.kind == leading_kind(FAKE) == "retouch"
    assert [(w["kind"], list(w["faces"])) for w in told.viewer_warnings] == [
        ("swap", [1, 3]),
        ("retouch", [2]),
    ]
    assert [w["text"] for w in told.viewer_warnings] == [w.text for w in viewer_warnings(FAKE)]


@pytest.mark.parametrize("drawn", [b"", b"\x89PNG"])
def test_what_a_worker_sends_arrives(drawn):
    finished = Finished.of(FAKE)
    header, body = to_frame(finished, drawn)
    back, picture = from_frame(orjson.loads(orjson.dumps(header)), body)
    assert (back.text, picture) == (finished.text, drawn)
    assert orjson.dumps(back.summary) == orjson.dumps(finished.summary)


def test_what_was_stored_comes_back_byte_for_byte():
    finished = Finished.of(FAKE)
    back = Finished.stored(finished.text.decode())
    assert back.text == finished.text
    assert orjson.dumps(back.summary) == orjson.dumps(finished.summary)


@pytest.mark.parametrize("path", OLD, ids=lambda p: p.stem)
def test_what_0_7_0_stored_is_answered_in_the_form_of_today(path):
    text = path.read_text("utf-8")
    old = json.loads(text)
    data = _read(Finished.stored(text).named("a.png"))
    jsonschema.validate(data, REPORT_SCHEMA)
    assert data["verdict"] == old["verdict"]
    assert [f["mesh"] for f in data["faces"]] == [f["mesh"] for f in old["faces"]]


def test_odd_metadata_becomes_strict_json():
    odd = replace(NOTHING, provenance={"version": 1, "gain": math.nan})
    assert _read(Finished.of(odd).named("a"))["provenance"] == {"version": 1, "gain": None}
