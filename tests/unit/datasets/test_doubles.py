"""Pictures that stand in a data set twice."""

import os

import pytest

from fakeweb.datasets import read_samples, settle_conflicts
from fakeweb.errors import DatasetError

PIXELS = {f"{n}.jpg": bytes([n]) * 20_000 for n in range(4)}


def table(*rows):
    return {"my.csv": "\n".join(["path,label", *rows])}


def test_a_file_listed_twice_counts_once(tree):
    root = tree(PIXELS, table("0.jpg,real", "1.jpg,fake", "./0.jpg,real", "0.jpg,real"))
    for place in (root, root / "my.csv"):
        samples, problems, _ = read_samples(place)
        assert [s.path.name for s in samples] == ["0.jpg", "1.jpg"]
        assert problems == ["listed more than once, counted once: 0.jpg, 0.jpg"]
        assert settle_conflicts(samples, place, allowed=False) == samples


def test_one_file_both_real_and_fake_is_told_and_refused(tree):
    root = tree(PIXELS, table("0.jpg,real", "1.jpg,fake", "0.jpg,fake"))
    samples, problems, _ = read_samples(root)
    assert len(samples) == 3
    assert problems == ["labelled both real and fake: 0.jpg"]
    with pytest.raises(
        DatasetError, match=r"contradicts itself: labelled both real and fake: 0\.jpg"
    ) as caught:
        settle_conflicts(samples, root, allowed=False)
    assert "--allow-conflicts" in caught.value.hint
    assert "allow_conflicts" in caught.value.hint
    assert [(s.path.name, s.label) for s in settle_conflicts(samples, root, allowed=True)] == [
        ("0.jpg", 0),
        ("1.jpg", 1),
    ]


@pytest.mark.parametrize("how", ["copy", "symlink", "link", "large"])
def test_the_same_bytes_in_both_folders_are_found_whatever_they_are_called(tree, how):
    root = tree(
        {f"real/{name}": data * (20 if how == "large" else 1) for name, data in PIXELS.items()}, "fake/z.png"
    )
    place, original = root / "fake" / "9.png", root / "real" / "2.jpg"
    if how == "symlink":
        place.symlink_to(original)
    elif how == "link":
        os.link(original, place)
    else:
        place.write_bytes(original.read_bytes())
    samples, problems, _ = read_samples(root)
    want = "real/2.jpg = fake/9.png"
    assert problems == [f"labelled both real and fake: {want}"]
    with pytest.raises(DatasetError, match=want):
        settle_conflicts(samples, root, allowed=False)
    kept = settle_conflicts(samples, root, allowed=True)
    assert len(kept) == (5 if "link" in how else 6)


def test_copies_of_one_label_are_told_and_no_obstacle(tree):
    root = tree(
        {"real/a.jpg": b"x" * 50, "real/b.jpg": b"x" * 50, "fake/c.jpg": b"y" * 50, "fake/d.jpg": b""}
    )
    samples, problems, _ = read_samples(root)
    assert problems == ["copies of other pictures: real/b.jpg = real/a.jpg"]
    assert settle_conflicts(samples, root, allowed=False) == samples


def test_files_that_differ_in_the_middle_are_two(tree):
    ends = bytes(10_000)
    root = tree({"real/a.jpg": ends + b"1" + ends, "fake/b.jpg": ends + b"2" + ends})
    assert read_samples(root)[1] == []


def test_files_of_no_bytes_or_that_are_gone_are_no_doubles(tree):
    root = tree("real/a.jpg", "fake/b.jpg")
    samples, problems, _ = read_samples(root)
    assert problems == []
    samples[0].path.unlink()
    assert len(settle_conflicts(samples, root, allowed=False)) == 2
