"""From scores to verdicts."""

from dataclasses import replace

import pytest

from fakeweb.faces import Quality
from fakeweb.scanner.decide import cautions_of, decide_face, decide_picture, too_small, with_cautions
from fakeweb.types import Face, FaceResult, Score, Thresholds, Verdict

ALONE = Thresholds(real=0.3, fake=0.7)
USER = Thresholds(real=0.5, fake=0.5, source="user")

FACES = [
    (ALONE, 0.0, "real"),
    (ALONE, 0.3, "real"),
    (ALONE, 0.3001, "uncertain"),
    (ALONE, 0.6999, "uncertain"),
    (ALONE, 0.7, "fake"),
    (ALONE, 1.0, "fake"),
    (USER, 0.4999, "real"),
    (USER, 0.5, "fake"),
]


@pytest.mark.parametrize(("thresholds", "p_fake", "label"), FACES)
def test_one_face(thresholds, p_fake, label):
    verdict = decide_face(Score(p_fake, 0.0, "m@1"), thresholds)
    assert (verdict.label, verdict.p_fake) == (label, p_fake)
    assert bool(verdict.reasons) == (label == "uncertain"), "who is uncertain says why"


@pytest.mark.parametrize(("width", "small"), [(19.99, True), (20.0, False), (400, False)])
def test_too_small_goes_by_the_width(width, small):
    verdict = too_small(Face((5, 0, 5 + width, 100)), 20.0)
    assert (verdict is not None) == small
    if small:
        assert (verdict.label, verdict.p_fake) == ("uncertain", None)
        assert "too small to judge: 20 px wide, 20 px needed" in verdict.reasons[0]


FINE = Quality(
    length_px=200.0, sharpness=5.0, brightness=120.0, lit=1.0, yaw_deg=10.0, inside=1.0, blocks=1.0
)
FACE = Face((0, 0, 200, 200))
HARD = [
    ({"sharpness": 2.0}, "too blurred"),
    ({"brightness": 20.0}, "too dark"),
    ({"lit": 0.3}, "black or white"),
    ({"yaw_deg": 75.0}, "turned too far"),
    ({"inside": 0.4}, "outside the picture"),
]
SOFT = [
    ({"sharpness": 2.8}, "blurred"),
    ({"brightness": 40.0}, "dark"),
    ({"lit": 0.7}, "harsh light"),
    ({"yaw_deg": 50.0}, "turned to the side by 50 degrees"),
    ({"inside": 0.7}, "border"),
    ({"length_px": 60.0}, "low resolution: 60 px"),
    ({"blocks": 2.0}, "strongly compressed"),
]


def cautioned(label, p_fake, **changes):
    return with_cautions(Verdict(label, p_fake), cautions_of(FACE, replace(FINE, **changes)))


@pytest.mark.parametrize("label", ["real", "fake"])
def test_a_face_well_seen_needs_no_caution(label):
    assert cautioned(label, 0.6) == Verdict(label, 0.6)
    assert cautioned(label, 0.6, yaw_deg=float("nan")) == Verdict(label, 0.6), "without a mesh"


@pytest.mark.parametrize("label", ["real", "fake", "uncertain"])
@pytest.mark.parametrize(("changes", "words"), HARD)
def test_nobody_is_judged_who_cannot_be_seen(label, changes, words):
    verdict = cautioned(label, 0.6, **changes)
    assert (verdict.label, verdict.p_fake) == ("uncertain", 0.6)
    assert words in verdict.reasons[0]


@pytest.mark.parametrize(("changes", "words"), SOFT)
def test_what_makes_it_harder_is_said_and_changes_nothing(changes, words):
    verdict = cautioned("fake", 0.9, **changes)
    assert verdict.label == "fake"
    (reason,) = verdict.reasons
    assert words in reason


def test_what_forbids_a_verdict_is_said_first():
    reasons = cautioned("fake", 0.9, sharpness=2.8, brightness=20.0, blocks=2.0).reasons
    assert [r.split(" ")[0] for r in reasons] == ["too", "blurred", "strongly"]


def test_a_face_hardly_made_out_is_said_to_be_perhaps_covered():
    covered = Face((0, 0, 200, 200), presence=0.3)
    (caution,) = cautions_of(covered, FINE)
    assert "covered" in caution.words
    assert not caution.forbids


def result(spec):
    """'fake 0.9' -> a face with that verdict; '-' -> a face that could not be judged."""
    if spec == "-":
        return FaceResult(Face((0, 0, 9, 9)), Verdict("uncertain", None, ("too small",)))
    label, p = spec.split()
    return FaceResult(Face((0, 0, 99, 99)), Verdict(label, float(p)))


PICTURES = {
    "nobody": ([], "no_face", None, "no face found"),
    "one real": (["real 0.1"], "real", 0.1, None),
    "one fake": (["fake 0.9"], "fake", 0.9, None),
    "one uncertain": (["uncertain 0.5"], "uncertain", 0.5, None),
    "one fake among real": (["real 0.1", "fake 0.9", "real 0.2"], "fake", 0.9, None),
    "fake beats uncertain": (["uncertain 0.6", "fake 0.9"], "fake", 0.9, None),
    "uncertain beats real": (["real 0.1", "uncertain 0.4"], "uncertain", 0.4, None),
    "the most suspicious": (["real 0.1", "real 0.25", "real 0.2"], "real", 0.25, None),
    "certainly real": (["real 0.0"], "real", 0.0, None),
    "none judged": (["-", "-"], "uncertain", None, "no face could be judged"),
    "the only one not judged": (["-"], "uncertain", None, "too small"),
    "real and not judged": (["real 0.1", "-"], "real", 0.1, "1 of 2 faces could not be judged"),
    "fake and not judged": (["-", "-", "fake 0.9"], "fake", 0.9, "2 of 3 faces could not be judged"),
}


@pytest.mark.parametrize(("specs", "label", "p_fake", "reason"), PICTURES.values(), ids=PICTURES.keys())
@pytest.mark.parametrize("turn", [1, -1], ids=["", "reversed"])
def test_a_picture(specs, label, p_fake, reason, turn):
    verdict = decide_picture([result(s) for s in specs][::turn])
    assert (verdict.label, verdict.p_fake) == (label, p_fake)
    if reason is None:
        assert verdict.reasons == ()
    else:
        assert reason in verdict.reasons[0]
