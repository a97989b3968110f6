"""CNNDetection: generators with folders 0_real and 1_fake."""

import pytest

from fakeweb.datasets import split_of_group
from fakeweb.datasets.cnndetection import CnnDetectionLayout
from fakeweb.errors import LayoutMismatch

# file: label, kind, split (None: by hash), group, source
CASES = {
    "train/progan/airplane/0_real/00001.png": (0, None, "train", "train/airplane/00001", "progan"),
    "val/progan/airplane/1_fake/00001.PNG": (1, "generated", "val", "val/airplane/00001", "progan"),
    "test/stylegan/1_fake/1.png": (1, "generated", "test", "test/1", "stylegan"),
    "stylegan/car/1_fake/1.jpg": (1, "generated", None, "car/1", "stylegan"),
    "biggan/0_real/1.png": (0, None, None, "1", "biggan"),
    "0_real/1.png": (0, None, None, "1", "data"),
    "biggan/0_real/more/1.png": (0, None, None, "more/1", "biggan"),
    "test/deepfake/1_fake/000_003_1.png": (1, "swap", "test", "test/000_003_1", "deepfake"),
    # a class of ProGAN, not a split
    "test/progan/train/0_real/1.png": (0, None, "test", "test/train/1", "progan"),
    "train/airplane/1_fake/1.png": (1, "generated", "train", "train/airplane/1", "progan"),
    "train/train/0_real/1.png": (0, None, "train", "train/train/1", "progan"),
    "val/tvmonitor/0_real/1.png": (0, None, "val", "val/tvmonitor/1", "progan"),
    "progan/train/0_real/1.png": (0, None, None, "train/1", "progan"),
}


@pytest.mark.parametrize(("name", "want"), CASES.items(), ids=CASES)
def test_names_of_folders_say_it_all(tree, name, want):
    (sample,) = CnnDetectionLayout().index(tree(name))
    label, kind, split, group, generator = want
    assert (sample.label, sample.kind, sample.group) == (label, kind, group)
    assert sample.source == f"cnndetection/{generator}"
    assert sample.split == (split or split_of_group(sample.source, group))


def test_namesakes_of_a_class_are_one_group_and_of_two_classes_are_two(tree):
    root = tree(*(f"crn/{c}/{label}/7.png" for c in ("a", "b") for label in ("0_real", "1_fake")))
    assert [s.group for s in CnnDetectionLayout().index(root)] == ["a/7", "a/7", "b/7", "b/7"]


def test_other_folders_are_told(tree, indexed):
    layout = CnnDetectionLayout()
    assert list(indexed(layout, tree("biggan/0_real/1.png", "biggan/real/1.png"))) == ["biggan/0_real/1.png"]
    assert layout.problems == ["in no folder 0_real or 1_fake: biggan/real/1.png"]
    with pytest.raises(LayoutMismatch) as caught:
        list(layout.index(tree() / "biggan" / "real"))
    assert "'folders'" in caught.value.hint
