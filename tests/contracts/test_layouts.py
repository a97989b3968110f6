"""What every data set layout must keep: the docstring of :class:`fakeweb.datasets.DatasetLayout`, as a suite.

A new layout gets a function in ``PLANT`` that lays out a small data set its way and returns what must be found:
``{path: (label, kind, split, group)}``. A split of None means train or val; a group is a letter of your own: the
samples of one letter, and no others, share a group. The files are empty, so that opening one as a picture would fail.
"""

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakeweb import registry
from fakeweb.datasets import DatasetLayout, Sample, guess_layout
from fakeweb.datasets.shards import TrackSample, pack, write_shard
from fakeweb.errors import DatasetError
from fakeweb.media.storage import Storage


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def plant_index(root):
    rows = ["path,source,label,kind,split,group", "r.jpg,s,real,,train,p", "f.jpg,s,fake,swap,train,p",
            "v.jpg,s,fake,generated,val,q", "t.jpg,s,real,,test,t"]  # fmt: skip
    (root / "index.csv").write_text("\n".join(rows))
    return {
        "r.jpg": (0, None, "train", "p"),
        "f.jpg": (1, "swap", "train", "p"),
        "v.jpg": (1, "generated", "val", "q"),
        "t.jpg": (0, None, "test", "t"),
    }


def plant_folders(root):
    return {
        "train/real/p/r0.jpg": (0, None, "train", "p"),
        "train/real/p/r1.jpg": (0, None, "train", "p"),
        "train/swap/p/f.jpg": (1, "swap", "train", "p"),
        "val/fake/p/f.jpg": (1, None, "val", "q"),
        "test/generated/g.jpg": (1, "generated", "test", "t"),
    }


def plant_csv(root):
    rows = ["path,label,kind,split,group", "r.jpg,0,,train,p", "f.jpg,1,swap,train,p", "v.jpg,fake,,val,q",
            "t.jpg,real,,test,t", "h.jpg,real,,,"]  # fmt: skip
    (root / "mine.csv").write_text("\n".join(rows))
    return {
        "r.jpg": (0, None, "train", "p"),
        "f.jpg": (1, "swap", "train", "p"),
        "v.jpg": (1, None, "val", "q"),
        "t.jpg": (0, None, "test", "t"),
        "h.jpg": (0, None, None, "h"),
    }


def plant_dfdc(root):
    part, test = root / "dfdc_train_part_00" / "dfdc_train_part_0", root / "test"
    part.mkdir(parents=True)
    test.mkdir()
    real, fake = {"label": "REAL", "split": "train"}, {"label": "FAKE", "split": "train", "original": "y.mp4"}
    (part / "metadata.json").write_text(json.dumps({"x.mp4": fake, "y.mp4": real, "z.mp4": real}))
    (test / "labels.csv").write_text("filename,label\nu.mp4,1\n")
    inner = "dfdc_train_part_00/dfdc_train_part_0"
    return {
        f"{inner}/x.mp4": (1, "swap", None, "y"),
        f"{inner}/y.mp4": (0, None, None, "y"),
        f"{inner}/z.mp4": (0, None, None, "z"),
        "test/u.mp4": (1, "swap", "test", "u"),
    }


def plant_dfdcp(root):
    fake = "method_A/11/11_11/11_11_A_001.mp4"
    entries = {
        fake: {"label": "fake", "set": "train"},
        "original_videos/11/11_A.mp4": {"label": "real", "set": "train"},
        "original_videos/22/22_A.mp4": {"label": "real", "set": "test"},
    }
    (root / "dataset.json").write_text(json.dumps(entries))
    return {
        fake: (1, "swap", None, "p"),
        "original_videos/11/11_A.mp4": (0, None, None, "p"),
        "original_videos/22/22_A.mp4": (0, None, "test", "q"),
    }


def plant_faceforensics(root):
    for split, pairs in {
        "train": [["071", "054"]],
        "val": [["001", "002"]],
        "test": [["100", "101"]],
    }.items():
        (root / f"{split}.json").write_text(json.dumps(pairs))
    made, original = "manipulated_sequences", "original_sequences"
    want = {
        f"{original}/youtube/c23/videos/054.mp4": (0, None, "train", "a"),
        f"{original}/youtube/c23/videos/071.mp4": (0, None, "train", "a"),
        f"{original}/youtube/c23/videos/001.mp4": (0, None, "val", "b"),
        f"{original}/actors/c23/videos/03__kitchen_pan.mp4": (0, None, None, "d"),
        f"{made}/DeepFakeDetection/c23/videos/03_03__kitchen_pan__ABCDEF12.mp4": (1, "swap", None, "d"),
        f"{made}/Deepfakes/c23/videos/071_054.mp4": (1, "swap", "train", "a"),
        f"{made}/Deepfakes/c23/videos/054_071.mp4": (1, "swap", "train", "a"),
        f"{made}/FaceShifter/c23/videos/054_071.mp4": (1, "swap", "train", "a"),
        f"{made}/FaceSwap/c23/videos/054_071.mp4": (1, "swap", "train", "a"),
        f"{made}/Face2Face/c23/videos/001_002.mp4": (1, "reenacted", "val", "b"),
        f"{made}/NeuralTextures/c23/videos/100_101.mp4": (1, "reenacted", "test", "c"),
    }
    touch(root, f"{original}/youtube/raw/videos/054.mp4", f"{made}/Deepfakes/masks/videos/071_054.mp4")
    return want


