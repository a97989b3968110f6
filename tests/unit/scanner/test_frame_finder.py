"""Faces in successive frames, found by the finder that ships in a portrait that moves through large frames."""

import cv2
import numpy as np
import pytest

from fakeweb.faces.haar import HaarFinder
from fakeweb.faces.mesh import OnnxMesher
from fakeweb.faces.own import OwnFinder
from fakeweb.scanner.frame_finder import CHECK_EVERY, FIND_EVERY, SIDE_PX, FrameFinder
from fakeweb.types import Frame, Image

LARGE = (1920, 1080)


class Noting(OwnFinder):
    """The finder that ships; notes the long sides of what it searched and of what it measured in."""

    def __init__(self):
        self.searched, self.measured, self.again = [], [], []
        notes = self.measured

        class Mesher(OnnxMesher):
            def mesh(self, image, faces):
                notes.append(max(image.width, image.height))
                return super().mesh(image, faces)

        super().__init__(mesher=Mesher())

    def find_shrunk(self, image, small, *, again=True):
        self.searched.append(max(small.width, small.height))
        self.again.append(again)
        return super().find_shrunk(image, small, again=again)


@pytest.fixture(scope="module")
def scene():
    """Lay pictures on a grey ground: ``scene((x, y, pixels), ..., size=)``."""

    def build(*parts, size=LARGE):
        canvas = np.full((size[1], size[0], 3), (96, 104, 110), np.uint8)
        for x, y, pixels in parts:
            high, wide = pixels.shape[:2]
            canvas[y : y + high, x : x + wide] = pixels
        return canvas

    return build


@pytest.fixture(scope="module")
def head(portrait):
    """The portrait's head in 260 px, the face 94 px wide."""
    return portrait.pixels[0:260, 96:356]


@pytest.fixture(scope="module")
def known_box(portrait, portrait_box, iou):
    """Where the finder that ships sees the face in the portrait itself."""
    (face,) = OwnFinder().find(portrait)
    assert iou(face.box, portrait_box) > 0.5
    return face.box


def frame(pixels, number, fps=5.0):
    return Frame(Image(np.ascontiguousarray(pixels)), number, number / fps)


def face_box(known_box, x, y, scale=1.0):
    """Where the face of :func:`head` is when its corner lies at (x, y)."""
    x0, y0, x1, y1 = known_box
    return (x + scale * (x0 - 96), y + scale * y0, x + scale * (x1 - 96), y + scale * y1)


@pytest.fixture
def finder():
    return Noting()


@pytest.fixture
def frames(finder):
    return FrameFinder(finder, None, 48.0)


class TestShrinking:
    def test_large_frames_are_shrunk_for_the_finder_and_boxes_come_at_full_size(
        self, frames, finder, scene, head, known_box, iou
    ):
        for number, x in enumerate((300, 900, 1500)):
            (face,) = frames.find(frame(scene((x, 500, head)), number), cut=number > 0)
            assert iou(face.box, face_box(known_box, x, 500)) > 0.6
        assert (
            finder.searched == [SIDE_PX, LARGE[0]] * 3
        )  # the first frame and each after a cut in full as well

    def test_faces_are_measured_at_full_size(self, frames, finder, scene, head):
        pictures = [scene((x, 500, head)) for x in (300, 900)]
        for number, pixels in enumerate(pictures):
            (face,) = frames.find(frame(pixels, number), cut=number > 0)
        assert set(finder.measured) == {LARGE[0]}
        (whole,) = OwnFinder().find(Image(pictures[1]))
        assert abs(face.width_px - whole.width_px) < 0.06 * whole.width_px
        assert np.abs(face.mesh - whole.mesh)[:, :2].mean() < 0.025 * whole.width_px

    def test_other_finders_are_measured_at_full_size_too(self, scene, head, known_box, iou):
        finder, mesher = HaarFinder(), Noting().mesher
        pictures = [scene((x, 500, np.asarray(cv2.resize(head, (520, 520))))) for x in (300, 900)]
        frames = FrameFinder(finder, mesher, 48.0)
        for number, pixels in enumerate(pictures):
            found = frames.find(frame(pixels, number), cut=number > 0)
        best = max(found, key=lambda f: f.presence)
        assert iou(best.box, face_box(known_box, 900, 500, 2)) > 0.4
        (again,) = mesher.mesh(Image(pictures[1]), [best])
        assert np.abs(again.mesh - best.mesh).max() < 1e-3

    def test_a_finder_without_a_mesh_gives_boxes(self, scene, head, known_box, iou):
        frames = FrameFinder(HaarFinder(), None, 48.0)
        large = np.asarray(cv2.resize(head, (520, 520)))
        for number in range(2):
            found = frames.find(frame(scene((900, 500, large)), number), cut=number > 0)
        assert any(iou(f.box, face_box(known_box, 900, 500, 2)) > 0.4 for f in found)
        assert all(f.mesh is None for f in found)

    def test_small_frames_are_looked_at_as_they_are(self, frames, finder, head, scene):
        frames.find(frame(scene((300, 100, head), size=(800, 450)), 0))
        assert finder.searched == [800]

    def test_where_only_the_full_size_shows_somebody_it_is_looked_at_until_they_are_gone(
        self, frames, finder, head, scene
    ):
        """A face of 54 px in a frame of 3840 px is one of 9 px in the shrunk one."""
        size = (3840, 400)
        small = np.asarray(cv2.resize(head, (150, 150), interpolation=cv2.INTER_AREA))
        with_somebody, without = scene((2000, 120, small), size=size), scene(size=size)
        assert len(OwnFinder().find_shrunk(Image(with_somebody), _shrunk(with_somebody))) == 0
        for number in range(3):
            assert len(frames.find(frame(with_somebody, number), cut=number > 0)) == 1
        for number in range(3, CHECK_EVERY + 2):
            assert frames.find(frame(without, number)) == []
        assert finder.searched[-1] == SIDE_PX


