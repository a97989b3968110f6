"""The pictures that page and demo offer to try are answered as these say."""

from pathlib import Path

import pytest

import fakeweb

EXAMPLES = Path(fakeweb.__file__).parent / "examples"
SAID = {
    "portrait.jpg": ("real", 0),
    "swapped.jpg": ("fake", 1),
    "beautified.jpg": ("fake", 1),
    "group.jpg": ("fake", 1),
    "repainted.jpg": ("real", 0),  # a forgery that goes unnoticed, offered under "Where it fails"
}


@pytest.fixture(scope="module")
def scanner():
    return fakeweb.Scanner()


@pytest.mark.parametrize("name", SAID)
def test_an_example_is_answered_as_page_and_demo_say(scanner, name):
    report = scanner.scan(EXAMPLES / name)
    assert (report.verdict.label, report.count("fake")) == SAID[name]
    assert len(report.faces) == (6 if name == "group.jpg" else 1)


def test_every_example_is_named():
    assert {path.name for path in EXAMPLES.glob("*.jpg")} == set(SAID)
