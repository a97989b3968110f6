"""WildDeepfake: unpacked archives."""

import pytest

from fakeweb.datasets import split_of_group
from fakeweb.datasets.wilddeepfake import WildDeepfakeLayout
from fakeweb.errors import LayoutMismatch


def by_hash(group):
    return split_of_group("wilddeepfake", group), group


CASES = {
    "fake_train/7/fake/131/942.png": (1, "swap", *by_hash("train/7")),
    "fake_train/7/7/fake/131/942.png": (1, "swap", *by_hash("train/7")),
    "fake_train/7/131/942.PNG": (1, "swap", *by_hash("train/7")),
    "deepfake_in_the_wild/fake_train/unpacked/7/fake/131/942.png": (1, "swap", *by_hash("train/7")),
    "real_train/7/real/131/942.png": (0, None, *by_hash("train/7")),
    "Fake_Test/7/fake/131/942.png": (1, "swap", "test", "test/7"),
    "real_test/7/real/131/942.png": (0, None, "test", "test/7"),
    "7/fake/131/942.png": (1, "swap", *by_hash("unsorted/7")),
    "7/real/131/942.png": (0, None, *by_hash("unsorted/7")),
}


@pytest.mark.parametrize(("name", "want"), CASES.items(), ids=CASES)
def test_where_archives_unpack_to(tree, indexed, name, want):
    layout = WildDeepfakeLayout()
    assert indexed(layout, tree(name)) == {name: want}
    assert layout.problems == []


def test_sequences_of_an_archive_belong_together_and_namesakes_do_not(tree):
    root = tree(
        *(
            f"{part}/{n}/fake/{k}/1.png"
            for part in ("fake_train", "fake_test")
            for n in (1, 2)
            for k in (1, 2)
        )
    )
    groups = [s.group for s in WildDeepfakeLayout().index(root)]
    assert groups == ["test/1", "test/1", "test/2", "test/2", "train/1", "train/1", "train/2", "train/2"]


@pytest.mark.parametrize("root", ["fake_train", "real_test"])
def test_one_folder_of_archives_may_be_the_root(tree, indexed, root):
    label = root[:4]
    data = tree(f"{root}/3/{label}/1/1.png", f"{root}/4.tar.gz", f"{root}/3.tar.gz")
    layout = WildDeepfakeLayout()
    assert indexed(layout, data / root) == {
        f"3/{label}/1/1.png": (1, "swap", *by_hash("train/3"))
        if label == "fake"
        else (0, None, "test", "test/3")
    }
    assert layout.problems == ["archives that are not unpacked: 4.tar.gz"]


def test_what_cannot_be_placed_is_told(tree, indexed):
    root = tree("fake_train/1/fake/1/1.png", "fake_train/1/real/1/1.png", "real_train/1.png", "5/1/1.png",
                "fake_train/1.tar.gz", "fake_train/2.tar.gz", "real_train/1.tar.gz")  # fmt: skip
    layout = WildDeepfakeLayout()
    assert list(indexed(layout, root)) == ["fake_train/1/fake/1/1.png"]
    assert layout.problems == [
        "in no numbered folder below real or fake: 5/1/1.png, real_train/1.png",
        "in a folder real and in a folder fake: fake_train/1/real/1/1.png",
        "archives that are not unpacked: fake_train/2.tar.gz, real_train/1.tar.gz",
    ]


def test_archives_alone_are_no_use(tree):
    with pytest.raises(LayoutMismatch, match="looked for pictures") as caught:
        list(WildDeepfakeLayout().index(tree("fake_train/1.tar.gz")))
    assert "unpack" in caught.value.hint
    assert "fake_train/1.tar.gz" in caught.value.hint
