import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import fakeweb
import fakeweb.render
from fakeweb.render import REPORT_SCHEMA, to_json, to_text
from fakeweb.render.schema import schema_text
from fakeweb.types import CONTENTS, KINDS, Content, Face, FaceResult, Report, Thresholds, Verdict

DOCS = Path(__file__).parents[3] / "docs" / "reference"
VALIDATOR = jsonschema.Draft202012Validator(REPORT_SCHEMA)


CURVE = {
    "track": 1,
    "from_s": 0.0,
    "to_s": 0.5,
    "telling_s": 0.5,
    "time_s": [0.0, 0.5],
    "box": [[1.0, 2.0, 30.0, 40.0], [2.0, 2.0, 31.0, 40.0]],
    "p_fake": [None, 0.9],
}
VIDEO = {
    "duration_s": 10.0,
    "fps": 29.97,
    "frames": 300,
    "frames_examined": 32,
    "bursts": 1,
    "longest_gap_s": 0.33,
    "damaged_frames": 0,
    "complete": True,
    "codec": "h264",
    "has_sound": True,
}


@pytest.fixture
def full(build):
    """A report in which every field that may be null is filled."""
    mesh = np.random.default_rng(0).uniform(0, 200, (468, 3))
    points = np.random.default_rng(1).uniform(0, 3000, (5, 2))
    face = build.face(
        "fake", (1.234, 2, 30, 40), 0.97, kind="swap", mesh=mesh, points=points, evidence=np.eye(3)
    )
    tracked = FaceResult(Face((1, 2, 3, 4), track=7), Verdict("uncertain", None, ("too small",)))
    return build.report(
        [face, tracked],
        content=Content("animal", {"animal": 0.9, "other": 0.1}, "content@1"),
        timeline=(CURVE, {**CURVE, "track": 7, "telling_s": None}),
        video=VIDEO,
        provenance={"version": 1, "exif": {"Software": "GIMP"}, "c2pa": None},
        timings_s={"find": 0.1234567},
        warnings=("small picture",),
    )


@pytest.fixture
def plain(build):
    """A report in which every field that may be null is null."""
    return build.report([FaceResult(Face((1, 2, 3, 4)), Verdict("uncertain"))])


class TestJson:
    @pytest.mark.parametrize("name", ["full", "plain"])
    def test_valid_and_comes_back_equal(self, name, request):
        report = request.getfixturevalue(name)
        data = json.loads(to_json(report))
        VALIDATOR.validate(data)
        assert data == report.to_dict()
        assert Report.from_dict(data).to_dict() == report.to_dict()

    def test_no_face(self, build):
        VALIDATOR.validate(json.loads(to_json(build.report([]))))

    def test_names_stay_readable(self, build):
        assert "фото 写真.jpg" in to_json(build.report([], source="фото 写真.jpg"))

    def test_names_that_are_not_utf8_are_readable(self, build):
        report = build.report([], source="caf\udce9.jpg", warnings=("odd: \ud800",))
        text = to_json(report)
        assert text.encode()
        assert json.loads(text)["source"] == report.source == r"caf\xe9.jpg"
        assert json.loads(text)["warnings"] == [r"odd: \ud800"]

    def test_no_nan_and_no_numpy(self, build):
        odd = {
            "version": 1,
            "aperture": float("nan"),
            "sizes": (np.int64(3), np.float32(np.inf)),
            "map": np.ones(2),
        }
        data = json.loads(to_json(build.report([], provenance=odd), indent=None), parse_constant=pytest.fail)
        assert data["provenance"] == {"version": 1, "aperture": None, "sizes": [3, None], "map": [1.0, 1.0]}


