"""The layout of our own data: a folder with an index.csv."""

import csv
from collections import Counter

import pytest

from fakeweb.datasets import Sample
from fakeweb.datasets.index import IndexLayout
from fakeweb.errors import LayoutMismatch

HEADER = "path,source,label,kind,split,group,width,height"
ROWS = (
    "a/real/1.jpg,a,real,real,train,p1,10,10",
    "a/fake/1.jpg,a,fake,swap,train,p1,10,10",
    "a/fake/2.jpg,a,fake,,val,p2,10,10",
    "b/cat.jpg,b,animal,,test,p1,10,10",
)


@pytest.fixture
def write(tmp_path):
    def run(*rows, header=HEADER, encoding="utf-8"):
        (tmp_path / "index.csv").write_text("\n".join([header, *rows]) + "\n", encoding=encoding)
        return tmp_path

    return run


def index(root):
    return list(IndexLayout().index(root))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_rows_become_samples_in_order(write, encoding):
    root = write(*ROWS, encoding=encoding)
    assert index(root) == [
        Sample(root / "a/real/1.jpg", 0, None, "train", "p1", "a"),
        Sample(root / "a/fake/1.jpg", 1, "swap", "train", "p1", "a"),
        Sample(root / "a/fake/2.jpg", 1, None, "val", "p2", "a"),
        Sample(root / "b/cat.jpg", None, None, "test", "p1", "b"),
    ]


def test_columns_may_come_in_any_order_and_others_are_passed_over(write):
    root = write("p1,train,swap,fake,a,x.jpg,?", header="group,split,kind,label,source,path,remark")
    assert index(root) == [Sample(root / "x.jpg", 1, "swap", "train", "p1", "a")]


def test_labels_and_splits_may_be_capitalised_or_numbers(write):
    root = write("x.jpg;a;Fake;Swap;Train;g", "y.jpg;a;0;;VAL;h", header="Path;Source;Label;Kind;Split;Group")
    assert index(root) == [
        Sample(root / "x.jpg", 1, "swap", "train", "g", "a"),
        Sample(root / "y.jpg", 0, None, "val", "h", "a"),
    ]


def test_quotes_commas_and_accents_in_names(write):
    root = write('"a, ""b"" ü.jpg",a,real,,train,p1,1,1')
    assert index(root)[0].path == root / 'a, "b" ü.jpg'


def test_no_picture_is_opened_nor_missed(write):
    assert len(index(write(*ROWS))) == 4  # none of the four files is there


MISMATCHES = {
    "unknown kind": ("x.jpg,a,fake,morph,train,g,1,1", "index.csv:6: unknown kind 'morph'", "swap"),
    "unknown split": ("x.jpg,a,fake,swap,dev,g,1,1", "index.csv:6: unknown split 'dev'", "train, val, test"),
    "two splits": (
        "x.jpg,a,real,,val,p1,1,1",
        "index.csv:6: group 'p1' of a stands in two splits",
        "one split",
    ),
    "short row": ("x.jpg,a,real,,train", "index.csv:6: too few fields", "path, source, label"),
}


@pytest.mark.parametrize(("row", "message", "hint"), MISMATCHES.values(), ids=MISMATCHES.keys())
def test_a_wrong_row_is_named(write, row, message, hint):
    with pytest.raises(LayoutMismatch) as caught:
        index(write(*ROWS, row))
    assert message in str(caught.value)
    assert hint in caught.value.hint


@pytest.mark.parametrize("column", ["path", "source", "label", "kind", "split", "group"])
def test_a_missing_column_is_named(write, column):
    with pytest.raises(LayoutMismatch, match=f"lacks the columns {column}: its columns are "):
        index(write(header=HEADER.replace(column, "else")))


def test_the_same_group_name_in_two_sources_are_two_groups(write):
    assert len(index(write("x.jpg,a,real,,train,g,1,1", "y.jpg,b,real,,val,g,1,1"))) == 2


def test_a_folder_without_index_is_no_such_data_set(tmp_path):
    with pytest.raises(LayoutMismatch, match=r"no index\.csv in") as caught:
        index(tmp_path)
    assert "index.csv" in caught.value.hint


@pytest.mark.parametrize("content", ["", "path,source,label,kind,split,grüp\n".encode("latin-1")])
def test_an_index_that_is_no_table(tmp_path, content):
    (tmp_path / "index.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(LayoutMismatch, match=r"index\.csv"):
        index(tmp_path)


# source: (real, fake, neither) in train, then in val; counted from index.csv once, without the code under test
DATA = {
    "amfd": ((181, 0, 0), (19, 0, 0)),
    "ciplab": ((703, 618, 0), (113, 98, 0)),
    "content": ((0, 0, 1364), (0, 0, 187)),
    "dfdc": ((4783, 4783, 0), (817, 817, 0)),
    "faceswap3d_lfw": ((450, 450, 0), (0, 0, 0)),
    "lfw": ((875, 0, 0), (125, 0, 0)),
    "pixabay": ((751, 0, 0), (109, 0, 0)),
    "prajnasb": ((275, 0, 0), (45, 0, 0)),
    "scut": ((783, 0, 0), (117, 0, 0)),
    "sdxl": ((0, 648, 0), (0, 120, 0)),
    "stylegan1_ffhq": ((720, 745, 0), (162, 122, 0)),
    "stylegan2_sfhq": ((0, 362, 0), (0, 63, 0)),
}


@pytest.fixture(scope="module")
def samples(data):
    return index(data)


def test_our_data_are_all_there(samples):
    counts = Counter((s.source, s.split, s.label) for s in samples)
    table = {
        source: tuple(
            tuple(counts[source, split, label] for label in (0, 1, None)) for split in ("train", "val")
        )
        for source in sorted({s.source for s in samples})
    }
    assert table == DATA
    assert len(samples) == sum(map(sum, (part for both in DATA.values() for part in both)))


def test_no_group_of_our_data_stands_in_two_splits(samples):
    splits = {}
    for sample in samples:
        splits.setdefault((sample.source, sample.group), set()).add(sample.split)
    assert not [group for group, found in splits.items() if len(found) > 1]


def test_kinds_of_our_data(samples):
    kinds = {(s.source, s.kind) for s in samples if s.label == 1}
    assert kinds == {
        ("ciplab", "retouch"), ("dfdc", "swap"), ("faceswap3d_lfw", "swap"), ("sdxl", "generated"),
        ("stylegan1_ffhq", "generated"), ("stylegan2_sfhq", "generated"),
    }  # fmt: skip
    assert not [s for s in samples if s.label != 1 and s.kind is not None]


def test_pictures_of_our_data_are_where_the_index_says(data, samples):
    for sample in samples[::500]:
        assert sample.path.is_file(), sample.path


def test_the_layout_agrees_with_the_csv_line_by_line(data, samples):
    with (data / "index.csv").open(newline="", encoding="utf-8") as stream:
        for row, sample in zip(csv.DictReader(stream), samples, strict=True):
            assert (data / row["path"], row["group"], row["split"]) == (
                sample.path,
                sample.group,
                sample.split,
            )
