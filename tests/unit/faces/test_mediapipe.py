"""The MediaPipe finder: the adapter with a stand-in for its guest; the guest itself where it is installed."""

import subprocess
import sys
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from fakeweb.errors import MissingExtra, ModelIncompatible, ModelMissing, UsageError
from fakeweb.faces import mediapipe_finder
from fakeweb.faces.mediapipe_finder import INSTALL, MediaPipeFinder
from fakeweb.types import Image


class Legacy:
    """Sees a square, in shares of the picture's size, in the middle; remembers who looked at what."""

    def __init__(self, share=0.5, score=0.9):
        self.share, self.score, self.made, self.sizes, self.threads = share, score, 0, [], set()

    def module(self):
        stand_in = self

        class FaceDetection:
            def __init__(self, confidence, *, model_selection):
                assert model_selection == 1
                stand_in.made += 1
                self.thread = threading.get_ident()

            def process(self, pixels):
                assert threading.get_ident() == self.thread, "shared between threads"
                assert pixels.dtype == np.uint8
                assert pixels.flags.c_contiguous
                stand_in.sizes.append(pixels.shape[1::-1])
                return SimpleNamespace(detections=stand_in.detections(pixels))

        module = ModuleType("mediapipe")
        module.__version__ = "0.10.21"
        module.solutions = SimpleNamespace(face_detection=SimpleNamespace(FaceDetection=FaceDetection))
        return module

    def detections(self, pixels):
        if pixels.max() == 0:
            return None
        height, width = pixels.shape[:2]
        side = self.share * min(width, height)
        box = SimpleNamespace(xmin=0.5 - side / width / 2, ymin=0.5 - side / height / 2, width=side / width,
                              height=side / height)  # fmt: skip
        return [SimpleNamespace(location_data=SimpleNamespace(relative_bounding_box=box), score=[self.score])]


@pytest.fixture
def legacy(monkeypatch):
    stand_in = Legacy()
    monkeypatch.setitem(sys.modules, "mediapipe", stand_in.module())
    return stand_in


@pytest.fixture
def tasks(monkeypatch):
    """MediaPipe 1.x: ``seen`` holds the bytes it was given; it cannot run ``b"wrong"``."""
    seen = []

    def create(options):
        seen.append(options["base_options"])
        if seen[-1] == b"wrong":
            raise RuntimeError("no face model\nin C++, at length")
        box = SimpleNamespace(origin_x=10, origin_y=20, width=30, height=30)
        face = SimpleNamespace(bounding_box=box, categories=[SimpleNamespace(score=0.8)])
        return Task(face)

    class Task(SimpleNamespace):
        __hash__ = object.__hash__

        def __init__(self, face):
            super().__init__(detect=lambda shown: SimpleNamespace(detections=[face] if shown.max() else []))

    guest, python = ModuleType("mediapipe"), ModuleType("mediapipe.tasks.python")
    guest.__version__ = "1.2.2"
    guest.Image = lambda image_format, data: data
    guest.ImageFormat = SimpleNamespace(SRGB=1)
    python.BaseOptions = lambda model_asset_buffer: model_asset_buffer
    python.vision = SimpleNamespace(
        FaceDetectorOptions=dict, FaceDetector=SimpleNamespace(create_from_options=create)
    )
    for name, module in {"mediapipe": guest, "mediapipe.tasks": ModuleType("mediapipe.tasks"),
                         "mediapipe.tasks.python": python}.items():  # fmt: skip
        monkeypatch.setitem(sys.modules, name, module)
    return seen


def test_without_mediapipe_it_gives_the_commands(monkeypatch):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(MissingExtra, match="needs MediaPipe") as caught:
        MediaPipeFinder()
    assert isinstance(caught.value, UsageError)
    assert INSTALL in caught.value.hint
    assert caught.value.exit_code == 2


def test_the_module_alone_imports_no_guest():
    code = "import sys, fakeweb.faces.mediapipe_finder as m; sys.exit('mediapipe' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_square_becomes_brow_to_chin(legacy, plain):
    (face,) = MediaPipeFinder().find(plain(99, 200, 200))
    x0, y0, x1, y1 = face.box
    side = 160  # half of the framed picture: of two looks alike, the larger box stays
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((100, 100 - 0.057 * side))
    assert (face.width_px, face.height_px) == pytest.approx((0.85 * side, 1.15 * side))
    assert face.confidence == 0.9
    assert face.points is None


def test_it_looks_bare_and_framed_and_shrinks_large_pictures(legacy, plain):
    finder = MediaPipeFinder()
    finder.find(plain(99, 100, 50))
    finder.find(plain(99, 2000, 1000))
    assert legacy.sizes[1:] == [(100, 50), (160, 110), (640, 320), (640, 440)]