class TestWhereNobodyIsSeen:
    SIZE = (640, 480)

    def test_the_finder_looks_closer_in_ever_fewer_frames(self, frames, finder, scene):
        for number in range(18):
            assert frames.find(frame(scene(size=self.SIZE), number)) == []
        assert [i + 1 for i, again in enumerate(finder.again) if again] == [1, 2, 4, 8, 16]

    def test_after_a_cut_and_after_somebody_was_seen_it_begins_anew(self, frames, finder, scene, head):
        empty, somebody = scene(size=self.SIZE), scene((60, 80, head), size=self.SIZE)
        for number, pixels in enumerate((empty, empty, empty, empty, somebody, empty)):
            frames.find(frame(pixels, number), cut=number == 3)
        assert finder.again == [True, True, False, True, True, True]

    def test_a_large_frame_is_not_looked_at_closer_twice(self, frames, finder, scene):
        frames.find(frame(scene(), 0))
        assert finder.searched == [SIDE_PX, LARGE[0]]
        assert finder.again == [False, True]


def _shrunk(pixels):
    return Image(np.asarray(cv2.resize(pixels, (SIDE_PX, SIDE_PX * pixels.shape[0] // pixels.shape[1]))))


class TestTurnedAndDark:
    @pytest.mark.parametrize("quarter_turns", [1, 3])
    def test_people_who_lie_are_found(self, frames, scene, head, known_box, iou, quarter_turns):
        x0, y0, x1, y1 = face_box(known_box, 0, 0)
        for _ in range(quarter_turns):
            x0, y0, x1, y1 = y0, 260 - x1, y1, 260 - x0
        lying = np.rot90(head, quarter_turns)
        for number, x in enumerate((300, 900)):
            (face,) = frames.find(frame(scene((x, 500, lying)), number), cut=number > 0)
            assert iou(face.box, (x0 + x, y0 + 500, x1 + x, y1 + 500)) > 0.5

    @pytest.mark.parametrize("light", [0.3, 0.12])
    def test_people_in_the_dark_are_found_where_they_are(self, frames, scene, head, known_box, iou, light):
        for number, x in enumerate((300, 900)):
            dark = (light * scene((x, 500, head))).astype(np.uint8)
            (face,) = frames.find(frame(dark, number), cut=number > 0)
            assert iou(face.box, face_box(known_box, x, 500)) > 0.5


class TestFollowing:
    SIZE = (640, 480)

    def test_a_known_face_is_followed_without_a_search(self, frames, finder, scene, head, known_box, iou):
        for number in range(2 * FIND_EVERY):
            x, y = 60 + 8 * number, 80 + 4 * number
            (face,) = frames.find(frame(scene((x, y, head), size=self.SIZE), number))
            assert iou(face.box, face_box(known_box, x, y)) > 0.55
            assert face.mesh is not None
        assert len(finder.searched) == 2

    @pytest.mark.parametrize(("fps", "cut"), [(1.0, False), (5.0, True)], ids=["after a gap", "after a cut"])
    def test_nobody_is_followed(self, frames, finder, scene, head, fps, cut):
        for number in range(3):
            pixels = scene((60, 80, head), size=self.SIZE)
            assert len(frames.find(frame(pixels, number, fps), cut=cut)) == 1
        assert len(finder.searched) == 3

    def test_somebody_lost_is_searched_for_at_once(self, frames, finder, scene, head, known_box, iou):
        frames.find(frame(scene((20, 80, head), size=self.SIZE), 0))
        (face,) = frames.find(frame(scene((360, 200, head), size=self.SIZE), 1))
        assert iou(face.box, face_box(known_box, 360, 200)) > 0.55
        assert len(finder.searched) == 2
        assert frames.find(frame(scene(size=self.SIZE), 2)) == []

    def test_somebody_new_is_seen_before_long(self, frames, scene, head):
        two = scene((20, 80, head), (350, 80, head[:, ::-1]), size=self.SIZE)
        assert len(frames.find(frame(scene((20, 80, head), size=self.SIZE), 0))) == 1
        seen = [len(frames.find(frame(two, number))) for number in range(1, FIND_EVERY + 1)]
        assert seen[-1] == 2

    def test_of_two_one_leaves(self, frames, scene, head, known_box, iou):
        two = scene((20, 80, head), (350, 80, head[:, ::-1]), size=self.SIZE)
        assert len(frames.find(frame(two, 0))) == 2
        (face,) = frames.find(frame(scene((20, 80, head), size=self.SIZE), 1))
        assert iou(face.box, face_box(known_box, 20, 80)) > 0.55

    def test_a_zoom_is_followed(self, frames, scene, head, known_box, iou):
        for number in range(6):
            side = round(260 * 1.06**number)
            grown = np.asarray(cv2.resize(head, (side, side)))
            (face,) = frames.find(frame(scene((40, 40, grown), size=self.SIZE), number))
            assert iou(face.box, face_box(known_box, 40, 40, side / 260)) > 0.55
