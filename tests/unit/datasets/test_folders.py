"""Plain folders named real and fake."""

from collections import defaultdict
from pathlib import Path

import pytest

from fakeweb.datasets import split_of_group
from fakeweb.datasets.folders import FolderLayout
from fakeweb.errors import LayoutMismatch
from fakeweb.media import encode_jpeg


@pytest.fixture
def plant(tmp_path):
    """Make empty files; the root is called ``photos``."""

    def run(*names):
        root = tmp_path / "photos"
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).touch()
        root.mkdir(exist_ok=True)
        return root

    return run


def index(root):
    return list(FolderLayout().index(root))


def test_what_a_file_is_its_content_says_where_its_name_does_not(plant, portrait):
    root = plant("real/a.jpg", "real/notes.txt", "fake/b.m4v", "fake/app.ts", "thumbs.db")
    (root / "real" / "noext").write_bytes(encode_jpeg(portrait))
    (root / "fake" / "c.jpg_large").write_bytes(encode_jpeg(portrait))
    layout = FolderLayout()
    found = [s.path.relative_to(root).as_posix() for s in layout.index(root)]
    assert found == ["fake/b.m4v", "fake/c.jpg_large", "real/a.jpg", "real/noext"]
    assert layout.problems == ["no picture or video: fake/app.ts, real/notes.txt"]


# file: label, kind, split (None: by hash), group, source
CASES = {
    "real/a.jpg": (0, None, None, "a", "photos"),
    "fake/a.jpg": (1, None, None, "a", "photos"),
    "Real/a.JPG": (0, None, None, "a", "photos"),
    "0_real/a.png": (0, None, None, "a", "photos"),
    "1_fake/a.webp": (1, None, None, "a", "photos"),
    "original/a.avif": (0, None, None, "a", "photos"),
    "manipulated/a.heic": (1, None, None, "a", "photos"),
    "swap/a.jpg": (1, "swap", None, "a", "photos"),
    "reenacted/a.jpg": (1, "reenacted", None, "a", "photos"),
    "retouch/a.jpg": (1, "retouch", None, "a", "photos"),
    "generated/a.jpg": (1, "generated", None, "a", "photos"),
    "real/clip.mp4": (0, None, None, "clip", "photos"),
    "test/swap/clip.MOV": (1, "swap", "test", "test/clip", "photos"),
    "fake/video7/0001.jpg": (1, None, None, "video7", "photos"),
    "fake/video7/faces/0001.jpg": (1, None, None, "video7/faces", "photos"),
    "real_and_fake_face/training_fake/easy_1_1110.jpg": (
        1,
        "retouch",
        None,
        "easy_1_1110",
        "real_and_fake_face",
    ),
    "real_and_fake_face/training_real/real_00001.jpg": (0, None, None, "real_00001", "real_and_fake_face"),
    "ADM/train/ai/1_adm_1.PNG": (1, "generated", "train", "train/1_adm_1", "ADM"),
    "ADM/val/nature/ILSVRC_1.JPEG": (0, None, "val", "val/ILSVRC_1", "ADM"),
    "dfdc/real/a.jpg": (0, None, None, "a", "dfdc"),
    "deep/er/real/a.jpg": (0, None, None, "a", "deep/er"),
    "real/swap/a.jpg": (1, "swap", None, "a", "real"),  # the nearest folder decides
    "train/real/a.jpg": (0, None, "train", "train/a", "photos"),
    "Training/fake/a.jpg": (1, None, "train", "train/a", "photos"),
    "val/real/a.jpg": (0, None, "val", "val/a", "photos"),
    "valid/real/a.jpg": (0, None, "val", "val/a", "photos"),
    "validation/real/v1/a.jpg": (0, None, "val", "val/v1", "photos"),
    "test/swap/a.jpg": (1, "swap", "test", "test/a", "photos"),
    "dfdc/test/real/a.jpg": (0, None, "test", "test/a", "dfdc"),
    "test/dfdc/real/a.jpg": (0, None, "test", "test/a", "dfdc"),
}


@pytest.mark.parametrize(("name", "want"), CASES.items(), ids=CASES.keys())
def test_names_of_folders_say_it_all(plant, name, want):
    root = plant(name)
    label, kind, split, group, source = want
    (sample,) = index(root)
    assert sample.path == root / name
    assert (sample.label, sample.kind, sample.group, sample.source) == (label, kind, group, source)
    assert sample.split == (split or split_of_group(source, group))


def test_samples_are_sorted_and_other_files_passed_over(plant):
    root = plant(
        "real/b.jpg", "real/a.jpg", "fake/c.png", "real/notes.txt", "real/noending", "loose.jpg", "misc/d.jpg"
    )
    (root / "real" / "folder.jpg").mkdir()
    assert [s.path.relative_to(root).as_posix() for s in index(root)] == [
        "fake/c.png",
        "real/a.jpg",
        "real/b.jpg",
    ]


@pytest.mark.parametrize(
    "names", [(), ("loose.jpg",), ("misc/a.jpg",), ("real/a.txt",)], ids=["empty", "loose", "misc", "text"]
)
def test_nothing_labelled_is_no_data_set(plant, names):
    with pytest.raises(LayoutMismatch, match=r"no picture or video in .* real or fake") as caught:
        index(plant(*names))
    assert "manipulated" in caught.value.hint


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(LayoutMismatch):
        index(tmp_path / "missing")


def test_groups_never_straddle(plant):
    names = [f"{split}{label}/{group}{k}.jpg" for split in ("", "train/", "val/", "test/")
             for label in ("real", "fake") for group in ("", "video1/", "video2/") for k in range(12)]  # fmt: skip
    splits = defaultdict(set)
    for sample in index(plant(*names)):
        splits[sample.source, sample.group].add(sample.split)
    assert {len(found) for found in splits.values()} == {1}
    assert {next(iter(found)) for found in splits.values()} == {"train", "val", "test"}


def test_the_split_does_not_depend_on_how_the_folder_is_named(plant, monkeypatch):
    root = plant(*(f"real/{k}.jpg" for k in range(30)))
    monkeypatch.chdir(root)
    spelled = [Path(), Path("../photos"), root / "real" / "..", root]
    answers = [[(s.source, s.group, s.split) for s in index(r)] for r in spelled]
    assert answers == [answers[-1]] * 4