def plant_celebdf(root):
    (root / "List_of_testing_videos.txt").write_text(
        "1 YouTube-real/00170.mp4\n0 Celeb-synthesis/id0_id1_0001.mp4\n"
    )
    return {
        "Celeb-real/id0_0000.mp4": (0, None, None, "p"),
        "Celeb-synthesis/id0_id0_0000.mp4": (1, "swap", None, "p"),
        "Celeb-synthesis/id0_id1_0001.mp4": (1, "swap", "test", "t"),
        "YouTube-real/00001.mp4": (0, None, None, "y"),
        "YouTube-real/00170.mp4": (0, None, "test", "z"),
    }


def plant_wilddeepfake(root):
    return {
        "fake_train/7/fake/131/942.png": (1, "swap", None, "p"),
        "fake_train/7/fake/132/1.png": (1, "swap", None, "p"),
        "real_train/7/real/1/1.png": (0, None, None, "p"),
        "fake_test/7/fake/131/942.png": (1, "swap", "test", "t"),
        "real_test/8/real/131/942.png": (0, None, "test", "u"),
    }


def plant_cnndetection(root):
    return {
        "train/progan/cat/0_real/1.png": (0, None, "train", "p"),
        "train/progan/cat/1_fake/1.png": (1, "generated", "train", "p"),
        "val/progan/cat/1_fake/1.png": (1, "generated", "val", "q"),
        "test/stylegan/1_fake/1.png": (1, "generated", "test", "r"),
        "biggan/0_real/1.png": (0, None, None, "s"),
    }


def plant_folders140k(root):
    for split, names in {"train": ("real/1", "fake/AB"), "valid": ("fake/CD",), "test": ("real/2",)}.items():
        rows = [f"0,x,1,{int(n[0] == 'r')},{n[:4]},{split}/{n}.jpg" for n in names]
        (root / f"{split}.csv").write_text("\n".join([",original_path,id,label,label_str,path", *rows]))
    base = "real_vs_fake/real-vs-fake"
    return {
        f"{base}/train/real/1.jpg": (0, None, "train", "p"),
        f"{base}/train/fake/AB.jpg": (1, "generated", "train", "q"),
        f"{base}/valid/fake/CD.jpg": (1, "generated", "val", "r"),
        f"{base}/test/real/2.jpg": (0, None, "test", "s"),
    }


def plant_fakeavceleb(root):
    return {
        "FakeVideo-FakeAudio/African/men/id1/2_id1_fsgan_wavtolip.mp4": (1, "swap", None, "p"),
        "FakeVideo-RealAudio/African/men/id1/2_wavtolip.mp4": (1, "reenacted", None, "p"),
        "FakeVideo-RealAudio/African/men/id1/3_id1_faceswap.mp4": (1, "swap", None, "p"),
        "RealVideo-FakeAudio/African/men/id1/4.mp4": (0, None, None, "p"),
        "RealVideo-RealAudio/African/men/id1/2.mp4": (0, None, None, "p"),
        "RealVideo-RealAudio/Asian/women/id2/2.mp4": (0, None, None, "q"),
    }


def plant_tracks(root):
    store = Storage(str(root))
    store.write("extraction.json", b"{}")
    for split, clips in {"train": (("a", 0, "p"), ("b", 1, "p")), "test": (("a", 1, "t"),)}.items():
        part = f"mine-{split}"
        known = [
            {"clip": f"{name}.mp4", "part": part, "label": label, "original": None, "group": group,
             "split": split, "source": "mine", "kind": "swap" if label else None}
            for name, label, group in clips
        ]  # fmt: skip
        samples = [TrackSample(f"{part}_{k['clip'][0]}_1", {**k, "track": 1}, (b"x",)) for k in known]
        records = [{**k, "error": None, "tracks": [{"track": 1, "frames": [0]}]} for k in known]
        write_shard(store, f"shards/{part}-0000", pack(samples), records, {"part": part})
    return {
        ".frames/mine-train/a/1_00.jpg": (0, None, "train", "p"),
        ".frames/mine-train/b/1_00.jpg": (1, "swap", "train", "p"),
        ".frames/mine-test/a/1_00.jpg": (1, "swap", "test", "t"),
    }


PLANT = {
    "celebdf": plant_celebdf,
    "cnndetection": plant_cnndetection,
    "csv": plant_csv,
    "dfdc": plant_dfdc,
    "dfdcp": plant_dfdcp,
    "faceforensics": plant_faceforensics,
    "fakeavceleb": plant_fakeavceleb,
    "folders": plant_folders,
    "folders140k": plant_folders140k,
    "index": plant_index,
    "tracks": plant_tracks,
    "wilddeepfake": plant_wilddeepfake,
}


