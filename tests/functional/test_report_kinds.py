"""Real reports of every kind are as the schema says, come back from JSON, and are read by whoever reads JSON."""

import json

import jsonschema
import numpy as np
import pytest
from PIL import Image as Pillow

import fakeweb
from fakeweb.render import REPORT_SCHEMA, to_json, to_text
from fakeweb.types import Report

EXAMPLES = ("portrait.jpg", "beautified.jpg", "portrait.jpg")


@pytest.fixture(scope="module")
def scanner():
    return fakeweb.Scanner()


@pytest.fixture(scope="module")
def group(portrait_path):
    folder = portrait_path.parents[1] / "src" / "fakeweb" / "examples"
    return np.concatenate([fakeweb.read_image(folder / name).image.pixels for name in EXAMPLES], axis=1)


@pytest.fixture(scope="module")
def clip(portrait, tmp_path_factory):
    frames = [Pillow.fromarray(np.roll(portrait.pixels, 4 * n, axis=1)) for n in range(5)]
    path = tmp_path_factory.mktemp("clip") / "clip.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=300)
    return path


def _checked(report):
    data = json.loads(to_json(report), parse_constant=pytest.fail)
    jsonschema.validate(data, REPORT_SCHEMA)
    back = Report.from_dict(data)
    assert back.to_dict() == data == report.to_dict()
    assert to_text(back) == to_text(report)
    return data


def test_a_picture(scanner, portrait_path):
    data = _checked(scanner.scan(portrait_path))
    assert (len(data["faces"]), data["timeline"], data["video"]) == (1, None, None)
    assert data["faces"][0]["neighbours"] is None


def test_a_group(scanner, group):
    data = _checked(scanner.scan(group))
    assert [face["number"] for face in data["faces"]] == [1, 2, 3]
    assert data["faces"][1]["score"]["kinds"].keys() == {"swap", "reenacted", "retouch", "generated"}


def test_a_clip(scanner, clip):
    data = _checked(scanner.scan(clip))
    assert (len(data["faces"]), len(data["timeline"]), data["video"]["frames"]) == (1, 1, 5)
    assert data["timeline"][0]["track"] == data["faces"][0]["track"]


def test_a_picture_without_a_face(scanner, plain):
    data = _checked(scanner.scan(plain(120).pixels))
    assert (data["verdict"]["label"], data["faces"]) == ("no_face", [])
