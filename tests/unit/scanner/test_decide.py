"""From what was measured to verdicts: one face, its company, the whole."""

import math
from dataclasses import replace

import pytest

from fakeweb.faces import Quality
from fakeweb.runtime import GroupNorm, Norms, RarityNorm, SmallNorm
from fakeweb.scanner.decide import Rules, Seen, cautions_of, conclude, decide_face, judge_face, too_small
from fakeweb.types import Face, Score, Thresholds

ALONE = Thresholds(real=0.3, fake=0.7)
USER = Thresholds(real=0.5, fake=0.5, source="user")
GROUP = GroupNorm(
    measured_on=300,
    middle=-1.0,
    between=0.5,
    within=1.0,
    give=(0.5, 1.0),
    lines=((2, 1.0, 0.0), (9, 2.0, 1.0), (36, 3.0, 2.0)),
    shares=(0.05, 0.3),
)
RARITY = RarityNorm(900, ((-9.0, 1.0, 1.0, 1.0), (0.0, 4.0, 2.0, 8.0), (3.0, 200.0, 40.0, 300.0)))


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def rules(thresholds=ALONE, **norms):
    return Rules(thresholds, norms=Norms(**norms), probability=sigmoid)


def seen(logit, box=(100, 100, 200, 200), **more):
    return Seen(Face(box), Score(sigmoid(logit), logit, "m@1"), **more)


def whole(seen, how):
    return conclude(seen, how)[1]


@pytest.mark.parametrize(
    ("thresholds", "p_fake", "label"),
    [
        (ALONE, 0.0, "real"),
        (ALONE, 0.3, "real"),
        (ALONE, 0.3001, "uncertain"),
        (ALONE, 0.6999, "uncertain"),
        (ALONE, 0.7, "fake"),
        (ALONE, 1.0, "fake"),
        (USER, 0.4999, "real"),
        (USER, 0.5, "fake"),
    ],
)
def test_one_face(thresholds, p_fake, label):
    verdict = decide_face(Score(p_fake, 0.0, "m@1"), Rules(thresholds))
    assert (verdict.label, verdict.p_fake) == (label, p_fake)
    assert bool(verdict.reasons) == (label == "uncertain"), "who is uncertain says why"


@pytest.mark.parametrize(("width", "small"), [(19.99, True), (20.0, False), (400, False)])
def test_too_small_goes_by_the_width(width, small):
    why = too_small(Face((5, 0, 5 + width, 100)), 20.0)
    assert (why is not None) == small


