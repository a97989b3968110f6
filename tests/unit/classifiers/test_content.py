"""What a picture shows, and how a report says it."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import fakeweb
from fakeweb.classifiers import ContentClassifier
from fakeweb.classifiers.content import to_square
from fakeweb.errors import ModelCorrupt, ModelIncompatible
from fakeweb.media import read_image
from fakeweb.runtime import find_card, read_card
from fakeweb.scanner.decide import explained
from fakeweb.types import CONTENTS, Content, Image, Report, Thresholds, Verdict

NO_FACE = Verdict("no_face", reasons=("no face found; small, turned or covered faces may be missed",))


@pytest.fixture(scope="module")
def model():
    return ContentClassifier()


def said(label, **p):
    return Content(label, {name: p.get(name, 0.0) for name in CONTENTS}, "content@1")


class TestLook:
    @pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (3, 2), (127, 129), (2000, 1500)])
    def test_any_size_is_answered(self, model, shape):
        content = model.look(Image(np.zeros((*shape, 3), np.uint8)))
        assert content.label in (*CONTENTS, "uncertain")
        assert sum(content.p.values()) == pytest.approx(1)

    @pytest.mark.parametrize("name", ["group", "portrait"])
    def test_people_are_people(self, model, name):
        picture = Path(fakeweb.__file__).parent / "examples" / f"{name}.jpg"
        assert model.look(read_image(picture).image).label == "person"

    def test_a_page_of_text_shows_nothing_of_these(self, model):
        page = np.full((600, 800, 3), 250, np.uint8)
        for y in range(40, 600, 30):
            cv2.putText(page, "All that is told is told in letters", (30, y), 0, 0.9, (20, 20, 20), 2)
        assert model.look(Image(page)).label in ("other", "uncertain")

    def test_it_is_the_same_again(self, model, portrait):
        assert model.look(portrait) == model.look(portrait)

    def test_other_models_are_refused(self):
        with pytest.raises(ModelIncompatible, match="is a classifier, not a content classifier"):
            ContentClassifier("fast")


class TestCard:
    @pytest.mark.parametrize(
        ("key", "value", "words"),
        [("classes", ["animal", "fish"], "distinct names"), ("temperature", 0, "temperature"),
         ("least_p", 1.0, "least_p"), ("least_p", None, "finite")],
    )  # fmt: skip
    def test_what_is_wrong_is_told(self, tmp_path, key, value, words):
        card = find_card("content").to_dict()
        card["content"][key] = value
        path = tmp_path / "content.json"
        path.write_text(json.dumps(card))
        with pytest.raises(ModelCorrupt, match=words):
            read_card(path)

    def test_a_lower_temperature_is_surer(self):
        card = find_card("content")
        p, surer = (
            replace(card, temperature=t).probabilities(np.array([1.0, 0.0, 0.0, 0.0])) for t in (1.0, 0.5)
        )
        assert max(surer.values()) > max(p.values())


class TestSquare:
    def test_the_whole_picture_is_shown(self):
        half = np.zeros((100, 1000, 3), np.uint8)
        half[:, 500:] = 255
        square = to_square(half, 64)
        assert square.shape == (64, 64, 3)
        assert (square[:, :30].max(), square[:, 34:].min()) == (0, 255)


class TestExplained:
    def test_an_animal_explains_that_there_is_no_face(self):
        verdict = explained(NO_FACE, said("animal", animal=1.0))
        assert verdict.reasons == ("this looks like an animal", *NO_FACE.reasons)

    @pytest.mark.parametrize("label", ["uncertain", "other"])
    def test_where_it_tells_nothing_nothing_is_added(self, label):
        assert explained(NO_FACE, said(label, animal=0.1, other=0.9)) == NO_FACE

    def test_it_is_no_vote(self):
        verdict = Verdict("real", 0.1)
        assert explained(verdict, said("animal", animal=1.0)) == verdict


class TestReport:
    def report(self, content):
        limits = Thresholds(0.4, 0.6)
        return Report("a.png", NO_FACE, 6, 4, (), limits, "haar", (), "0" * 64, content=content)

    def test_it_is_read_back(self):
        report = self.report(said("vehicle", vehicle=0.9, other=0.1))
        assert Report.from_dict(report.to_dict()).content == report.content

    def test_of_version_2_0_none_is_read(self):
        data = {**self.report(None).to_dict(), "schema_version": "2.0"}
        assert Report.from_dict(data).content is None

    def test_its_form_is_numbered_for_readers_of_2_0(self):
        assert self.report(said("other", other=1.0)).to_dict()["content"]["version"] == 1

    @pytest.mark.parametrize("p", [{"fish": 1.0}, {"animal": 0.5}, {"animal": 1.5}])
    def test_what_is_wrong_is_refused(self, p):
        with pytest.raises(ValueError, match=r"Content\.p"):
            Content("animal", p, "content@1")