class TestSchema:
    def test_is_a_schema(self):
        jsonschema.Draft202012Validator.check_schema(REPORT_SCHEMA)

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            (("extra",), 1),
            (("faces", 0, "extra"), 1),
            (("faces", 0, "verdict", "extra"), 1),
            (("faces", 0, "score", "kinds", "magic"), 0.5),
            (("verdict", "label"), "maybe"),
            (("verdict", "p_fake"), None),
            (("verdict", "p_fake"), 1.5),
            (("faces", 0, "box"), [1, 2, 3]),
            (("faces", 0, "points"), [[1, 2]]),
            (("faces", 0, "mesh"), [[1, 2, 3]]),
            (("media_sha256",), "abc"),
            (("schema_version",), "9.0"),
            (("thresholds", "source"), "guess"),
            (("width",), 0),
            (("timeline",), {}),
            (("timeline", 0, "box"), [[1, 2, 3]]),
            (("video", "frames"), -1),
            (("whole",), {"fake": True}),
            (("faces", 0, "rarity"), {"one_in": 240}),
            (("faces", 0, "weighed"), None),
        ],
    )
    def test_strict(self, full, path, value):
        data = full.to_dict()
        VALIDATOR.validate(data)
        target = data
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = value
        assert not VALIDATOR.is_valid(data)

    def test_every_field_is_required(self, full):
        for key in full.to_dict():
            data = full.to_dict()
            del data[key]
            assert not VALIDATOR.is_valid(data), key

    def test_describes_every_field(self):
        def bare(schema):
            own = [
                name for name, child in schema.get("properties", {}).items() if not child.get("description")
            ]
            parts = [*schema.get("properties", {}).values(), *schema.get("anyOf", [])]
            parts += [schema["items"]] if "items" in schema else []
            return own + [name for part in parts for name in bare(part)]

        assert set(bare(REPORT_SCHEMA)) == {*KINDS, *CONTENTS}

    def test_the_file_in_the_docs_is_current(self):
        assert (DOCS / "report.schema.json").read_text(encoding="utf-8") == schema_text()

    def test_command_writes_it(self):
        command = [sys.executable, "-W", "error", "-m", "fakeweb.render.schema"]
        done = subprocess.run(command, capture_output=True, check=True)
        assert done.stdout.decode("utf-8") == schema_text()
        assert not done.stderr


class TestDocs:
    page = property(lambda self: (DOCS / "report.md").read_text(encoding="utf-8"))

    def test_the_example_is_what_the_code_writes(self):
        text = (DOCS / "report.example.json").read_text("utf-8")
        report = Report.from_dict(json.loads(text))
        VALIDATOR.validate(report.to_dict())
        assert to_json(report) + "\n" == text
        assert f"```text\n{to_text(report)}\n```" in self.page

    def test_the_example_is_real(self):
        told = json.loads((DOCS / "report.example.json").read_text("utf-8"))
        now = fakeweb.scan(Path(__file__).parents[3] / told["source"]).to_dict()
        assert now.keys() == told.keys()
        for name in ("media_sha256", "models", "finder", "thresholds", "warnings"):
            assert now[name] == told[name], name
        assert now["verdict"]["label"] == told["verdict"]["label"] == "fake"
        assert now["verdict"]["p_fake"] == pytest.approx(told["verdict"]["p_fake"], abs=0.01)


