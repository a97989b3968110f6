"""Error rates that the page shows come from a model's card."""

import pytest

from fakeweb.runtime import measured

SCORES = {
    "faces": {"real": 100, "fake": 50},
    "real_called_fake": 0.02,
    "fake_called_fake": 0.5,
    "fake_called_real": 0.1,
    "uncertain": 0.4,
    "fake_called_fake_swaps": 0.7,
    "auc_all": 0.9,
}


def test_what_a_card_says_is_passed_on():
    (one,) = measured({"scores": {"B": SCORES}})
    assert (one["on"], one["real_faces"], one["fake_faces"]) == ("B", 100, 50)
    assert one["found_by_source"] == {"swaps": 0.7}
    # 60 of 150 uncertain, 20 of them manipulated: 40 of 100 real ones, 2 called fake, so 58 called real
    assert one["real_called_real"] == pytest.approx(0.58)


@pytest.mark.parametrize(
    "gone", ["faces", "real_called_fake", "fake_called_fake", "fake_called_real", "uncertain"]
)
def test_a_set_that_lacks_a_figure_is_left_out_rather_than_guessed(gone):
    lacking = {k: v for k, v in SCORES.items() if k != gone}
    assert [m["on"] for m in measured({"scores": {"A": lacking, "B": SCORES}})] == ["B"]


@pytest.mark.parametrize(
    "details", [{}, {"scores": {}}, {"scores": {"A": {**SCORES, "faces": {"real": 0, "fake": 9}}}}]
)
def test_a_card_without_figures_gives_none(details):
    assert measured(details) == []
