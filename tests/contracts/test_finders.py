"""What every face finder must keep: the docstring of :class:`fakeweb.types.FaceFinder`, as a suite.

A new finder is tested by being registered; one that needs a model file gets a line in ``MODELS``. A finder whose
guest or model is not here is skipped; docs/guide/finders.md says how to run the suite where it is.
"""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fakeweb import registry
from fakeweb.errors import MissingExtra, ModelMissing
from fakeweb.faces import align
from fakeweb.types import Face, FaceFinder, Image

MODELS = {  # below --data; MediaPipe 0.10.21 brings its own
    "yunet": "teachers/yunet_n_640_640.onnx",
    "mediapipe": "teachers/face_detection_full_range.tflite",
}


@pytest.fixture(scope="module", params=registry.names("finder"))
def finder(request):
    make = registry.load("finder", request.param)
    model = None
    if request.param in MODELS:
        model = request.getfixturevalue("data") / MODELS[request.param]
    try:
        return make(model) if model is not None and model.is_file() else make()
    except (MissingExtra, ModelMissing) as error:
        if request.param == "haar":  # it brings everything: never skipped
            raise
        pytest.skip(
            f"{error.message}; no model at {model}" if isinstance(error, ModelMissing) else error.message
        )


@pytest.fixture(scope="module")
def two_heads(portrait):
    head = portrait.pixels[30:220, 130:320]
    return Image(np.concatenate([head, head[:, ::-1]], 1))


def told(faces):
    return [(f.box, f.confidence, None if f.points is None else f.points.tolist()) for f in faces]


def test_it_keeps_the_protocol_and_goes_by_its_registered_name(finder, request):
    assert isinstance(finder, FaceFinder)
    assert finder.name == request.node.callspec.params["finder"]


def test_it_travels_to_another_process_as_what_made_it(finder, two_heads):
    assert told(pickle.loads(pickle.dumps(finder)).find(two_heads)) == told(finder.find(two_heads))


def test_it_returns_faces_the_most_confident_first(finder, two_heads):
    faces = finder.find(two_heads)
    assert len(faces) == 2
    assert all(isinstance(f, Face) for f in faces)
    assert [f.confidence for f in faces] == sorted((f.confidence for f in faces), reverse=True)
    assert sorted(f.box[0] // 190 for f in faces) == [0, 1]


def test_its_faces_can_be_cut_out(finder, two_heads):
    for face in finder.find(two_heads):
        assert align(two_heads, face, 64).side_px == 64


@pytest.mark.parametrize("size", [(1, 1), (90, 1), (1, 90), (5, 5), (160, 120)], ids=str)
@pytest.mark.parametrize("colour", [0, 127, (255, 0, 0)], ids=str)
def test_nobody_is_an_empty_sequence(finder, plain, size, colour):
    faces = finder.find(plain(colour, *size))
    assert faces is not None
    assert len(faces) == 0


def test_the_same_picture_gives_the_same_faces_and_stays_as_it_is(finder, two_heads):
    before = two_heads.pixels.tobytes()
    assert told(finder.find(two_heads)) == told(finder.find(two_heads))
    assert two_heads.pixels.tobytes() == before


def test_what_it_saw_before_does_not_matter(finder, two_heads, plain):
    first = told(finder.find(two_heads))
    finder.find(plain(90, 333, 77))
    assert told(finder.find(two_heads)) == first


def test_threads_may_share_it(finder, two_heads, plain):
    pictures = [two_heads, plain(127, 50, 80), Image(two_heads.pixels[:, :190])]
    want = [told(finder.find(p)) for p in pictures]
    with ThreadPoolExecutor(3) as pool:
        answers = [told(faces) for faces in pool.map(finder.find, pictures * 2)]
    assert answers == want * 2
