"""What every data set layout must keep: the docstring of :class:`fakeweb.types.DatasetLayout`, as a suite.

A new layout gets a function in ``PLANT`` that lays out :data:`PICTURES` its way; the files are empty, so that
opening one as a picture would fail.
"""

from collections import defaultdict
from collections.abc import Iterator

import pytest

from fakeweb import registry
from fakeweb.errors import DatasetError
from fakeweb.types import DatasetLayout, Sample

# name, label, kind, split, group
PICTURES = [
    *((f"r{i}", "real", "", "train", f"p{i // 2}") for i in range(8)),
    *((f"f{i}", "fake", "swap", "train", f"p{i // 2}") for i in range(8)),
    *((f"v{i}", "real", "", "val", f"q{i // 2}") for i in range(4)),
    *((f"w{i}", "fake", "generated", "val", f"q{i // 2}") for i in range(4)),
]


def plant_index(root):
    rows = ["path,source,label,kind,split,group"]
    for name, label, kind, split, group in PICTURES:
        (root / f"{name}.jpg").touch()
        rows.append(f"{name}.jpg,s,{label},{kind},{split},{group}")
    (root / "index.csv").write_text("\n".join(rows))


def plant_folders(root):
    for name, label, kind, split, group in PICTURES:
        folder = root / split / (kind or label) / group
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.jpg").touch()


PLANT = {"index": plant_index, "folders": plant_folders}


@pytest.fixture(params=registry.names("layout"))
def layout(request):
    if request.param not in PLANT:
        pytest.fail(f"the layout '{request.param}' has no function in PLANT")
    return registry.load("layout", request.param)()


@pytest.fixture
def root(layout, tmp_path):
    PLANT[layout.name](tmp_path)
    return tmp_path


def test_it_keeps_the_protocol_and_goes_by_its_registered_name(layout, request):
    assert isinstance(layout, DatasetLayout)
    assert layout.name == request.node.callspec.params["layout"]


def test_it_finds_every_picture_and_says_what_it_is(layout, root):
    samples = list(layout.index(root))
    assert all(isinstance(s, Sample) for s in samples)
    found = sorted((s.path.stem, {0: "real", 1: "fake"}[s.label], s.kind or "", s.split) for s in samples)
    assert found == sorted(p[:4] for p in PICTURES)


def test_paths_lead_to_files_below_the_root(layout, root):
    for sample in layout.index(root):
        assert sample.path.is_relative_to(root)
        assert sample.path.is_file()


def test_it_yields_and_comes_out_the_same_every_time(layout, root):
    first = layout.index(root)
    assert isinstance(first, Iterator)
    assert list(first) == list(layout.index(root))


def test_groups_stay_together(layout, root):
    splits, members = defaultdict(set), defaultdict(set)
    for sample in layout.index(root):
        splits[sample.source, sample.group].add(sample.split)
        members[sample.source, sample.group].add(sample.path.stem)
    assert {len(found) for found in splits.values()} == {1}
    # the pair and the fakes made from it are one group
    assert {"r0", "r1", "f0", "f1"} in members.values()


def test_a_folder_of_another_kind_is_an_error_of_ours(layout, tmp_path):
    (tmp_path / "loose.jpg").touch()
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(DatasetError) as caught:
            list(layout.index(folder))
        assert caught.value.hint