class TestCompany:
    def test_a_fake_among_nine_is_called_fake_and_says_how_it_stands_out(self):
        results, verdict = conclude([*[seen(-1.0)] * 8, seen(3.0)], rules(group=GROUP))
        assert [r.verdict.label for r in results] == ["real"] * 8 + ["fake"]
        assert results[8].verdict.reasons[0].startswith("stands out: 1 of 9; in about one of ")
        assert results[8].neighbours.judged == 9
        assert results[8].neighbours.z == pytest.approx(4.0)
        assert results[0].neighbours.one_in is None, "who does not stand out is not told how rarely one would"
        assert (verdict.label, verdict.p_fake) == ("fake", pytest.approx(sigmoid(3.0)))
        assert verdict.reasons[0] == "manipulated: face 9"

    def test_what_all_share_is_given_back(self):
        results, verdict = conclude([seen(0.6)] * 9, rules(group=GROUP))
        assert verdict.label == "real", "a camera that lifts all faces alike makes no picture suspicious"
        assert verdict.reasons == (
            "9 of 9 faces lie between real and fake, as in most genuine pictures of so many",
        )
        assert {r.verdict.label for r in results} == {"uncertain"}
        assert whole([seen(0.6)], rules(group=GROUP)).label == "uncertain"

    def test_who_stands_out_between_the_lines_makes_the_picture_uncertain(self):
        how = replace(rules(group=replace(GROUP, lines=((2, 1.0, -0.5),))))
        results, verdict = conclude([*[seen(-1.0)] * 8, seen(0.5)], how)
        assert results[8].verdict.label == "uncertain"
        assert results[8].verdict.reasons[0].startswith("stands out: 1 of 9")
        assert verdict.label == "uncertain"
        assert verdict.reasons[0].startswith("face 9 stands out: 1 of 9; in about one of ")

    def test_neighbours_never_make_a_face_real_that_is_above_the_line(self):
        results, verdict = conclude([seen(1.5)] * 9, rules(group=GROUP))
        assert {r.verdict.label for r in results} == {"uncertain"}
        assert "taken alone" in results[0].verdict.reasons[0]
        assert verdict.label == "uncertain"

    def test_a_whole_group_that_is_clearly_fake_is_called_so(self):
        assert whole([seen(4.5)] * 9, rules(group=GROUP)).label == "fake"

    def test_the_users_threshold_asks_no_neighbours(self):
        results, _ = conclude([seen(1.0)] * 9, rules(USER, group=GROUP))
        assert {r.verdict.label for r in results} == {"fake"}
        assert results[0].neighbours is None

    def test_a_face_alone_has_no_neighbours(self):
        assert judge_face(seen(1.0), None, rules(group=GROUP)).neighbours is None

    def test_who_cannot_be_judged_is_no_company(self):
        blurred = seen(5.0, cautions=tuple(cautions_of(FACE, replace(FINE, sharpness=1.0))))
        results, _ = conclude([seen(2.0), blurred], rules(group=GROUP))
        assert results[0].neighbours is None
        assert results[1].verdict.label == "uncertain"

    def test_order_does_not_matter(self):
        faces = [seen(v) for v in (-2.0, 3.0, 0.4, -0.3)]
        forth, back = conclude(faces, rules(group=GROUP)), conclude(faces[::-1], rules(group=GROUP))
        assert [r.verdict for r in forth[0]] == [r.verdict for r in back[0]][::-1]
        assert forth[1].label == back[1].label


class TestRarity:
    def test_every_judged_face_says_how_rare_it_is(self):
        rarity = judge_face(seen(0.0), None, rules(rarity=RARITY)).rarity
        assert (rarity.one_in, rarity.interval, rarity.measured_on) == (4.0, (2.0, 8.0), 900)

    def test_never_rarer_than_a_third_of_what_was_measured(self):
        rarity = judge_face(seen(50.0), None, rules(rarity=RARITY)).rarity
        assert rarity.one_in <= 300
        assert rarity.interval[1] <= 300

    def test_none_where_it_was_not_judged(self):
        printed = Seen(Face((0, 0, 9, 9), printed=0.9), Score(0.9, 2.0, "m@1"))
        assert judge_face(printed, None, replace(rules(rarity=RARITY), max_printed=0.5)).rarity is None


class TestWhole:
    def test_one_of_many_judged_is_not_called_real(self):
        small = Seen(Face((0, 0, 9, 9)), unjudged="too small to judge")
        verdict = whole([seen(-3.0), *[small] * 110], rules())
        assert verdict.label == "uncertain"
        assert verdict.reasons == ("only 1 of 111 faces could be judged",)

    def test_half_judged_and_the_largest_among_them_may_be_real(self):
        small = Seen(Face((0, 0, 9, 9)), unjudged="too small to judge")
        verdict = whole([seen(-3.0), small], rules())
        assert (verdict.label, verdict.reasons) == ("real", ("1 of 2 faces could not be judged",))

    def test_not_so_where_the_largest_could_not(self):
        large = Seen(Face((0, 0, 300, 300)), unjudged="not judged")
        verdict = whole([seen(-3.0), seen(-3.0), large], rules())
        assert (verdict.label, verdict.reasons) == ("uncertain", ("the largest face could not be judged",))

    def test_a_fake_is_a_fake_whoever_else_could_not_be_judged(self):
        small = Seen(Face((0, 0, 9, 9)), unjudged="too small to judge")
        verdict = whole([seen(3.0), small, small], rules())
        assert verdict.label == "fake"
        assert "only 1 of 3 faces could be judged" in verdict.reasons

    def test_a_bystander_cut_off_by_the_border_does_not_decide(self):
        results, verdict = conclude([seen(-3.0), seen(0.3, inside=0.55)], rules())
        assert [r.verdict.label for r in results] == ["real", "uncertain"]
        assert [r.weighed for r in results] == [True, False]
        assert verdict.label == "real"

    def test_unless_it_is_fake_or_alone_or_much_larger(self):
        fake = conclude([seen(-3.0), seen(3.0, inside=0.6)], rules())
        assert fake[1].label == "fake"
        assert fake[0][1].weighed
        assert whole([seen(0.3, inside=0.55)], rules()).label == "uncertain"
        large = seen(0.3, (0, 0, 400, 400), inside=0.55)
        assert whole([seen(-3.0), large], rules()).label == "uncertain"

    def test_nobody(self):
        verdict = whole([], rules())
        assert (verdict.label, verdict.p_fake) == ("no_face", None)
        assert "no face found" in verdict.reasons[0]

    def test_one_that_cannot_be_judged_says_why(self):
        verdict = whole([Seen(Face((0, 0, 9, 9)), unjudged="too small to judge")], rules())
        assert (verdict.label, verdict.reasons) == ("uncertain", ("too small to judge",))


