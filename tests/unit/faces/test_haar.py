"""The finder that comes along with OpenCV."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from fakeweb.errors import ModelMissing
from fakeweb.faces.haar import HaarFinder
from fakeweb.types import Image


@pytest.fixture(scope="module")
def finder():
    return HaarFinder()


def test_it_finds_the_portraits_face(finder, portrait, portrait_box, iou):
    (face,) = finder.find(portrait)
    assert iou(face.box, portrait_box) > 0.5
    assert face.confidence > 0.5
    assert face.points is None


def test_it_finds_a_face_that_fills_the_picture(finder, portrait, portrait_box, iou):
    x0, y0, x1, y1 = (int(v) for v in portrait_box)
    (face,) = finder.find(Image(portrait.pixels[y0:y1, x0:x1]))
    assert iou(face.box, (0, 0, x1 - x0, y1 - y0)) > 0.5


@pytest.mark.parametrize("count", [2, 3])
def test_it_finds_every_face(finder, row_of, iou, count):
    image, boxes = row_of(count)
    found = sorted(f.box for f in finder.find(image))
    assert len(found) == count
    assert all(iou(a, b) > 0.5 for a, b in zip(found, boxes, strict=True))


def test_a_large_picture_is_shrunk_and_the_box_grown_back(finder, head, iou):
    image, box = head
    double = cv2.resize(image.pixels, None, fx=2, fy=2)
    long = np.pad(double, ((0, 0), (2560 - 380, 0), (0, 0)), mode="edge")
    (face,) = finder.find(Image(long))
    x0, y0, x1, y1 = (2 * v for v in box)
    assert iou(face.box, (x0 + 2180, y0, x1 + 2180, y1)) > 0.5


def test_it_finds_nothing_where_nothing_is(finder, faceless):
    assert finder.find(faceless) == []


def test_thin_pictures_do_no_harm(finder, thin):
    assert finder.find(thin) == []


def test_threads_and_other_finders_see_the_same(finder, row_of):
    image, _ = row_of(2)
    want = [(f.box, f.confidence) for f in finder.find(image)]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(finder.find, [image] * 5))
    for answer in [*answers, HaarFinder().find(image)]:
        assert [(f.box, f.confidence) for f in answer] == want


class Eyes:
    """A cascade that sees one square in the middle of what it is shown, its side a share of the width; or nothing."""

    def __init__(self, share):
        self.share = share

    def detectMultiScale2(self, grey, *_):  # noqa: N802
        if not self.share:
            return (), ()
        height, width = grey.shape
        side = round(width * self.share)
        return np.array([[(width - side) // 2, (height - side) // 2, side, side]]), np.array([5])


@pytest.mark.parametrize(
    ("proposes", "confirm", "faces"),
    [(0.3, (0.6, 0.6), 1), (0.3, (0.6, 0), 0), (0.3, (0, 0.6), 0), (0.3, (0, 0), 0), (0, (0.6, 0.6), 0)],
)
def test_all_three_cascades_must_agree(monkeypatch, head, proposes, confirm, faces):
    finder = HaarFinder()
    eyes = dict(zip(("frontalface_default", "frontalface_alt"), map(Eyes, confirm), strict=True))
    monkeypatch.setattr(finder._local, "cascades", {"frontalface_alt2": Eyes(proposes), **eyes})
    found = finder.find(head[0])
    assert len(found) == faces
    for face in found:  # in the middle of the picture of 190 px, a little below for the chin
        x0, y0, x1, y1 = face.box
        assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((95, 95), abs=3)


def test_an_opencv_without_cascades_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(cv2.data, "haarcascades", str(tmp_path))
    with pytest.raises(ModelMissing, match="no Haar cascade") as caught:
        HaarFinder()
    assert "opencv-python-headless<5" in caught.value.hint
