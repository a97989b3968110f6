"""One description of the report: what is written is read, wrong documents are refused, all forms agree."""

import json
import re
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from fakeweb.render import REPORT_SCHEMA
from fakeweb.types import (
    CONTENTS,
    KINDS,
    SCHEMA_VERSION,
    Content,
    Face,
    FaceResult,
    Neighbours,
    Rarity,
    Report,
    Score,
    Stretch,
    Thresholds,
    Verdict,
)
from fakeweb.types.form import form_of

ROOT = Path(__file__).parents[2]
OLD = sorted((ROOT / "tests" / "reports_1_1").glob("*.json"))
VALIDATOR = jsonschema.Draft202012Validator(REPORT_SCHEMA)
CURVE = {
    "track": 3, "from_s": 0.0, "to_s": 0.5, "telling_s": 0.5, "time_s": [0.0, 0.5],
    "box": [[1.0, 2.0, 30.0, 40.0], [2.0, 2.0, 31.0, 40.0]], "p_fake": [None, 0.9],
}  # fmt: skip
VIDEO = {
    "duration_s": 9.96, "fps": 25.0, "frames": 249, "frames_examined": 32, "bursts": 1, "longest_gap_s": 0.4,
    "damaged_frames": 0, "complete": True, "codec": "h264", "has_sound": False,
}  # fmt: skip


def full():
    """A report in which every field that may be null is filled."""
    rng = np.random.default_rng(0)
    face = Face((1, 2, 11, 22), 0.75, rng.random((5, 2)) * 99, rng.random((468, 3)), 3, 0.5, 0.25)
    kinds = dict(zip(KINDS, (0.5, 0.25, 0.125, 0.125), strict=True))
    score = Score(0.875, 1.25, "tiny@1", kinds, rng.random((3, 4)), np.eye(2, 3))
    fake = FaceResult(
        face,
        Verdict("fake", 0.875, ("because", "and")),
        score,
        Rarity(240.0, (90.0, 700.0), 6000),
        Neighbours(9, 3.5, 6.0),
        (Stretch(0.0, 0.5, 0.9),),
    )
    small = FaceResult(Face((30, 30, 34, 34)), Verdict("uncertain", None, ("too small",)), weighed=False)
    return Report(
        source="grüße/✓.jpg",
        verdict=Verdict("fake", 0.875),
        width=640,
        height=480,
        faces=(fake, small),
        thresholds=Thresholds(0.25, 0.5, "user"),
        finder="haar",
        models=("tiny@1",),
        media_sha256="ab" * 32,
        content=Content("animal", {"animal": 0.9, "other": 0.1}, "content@1"),
        timeline=(CURVE,),
        video=VIDEO,
        provenance={"version": 1, "c2pa": None},
        whole={"version": 1},
        signature={"version": 1},
        timings_s={"find": 0.125},
        warnings=("small",),
    )


def no_face():
    """A report in which every field that may be null is null."""
    return Report("-", Verdict("no_face"), 1, 1, (), Thresholds(0, 1), "haar", (), "0" * 64)


@pytest.mark.parametrize("build", [full, no_face])
def test_a_report_survives_json(build):
    report = build()
    wire = json.dumps(report.to_dict(), allow_nan=False)
    VALIDATOR.validate(json.loads(wire))
    back = Report.from_dict(json.loads(wire))
    assert json.dumps(back.to_dict()) == wire
    for part in form_of(Report).parts:
        if part.name != "faces":
            assert getattr(back, part.name) == getattr(report, part.name), part.name
    for ours, theirs in zip(back.faces, report.faces, strict=True):
        for name in ("verdict", "rarity", "neighbours", "stretches", "weighed"):
            assert getattr(ours, name) == getattr(theirs, name), name
        for part in form_of(Face).parts:
            a, b = getattr(ours.face, part.name), getattr(theirs.face, part.name)
            assert (a is None) == (b is None)
            if a is not None:
                np.testing.assert_allclose(a, b, atol=6e-3, err_msg=part.name)


def test_numbers_of_numpy_become_pythons_own():
    verdict = Verdict("fake", np.float32(0.5))
    face = Face(np.arange(1, 5), np.float64(0.5), track=np.int64(3))
    report = Report(
        "-", verdict, np.int32(9), 9, (FaceResult(face, verdict),), Thresholds(0, 1), "haar", (), "0" * 64
    )
    assert json.loads(json.dumps(report.to_dict()))["faces"][0]["track"] == 3


def test_whatever_text_comes_every_reader_can_decode_it():
    """Half characters are what Python makes of names that are no UTF-8; no strict reader of JSON takes them."""
    odd = "caf\udce9.jpg"
    origin = {"version": 1, "texts": [odd, {odd: "\ud800"}]}
    verdict = Verdict("uncertain", None, (odd,))
    report = Report(odd, verdict, 9, 9, (), Thresholds(0, 1), odd, (odd,), "0" * 64, provenance=origin,
                    timings_s={odd: 1.0}, warnings=(odd,))  # fmt: skip
    text = json.dumps(report.to_dict(), ensure_ascii=False)
    assert json.loads(text.encode("utf-8")) == report.to_dict()
    assert text.count(r"caf\\xe9.jpg") == 8


