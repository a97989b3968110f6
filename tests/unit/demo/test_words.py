"""What the demo says; needs no Gradio."""

from dataclasses import replace

import pytest

from fakeweb.demo import run
from fakeweb.demo.examples import PICTURES, examples
from fakeweb.demo.words import headline, to_html
from fakeweb.types import Face, FaceResult, Neighbours, Rarity, Report, Score, Thresholds, Verdict


def report(*labels_and_p, label, source="model", reasons=()):
    faces = tuple(
        FaceResult(
            Face((10, 10, 50, 60)),
            Verdict(name, p),
            None if p is None else Score(p, 0.0, "m@1", {"swap": 0.9, "retouch": 0.1}),
        )
        for name, p in labels_and_p
    )
    p = max((p for _, p in labels_and_p if p is not None), default=None)
    thresholds = Thresholds(0.3, 0.8, source)
    return Report("a.png", Verdict(label, p, reasons), 64, 64, faces, thresholds, "f", ("m@1",), "0" * 64)


def test_no_answer_claims_a_proof():
    answers = [
        report(("fake", 0.999), label="fake"),
        report(("real", 0.0), label="real"),
        report(("uncertain", 0.5), label="uncertain"),
        report(("uncertain", None), label="uncertain"),
        report(label="no_face"),
    ]
    for one in answers:
        assert "It is not proof." in to_html(one)
    assert "does not prove the picture genuine" in to_html(answers[1])
    assert "neither as real nor as manipulated" in to_html(answers[2])
    assert "suspicion 99 of 100" in to_html(answers[0])
    assert "suspicion 1 of 100" in to_html(answers[1])
    assert "suspicion" not in to_html(answers[3])


def test_faces_are_counted_and_the_kind_named():
    two = report(("fake", 0.9), ("real", 0.1), label="fake")
    assert headline(two) == "1 of 2 faces looks manipulated"
    assert to_html(two).count("swapped face") == 1


def test_the_headline_says_what_the_answer_rests_on():
    few = report(
        ("real", 0.1),
        ("uncertain", None),
        label="uncertain",
        reasons=("only 1 of 111 faces could be judged",),
    )
    assert headline(few) == "Uncertain: only 1 of 111 faces could be judged"
    assert to_html(few).count("1 of 111") == 1
    most = report(("real", 0.1), ("real", 0.1), label="real", reasons=("1 of 3 faces could not be judged",))
    assert headline(most) == "No sign of manipulation found; 1 of 3 faces could not be judged"


def test_rarity_and_neighbours_are_told_of_faces_that_are_not_called_real():
    one = report(("fake", 0.9), ("uncertain", 0.5), ("real", 0.1), label="fake")
    rarity, near = Rarity(240.0, (100.0, 900.0), 3310), Neighbours(3, 2.0, 6.0)
    faces = tuple(replace(f, rarity=rarity, neighbours=near, weighed=i < 2) for i, f in enumerate(one.faces))
    text = to_html(replace(one, faces=faces))
    assert text.count("about 1 in 240 scored as high") == 2
    assert text.count("stands out from the others") == 1
    assert text.count("does not rest on this face") == 1


def test_a_moved_line_is_told():
    assert "You moved the line" in to_html(report(("real", 0.1), label="real", source="user"))
    assert "You moved the line" not in to_html(report(("real", 0.1), label="real"))


def test_text_from_outside_is_escaped():
    odd = report(("real", 0.1), label="real", reasons=("<script>alert(1)</script>",))
    assert "<script>" not in to_html(odd)


def test_the_pictures_to_try_are_there(tmp_path):
    made = examples(tmp_path)
    assert len(made) == len(PICTURES) + 1
    assert all(path.is_file() and path.parent == tmp_path for path, _ in made)


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    from fakeweb import demo
    from fakeweb.errors import MissingExtra

    monkeypatch.setattr(demo, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match="'demo'"):
        run()


def test_what_the_file_says_stands_beside_the_score_as_text():
    evil = "<script>alert(1)</script>"
    said = {
        "version": 1,
        "signals": [{"says": "generated", "text": evil}, {"says": "technical", "text": "JPEG."}],
        "contradictions": ["a and b"],
    }
    text = to_html(replace(report(("real", 0.01), label="real"), provenance=said))
    assert (
        "<li>contradiction: a and b</li><li>&lt;script&gt;alert(1)&lt;/script&gt;</li><li>JPEG.</li>" in text
    )
    assert "no part of it" in text
    assert "<script" not in text
    assert "comes from" not in to_html(report(("real", 0.01), label="real")), "nobody looked"
