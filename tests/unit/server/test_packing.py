"""Reports take little room in the store and come back as they were."""

import json
import re
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakeweb.scanner import Scanner
from fakeweb.server.finished import Finished
from fakeweb.server.packing import pack, unpack
from fakeweb.topology import MEAN, POINTS

OLD = sorted((Path(__file__).parents[2] / "reports_1_1").glob("*.json"))


@pytest.fixture(scope="module")
def finished(portrait):
    """A report of a portrait and one of a wall of them."""
    scanner = Scanner()
    wall = np.tile(portrait.pixels[20:260, 100:340], (2, 3, 1))
    return [Finished.of(scanner.scan(pixels)) for pixels in (portrait.pixels, np.ascontiguousarray(wall))]


def test_a_report_is_the_same_to_the_last_digit(finished):
    for report in finished:
        text = orjson.dumps(unpack(report.packed)).decode()
        plain = [re.sub(r"-0\.0(?=[,\]])", "0.0", t) for t in (text, report.text.decode())]
        assert plain[0] == plain[1]
        again = Finished.stored(text)
        assert (again.text.decode(), again.summary) == (text, report.summary)


def test_a_picture_with_a_face_takes_two_kilobytes(finished):
    one, wall = finished
    assert len(one.packed) < 2100
    assert len(one.packed) < len(one.text) / 6
    faces = len(json.loads(wall.text)["faces"])
    assert faces >= 5
    assert len(wall.packed) < faces * 2000


def test_what_version_1_has_packed_is_read_as_before():
    here = Path(__file__).parent
    packed = (here / "packed_v1.bin").read_bytes()
    assert packed[0] == 1
    assert unpack(packed) == json.loads((here / "packed_v1.json").read_text())
    assert len(pack(unpack(packed))) < len(packed) - 400


@pytest.mark.parametrize("path", OLD, ids=lambda p: p.stem)
def test_reports_of_earlier_versions_fit_too(path):
    data = json.loads(path.read_text())
    assert unpack(pack(data)) == data


numbers = st.floats(-5000, 5000).map(lambda x: round(x, 2)) | st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.lists(st.lists(numbers, min_size=3, max_size=3), max_size=5),
    st.none() | st.lists(st.lists(numbers, max_size=3), max_size=3),
    st.booleans(),
)
def test_whatever_a_mesh_may_be_it_comes_back(start, grid, whole):
    mesh = start + [[float(x), 0.25, 1e6] for x in range(POINTS - len(start))] if whole else start
    face = {"mesh": mesh, "score": {"evidence": grid}}
    report = {"faces": [face, {"mesh": None, "score": None}, face], "other": [1, None, "ü"]}
    assert unpack(pack(report)) == report


def test_faces_of_any_size_and_turn_fit():
    rng = np.random.default_rng(1)
    for size in (0.5, 20, 400, 9000):
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        mesh = (MEAN @ turn * size + rng.normal(size=(POINTS, 3)) * size / 40 + 300).round(2).tolist()
        report = {"faces": [{"mesh": mesh, "score": None}]}
        assert unpack(pack(report)) == report
        assert len(pack(report)) < 3500


def test_a_report_of_a_later_version_is_not_misread():
    data = bytearray(pack({"faces": []}))
    data[0] = 99
    with pytest.raises(ValueError, match="99"):
        unpack(bytes(data))
