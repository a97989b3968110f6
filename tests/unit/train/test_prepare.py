"""Finding the training faces: once, resumable, and nothing left out in silence. Needs no torch."""

import csv

import cv2
import numpy as np
import pytest

from fakeweb.datasets import Sample
from fakeweb.errors import DatasetError
from fakeweb.faces import align
from fakeweb.topology import MEAN
from fakeweb.train.classifier.prepare import NO_FACE, OUTSIDE, FaceSample, prepare
from fakeweb.types import Face, Image


class Finder:
    """Counts; sees what it is told to."""

    name = "counting"

    def __init__(self, faces=None, stop_at=None):
        self.faces, self.stop_at, self.calls = faces or [Face((2, 2, 30, 30))], stop_at, 0

    def find(self, image):
        self.calls += 1
        if self.calls == self.stop_at:
            raise KeyboardInterrupt
        return self.faces if image.pixels.any() else []


@pytest.fixture
def samples(tmp_path):
    """Three pictures with a face, a black one, a broken one and a missing one."""
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("a", "b", "c", "black"):
        pixels = np.full((40, 60, 3), 0 if name == "black" else 99, np.uint8)
        cv2.imwrite(str(folder / f"{name}.png"), pixels)
    (folder / "broken.png").write_bytes((folder / "a.png").read_bytes()[:60])
    names = ("a", "black", "b", "broken", "c", "missing")
    return [Sample(folder / f"{n}.png", i % 2, None, "train", n, "s") for i, n in enumerate(names)]


def test_faces_and_reasons(samples, tmp_path):
    prepared = prepare(samples, Finder(), tmp_path / "out")
    assert prepared.faces == tuple(FaceSample(samples[i], (2.0, 2.0, 30.0, 30.0)) for i in (0, 2, 4))
    left_out = {sample.group: why for sample, why in prepared.left_out}
    assert list(left_out) == ["black", "broken", "missing"]
    assert left_out["black"] == NO_FACE
    assert "broken.png" in left_out["broken"]
    assert "missing.png" in left_out["missing"]


def test_counts_by_reason_name_no_files(samples, tmp_path):
    prepared = prepare(samples, Finder(), tmp_path / "out")
    assert prepared.reasons() == {NO_FACE: 1, "cannot be read": 2}


def test_a_second_run_opens_no_picture(samples, tmp_path):
    first, second = Finder(), Finder()
    once = prepare(samples, first, tmp_path / "out")
    assert first.calls == 4
    assert prepare(samples, second, tmp_path / "out") == once
    assert second.calls == 0
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_other_samples_or_another_finder_start_anew(samples, tmp_path):
    prepare(samples, Finder(), tmp_path / "out")
    fewer, other = Finder(), Finder()
    other.name = "other"
    prepare(samples[:3], fewer, tmp_path / "out")
    prepare(samples, other, tmp_path / "out")
    assert (fewer.calls, other.calls) == (3, 4)


class Mesher:
    """Lays the mean face into every box, turned a little."""

    name = "mean"

    def mesh(self, image, faces):
        cos, sin = np.cos(0.2), np.sin(0.2)
        turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
        return [Face(face.box, mesh=(MEAN @ turn.T * 9 + (31, 22, 0)).astype(np.float32)) for face in faces]


def test_with_a_mesher_the_crop_is_what_the_scanner_cuts(samples, tmp_path):
    prepared = prepare(samples, Finder(), tmp_path / "out", mesher=Mesher())
    box = prepared.faces[0].box
    assert box != (2.0, 2.0, 30.0, 30.0)
    noise = Image(np.random.default_rng(1).integers(0, 256, (40, 60, 3), np.uint8))
    (meshed,) = Mesher().mesh(noise, [Face((2, 2, 30, 30))])
    for margin in (1.0, 1.3):
        ours, theirs = (align(noise, face, 32, margin=margin).pixels for face in (Face(box), meshed))
        np.testing.assert_array_equal(ours, theirs)


def test_boxes_of_a_mesher_are_not_taken_for_the_finders(samples, tmp_path):
    plain, meshed = Finder(), Finder()
    prepare(samples, plain, tmp_path / "out")
    prepare(samples, meshed, tmp_path / "out", mesher=Mesher())
    assert meshed.calls == plain.calls


def test_an_interrupt_keeps_what_was_found(samples, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        prepare(samples, Finder(stop_at=3), tmp_path / "out")
    again = Finder()
    assert len(prepare(samples, again, tmp_path / "out").faces) == 3
    assert again.calls == 2


@pytest.mark.parametrize("damage", [b"a,b\n", b"a,1,2,x,4,\n", b'"a', b"\0\n"])
def test_a_damaged_cache_is_found_anew(samples, tmp_path, damage):
    once = prepare(samples, Finder(), tmp_path / "out")
    (file,) = (tmp_path / "out").iterdir()
    file.write_bytes(damage)
    assert prepare(samples, Finder(), tmp_path / "out") == once


def test_the_cache_is_exact(samples, tmp_path):
    box = (1 / 3, 2 / 7, 29.000000001, 30 + 1e-9)
    finder = Finder([Face(box)])
    prepare(samples, finder, tmp_path / "out")
    assert prepare(samples, finder, tmp_path / "out").faces[0].box == box
    (file,) = (tmp_path / "out").iterdir()
    with file.open(newline="") as stream:
        assert len(list(csv.reader(stream))) == len(samples)


def test_odd_file_names(tmp_path):
    name = b'caf\xe9, "x"\n.png'.decode("utf-8", "surrogateescape")
    path = tmp_path / name
    try:
        path.write_bytes(cv2.imencode(".png", np.full((40, 60, 3), 9, np.uint8))[1].tobytes())
    except (OSError, ValueError):
        pytest.skip("this file system takes no such name")
    samples = [Sample(path, 0, None, "train", "g", "s")]
    once = prepare(samples, Finder(), tmp_path / "out")
    again = Finder()
    assert prepare(samples, again, tmp_path / "out") == once
    assert again.calls == 0


def test_the_largest_central_face_is_taken(samples, tmp_path):
    corner, middle, small = Face((0, 0, 24, 24)), Face((18, 8, 41, 31)), Face((28, 18, 32, 22))
    prepared = prepare(samples[:1], Finder([corner, small, middle]), tmp_path / "out")
    assert prepared.faces[0].box == middle.box


def test_a_face_beyond_the_picture_is_left_out(samples, tmp_path):
    with pytest.raises(DatasetError, match="sees no face"):
        prepare(samples[:1], Finder([Face((55, 2, 70, 30))]), tmp_path / "out")
    (file,) = (tmp_path / "out").iterdir()
    assert OUTSIDE in file.read_text()


def test_no_samples_or_no_faces(samples, tmp_path):
    with pytest.raises(DatasetError, match="no labelled picture"):
        prepare([], Finder(), tmp_path / "out")
    with pytest.raises(DatasetError, match="'counting' sees no face in any of 1 pictures"):
        prepare(samples[1:2], Finder(), tmp_path / "out")


def test_progress_ends_at_the_total(samples, tmp_path):
    seen = []
    prepare(samples, Finder(), tmp_path / "out", lambda done, total: seen.append((done, total)))
    assert seen[-1] == (6, 6)