def test_counting_faces():
    assert [full().count(label) for label in ("fake", "uncertain", "real")] == [1, 1, 0]


@pytest.mark.parametrize("path", OLD, ids=lambda p: p.stem)
def test_a_report_of_0_7_0_is_read_and_becomes_one_of_today(path):
    data = json.loads(path.read_text("utf-8"))
    assert data["schema_version"] == "1.1"
    now = Report.from_dict(data).to_dict()
    VALIDATOR.validate(now)
    old, new = data["thresholds"], now["thresholds"]
    assert new == {k: v for k, v in old.items() if k != "picture_fake"}
    for was, face in zip(data["faces"], now["faces"], strict=True):
        assert {k: face[k] for k in was} == was
        assert (face["rarity"], face["neighbours"], face["stretches"], face["weighed"]) == (
            None,
            None,
            None,
            True,
        )
    changed = {"schema_version", "thresholds", "faces"}
    assert {k: now[k] for k in data.keys() - changed} == {k: data[k] for k in data.keys() - changed}


def test_there_are_reports_of_every_kind_of_0_7_0():
    assert {path.stem for path in OLD} == {"picture", "group", "clip", "no_face", "service"}


def test_a_report_of_1_0_is_read():
    data = json.loads((ROOT / "tests/reports_1_1/picture.json").read_text("utf-8"))
    data["schema_version"] = "1.0"
    del data["video"]
    for face in data["faces"]:
        del face["presence"], face["printed"], face["score"]["evidence_to_image"]
    face = Report.from_dict(data).faces[0].face
    assert (face.presence, face.printed) == (None, None)


@pytest.mark.parametrize("version", ["3.0", "0.9", "10.0", "2", "2.x", "", None, 2.0])
def test_another_version_is_refused(version):
    data = {**full().to_dict(), "schema_version": version}
    with pytest.raises(ValueError, match=f"report.schema_version must be {SCHEMA_VERSION}, got"):
        Report.from_dict(data)


@pytest.mark.parametrize("data", [None, [], "text", 1])
def test_what_is_no_report_is_refused(data):
    with pytest.raises(ValueError, match="a report must be an object, got"):
        Report.from_dict(data)


def _objects(value):
    """Yield every object of a document but the reserved ones, which are open."""
    if isinstance(value, dict):
        if ("version" not in value or "label" in value) and not set(value) & {"find", *KINDS, *CONTENTS}:
            yield value
        for child in value.values():
            yield from _objects(child)
    elif isinstance(value, list):
        for child in value:
            yield from _objects(child)


def test_fields_of_a_later_minor_version_are_passed_over():
    data = full().to_dict()
    data["schema_version"] = "2.99"
    objects = list(_objects(data))
    assert len(objects) >= 12
    for part in objects:
        part["from_the_future"] = {"deep": [1]}
    assert Report.from_dict(data).to_dict() == full().to_dict()


def test_a_missing_field_is_named_with_its_place():
    tried = 0
    for i, part in enumerate(_objects(full().to_dict())):
        for name in part.keys() - {
            "number",
            "schema_version",
        }:  # a number says nothing that the order does not
            data = full().to_dict()
            del list(_objects(data))[i][name]
            with pytest.raises(ValueError, match=rf"report.* lacks the field '{name}'"):
                Report.from_dict(data)
            tried += 1
    assert tried > 60


