"""Layouts by name, options and look; persons who stand under several groups."""

from pathlib import Path

import pytest

from fakeweb.datasets import Sample, guess_layout, open_layout, read_people, read_samples, regroup
from fakeweb.datasets.people import key_of, write_people
from fakeweb.datasets.splits import half_of_group
from fakeweb.errors import UnknownName, UsageError


@pytest.mark.parametrize(
    ("names", "want"),
    [
        (["index.csv", "a/1.jpg"], "index"),
        (["Celeb-synthesis/id0_id1_0000.mp4"], "celebdf"),
        (["manipulated_sequences/Deepfakes/c23/videos/000_003.mp4"], "faceforensics"),
        (["dataset.json", "method_A/x.mp4"], "dfdcp"),
        (["dfdc_train_part_3/metadata.json"], "dfdc"),
        (["test/labels.csv", "test/u.mp4"], "dfdc"),
        (["fake_train/7/fake/131/942.png"], "wilddeepfake"),
        (["train.csv", "valid.csv", "valid/real/1.jpg"], "folders140k"),
        (["biggan/0_real/1.png", "biggan/1_fake/1.png"], "cnndetection"),
        (["train/progan/cat/0_real/1.png"], "folders"),  # too deep to be seen: must be named
        (["mine.csv", "1.jpg"], "csv"),
        (["real/1.jpg", "fake/1.jpg"], "folders"),
    ],
)
def test_a_folder_is_known_by_its_look(tree, names, want):
    assert guess_layout(tree(*names)) == want


def test_options_reach_the_layout_and_are_checked():
    assert open_layout("faceforensics", {"compressions": ["c40"]}).compressions == {"c40"}
    assert open_layout("dfdc", {"parts": [1, 2]}).parts == {1, 2}
    with pytest.raises(UsageError, match="takes no option 'compresions'") as caught:
        open_layout("faceforensics", {"compresions": ["c40"]})
    assert "compressions" in caught.value.hint
    with pytest.raises(UsageError, match="refuses its options"):
        open_layout("faceforensics", {"compressions": ["c41"]})
    with pytest.raises(UsageError, match="takes no option"):
        open_layout("index", {"form": "auto"})


def sample(group, split="val", label=0):
    return Sample(Path(f"/d/{label}/{group}"), label, None, split, group, "s")


def test_a_person_seen_in_training_leaves_validation():
    people = {("s", key_of("a")): "p1", ("s", key_of("b")): "p1"}
    found = regroup([sample("a", "val"), sample("b", "train", 1), sample("c", "val")], people)
    assert [(s.group, s.split) for s in found] == [("b", "train"), ("b", "train"), ("c", "val")]


def test_a_person_seen_in_groups_a_leaves_groups_b():
    halves = {h: next(n for n in map(str, range(99)) if half_of_group("s", n) == h) for h in "AB"}
    people = {("s", key_of(n)): "p1" for n in halves.values()}
    found = regroup([sample(halves["B"]), sample(halves["A"], label=1)], people)
    assert {s.group for s in found} == {halves["A"]}


def test_a_person_seen_in_training_of_another_source_leaves_validation():
    people = {("s", key_of("a")): "p1", ("t", key_of("b")): "p1"}
    other = Sample(Path("/d/t/b"), 0, None, "train", "b", "t")
    found = regroup([sample("a", "val"), sample("c", "val"), other], people)
    assert [(s.source, s.group, s.split) for s in found] == [
        ("s", "a", "train"),
        ("s", "c", "val"),
        ("t", "b", "train"),
    ]


def test_test_stays_test_and_other_sources_are_left_alone():
    people = {("s", key_of("a")): "p1", ("s", key_of("b")): "p1"}
    samples = [sample("a", "test"), sample("b", "train")]
    assert regroup(samples, people) == samples
    assert regroup(samples, {("t", key_of("a")): "p1"}) == samples


def test_lists_are_written_and_read_and_hold_no_names(tmp_path):
    path = tmp_path / "people.csv"
    path.write_bytes(write_people({"s": [["a.jpg", "b.jpg"], ["c.jpg", "d.jpg"]]}))
    people = read_people(path)
    assert people["s", key_of("elsewhere/a.png")] == people["s", key_of("b")]
    assert len(set(people.values())) == 2
    two = tmp_path / "two.csv"
    two.write_bytes(write_people({"s": [["a", "b"]], "t": [["a", "b"]]}))
    assert len(set(read_people(two).values())) == 2  # of two sources: not the same person
    assert "a.jpg" not in path.read_text()
    for missing in ("nobody", "../ciplab", tmp_path / "absent.csv"):
        with pytest.raises(UnknownName):
            read_people(missing)


def test_our_own_data_are_regrouped(data):
    before, _, _ = read_samples(data)
    after, _, layout = read_samples(data, people=["ciplab"])
    assert layout == "index"
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert 40 <= len(changed) <= 121
    assert {a.source for a, _ in changed} == {"ciplab"}
    both, _, _ = read_samples(data, people=["ciplab", "lfw"])
    moved = [(a, b) for a, b in zip(after, both, strict=True) if a.split != b.split]
    assert [(a.source, a.split, b.split) for a, b in moved] == [("lfw", "val", "train")] * 6
    splits = {}
    for s in after:
        assert splits.setdefault((s.source, s.group), s.split) == s.split