class TestSmall:
    how = replace(rules(small=SmallNorm(32.0, 0.8)), least_px=32.0, full_px=48.0)

    @pytest.mark.parametrize(("width", "logit"), [(40, 1.2), (47.9, 1.2), (48, 2.0), (200, 2.0)])
    def test_small_faces_count_for_less(self, width, logit):
        score = self.how.sized(Face((0, 0, width, 60)), Score(sigmoid(2.0), 2.0, "m@1"))
        assert (score.logit, score.p_fake) == (pytest.approx(logit), pytest.approx(sigmoid(logit)))

    def test_size_makes_no_face_real(self):
        score = self.how.sized(Face((0, 0, 40, 60)), Score(sigmoid(-0.5), -0.5, "m@1"))
        assert decide_face(score, self.how).label == "uncertain"
        low = self.how.sized(Face((0, 0, 40, 60)), Score(sigmoid(-2.0), -2.0, "m@1"))
        assert decide_face(low, self.how).label == "real"


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


def cautioned(logit, **changes):
    cautions = tuple(cautions_of(FACE, replace(FINE, **changes)))
    return judge_face(seen(logit, cautions=cautions), None, rules()).verdict


@pytest.mark.parametrize(("logit", "label"), [(-3.0, "real"), (3.0, "fake")])
def test_a_face_well_seen_needs_no_caution(logit, label):
    assert (cautioned(logit).label, cautioned(logit).reasons) == (label, ())
    assert cautioned(logit, yaw_deg=float("nan")).reasons == (), "without a mesh"


@pytest.mark.parametrize("logit", [-3.0, 0.0, 3.0])
@pytest.mark.parametrize(("changes", "words"), HARD)
def test_nobody_is_judged_who_cannot_be_seen(logit, changes, words):
    verdict = cautioned(logit, **changes)
    assert (verdict.label, verdict.p_fake) == ("uncertain", sigmoid(logit))
    assert words in verdict.reasons[0]


@pytest.mark.parametrize(("changes", "words"), SOFT)
def test_what_makes_it_harder_is_said_and_changes_nothing(changes, words):
    verdict = cautioned(3.0, **changes)
    assert verdict.label == "fake"
    (reason,) = verdict.reasons
    assert words in reason


def test_what_forbids_a_verdict_is_said_first():
    reasons = cautioned(3.0, sharpness=2.8, brightness=20.0, blocks=2.0).reasons
    assert [r.split(" ")[0] for r in reasons] == ["too", "blurred", "strongly"]


def test_a_face_hardly_made_out_is_said_to_be_perhaps_covered():
    covered = Face((0, 0, 200, 200), presence=0.3)
    (caution,) = cautions_of(covered, FINE)
    assert "covered" in caution.words
    assert not caution.forbids
