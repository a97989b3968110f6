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
    assert face.confidence == 1.0
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


def test_a_hit_of_one_cascade_alone_is_no_face(monkeypatch, head):
    """Two of three must agree: a cascade that sees faces everywhere convinces nobody."""
    finder = HaarFinder()
    image, _ = head

    class Dreamer:
        def detectMultiScale(self, grey, *_):  # noqa: N802
            return np.array([[10, 10, 60, 60], [100, 90, 50, 50]])

    class Blind:
        def detectMultiScale(self, grey, *_):  # noqa: N802
            return ()

    for eyes, faces in (((Dreamer(), Blind(), Blind()), 0), ((Dreamer(), Dreamer(), Blind()), 2)):
        monkeypatch.setattr(finder._local, "cascades", dict(zip("abc", eyes, strict=True)))
        monkeypatch.setattr("fakeweb.faces.haar._CASCADES", dict.fromkeys("abc", 3))
        found = finder.find(image)
        assert len(found) == faces
        assert all(f.confidence == pytest.approx(2 / 3) for f in found)


def test_an_opencv_without_cascades_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(cv2.data, "haarcascades", str(tmp_path))
    with pytest.raises(ModelMissing, match="no Haar cascade") as caught:
        HaarFinder()
    assert "opencv-python-headless<5" in caught.value.hint
