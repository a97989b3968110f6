"""DFDC: parts with metadata.json, the test set with labels.csv."""

import pytest

from fakeweb.datasets import split_of_group
from fakeweb.datasets.dfdc import DfdcLayout
from fakeweb.errors import LayoutMismatch

REAL = {"label": "REAL", "split": "train"}


def fake(original):
    return {"label": "FAKE", "split": "train", "original": original}


def by_hash(group):
    return split_of_group("dfdc", group), group


METADATA = {
    "aa.mp4": fake("rr.mp4"),
    "bb.mp4": fake("gone.mp4"),
    "rr.mp4": REAL | {"original": None},
    "ss.mp4": REAL,
}


@pytest.mark.parametrize(
    "part",
    [
        "dfdc_train_part_0",
        "dfdc_train_part_00/dfdc_train_part_0",
        "train/dfdc_train_part_49",
        "train_sample_videos",
    ],
)
def test_fakes_share_the_group_of_their_original_even_where_it_is_missing(tree, indexed, part):
    root = tree({f"{part}/metadata.json": METADATA}, *(f"{part}/{n}" for n in METADATA))
    layout = DfdcLayout()
    assert indexed(layout, root) == {
        f"{part}/aa.mp4": (1, "swap", *by_hash("rr.mp4")),
        f"{part}/bb.mp4": (1, "swap", *by_hash("gone.mp4")),
        f"{part}/rr.mp4": (0, None, *by_hash("rr.mp4")),
        f"{part}/ss.mp4": (0, None, *by_hash("ss.mp4")),
    }
    assert layout.problems == []


def test_a_part_itself_may_be_the_root(tree, indexed):
    root = tree({"metadata.json": METADATA}, *METADATA)
    assert len(indexed(DfdcLayout(), root)) == 4


@pytest.mark.parametrize(
    "place",
    [
        "aa.MP4",
        "videos/aa.mp4",
        "frames/aa/000.png",
        "aa/000.JPG",
        "aa.mp4/000.png",
        "faces/aa/face_1/0.png",
        "aa.png",
    ],
)
def test_videos_frames_and_faces_are_known_by_the_video_they_show(tree, indexed, place):
    root = tree({"p/metadata.json": METADATA}, f"p/{place}")
    assert indexed(DfdcLayout(), root) == {f"p/{place}": (1, "swap", *by_hash("rr.mp4"))}


def test_frames_go_before_videos_and_what_has_none_is_told(tree, indexed):
    root = tree(
        {"p/metadata.json": METADATA}, *(f"p/{n}" for n in METADATA), "p/frames/aa/0.png", "p/frames/aa/1.png"
    )
    layout = DfdcLayout()
    assert list(indexed(layout, root)) == ["p/frames/aa/0.png", "p/frames/aa/1.png"]
    assert layout.problems == ["videos without extracted frames: p/bb.mp4, p/rr.mp4, p/ss.mp4"]
    layout = DfdcLayout(form="videos")
    assert list(indexed(layout, root)) == [f"p/{n}" for n in METADATA]
    assert layout.problems == []
    (root / "p/aa.mp4").unlink()
    assert len(indexed(layout, root)) == 3
    assert layout.problems == ["frames without their video: p/frames/aa"]


def test_the_test_set_is_test_and_its_one_means_fake(tree, indexed):
    labels = "filename,label\r\nuu.mp4,1\r\nvv.mp4,0\r\n"
    root = tree({"test/labels.csv": labels}, "test/uu.mp4", "test/videos/vv.mp4")
    assert indexed(DfdcLayout(), root) == {
        "test/uu.mp4": (1, "swap", "test", "test/uu.mp4"),
        "test/videos/vv.mp4": (0, None, "test", "test/vv.mp4"),
    }


def test_labels_csv_beside_metadata_has_the_last_word(tree, indexed):
    root = tree({"metadata.json": {"a.mp4": fake("o.mp4")}, "labels.csv": "filename,label\na.mp4,1"}, "a.mp4")
    assert indexed(DfdcLayout(), root) == {"a.mp4": (1, "swap", "test", "test/o.mp4")}