def test_a_box_from_a_shrunk_picture_is_grown_back(legacy, plain):
    (face,) = MediaPipeFinder().find(plain(99, 2000, 2000))
    assert face.width_px == pytest.approx(0.85 * 1600, rel=0.01)
    assert (face.box[0] + face.box[2]) / 2 == pytest.approx(1000, abs=2)


def test_a_face_wholly_in_the_frame_is_dropped(legacy, plain, monkeypatch):
    monkeypatch.setattr(mediapipe_finder, "_legacy", lambda guest: lambda pixels: [(0.0, 0.0, 9.0, 9.0, 0.9)])
    (face,) = MediaPipeFinder().find(plain(99, 200, 200))  # the bare look's; in the frame of 60 px it is none
    assert 0 < face.box[0] < 9


@pytest.mark.parametrize("found", [(5.0, 5.0, 0.0, 9.0, 0.9), (5.0, 5.0, 9.0, -1.0, 0.9)])
def test_an_empty_box_is_no_face(legacy, plain, monkeypatch, found):
    monkeypatch.setattr(mediapipe_finder, "_legacy", lambda guest: lambda pixels: [found])
    assert MediaPipeFinder().find(plain(99)) == []


@pytest.mark.parametrize("score", [1.0000001, -0.1])
def test_confidences_stay_in_range(legacy, plain, score):
    legacy.score = score
    (face,) = MediaPipeFinder().find(plain(99))
    assert 0 <= face.confidence <= 1


def test_each_thread_has_its_own_object(legacy, plain):
    finder = MediaPipeFinder()
    gate = threading.Barrier(3)

    def look(_):
        gate.wait(10)
        return len(finder.find(plain(99)))

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(look, range(3))) == [1, 1, 1]
    assert legacy.made == 4


def test_a_newer_mediapipe_needs_a_model(tasks):
    with pytest.raises(ModelMissing, match=r"MediaPipe 1\.2\.2 brings no face model") as caught:
        MediaPipeFinder()
    assert "--finder-model" in caught.value.hint


def test_a_tflite_file_goes_to_the_tasks(tasks, tmp_path, plain):
    path = tmp_path / "face.tflite"
    path.write_bytes(b"tflite")
    finder = MediaPipeFinder(path)
    assert tasks == [b"tflite"]
    face = finder.find(plain(99))[0]
    assert face.width_px == pytest.approx(0.85 * 30)
    assert face.confidence == 0.8


def test_the_network_is_taken_out_of_a_task_bundle(tasks, tmp_path):
    path = tmp_path / "face_landmarker.task"
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("face_detector.tflite", b"inner")
        bundle.writestr("face_landmarks_detector.tflite", b"other")
    MediaPipeFinder(path)
    assert tasks == [b"inner"]


def test_a_bundle_without_it_is_incompatible(tasks, tmp_path):
    path = tmp_path / "hand_landmarker.task"
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("hand_detector.tflite", b"")
    (tmp_path / "cut.task").write_bytes(path.read_bytes()[:20])
    for broken in (path, tmp_path / "cut.task"):
        with pytest.raises(ModelIncompatible, match=r"holds no face_detector\.tflite"):
            MediaPipeFinder(broken)


@pytest.mark.parametrize("name", ["gone.tflite", "."])
def test_a_missing_file_is_named(tasks, tmp_path, name):
    with pytest.raises(ModelMissing, match="no model file at"):
        MediaPipeFinder(tmp_path / name)


def test_another_network_is_incompatible_in_one_line(tasks, tmp_path):
    path = tmp_path / "other.tflite"
    path.write_bytes(b"wrong")
    with pytest.raises(ModelIncompatible, match=r"other\.tflite: no face model$"):
        MediaPipeFinder(path)


@pytest.fixture(scope="module")
def finder():
    """The real one."""
    try:
        return MediaPipeFinder()
    except (MissingExtra, ModelMissing) as error:
        pytest.skip(error.message)


def test_it_finds_the_portraits_face(finder, portrait, portrait_box, iou):
    (face,) = finder.find(portrait)
    assert iou(face.box, portrait_box) > 0.7


def test_it_finds_a_face_that_fills_the_picture(finder, portrait, portrait_box, iou):
    x0, y0, x1, y1 = (int(v) for v in portrait_box)
    (face,) = finder.find(Image(portrait.pixels[y0:y1, x0:x1]))
    assert iou(face.box, (0, 0, x1 - x0, y1 - y0)) > 0.6


def test_it_finds_nothing_where_nothing_is(finder, faceless):
    assert finder.find(faceless) == []


def test_thin_pictures_do_no_harm(finder, thin):
    assert finder.find(thin) == []


@pytest.mark.parametrize("content", [b"", b"garbage" * 99], ids=["empty", "garbage"])
def test_the_real_tasks_refuse_a_file_that_is_no_model(tmp_path, content):
    pytest.importorskip("mediapipe", reason="MediaPipe is not installed here (docs/guide/finders.md)")
    path = tmp_path / "face.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelIncompatible, match="cannot run"):
        MediaPipeFinder(path)
