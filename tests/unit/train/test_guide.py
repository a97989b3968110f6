"""The guide says what the code does: every recipe key with its default. Needs no torch."""

import dataclasses
import re
import tomllib
import typing
from pathlib import Path

import pytest

from fakeweb import registry
from fakeweb.train.calibrate import MIN_LOGITS
from fakeweb.train.recipe import Recipe
from fakeweb.types import KINDS

GUIDE = Path(__file__).parents[3] / "docs" / "guide" / "train.md"
TEXT = GUIDE.read_text(encoding="utf-8")


def defaults(cls=Recipe, prefix=""):
    """Every key of a recipe with its default, None where it is required."""
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        if dataclasses.is_dataclass(hints[field.name]):
            yield from defaults(hints[field.name], f"{prefix}{field.name}.")
        elif field.default is not dataclasses.MISSING:
            yield prefix + field.name, field.default
        elif field.default_factory is not dataclasses.MISSING:
            yield prefix + field.name, field.default_factory()
        else:
            yield prefix + field.name, None


def test_the_table_holds_every_key_in_order_with_its_default():
    section = TEXT[TEXT.index("## Recipe") :]
    rows = re.findall(r"^\| `([a-z0-9_.]+)` \| (?:`([^`]+)`|required) \| \S", section, re.MULTILINE)
    told = [(key, tomllib.loads(f"x = {value}")["x"] if value else None) for key, value in rows]
    assert told == [(key, list(v) if isinstance(v, tuple) else v) for key, v in defaults()]


LABELS = {
    "real": 0,
    "original": 0,
    "0_real": 0,
    "fake": 1,
    "manipulated": 1,
    "1_fake": 1,
    **dict.fromkeys(KINDS, 1),
}


@pytest.mark.parametrize("folder", LABELS)
def test_folder_names_in_the_guide_give_their_label(folder, tmp_path):
    assert f"`{folder}`" in TEXT
    (tmp_path / "web" / "val" / folder / "person").mkdir(parents=True)
    (tmp_path / "web" / "val" / folder / "person" / "a.jpg").touch()
    (sample,) = registry.load("layout", "folders")().index(tmp_path)
    assert (sample.label, sample.split, sample.source) == (LABELS[folder], "val", "web")
    assert sample.kind == (folder if folder in KINDS else None)


def test_the_index_in_the_guide_is_one(tmp_path):
    (example,) = re.findall(r"```\n(path,.*?)```", TEXT, re.DOTALL)
    (tmp_path / "index.csv").write_text(example)
    samples = list(registry.load("layout", "index")().index(tmp_path))
    assert [(s.label, s.kind, s.split, s.group) for s in samples] == [
        (0, None, "train", "person-17"),
        (1, "swap", "train", "person-17"),
    ]


def test_the_number_of_faces_in_the_guide_is_the_one_asked_for():
    assert f"Groups A need {MIN_LOGITS // 2} real and {MIN_LOGITS // 2} fake faces" in TEXT


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (GUIDE.parent / target).is_file(), target
