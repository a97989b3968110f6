"""A plain CSV file of one's own."""

import pytest

from fakeweb.datasets import Sample, guess_layout, split_of_group
from fakeweb.datasets.csv_index import CsvLayout
from fakeweb.errors import LayoutMismatch


def by_hash(group, source="data"):
    return split_of_group(source, group), group, source


def test_path_and_label_suffice(tree):
    root = tree({"my.csv": "path,label\nb/2.jpg,fake\nb/1.jpg,REAL\nc.mp4,1\nd.png,0\n"},
                "b/1.jpg", "b/2.jpg", "c.mp4", "d.png", "unlisted.jpg")  # fmt: skip
    want = [
        Sample(root / "b/2.jpg", 1, None, *by_hash("b/2")),
        Sample(root / "b/1.jpg", 0, None, *by_hash("b/1")),
        Sample(root / "c.mp4", 1, None, *by_hash("c")),
        Sample(root / "d.png", 0, None, *by_hash("d")),
    ]
    assert list(CsvLayout().index(root)) == want
    assert list(CsvLayout().index(root / "my.csv")) == want


def test_every_column(tree):
    text = "mask,source,group,split,kind,label,path,remark\nm.png,s,g,Validation,Swap,fake,a.jpg,?\n,,,,,0,b.jpg,\n"
    root = tree({"my.CSV": text}, "a.jpg", "b.jpg", "m.png")
    assert list(CsvLayout().index(root)) == [
        Sample(root / "a.jpg", 1, "swap", "val", "g", "s", root / "m.png"),
        Sample(root / "b.jpg", 0, None, *by_hash("b")),
    ]


def test_a_group_takes_the_split_that_any_of_its_rows_names(tree):
    rows = [
        "path,label,split,group",
        *(f"{n}.jpg,real,{'test' if n == 3 else ''},g" for n in range(5)),
        "9.jpg,0,,h",
    ]
    root = tree({"my.csv": "\n".join(rows)}, *(f"{n}.jpg" for n in range(10)))
    assert [s.split for s in CsvLayout().index(root)] == ["test"] * 5 + [split_of_group("data", "h")]


def test_windows_wrote_it(tree):
    root = tree({"my.csv": "\ufeffpath,label,mask\r\nb\\1.JPG,fake,m\\1.png\r\n"}, "b/1.JPG", "m/1.png")
    assert list(CsvLayout().index(root)) == [
        Sample(root / "b/1.JPG", 1, None, *by_hash("b/1"), root / "m/1.png")
    ]


def test_files_that_are_not_there_are_told(tree):
    text = "path,label,mask\na.jpg,0,\nb.jpg,0,\nc.jpg,1,m.png\n"
    root = tree({"my.csv": text}, "a.jpg", "c.jpg")
    layout = CsvLayout()
    assert [(s.path.name, s.mask) for s in layout.index(root)] == [("a.jpg", None), ("c.jpg", None)]
    assert layout.problems == [
        "masks that are not on disk: m.png",
        "named in the CSV file, but not on disk: b.jpg",
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.jpg,maybe,,,", "my.csv:3: unknown label 'maybe'"),
        ("a.jpg,2,,,", "my.csv:3: unknown label '2'"),
        ("a.jpg,fake,morph,,", "my.csv:3: unknown kind 'morph'"),
        ("a.jpg,real,swap,,", "my.csv:3: unknown kind 'swap'"),
        ("a.jpg,real,,dev,", "my.csv:3: unknown split 'dev'"),
        (",real,,,", "my.csv:3: unknown path ''"),
        ("a.jpg", "my.csv:3: too few fields"),
        ("b.jpg,real,,val,g", "my.csv:3: group 'g' of data stands in two splits"),
    ],
)
def test_a_wrong_row_is_named(tree, row, message):
    root = tree({"my.csv": f"path,label,kind,split,group\na.jpg,0,,train,g\n{row}\n"}, "a.jpg", "b.jpg")
    with pytest.raises(LayoutMismatch) as caught:
        list(CsvLayout().index(root))
    assert message in str(caught.value)
    assert caught.value.hint


