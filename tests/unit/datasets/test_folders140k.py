"""140k real and fake faces: their CSV files say 1 = real."""

import pytest

from fakeweb.datasets.folders140k import Folders140kLayout
from fakeweb.errors import LayoutMismatch

HEADER = ",original_path,id,label,label_str,path"
NAMES = ("train/real/31355.jpg", "train/fake/0A4OZDRXJ5.jpg", "valid/real/2.jpg", "test/fake/ZZ.jpg")
WANT = {
    "test/fake/ZZ.jpg": (1, "generated", "test", "test/fake/ZZ"),
    "train/fake/0A4OZDRXJ5.jpg": (1, "generated", "train", "train/fake/0A4OZDRXJ5"),
    "train/real/31355.jpg": (0, None, "train", "train/real/31355"),
    "valid/real/2.jpg": (0, None, "val", "valid/real/2"),
}


def table(*names, end="\n"):
    rows = [f"{i},/kaggle/x.jpg,x,{int('real' in n)},{n.split('/')[1]},{n}" for i, n in enumerate(names)]
    return end.join([HEADER, *rows, ""])


TABLES = {f"{s}.csv": table(*(n for n in NAMES if n.startswith(s))) for s in ("train", "valid", "test")}


@pytest.mark.parametrize("base", ["", "real-vs-fake/", "real_vs_fake/real-vs-fake/"])
@pytest.mark.parametrize("tables", [TABLES, {}], ids=["csv", "folders"])
def test_with_and_without_the_csv_files(tree, indexed, base, tables):
    layout = Folders140kLayout()
    found = indexed(layout, tree(tables, *(base + n for n in NAMES)))
    assert found == {base + n: want for n, want in WANT.items()}
    assert layout.problems == []


def test_windows_wrote_the_csv(tree, indexed):
    tables = {name: text.replace("/", "\\").replace("\n", "\r\n") for name, text in TABLES.items()}
    assert indexed(Folders140kLayout(), tree(tables, *NAMES)) == WANT


def test_the_csv_decides_what_belongs(tree, indexed):
    root = tree(TABLES | {"train.csv": table(NAMES[0], "train/real/9.jpg")}, *NAMES, "extra.jpg")
    layout = Folders140kLayout()
    assert indexed(layout, root) == {n: w for n, w in WANT.items() if "0A4" not in n}
    assert layout.problems == [
        "in no folder like train/real: extra.jpg",
        "not named in the CSV file of its split: train/fake/0A4OZDRXJ5.jpg",
        "named in a CSV file, but not on disk: train/real/9.jpg",
    ]


def test_absent_splits_are_told(tree, indexed):
    layout = Folders140kLayout()
    assert len(indexed(layout, tree(TABLES, "train/real/31355.jpg"))) == 1
    assert "splits without a picture: test, valid" in layout.problems


@pytest.mark.parametrize(
    "row",
    [
        "0,x,1,0,real,train/real/31355.jpg",  # somebody read 1 as fake
        "0,x,1,1,fake,train/real/31355.jpg",
        "0,x,1,1,real,train/fake/31355.jpg",
        "0,x,1,1,real,test/real/31355.jpg",
        "0,x,1,2,real,train/real/31355.jpg",
        "0,x,1,1,real,31355.jpg",
    ],
)
def test_rows_that_contradict_themselves_are_refused(tree, row):
    root = tree(TABLES | {"train.csv": f"{HEADER}\n{row}\n"}, *NAMES)
    with pytest.raises(LayoutMismatch, match=r"train\.csv:2: .* disagree") as caught:
        list(Folders140kLayout().index(root))
    assert "1 = real" in caught.value.hint


def test_a_broken_csv_is_refused(tree):
    with pytest.raises(LayoutMismatch, match=r"valid\.csv lacks the columns path"):
        list(Folders140kLayout().index(tree(TABLES | {"valid.csv": "id,label\n"}, *NAMES)))