class TestText:
    def test_golden(self, build):
        faces = [
            build.face("fake", (120, 80, 240, 230), 0.97, kind="swap"),
            build.face("real", (300, 90, 400, 220), 0.04, kind="swap"),
            build.face("uncertain", (9, 90, 40, 120), 0.55, kind="swap", reasons=("too blurred to judge",)),
            FaceResult(Face((500, 10, 520, 30)), Verdict("uncertain", None, ("too small", "cut off"))),
        ]
        assert to_text(build.report(faces[:2])) == (
            "photo.jpg  FAKE  2 faces, 1 manipulated\n"
            "  face 1  fake       p 0.97  swap       [120 80 240 230]\n"
            "  face 2  real       p 0.04             [300 90 400 220]"
        )
        assert to_text(build.report(faces)) == (
            "photo.jpg  FAKE  4 faces, 1 manipulated, 2 uncertain\n"
            "  face 1  fake       p 0.97  swap       [120 80 240 230]\n"
            "  face 2  real       p 0.04             [300 90 400 220]\n"
            "  face 3  uncertain  p 0.55             [9 90 40 120]     too blurred to judge\n"
            "  face 4  uncertain  p  -               [500 10 520 30]   too small; cut off"
        )

    def test_no_face(self, build):
        report = build.report([], verdict=Verdict("no_face", reasons=("no face of 24 px or more",)))
        assert to_text(report) == "photo.jpg  NO FACE  0 faces\n  no face of 24 px or more"

    def test_lines_of_their_own(self, build):
        report = build.report(
            [build.face("fake", (0, 0, 9, 9), reasons=("seams at the jaw",))],
            verdict=Verdict("uncertain", 0.6, ("one face is not enough",)),
            thresholds=Thresholds(0.3, 0.8, source="user"),
            warnings=("animated: first frame only",),
        )
        assert to_text(report).splitlines() == [
            "photo.jpg  UNCERTAIN  1 face, 1 manipulated",
            "  face 1  fake       p 0.95             [0 0 9 9]",
            "          seams at the jaw",
            "  one face is not enough",
            "  threshold 0.80 (set by you)",
            "  warning: animated: first frame only",
        ]

    @pytest.mark.parametrize(("p", "shown"), [(0.9996, "p 0.99"), (1.0, "p 0.99"), (0.994, "p 0.99")])
    def test_never_certain(self, build, p, shown):
        assert shown in to_text(build.report([build.face("fake", (0, 0, 9, 9), p)]))

    def test_never_certain_of_real(self, build):
        assert "p 0.01" in to_text(build.report([build.face("real", (0, 0, 9, 9), 0.0)]))

    def test_ten_faces_align(self, build):
        faces = [build.face("real", (i, 0, 9 + i, 9), kind="generated") for i in range(12)]
        lines = to_text(build.report(faces)).splitlines()[1:]
        assert lines[0].startswith("  face  1  real")
        assert len({line.index("[") for line in lines[:-1]}) == 1

    def test_of_a_group_the_most_telling_faces_are_printed_and_the_others_counted(self, build):
        faces = [build.face("real", (i, 0, 9 + i, 9), 0.02 + i / 100) for i in range(9)]
        faces += [build.face("uncertain", (20, 0, 29, 9), 0.5), build.face("fake", (30, 0, 39, 9), 0.97)]
        lines = to_text(build.report(faces)).splitlines()[1:]
        assert [line.split()[1] for line in lines[:-1]] == ["7", "8", "9", "10", "11"]
        assert lines[-1] == "  and 6 more: 6 real"
        assert len(to_text(build.report(faces[:8])).splitlines()) == 9

    def test_one_face_s_reason_is_said_once(self, build):
        why = "too small to judge: 19 px wide, 48 px needed"
        face = build.face("uncertain", (0, 0, 19, 19), None, reasons=(why,))
        text = to_text(build.report([face], verdict=Verdict("uncertain", None, (why,))))
        assert text.count(why) == 1

    def test_a_clip_tells_its_length_and_when_a_face_was_there(self, build):
        video = {
            "duration_s": 9.96,
            "fps": 25.0,
            "frames": 249,
            "frames_examined": 32,
            "bursts": 1,
            "longest_gap_s": 0.5,
            "damaged_frames": 0,
            "complete": True,
            "codec": "h264",
            "has_sound": True,
        }
        curve = {
            "track": 1,
            "from_s": 0.0,
            "to_s": 9.0,
            "telling_s": 3.5,
            "time_s": [3.5],
            "box": [[0, 0, 9, 9]],
            "p_fake": [0.95],
        }
        report = build.report([build.face("fake", (0, 0, 9, 9))], video=video, timeline=(curve,))
        lines = to_text(report).splitlines()
        assert lines[1] == "  clip of 10.0 s, 32 of 249 frames looked at"
        assert lines[2].endswith("[0 0 9 9] at 3.5 s")

    @pytest.mark.parametrize("label", ["real", "fake", "uncertain"])
    def test_colour_adds_escapes_and_nothing_else(self, build, label):
        report = build.report([build.face(label, (0, 0, 9, 9))])
        coloured = to_text(report, color=True)
        assert coloured.count("\x1b[0m") == 2
        assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == to_text(report)

    def test_a_file_name_cannot_command_the_terminal(self, build):
        text = to_text(build.report([], source="a\x1b[2J\nb\udce9.jpg  REAL"))
        assert text.encode()
        assert text == r"a?[2J?b\xe9.jpg  REAL  NO FACE  0 faces"


def test_public_names():
    assert fakeweb.render.__all__ == [
        "REACH",
        "REPORT_SCHEMA",
        "overlay",
        "overlay_at",
        "timeline",
        "to_json",
        "to_text",
    ]
    assert all(hasattr(fakeweb.render, name) for name in fakeweb.render.__all__)
    with pytest.raises(AttributeError, match="html"):
        _ = fakeweb.render.html