def test_which_of_two_files_is_not_guessed(tree):
    root = tree({"a.csv": "path,label\n", "b.csv": "path,label\n", "._c.csv": "?"})
    with pytest.raises(LayoutMismatch, match=r"holds 2 CSV files: a\.csv, b\.csv"):
        list(CsvLayout().index(root))


@pytest.mark.parametrize("files", [(), ({"my.csv": "path,label\n"},), ({"my.csv": "path,label\na.jpg,0\n"},)])
def test_nothing_usable(tree, files):
    with pytest.raises(LayoutMismatch, match="no csv data set"):
        list(CsvLayout().index(tree(*files)))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "lacks the columns path, label: it is empty"),
        ("file,label\n", "lacks the columns path: its columns are 'file', 'label'"),
        ("Datei;Klasse\na.jpg;0\n", "lacks the columns path, label: its columns are 'datei', 'klasse'"),
        ("a.jpg 0\nb.jpg 1\n", "lacks the columns path, label: its columns are 'a.jpg 0'"),
    ],
)
def test_missing_columns_are_told_beside_those_that_are_there(tree, text, found):
    with pytest.raises(LayoutMismatch) as caught:
        list(CsvLayout().index(tree({"my.csv": text}, "a.jpg")))
    assert caught.value.message.endswith(f"my.csv {found}")
    assert "needs path, label" in caught.value.hint


SPELLINGS = {
    "semicolons": "path;label\na,1.jpg;fake\nb.jpg;real\n",
    "tabs": "path\tlabel\na,1.jpg\tfake\nb.jpg\treal\n",
    "capitals": 'Path,LABEL\n"a,1.jpg",Fake\nb.jpg,REAL\n',
    "spaces": " path ; label \na,1.jpg; fake\nb.jpg;real \n",
    "byte order mark": "\ufeffpath;label\r\na,1.jpg;fake\r\nb.jpg;real\r\n",
    "quotes": '"Path";"Label"\n"a,1.jpg";"1"\n"b.jpg";"0"\n',
    "told to Excel": "sep=;\npath;label\na,1.jpg;fake\nb.jpg;real\n",
    "another order": "label;note, or none;path\nfake;x;a,1.jpg\nreal;;b.jpg\n",
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
def test_lists_as_people_write_them(tree, text):
    root = tree({"my.csv": text}, "a,1.jpg", "b.jpg")
    assert [(s.path.name, s.label) for s in CsvLayout().index(root)] == [("a,1.jpg", 1), ("b.jpg", 0)]


@pytest.mark.parametrize("name", ["my.csv", "my.tsv"])
def test_a_table_as_excel_calls_unicode_text(tree, name):
    root = tree({name: "Path\tLabel\r\nä.jpg\tfake\r\n".encode("utf-16")}, "ä.jpg")
    for place in (root, root / name):
        assert [(s.path.name, s.label) for s in CsvLayout().index(place)] == [("ä.jpg", 1)]
    assert guess_layout(root) == "csv"


def test_another_encoding_is_told_with_what_to_do(tree):
    root = tree({"my.csv": "path,label\nä.jpg,fake\n".encode("latin-1")})
    with pytest.raises(LayoutMismatch, match=r"my\.csv:2: not text in UTF-8") as caught:
        list(CsvLayout().index(root))
    assert "save it as UTF-8" in caught.value.hint


def test_lines_are_counted_behind_what_is_told_to_excel(tree):
    root = tree({"my.csv": "sep=;\npath;label\na.jpg;fake\nb.jpg;maybe\n"}, "a.jpg")
    with pytest.raises(LayoutMismatch, match=r"my\.csv:4: unknown label 'maybe'"):
        list(CsvLayout().index(root))
