"""Files of a folder, the lists that come with them, and families."""

import os
from pathlib import PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakeweb.datasets.files import clip_names, files_below, in_one_form, listed_path
from fakeweb.datasets.layout import LeftOut
from fakeweb.datasets.splits import Families, split_of_group, split_of_people
from fakeweb.datasets.tables import read_json, read_rows
from fakeweb.errors import LayoutMismatch
from fakeweb.media import encode_png
from fakeweb.types import Image


def test_files_come_in_the_order_of_sorted_paths(tree):
    root = tree("b/1.jpg", "b.jpg", "b-1/2.jpg", "a/c/d.jpg", "a.txt", "Z/1.jpg")
    assert list(files_below(root, LeftOut(root))) == sorted(p for p in root.rglob("*") if p.is_file())


def test_hidden_files_leftovers_of_macos_and_overlays_are_none(tree):
    root = tree("a.jpg", "._a.jpg", ".git/a.jpg", "__MACOSX/a.jpg", "a.fakeweb.png", "b.fakeweb.png")
    picture = Image(np.zeros((8, 8, 3), np.uint8))
    (root / "a.fakeweb.png").write_bytes(encode_png(picture, drawn=True))
    (root / "b.fakeweb.png").write_bytes(encode_png(picture))
    left_out = LeftOut(root)
    assert list(files_below(root, left_out)) == [root / "a.jpg", root / "b.fakeweb.png"]
    assert left_out.lines() == ["drawn by FakeWeb: a.fakeweb.png"]


def test_links_are_followed_once(tree, tmp_path):
    root = tree("a/1.jpg")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "2.jpg").touch()
    (root / "b").symlink_to(tmp_path / "elsewhere")
    (root / "a" / "circle").symlink_to(root)
    (root / "dangling.jpg").symlink_to(root / "gone.jpg")
    (root / "self").symlink_to("self")
    os.mkfifo(root / "pipe.mp4")
    left_out = LeftOut(root)
    assert list(files_below(root, left_out)) == [root / "a/1.jpg", root / "b/2.jpg"]
    assert left_out.lines() == [
        "a link that leads nowhere: dangling.jpg",
        "a pipe, not a file: pipe.mp4",
        "a link that leads back to itself: self",
    ]


def test_a_folder_that_cannot_be_read_is_told(tree, monkeypatch):
    root = tree("a/1.jpg", "b/2.jpg")
    scandir = os.scandir

    def refuse(path):
        if path == str(root / "a"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("os.scandir", refuse)
    left_out = LeftOut(root)
    assert list(files_below(root, left_out)) == [root / "b/2.jpg"]
    assert left_out.lines() == ["a folder that cannot be read (Permission denied): a"]


@pytest.mark.parametrize(
    ("path", "want"),
    [
        ("x.mp4", ["x"]),
        ("videos/x.MP4", ["x"]),
        ("a/videos/x.mp4", ["a/x"]),
        ("frames/x/1.png", ["x", "x/1"]),
        ("a/x.mp4/1.png", ["a/x", "a", "a/x/1"]),
        ("x.png", ["x"]),
        ("a.b/x.png", ["a.b", "a.b/x"]),
    ],
)
def test_which_video_a_file_may_show(path, want):
    assert ["/".join(names) for names in clip_names(PurePosixPath(path))] == want


def test_forms():
    found = [
        (PurePosixPath(n), key) for n, key in [("x.mp4", 1), ("y.mp4", 2), ("x/1.png", 1), ("z/1.png", 3)]
    ]
    for form, want, told in [
        ("auto", ["x/1.png", "z/1.png"], ["videos without extracted frames: y.mp4"]),
        ("frames", ["x/1.png", "z/1.png"], ["videos without extracted frames: y.mp4"]),
        ("videos", ["x.mp4", "y.mp4"], ["frames without their video: z"]),
    ]:
        left_out = LeftOut(PurePosixPath("root"))
        assert [str(p) for p, _ in in_one_form(found, form, left_out)] == want
        assert left_out.lines() == told
    assert in_one_form(found[:2], "auto", left_out) == found[:2]


def test_names_of_windows():
    assert listed_path(" a\\b.mp4\r") == PurePosixPath("a/b.mp4")


def test_names_in_problems_stay_on_one_line(tmp_path):
    left_out = LeftOut(tmp_path)
    left_out.add("odd", tmp_path / "a\nb\x1b[31m.jpg")
    assert left_out.lines() == ["odd: a b [31m.jpg"]


@pytest.mark.parametrize("text", ["", "{", "[1,]", '{"a": 1', "[" * 100_000, "nul\x00", '"\\ud800'])
def test_broken_json_is_ours_to_tell(tree, text):
    with pytest.raises(LayoutMismatch, match=r"x\.json:1: "):
        read_json(tree({"x.json": text}) / "x.json")


def test_lists_that_cannot_be_opened(tree):
    with pytest.raises(LayoutMismatch, match="cannot be read"):
        read_json(tree("folder/a.jpg") / "folder")


def test_rows_carry_the_number_of_their_line(tree):
    root = tree({"x.csv": 'a,b\n"1\n2",3\n\n4,5,6\n7\n'})
    assert list(read_rows(root / "x.csv", ("a",))) == [
        (3, {"a": "1\n2", "b": "3"}), (5, {"a": "4", "b": "5"}), (6, {"a": "7", "b": ""}),
    ]  # fmt: skip
    with pytest.raises(LayoutMismatch, match=r"x\.csv:6: too few fields"):
        list(read_rows(root / "x.csv", ("a", "b")))


def test_a_field_without_end_is_told(tree):
    with pytest.raises(LayoutMismatch, match=r"x\.csv:\d+: not a CSV file"):
        list(read_rows(tree({"x.csv": 'a\n"' + "x" * 200_000}) / "x.csv", ("a",)))


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12))), st.randoms())
def test_families_do_not_depend_on_the_order(pairs, random):
    names = []
    for _ in range(2):
        families = Families()
        for one, other in pairs:
            families.join(str(one), str(other))
        names.append([families.name_of(str(n)) for n in range(13)])
        random.shuffle(pairs)
    assert names[0] == names[1]
    assert all(names[0][one] == names[0][other] for one, other in pairs)
    assert all(str(n) in names[0][n].split("_") for n in range(13))


def test_people_on_both_sides_have_no_split():
    sides = {
        split: [f"p{n}" for n in range(40) if split_of_group("s", f"p{n}") == split]
        for split in ("train", "val")
    }
    assert split_of_people("s", sides["train"]) == "train"
    assert split_of_people("s", sides["val"]) == "val"
    assert split_of_people("s", [sides["val"][0], sides["train"][0]]) is None


def test_a_group_of_any_name_has_a_split():
    assert split_of_group("s", "\ud800\udcff") in ("train", "val")
