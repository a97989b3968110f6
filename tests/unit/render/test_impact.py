"""Impact grows with probability and reach; viewers are warned of what was found, and of nothing else."""

import math

import pytest

from fakeweb.render.impact import Reach, impact, leading_kind, viewer_warnings
from fakeweb.types import Face, FaceResult, Report, Score, Thresholds, Verdict

LEVELS = (1.5, 3.0, 4.5)


def judge(p, **reach):
    return impact(p, Reach(**reach), levels=LEVELS, follower_share=0.1)


@pytest.mark.parametrize(
    ("p", "reach", "score", "level"),
    [
        (1.0, {"views": 9}, 1.0, "low"),
        (1.0, {"views": 999}, 3.0, "high"),
        (0.5, {"views": 999}, 1.5, "moderate"),
        (1.0, {"views": 10**6 - 1}, 6.0, "critical"),
        (0.9, {"followers": 99_990}, 0.9 * 4, "high"),
        (1.0, {"views": 500, "followers": 100, "engagement_rate": 0.998}, 3.0, "high"),
        (0.0, {"views": 10**9}, 0.0, "low"),
        (0.9, {"views": 0}, 0.0, "low"),
    ],
)
def test_probability_times_log_reach(p, reach, score, level):
    found = judge(p, **reach)
    assert found.score == pytest.approx(score, abs=1e-3)
    assert found.level == level


def test_more_of_anything_is_never_less():
    base = judge(0.6, views=1000, followers=50_000, engagement_rate=0.1)
    for more in (
        judge(0.7, views=1000, followers=50_000, engagement_rate=0.1),
        judge(0.6, views=9000, followers=50_000, engagement_rate=0.1),
        judge(0.6, views=1000, followers=90_000, engagement_rate=0.1),
        judge(0.6, views=1000, followers=50_000, engagement_rate=0.2),
    ):
        assert more.score > base.score


def test_without_reach_or_score_there_is_none():
    assert judge(0.9) is None
    assert judge(0.9, engagement_rate=0.5) is None
    assert judge(None, views=10) is None


def report(*faces, label="fake"):
    results = tuple(
        FaceResult(
            Face((0, 0, 9, 9)),
            Verdict(name, p),
            Score(p, math.log(p / (1 - p)), "m@1", None if kind is None else {kind: 1.0}),
        )
        for name, p, kind in faces
    )
    t = Thresholds(0.3, 0.8)
    p = max((r.verdict.p_fake for r in results), default=0.9 if label == "fake" else None)
    return Report("a", Verdict(label, p), 9, 9, results, t, "haar", ("m@1",), "0" * 64)


def test_one_warning_per_kind_names_its_faces():
    warnings = viewer_warnings(
        report(
            ("fake", 0.9, "retouch"), ("fake", 0.95, "swap"), ("real", 0.1, "swap"), ("fake", 0.85, "swap")
        )
    )
    assert [(w.kind, w.faces) for w in warnings] == [("swap", (2, 4)), ("retouch", (1,))]
    assert all("can be wrong" in w.text for w in warnings)
    assert warnings[0].text != warnings[1].text


def test_nobody_is_warned_of_doubts():
    assert viewer_warnings(report(("uncertain", 0.6, "swap"), label="uncertain")) == ()
    assert viewer_warnings(report(("real", 0.1, "swap"), label="real")) == ()


def test_a_fake_of_unknown_kind_is_still_told():
    assert [w.kind for w in viewer_warnings(report(("fake", 0.9, None)))] == ["unknown"]
    assert [w.kind for w in viewer_warnings(report(label="fake"))] == ["unknown"]


def test_the_leading_kind_is_that_of_the_worst_face():
    assert leading_kind(report(("fake", 0.9, "retouch"), ("fake", 0.95, "swap"))) == "swap"
    assert leading_kind(report(("real", 0.1, "swap"), label="real")) is None
