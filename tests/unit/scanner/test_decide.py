"""From scores to verdicts."""

import pytest

from fakeweb.scanner.decide import decide_face, decide_picture, too_small
from fakeweb.types import Face, FaceResult, Score, Thresholds, Verdict

ALONE = Thresholds(real=0.3, fake=0.7, picture_fake=0.7)
CROWD = Thresholds(real=0.3, fake=0.7, picture_fake=0.9)
USER = Thresholds(real=0.5, fake=0.5, picture_fake=0.5, source="user")

FACES = [
    (ALONE, 0.0, "real"),
    (ALONE, 0.3, "real"),
    (ALONE, 0.3001, "uncertain"),
    (ALONE, 0.6999, "uncertain"),
    (ALONE, 0.7, "fake"),
    (ALONE, 1.0, "fake"),
    (CROWD, 0.3, "real"),
    (CROWD, 0.69, "uncertain"),
    (CROWD, 0.7, "uncertain"),
    (CROWD, 0.8999, "uncertain"),
    (CROWD, 0.9, "fake"),
    (USER, 0.4999, "real"),
    (USER, 0.5, "fake"),
]


@pytest.mark.parametrize(("thresholds", "p_fake", "label"), FACES)
def test_one_face(thresholds, p_fake, label):
    verdict = decide_face(Score(p_fake, 0.0, "m@1"), thresholds)
    assert (verdict.label, verdict.p_fake) == (label, p_fake)
    assert bool(verdict.reasons) == (label == "uncertain"), "who is uncertain says why"


def test_a_crowd_is_named_as_the_reason():
    (reason,) = decide_face(Score(0.8, 0, "m@1"), CROWD).reasons
    assert "many faces" in reason
    (reason,) = decide_face(Score(0.5, 0, "m@1"), CROWD).reasons
    assert "many faces" not in reason


@pytest.mark.parametrize(("width", "small"), [(19.99, True), (20.0, False), (400, False)])
def test_too_small_goes_by_the_width(width, small):
    verdict = too_small(Face((5, 0, 5 + width, 100)), 20.0)
    assert (verdict is not None) == small
    if small:
        assert (verdict.label, verdict.p_fake) == ("uncertain", None)
        assert "too small to judge: 20 px wide, 20 px needed" in verdict.reasons[0]


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