@pytest.fixture(params=registry.names("layout"))
def layout(request):
    if request.param not in PLANT:
        pytest.fail(f"the layout '{request.param}' has no function in PLANT")
    return registry.load("layout", request.param)()


@pytest.fixture
def planted(layout, tmp_path):
    """The root of a small data set, and what must be found in it."""
    root = tmp_path / "data"
    root.mkdir()
    want = PLANT[layout.name](root)
    touch(root, *want)
    return root, want


def test_it_keeps_the_protocol_and_goes_by_its_registered_name(layout, request):
    assert isinstance(layout, DatasetLayout)
    assert layout.name == request.node.callspec.params["layout"]


def test_it_finds_every_file_and_says_what_it_is(layout, planted):
    root, want = planted
    samples = list(layout.index(root))
    assert all(isinstance(s, Sample) and s.source for s in samples)
    found = {s.path.relative_to(root).as_posix(): (s.label, s.kind, s.split) for s in samples}
    assert len(found) == len(samples)
    assert found.keys() == want.keys()
    for path, (label, kind, split) in found.items():
        assert (label, kind) == want[path][:2], path
        assert split in ((want[path][2],) if want[path][2] else ("train", "val")), path


def test_paths_lead_to_files_below_the_root(layout, planted):
    for sample in layout.index(planted[0]):
        assert sample.path.is_relative_to(planted[0])
        assert sample.path.is_file()


def test_it_yields_and_comes_out_the_same_every_time(layout, planted):
    first = layout.index(planted[0])
    assert isinstance(first, Iterator)
    assert list(first) == list(layout.index(planted[0])) == list(type(layout)().index(planted[0]))


def test_samples_come_sorted_unless_a_table_gives_the_order(layout, planted):
    if layout.name not in ("csv", "index"):
        paths = [s.path for s in layout.index(planted[0])]
        assert paths == sorted(paths)


def test_groups_are_those_planted_and_stay_in_one_split(layout, planted):
    root, want = planted
    splits, members, letters = defaultdict(set), defaultdict(set), defaultdict(set)
    for sample in layout.index(root):
        name = sample.path.relative_to(root).as_posix()
        splits[sample.source, sample.group].add(sample.split)
        members[sample.source, sample.group].add(name)
        letters[want[name][3]].add(name)
    assert {len(found) for found in splits.values()} == {1}
    assert sorted(map(sorted, members.values())) == sorted(map(sorted, letters.values()))


def test_hidden_files_are_none(layout, planted):
    root, _ = planted
    before = list(layout.index(root))
    for path in list(root.rglob("*.*")):
        if path.is_file():
            touch(path.parent, f"._{path.name}", f".hidden/{path.name}", "__MACOSX/" + path.name, ".DS_Store")
    assert list(layout.index(root)) == before


def test_links_in_circles_and_pipes_end_nothing(layout, planted):
    root, _ = planted
    before = list(layout.index(root))
    folder = before[-1].path.parent
    for name in ("self.jpg", "self.mp4"):
        (folder / name).symlink_to(name)
    (folder / "gone.jpg").symlink_to(root / "nowhere.jpg")
    (folder / "up").symlink_to(root, target_is_directory=True)
    os.mkfifo(folder / "pipe.mp4")
    assert list(layout.index(root)) == before
    if layout.name not in (
        "csv",
        "index",
        "tracks",
    ):  # which look at what their table names and at nothing else
        told = "\n".join(layout.problems)
        assert all(word in told for word in ("leads back to itself", "leads nowhere", "a pipe"))
    assert guess_layout(root) in registry.names("layout")


def test_where_the_root_is_reached_from_changes_nothing(layout, planted, monkeypatch):
    root, _ = planted
    want = [(s.path, s.split, s.group, s.source) for s in layout.index(root)]
    monkeypatch.chdir(root)
    found = [(s.path.resolve(), s.split, s.group, s.source) for s in layout.index(Path())]
    assert found == [(p.resolve(), *rest) for p, *rest in want]


def test_problems_are_of_the_last_index_only(layout, planted, tmp_path):
    if not hasattr(layout, "problems"):
        assert layout.name == "index"
        return
    list(layout.index(planted[0]))
    assert layout.problems == []
    with pytest.raises(DatasetError):
        list(layout.index(tmp_path / "absent"))
    list(layout.index(planted[0]))
    assert layout.problems == []


def test_a_folder_of_another_kind_is_an_error_of_ours(layout, tmp_path):
    touch(tmp_path, "loose.jpg", "loose.mp4", "deep/er/loose.jpg")
    for folder in (tmp_path, tmp_path / "absent", tmp_path / "loose.jpg"):
        with pytest.raises(DatasetError) as caught:
            list(layout.index(folder))
        assert caught.value.hint
        assert str(folder) in caught.value.message


def test_a_layout_that_finds_nothing_says_what_it_looked_for(layout, tmp_path):
    with pytest.raises(DatasetError, match=r"looked for|no picture or video in|no index\.csv"):
        list(layout.index(tmp_path))
