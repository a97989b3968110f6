"""DFDC preview: dataset.json."""

import pytest

from fakeweb.datasets import split_of_group
from fakeweb.datasets.dfdcp import DfdcpLayout
from fakeweb.errors import LayoutMismatch


def person(split, skip=0):
    """A number whose people go to this split."""
    return [str(n) for n in range(1000, 1100) if split_of_group("dfdcp", str(n)) == split][skip]


A, B, V = person("train"), person("train", 1), person("val")
REAL, TEST = f"original_videos/{A}/{A}_A_001.mp4", "original_videos/9/9_A_001.mp4"
SAME, ACROSS = f"method_A/{A}/{A}_{B}/{A}_{B}_A_001.mp4", f"method_B/{V}/{V}_{A}/{V}_{A}_A_001.mp4"
ENTRIES = {
    REAL: {"label": "real", "set": "train", "augmentations": []},
    TEST: {"label": "real", "set": "test"},
    SAME: {"label": "fake", "set": "train", "target_id": A, "swap_id": B},
    ACROSS: {"label": "fake", "set": "train"},
}


def test_the_list_says_label_and_test_and_people_the_rest(tree, indexed):
    layout = DfdcpLayout()
    assert indexed(layout, tree({"dataset.json": ENTRIES}, *ENTRIES)) == {
        SAME: (1, "swap", "train", A),
        REAL: (0, None, "train", A),
        TEST: (0, None, "test", "test/9"),
    }
    assert layout.problems == [f"fakes of two people on both sides of the split: {ACROSS}"]


@pytest.mark.parametrize(
    "place",
    [
        f"method_A/videos/{A}/{A}_{B}/{A}_{B}_A_001.mp4",
        f"method_A/videos/{A}_{B}_A_001.MP4",
        f"method_A/frames/{A}_{B}_A_001/000.png",
        f"method_A/{A}/{A}_{B}/{A}_{B}_A_001.mp4/000.png",
    ],
)
def test_where_the_files_of_a_video_may_lie(tree, indexed, place):
    assert indexed(DfdcpLayout(), tree({"dataset.json": ENTRIES}, place)) == {place: (1, "swap", "train", A)}


def test_a_name_that_two_entries_share_needs_its_whole_path(tree, indexed):
    fake = {"label": "fake", "set": "test"}
    root = tree({"dataset.json": {"method_A/1/x.mp4": fake, "method_A/2/x.mp4": fake, "method_B/1/x.mp4": fake}},
                "method_A/frames/x/0.png", "method_A/1/frames/x/0.png", "method_B/frames/x/0.png")  # fmt: skip
    layout = DfdcpLayout()
    assert list(indexed(layout, root)) == ["method_A/1/frames/x/0.png", "method_B/frames/x/0.png"]
    assert "not named in dataset.json: method_A/frames/x/0.png" in layout.problems
    assert "named in dataset.json, but not on disk: method_A/2/x" in layout.problems


def test_backslashes_in_the_list(tree, indexed):
    root = tree({"dataset.json": {REAL.replace("/", "\\"): ENTRIES[REAL]}}, REAL)
    assert list(indexed(DfdcpLayout(), root)) == [REAL]


def test_a_video_of_nobody_is_a_group_of_its_own_and_told(tree, indexed):
    root = tree(
        {"dataset.json": {"original_videos/who.mp4": {"label": "real", "set": "test"}}},
        "original_videos/who.mp4",
    )
    layout = DfdcpLayout()
    assert indexed(layout, root) == {"original_videos/who.mp4": (0, None, "test", "test/original_videos/who")}
    assert layout.problems == [
        "entries of dataset.json that do not say who is filmed: original_videos/who.mp4"
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({REAL: {"label": "maybe", "set": "train"}}, "says label 'maybe' and set 'train'"),
        ({REAL: {"label": "real", "set": "dev"}}, "says label 'real' and set 'dev'"),
        ({REAL: {"label": "real"}}, "set None"),
        ('{"a":\n', "dataset.json:2: broken JSON"),
        ([REAL], "dataset.json:1: holds no JSON object"),
    ],
)
def test_a_wrong_list_is_refused(tree, content, message):
    with pytest.raises(LayoutMismatch) as caught:
        list(DfdcpLayout().index(tree({"dataset.json": content}, REAL)))
    assert message in str(caught.value)


def test_without_its_list_there_is_no_data_set(tree):
    with pytest.raises(LayoutMismatch, match=r"looked for dataset\.json"):
        list(DfdcpLayout().index(tree(REAL)))
