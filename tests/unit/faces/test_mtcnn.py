"""The MTCNN finder: the adapter with a stand-in for its guest; the guest itself where it is installed."""

import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest

from fakeweb.errors import MissingExtra, ModelIncompatible, UsageError
from fakeweb.faces.mtcnn_finder import INSTALL, MtcnnFinder
from fakeweb.types import Image

POINTS = [(30, 30), (50, 31), (40, 40), (33, 50), (47, 51)]


class StandIn:
    """facenet-pytorch's MTCNN that answers what it is told, in pixels of the picture it is shown."""

    answer = (None, [None], None)
    options: dict
    sizes: list

    def __init__(self, **options):
        StandIn.options = options

    def detect(self, pixels, landmarks):
        assert landmarks
        self.sizes.append(pixels.shape[1::-1])
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def guest(monkeypatch):
    module = ModuleType("facenet_pytorch")
    module.MTCNN = StandIn
    monkeypatch.setitem(sys.modules, "facenet_pytorch", module)
    monkeypatch.setattr(StandIn, "sizes", [], raising=False)

    def told(*rows):
        boxes, scores, points = zip(*rows, strict=True)
        answer = (np.array(boxes, float), np.array(scores, float), np.array(points, float))
        monkeypatch.setattr(StandIn, "answer", answer)

    return told


def test_without_facenet_pytorch_it_gives_the_commands(monkeypatch):
    monkeypatch.setitem(sys.modules, "facenet_pytorch", None)
    with pytest.raises(MissingExtra, match="needs facenet-pytorch") as caught:
        MtcnnFinder()
    assert isinstance(caught.value, UsageError)
    assert INSTALL in caught.value.hint
    assert caught.value.exit_code == 2


def test_the_module_alone_imports_no_guest():
    code = "import sys, fakeweb.faces.mtcnn_finder as m; sys.exit(bool({'torch', 'facenet_pytorch'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_it_asks_as_the_dfdc_pipelines_did(guest):
    MtcnnFinder()
    assert StandIn.options["thresholds"] == [0.9, 0.9, 0.9]
    assert StandIn.options["margin"] == 14
    assert StandIn.options["keep_all"] is True


def test_nobody_is_an_empty_list(guest, plain):
    assert MtcnnFinder().find(plain(99)) == []


def test_boxes_and_points_lose_the_frame(guest, plain):
    guest(((20, 20, 60, 70), 0.97, POINTS))
    (face,) = MtcnnFinder().find(plain(99, 100, 100))  # framed by 20 px
    assert StandIn.sizes == [(140, 140)]
    assert face.box == (0, 0, 40, 50)
    assert face.points.tolist() == [[x - 20, y - 20] for x, y in POINTS]
    assert face.confidence == pytest.approx(0.97)


def test_a_large_picture_is_shrunk_and_the_box_grown_back(guest, plain):
    frame = 192  # 15 % of 1280
    guest(((frame + 100, frame + 100, frame + 200, frame + 220), 0.97, np.array(POINTS) + frame))
    (face,) = MtcnnFinder().find(plain(99, 2560, 1280))
    assert StandIn.sizes == [(1280 + 2 * frame, 640 + 2 * frame)]
    assert face.box == (200, 200, 400, 440)
    assert face.points[0].tolist() == [60, 60]


def test_the_most_confident_comes_first_and_faces_in_the_frame_go(guest, plain):
    guest(
        ((30, 30, 60, 60), 0.91, POINTS),
        ((80, 80, 110, 110), 0.99, POINTS),
        ((0, 0, 15, 15), 0.95, POINTS),
        ((50, 50, 40, 60), 0.95, POINTS),  # turned inside out
    )
    assert [f.box[0] for f in MtcnnFinder().find(plain(99, 100, 100))] == [60, 10]


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (19, 19)])
def test_mtcnn_never_sees_a_picture_below_its_smallest_face(guest, plain, size):
    MtcnnFinder().find(plain(99, *size))
    assert min(StandIn.sizes[0]) > 20


@pytest.mark.parametrize("error", [RuntimeError("expected a non-empty list"), IndexError("mask")])
def test_its_failures_are_translated(guest, plain, monkeypatch, error):
    monkeypatch.setattr(StandIn, "answer", error)
    with pytest.raises(ModelIncompatible, match="MTCNN failed on a picture of 64 x 64"):
        MtcnnFinder().find(plain(99))


@pytest.fixture(scope="module")
def finder():
    """The real one."""
    try:
        return MtcnnFinder()
    except MissingExtra as error:
        pytest.skip(error.message)


def test_it_finds_the_portraits_face_and_its_points(finder, portrait, portrait_box, iou):
    (face,) = finder.find(portrait)
    assert iou(face.box, portrait_box) > 0.7
    left_eye, right_eye, nose, left_mouth, right_mouth = face.points
    assert abs(left_eye - (204, 100)).max() < 8
    assert abs(right_eye - (248, 103)).max() < 8
    assert left_eye[1] < nose[1] < left_mouth[1]
    assert left_mouth[0] < nose[0] < right_mouth[0]


def test_it_finds_a_face_that_fills_the_picture(finder, portrait, portrait_box, iou):
    x0, y0, x1, y1 = (int(v) for v in portrait_box)
    (face,) = finder.find(Image(portrait.pixels[y0:y1, x0:x1]))
    assert iou(face.box, (0, 0, x1 - x0, y1 - y0)) > 0.6


def test_it_finds_every_face(finder, row_of, iou):
    image, boxes = row_of(3)
    found = sorted(f.box for f in finder.find(image))
    assert len(found) == 3
    assert all(iou(a, b) > 0.6 for a, b in zip(found, boxes, strict=True))


def test_it_finds_nothing_where_nothing_is(finder, faceless):
    assert finder.find(faceless) == []


def test_thin_pictures_do_no_harm(finder, thin):
    assert finder.find(thin) == []
