"""Random replicas of the public sets: no group, and nobody who must not, stands in two splits."""

import json
import tempfile
from collections import defaultdict
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from fakeweb import registry
from fakeweb.errors import LayoutMismatch

few = settings(max_examples=25)
small = st.integers(0, 11)
pairs = st.lists(st.tuples(small, small), min_size=1, max_size=25, unique=True)


def index(name, files, lists, **options):
    """Plant and index; check what holds everywhere, and return (path below the root, sample)."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for path, text in {**dict.fromkeys(files, ""), **lists}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        layout = registry.load("layout", name)(**options)
        try:
            samples = list(layout.index(root))
        except LayoutMismatch:  # nothing usable came out of the dice
            assert layout.problems
            return []
        splits = defaultdict(set)
        for sample in samples:
            splits[sample.source, sample.group].add(sample.split)
        assert {len(found) for found in splits.values()} == {1}
        assert len({s.path for s in samples}) == len(samples)
        if len(samples) < len(files):
            assert layout.problems
        return [(s.path.relative_to(root).as_posix(), s) for s in samples]


@few
@given(pairs, st.sets(small), st.booleans())
def test_dfdc(fakes, reals, in_test):
    """The pairs are (part, original); of the originals only some are on disk."""
    files, metadata = [], defaultdict(dict)
    for n, (part, original) in enumerate(fakes):
        metadata[part % 3][f"f{n}.mp4"] = {"label": "FAKE", "split": "train", "original": f"o{original}.mp4"}
        files.append(f"dfdc_train_part_{part % 3}/f{n}.mp4")
    for n in reals:
        metadata[0][f"o{n}.mp4"] = {"label": "REAL", "split": "train"}
        files.append(f"dfdc_train_part_0/o{n}.mp4")
    lists = {f"dfdc_train_part_{p}/metadata.json": json.dumps(m) for p, m in metadata.items()}
    if in_test:  # a test video with the name of an original
        lists["test/labels.csv"] = "filename,label\no0.mp4,0\n"
        files.append("test/o0.mp4")
    group = {path: s.group for path, s in index("dfdc", files, lists)}
    assert len(group) == len(files)
    for n, (part, original) in enumerate(fakes):
        assert group[f"dfdc_train_part_{part % 3}/f{n}.mp4"] == f"o{original}.mp4"


@few
@given(pairs, st.booleans(), st.permutations(range(12)))
def test_faceforensics(fakes, official, order):
    files = [f"manipulated_sequences/Deepfakes/c23/videos/{a:03}_{b:03}.mp4" for a, b in fakes]
    files += [f"original_sequences/youtube/c23/videos/{n:03}.mp4" for n in range(12)]
    lists = {}
    if official:
        listed = [[f"{a:03}", f"{b:03}"] for a, b in zip(order[::2], order[1::2], strict=True)]
        lists = {
            f"{s}.json": json.dumps(listed[2 * i : 2 * i + 2]) for i, s in enumerate(("train", "val", "test"))
        }
    splits = defaultdict(set)
    for path, sample in index("faceforensics", files, lists):
        for video in Path(path).stem.split("_"):
            splits[video].add(sample.split)
    assert len(splits) == 12
    assert {len(found) for found in splits.values()} == {1}


@few
@given(pairs, st.sets(small))
def test_celebdf(fakes, in_test):
    files = [f"Celeb-synthesis/id{a}_id{b}_0000.mp4" for a, b in fakes]
    files += [f"Celeb-real/id{n}_0000.mp4" for n in range(12)]
    listed = "".join(f"1 Celeb-real/id{n}_0000.mp4\n" for n in in_test)
    splits = defaultdict(set)
    for path, sample in index("celebdf", files, {"List_of_testing_videos.txt": listed}):
        for person in Path(path).stem.split("_")[:-1]:
            splits[person].add(sample.split)
    assert all(len(found - {"test"}) <= 1 for found in splits.values())


@few
@given(pairs, st.sets(small))
def test_dfdcp(fakes, in_test):
    names = {f"method_A/{a}/{a}_{b}/{a}_{b}_A_1.mp4": ("fake", a) for a, b in fakes}
    names |= {f"original_videos/{n}/{n}_A_1.mp4": ("real", n) for n in range(12)}
    entries = {
        n: {"label": label, "set": "test" if a in in_test else "train"} for n, (label, a) in names.items()
    }
    splits = defaultdict(set)
    for path, sample in index("dfdcp", list(names), {"dataset.json": json.dumps(entries)}):
        for person in Path(path).stem.split("_")[:-2]:
            splits[person].add(sample.split)
    assert all(len(found - {"test"}) <= 1 for found in splits.values())


@few
@given(st.lists(st.tuples(st.sampled_from(["fake_train", "real_train", "fake_test", "real_test", "."]), small,
                          st.sampled_from(["fake", "real"]), small), min_size=1, unique=True))  # fmt: skip
def test_wilddeepfake(places):
    index("wilddeepfake", [f"{part}/{n}/{label}/{k}/1.png" for part, n, label, k in places], {})


@few
@given(st.lists(st.tuples(st.sampled_from(["train/", "val/", "test/", ""]), st.sampled_from(["progan", "train", "crn"]),
                          st.sampled_from(["", "/cat", "/train"]), st.sampled_from(["0_real", "1_fake"]), small),
                min_size=1, unique=True))  # fmt: skip
def test_cnndetection(places):
    files = [f"{split}{generator}{inner}/{label}/{n}.png" for split, generator, inner, label, n in places]
    assert len(index("cnndetection", files, {})) == len(set(files))


@few
@given(st.lists(st.tuples(small, st.sampled_from(["", "a", "b"])), min_size=1, max_size=20))
def test_csv(rows):
    split = {"a": "test", "b": "", "": ""}
    lines = [f"{i}.jpg,{n % 2},{split[g] if n % 2 else ''},{g}" for i, (n, g) in enumerate(rows)]
    text = "\n".join(["path,label,split,group", *lines])
    assert len(index("csv", [f"{i}.jpg" for i in range(len(rows))], {"my.csv": text})) == len(rows)