def test_parts_can_be_chosen_and_are_missed(tree, indexed):
    root = tree(*({f"dfdc_train_part_{n}/metadata.json": {f"{n}.mp4": REAL}} for n in (1, 2, 10)),
                *(f"dfdc_train_part_{n}/{n}.mp4" for n in (1, 2, 10)),
                {"test/labels.csv": "filename,label\nu.mp4,1"}, "test/u.mp4")  # fmt: skip
    assert len(indexed(DfdcLayout(), root)) == 4
    layout = DfdcLayout(parts=[1, 10, 11, 7])
    assert list(indexed(layout, root)) == ["dfdc_train_part_1/1.mp4", "dfdc_train_part_10/10.mp4"]
    assert layout.problems == ["parts asked for, but not there: 7, 11"]
    assert list(indexed(DfdcLayout(parts={2}), root / "dfdc_train_part_2")) == ["2.mp4"]


def test_missing_pieces_are_told(tree, indexed):
    root = tree(
        {"dfdc_train_part_0/metadata.json": METADATA | {"odd.mp4": {"split": "train"}}},
        "dfdc_train_part_0/aa.mp4", "dfdc_train_part_0/stray.mp4",
        *(f"dfdc_train_part_1/{n}.mp4" for n in "abcde"),
    )  # fmt: skip
    layout = DfdcLayout()
    assert list(indexed(layout, root)) == ["dfdc_train_part_0/aa.mp4"]
    assert sorted(layout.problems) == [
        "metadata without a label REAL or FAKE: dfdc_train_part_0/odd.mp4",
        "named in a list, but not on disk: dfdc_train_part_0/bb, dfdc_train_part_0/rr, dfdc_train_part_0/ss",
        "no metadata.json or labels.csv above: "
        "dfdc_train_part_1/a.mp4, dfdc_train_part_1/b.mp4, dfdc_train_part_1/c.mp4 and 2 more",
        "not named in its metadata.json or labels.csv: dfdc_train_part_0/stray.mp4",
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("metadata.json", '{\n"a.mp4": {"label": "REAL"},\n"b.mp4": {"la', "metadata.json:3: broken JSON"),
        ("metadata.json", "[]", "metadata.json:1: holds no JSON object"),
        ("metadata.json", '{"a.mp4": "REAL"}', "metadata.json: the entry 'a.mp4' is no JSON object"),
        ("metadata.json", b'{\n"\xff": {}}', "metadata.json:2: not text in UTF-8"),
        ("labels.csv", "filename,label\na.mp4,1\nb.mp4,0.5", "labels.csv:3: label '0.5' is neither 0 nor 1"),
        ("labels.csv", "filename,label\na.mp4", "labels.csv:2: too few fields"),
        ("labels.csv", "file,label\na.mp4,1", "labels.csv lacks the columns filename"),
    ],
)
def test_broken_lists_are_refused_by_file_and_line(tree, name, content, message):
    root = tree({f"dfdc_train_part_3/{name}": content}, "dfdc_train_part_3/a.mp4")
    with pytest.raises(LayoutMismatch) as caught:
        list(DfdcLayout().index(root))
    assert message in str(caught.value)
    assert "dfdc_train_part_3" in str(caught.value)
    assert caught.value.hint


def test_nothing_usable_says_why(tree):
    root = tree({"metadata.json": METADATA})
    layout = DfdcLayout()
    with pytest.raises(LayoutMismatch, match=r"looked for folders with a metadata\.json") as caught:
        list(layout.index(root))
    assert "aa, bb, rr and 1 more" in caught.value.hint
    assert layout.problems


def test_an_unknown_form_is_a_programmers_mistake():
    with pytest.raises(ValueError, match="auto, frames, videos"):
        DfdcLayout(form="pictures")


def test_an_index_that_breaks_off_leaves_no_old_problems(tree):
    root = tree({"p/metadata.json": METADATA}, "p/aa.mp4")
    layout = DfdcLayout()
    list(layout.index(root))
    assert layout.problems
    with pytest.raises(LayoutMismatch):
        list(layout.index(tree({"q/metadata.json": "{"})))
    assert layout.problems == []
