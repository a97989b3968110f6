"""A picture without a face: command line, service, page to hand on and demo say the same of what it shows."""

import json

import pytest

from fakeweb.demo.words import to_html
from fakeweb.render import to_text
from fakeweb.render.report_words import About, explain
from fakeweb.types import Report

ANIMAL = "this looks like an animal"


@pytest.fixture(scope="session")
def animal(data):
    """A labelled picture of an animal; none is kept here."""
    return (data / "content" / "animal" / "00009.jpg").read_bytes()


def test_all_say_the_same(cli, api, tmp_path, animal):
    path = tmp_path / "picture.jpg"
    path.write_bytes(animal)
    told = json.loads(cli("scan", path, "--json").out)
    served = api.post("/v1/predict", content=animal).json()["report"]
    assert told["verdict"]["label"] == "no_face"
    assert told["verdict"]["reasons"][0] == ANIMAL
    assert (served["verdict"], served["content"]) == (told["verdict"], told["content"])
    report = Report.from_dict(told)
    assert f"  {ANIMAL}" in to_text(report)
    assert ANIMAL in to_html(report)
    assert "This looks like an animal." in explain(report, About("1.0"))
    page = tmp_path / "page.html"
    cli("scan", path, "--html", page)
    assert "This looks like an animal." in page.read_text("utf-8")


def test_the_verdict_on_a_portrait_does_not_rest_on_it(api, jpeg):
    report = api.post("/v1/predict", content=jpeg).json()["report"]
    assert sum(report["content"]["p"].values()) == pytest.approx(1)
    assert (report["verdict"]["label"], report["verdict"]["reasons"]) == ("real", [])