WRONG = {
    "faces": (("faces",), {}, "report.faces must be an array, got {}"),
    "face": (("faces", 1), 7, r"report.faces\[1\] must be an object, got 7"),
    "probability": (("faces", 0, "score", "p_fake"), 7, r"report.faces\[0\].score.p_fake must lie in \[0, 1\], got 7"),
    "text for a number": (("faces", 0, "score", "logit"), "3", r"faces\[0\].score.logit must be a number, got '3'"),
    "not a number": (("faces", 0, "rarity", "one_in"), float("nan"), r"rarity.one_in must be at least 1, got nan"),
    "interval": (("faces", 0, "rarity", "interval", 1), None, r"interval\[1\] must be a number, got None"),
    "box": (("faces", 1, "box"), [1, 2, 3], r"faces\[1\].box must be 4 numbers, got \[1, 2, 3\]"),
    "turned box": (("faces", 1, "box"), [9, 2, 3, 4], r"faces\[1\]: Face.box must be .*x0 < x1"),
    "mesh": (("faces", 0, "mesh"), [[1, 2, 3]], r"faces\[0\].mesh must have shape \(468, 3\), got \(1, 3\)"),
    "ragged points": (("faces", 0, "points", 2), [1], r"faces\[0\].points must be numbers in rows"),
    "huge points": (("faces", 0, "points", 2), [1, 10**400], r"faces\[0\].points must be numbers in rows"),
    "words as points": (("faces", 0, "points"), "no", r"faces\[0\].points must be numbers in rows"),
    "stretch": (("faces", 0, "stretches", 0, "to_s"), -1, r"stretches\[0\].to_s must be at least 0, got -1"),
    "turned stretch": (("faces", 0, "stretches", 0, "from_s"), 9, r"stretches\[0\]: Stretch needs 0 <= from_s"),
    "neighbours": (("faces", 0, "neighbours", "judged"), 1, "neighbours.judged must be at least 2, got 1"),
    "weighed": (("faces", 0, "weighed"), "yes", "weighed must be true or false, got 'yes'"),
    "kind": (("faces", 0, "score", "kinds"), {"magic": 1}, "kinds must be an object with fields of .*'swap'"),
    "label": (("verdict", "label"), "maybe", "report.verdict.label must be one of .*'real'.*, got 'maybe'"),
    "odd label": (("verdict", "label"), ["fake"], "report.verdict.label must be one of"),
    "fake on what?": (("verdict", "p_fake"), None, "report.verdict: a verdict of 'fake' needs p_fake"),
    "reasons": (("verdict", "reasons"), "because", "verdict.reasons must be an array, got 'because'"),
    "reason": (("verdict", "reasons"), [None], r"verdict.reasons\[0\] must be a string, got None"),
    "thresholds": (("thresholds", "real"), 0.9, "report.thresholds: Thresholds need real <= fake"),
    "width": (("width",), 0, "report.width must be at least 1, got 0"),
    "width in halves": (("width",), 1.5, "report.width must be an integer, got 1.5"),
    "digest": (("media_sha256",), "abc", "report.media_sha256 must be a string like .*, got 'abc'"),
    "timeline": (("timeline", 0, "p_fake", 1), 2, r"report.timeline\[0\].p_fake\[1\] must lie in \[0, 1\], got 2"),
    "video": (("video", "frames"), True, "report.video.frames must be an integer, got True"),
    "timings": (("timings_s", "find"), -1, "report.timings_s.find must be at least 0"),
    "reserved": (("whole",), {"fake": 1}, "report.whole lacks the field 'version'"),
    "reserved, unnumbered": (("whole",), {"version": "1"}, "report.whole.version must be an integer, got '1'"),
    "content": (("content", "label"), "fish", "report.content.label must be one of .*'animal'.*, got 'fish'"),
    "content's shares": (("content", "p"), {"animal": 0.4}, "report.content: Content.p must sum to 1"),
    "reserved text": (("content",), "portrait", "report.content must be an object, got 'portrait'"),
    "long": (("verdict", "label"), "x" * 10**6, r"got 'xxx.{1,60}$"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "value", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_field_is_refused_with_its_place(path, value, message):
    data = full().to_dict()
    target = data
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    with pytest.raises(ValueError, match=message):
        Report.from_dict(data)


class TestAgreement:
    """What is committed is what the description gives."""

    def test_schema(self):
        assert json.loads((ROOT / "docs/reference/report.schema.json").read_text("utf-8")) == REPORT_SCHEMA

    def test_schema_and_reader_know_the_same_fields(self):
        def names(schema):
            own = set(schema.get("properties", {}))
            parts = [*schema.get("properties", {}).values(), *schema.get("anyOf", [])]
            parts += [schema["items"]] if "items" in schema else []
            return own.union(*map(names, parts))

        written = set().union(*(set(part) for part in _objects(full().to_dict())))
        assert names(REPORT_SCHEMA) == written | {*KINDS, *CONTENTS}

    def test_openapi(self):
        told = json.loads((ROOT / "docs/reference/openapi.json").read_text("utf-8"))
        report = told["components"]["schemas"]["Report"]
        assert report == {k: v for k, v in REPORT_SCHEMA.items() if k not in ("$schema", "$id")}

    def test_types_of_the_page(self):
        """They are generated from the OpenAPI document; what a person would notice is a field more or less."""
        text = (ROOT / "web/src/api/schema.d.ts").read_text("utf-8")
        block = re.search(r"\n( +)Report: \{\n(.*?)\n\1\};", text, re.DOTALL)[2]
        told = {}
        for doc, name in re.findall(r"/\*\*(.*?)\*/\s+(\w+)\??:", block, re.DOTALL):
            told.setdefault(name, set()).add(
                re.search(r"@description ([^\n]*?)(?: \*/)?\s*$", doc.strip(), re.M)[1]
            )
        wanted = {}
        for name, schema in _fields(REPORT_SCHEMA):
            wanted.setdefault(name, set()).add(schema["description"])
        assert told == wanted

    def test_page_of_the_reference(self):
        page = (ROOT / "docs/reference/report.md").read_text("utf-8")
        missing = [name for name, schema in _fields(REPORT_SCHEMA) if f"`{name}`" not in page]
        assert not missing


def _fields(schema):
    for name, child in schema.get("properties", {}).items():
        if "description" in child:
            yield name, child
        for part in [child, *child.get("anyOf", [])]:
            yield from _fields(part)
            yield from _fields(part.get("items", {}))
