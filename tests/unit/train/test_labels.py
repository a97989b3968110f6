import csv

import numpy as np
import pytest

from fakeweb.datasets.folders import FolderLayout
from fakeweb.errors import DatasetError
from fakeweb.media import encode_png
from fakeweb.train.labels import COLUMNS, label, read_labels
from fakeweb.types import Face, Image

POINTS = np.arange(10, dtype=np.float32).reshape(5, 2)


class Teacher:
    """Sees one face per hundred pixels of width, and counts how often it looks."""

    name = "teacher"

    def __init__(self):
        self.looks = 0

    def find(self, image):
        self.looks += 1
        faces = [Face((10.0 * i, 1.25, 10.0 * i + 8, 12.5), 0.5, POINTS) for i in range(image.width // 100)]
        return [Face(f.box, 0.9) for f in faces[:1]] + faces[1:]


@pytest.fixture
def samples(tmp_path):
    (tmp_path / "data" / "real").mkdir(parents=True)
    for number, width in enumerate((50, 120, 230)):
        picture = encode_png(Image(np.zeros((60, width, 3), np.uint8)))
        (tmp_path / "data" / "real" / f"{number}.png").write_bytes(picture)
    return list(FolderLayout().index(tmp_path / "data"))


def test_every_face_of_every_picture_is_written_and_read_back(samples, tmp_path):
    out = tmp_path / "labels.csv"
    assert label(samples, tmp_path / "data", Teacher(), out) == 0
    seen = read_labels(out)
    assert {name: len(faces) for name, faces in seen.items()} == {
        "real/0.png": 0,
        "real/1.png": 1,
        "real/2.png": 2,
    }
    first, second = seen["real/2.png"]
    assert (first.box, first.confidence, first.points) == ((0.0, 1.25, 8.0, 12.5), 0.9, None)
    assert second.points.tolist() == POINTS.tolist()


def test_what_is_there_is_not_looked_at_again_and_an_interrupt_keeps_what_was_found(samples, tmp_path):
    out = tmp_path / "labels.csv"

    class Impatient(Teacher):
        def find(self, image):
            if self.looks == 2:
                raise KeyboardInterrupt
            return super().find(image)

    with pytest.raises(KeyboardInterrupt):
        label(samples, tmp_path / "data", Impatient(), out)
    assert len(read_labels(out)) == 2
    teacher = Teacher()
    label(samples, tmp_path / "data", teacher, out)
    assert teacher.looks == 1
    assert len(read_labels(out)) == 3


def test_pictures_that_cannot_be_read_are_counted(samples, tmp_path):
    samples[1].path.write_bytes(b"not a picture")
    assert label(samples, tmp_path / "data", Teacher(), tmp_path / "labels.csv") == 1
    assert len(read_labels(tmp_path / "labels.csv")) == 2


@pytest.mark.parametrize("rows", [[], [["path"]], [list(COLUMNS), ["a.png", "1", "2"]]], ids=str)
def test_another_file_is_refused(tmp_path, rows):
    path = tmp_path / "x.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    with pytest.raises(DatasetError, match="holds no face labels"):
        read_labels(path)
    with pytest.raises(DatasetError, match="cannot read"):
        read_labels(tmp_path / "none.csv")
