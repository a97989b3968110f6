"""Celeb-DF: the list of test videos says 1 = real."""

import pytest

from fakeweb.datasets import split_of_group
from fakeweb.datasets.celebdf import LIST, CelebDfLayout
from fakeweb.errors import LayoutMismatch


def person(split, skip=0):
    return [f"id{n}" for n in range(62) if split_of_group("celebdf", f"id{n}") == split][skip]


A, B, V = person("train"), person("train", 1), person("val")
FILES = [
    f"Celeb-real/{A}_0000.mp4", f"Celeb-real/{A}_0001.mp4", f"Celeb-real/{V}_0000.mp4",
    f"Celeb-synthesis/{A}_{B}_0000.mp4", f"Celeb-synthesis/{A}_{B}_0001.mp4", f"Celeb-synthesis/{A}_{V}_0000.mp4",
    f"Celeb-synthesis/{V}_{A}_0000.mp4", "YouTube-real/00000.mp4", "YouTube-real/00170.mp4",
]  # fmt: skip
TEST = f"1 YouTube-real/00170.mp4\n1 Celeb-real/{A}_0001.mp4\n0 Celeb-synthesis/{A}_{B}_0001.mp4\n"
WANT = {
    f"Celeb-real/{A}_0000.mp4": (0, None, "train", A),
    f"Celeb-real/{A}_0001.mp4": (0, None, "test", f"test/{A}"),
    f"Celeb-real/{V}_0000.mp4": (0, None, "val", V),
    f"Celeb-synthesis/{A}_{B}_0000.mp4": (1, "swap", "train", A),
    f"Celeb-synthesis/{A}_{B}_0001.mp4": (1, "swap", "test", f"test/{A}"),
    "YouTube-real/00000.mp4": (
        0, None, split_of_group("celebdf", "YouTube-real/00000"), "YouTube-real/00000",
    ),
    "YouTube-real/00170.mp4": (0, None, "test", "test/YouTube-real/00170"),
}  # fmt: skip


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("slash", ["/", "\\"])
def test_the_official_test_videos_and_people_for_the_rest(tree, indexed, ending, slash):
    text = TEST.replace("/", slash).replace("\n", ending) + ending
    layout = CelebDfLayout()
    assert indexed(layout, tree({LIST: text}, *FILES)) == WANT
    assert layout.problems == [
        f"fakes of two people on both sides of the split: Celeb-synthesis/{A}_{V}_0000.mp4, "
        f"Celeb-synthesis/{V}_{A}_0000.mp4"
    ]


def test_a_list_turned_round_is_refused(tree):
    """Who reads 1 as fake, as everywhere else, writes such a list, or trains on swapped labels."""
    turned = "\n".join(f"{1 - int(line[0])}{line[1:]}" for line in TEST.splitlines())
    with pytest.raises(
        LayoutMismatch, match=f"{LIST}:1: 0 cannot stand for a video of YouTube-real"
    ) as caught:
        list(CelebDfLayout().index(tree({LIST: turned}, *FILES)))
    assert "1 = real" in caught.value.hint


def test_labels_agree_with_the_list_read_its_own_way(tree, indexed):
    found = indexed(CelebDfLayout(), tree({LIST: TEST}, *FILES))
    for line in TEST.splitlines():
        flag, name = line.split()
        assert found[name][0] == 1 - int(flag)


@pytest.mark.parametrize("official", [True, False])
def test_no_person_stands_in_train_and_val(tree, official):
    people = [f"id{n}" for n in range(25)]
    names = [f"Celeb-real/{p}_0000.mp4" for p in people]
    names += [f"Celeb-synthesis/{p}_{q}_0000.mp4" for p in people for q in people if p != q]
    root = tree({LIST: f"1 Celeb-real/{people[0]}_0000.mp4\n"}, *names)
    seen = {"train": set(), "val": set(), "test": set()}
    for sample in CelebDfLayout(official=official).index(root):
        seen[sample.split] |= {p for p in sample.path.stem.split("_") if p.startswith("id")}
    assert seen["train"] | seen["val"] >= set(people) - {people[0]}
    assert not seen["train"] & seen["val"]
    assert bool(seen["test"]) == official


def test_frames_in_the_way_of_deepfakebench(tree, indexed):
    root = tree({LIST: TEST}, f"Celeb-real/frames/{A}_0001/000.png", f"Celeb-synthesis/frames/{A}_{B}_0000/015.PNG",
                *FILES)  # fmt: skip
    assert indexed(CelebDfLayout(), root) == {
        f"Celeb-real/frames/{A}_0001/000.png": (0, None, "test", f"test/{A}"),
        f"Celeb-synthesis/frames/{A}_{B}_0000/015.PNG": (1, "swap", "train", A),
    }
    assert len(indexed(CelebDfLayout(form="videos"), root)) == len(WANT)


def test_missing_pieces_are_told(tree, indexed):
    layout = CelebDfLayout()
    root = tree({LIST: TEST}, "YouTube-real/00000.mp4", "Celeb-real/someone.mp4", "extra/id0_0000.mp4")
    assert list(indexed(layout, root)) == ["YouTube-real/00000.mp4"]
    assert layout.problems == [
        "neither in a folder of Celeb-DF nor named like its videos: Celeb-real/someone.mp4, extra/id0_0000.mp4",
        "folders without a file: Celeb-real, Celeb-synthesis",
        f"named in {LIST}, but not on disk: YouTube-real/00170.mp4, Celeb-real/{A}_0001.mp4, "
        f"Celeb-synthesis/{A}_{B}_0001.mp4",
    ]
    (root / LIST).unlink()
    list(layout.index(root))
    assert f"no list of test videos, so nothing is test: {LIST}" in layout.problems


@pytest.mark.parametrize(
    "line", ["2 YouTube-real/00170.mp4", "YouTube-real/00170.mp4", "1 Elsewhere/1.mp4", "1", "1 a"]
)
def test_a_broken_line_is_named(tree, line):
    with pytest.raises(LayoutMismatch, match=f"{LIST}:5: .* is no test video"):
        list(CelebDfLayout().index(tree({LIST: f"{TEST}\n{line}\n"}, *FILES)))
