"""The finder whose model file is the user's."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import pytest

from fakeweb.errors import ModelIncompatible, ModelMissing
from fakeweb.faces.yunet import YuNetFinder
from fakeweb.types import Image


@pytest.fixture(scope="module")
def finder(data):
    model = data / "teachers" / "yunet_n_640_640.onnx"
    if not model.is_file():
        pytest.skip(f"no YuNet model at {model}")
    return YuNetFinder(model)


@pytest.mark.parametrize(
    ("model", "message"), [(None, "needs a model file"), ("no/such.onnx", "no model file at no/such.onnx")]
)
def test_without_a_model_it_says_which_one_to_give(model, message):
    with pytest.raises(ModelMissing, match=message) as caught:
        YuNetFinder(model)
    assert "--finder-model" in caught.value.hint


def test_a_folder_is_no_model(tmp_path):
    with pytest.raises(ModelMissing, match="no model file"):
        YuNetFinder(tmp_path)


@pytest.mark.parametrize("content", [b"", b"garbage" * 99], ids=["empty", "garbage"])
def test_a_file_that_is_no_model_is_incompatible(tmp_path, content):
    path = tmp_path / "yunet.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelIncompatible, match="cannot load"):
        YuNetFinder(path)


def test_another_network_is_incompatible(tmp_path, tiny_model, plain):
    """OpenCV may load it at first; then it fails when it is to find."""
    tiny_model(tmp_path)
    with pytest.raises(ModelIncompatible) as caught:
        YuNetFinder(tmp_path / "tiny.onnx").find(plain(120))
    assert "YuNet" in caught.value.hint


def test_it_finds_the_portraits_face_and_its_points(finder, portrait, portrait_box, iou):
    (face,) = finder.find(portrait)
    assert iou(face.box, portrait_box) > 0.6
    assert face.confidence > 0.8
    left_eye, right_eye, nose, left_mouth, right_mouth = face.points
    assert abs(left_eye - (204, 100)).max() < 8  # as the docstring of Face orders them: from left to right
    assert abs(right_eye - (248, 103)).max() < 8
    assert left_eye[1] < nose[1] < left_mouth[1]
    assert left_mouth[0] < nose[0] < right_mouth[0]


def test_it_gives_opencv_what_opencv_wants(data, finder, head):
    """A small picture is framed, not shrunk: the answer is that of OpenCV's own object on BGR, shifted."""
    image, _ = head
    framed = cv2.copyMakeBorder(
        image.pixels[..., ::-1], 28, 28, 28, 28, cv2.BORDER_CONSTANT, value=(114, 114, 114)
    )
    net = cv2.FaceDetectorYN.create(str(data / "teachers" / "yunet_n_640_640.onnx"), "", (246, 246), 0.6)
    (row,) = net.detect(framed)[1]
    (face,) = finder.find(image)
    assert face.confidence == pytest.approx(row[14], abs=1e-6)
    assert face.box == pytest.approx(
        (row[0] - 28, row[1] - 28, row[0] + row[2] - 28, row[1] + row[3] - 28), abs=1e-3
    )


def test_it_finds_every_face(finder, row_of, iou):
    image, boxes = row_of(3)
    faces = finder.find(image)
    assert len(faces) == 3
    assert all(iou(a, b) > 0.5 for a, b in zip(sorted(f.box for f in faces), boxes, strict=True))
    assert [f.confidence for f in faces] == sorted((f.confidence for f in faces), reverse=True)


def test_weak_faces_can_be_dropped(finder, data, portrait):
    assert YuNetFinder(data / "teachers" / "yunet_n_640_640.onnx", min_confidence=0.99).find(portrait) == []


def test_it_finds_nothing_where_nothing_is(finder, faceless):
    assert finder.find(faceless) == []


def test_thin_pictures_do_no_harm(finder, thin):
    assert finder.find(thin) == []


def test_threads_see_the_same(finder, head):
    image, _ = head
    other = Image(image.pixels[:, ::-1])
    want = [[f.box for f in finder.find(i)] for i in (image, other)]
    assert want[0] != want[1]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(finder.find, [image, other] * 4))
    assert [[f.box for f in a] for a in answers] == want * 4
