"""Norms fitted to scores of known distribution, and pictures composed to fit them to."""

import numpy as np
import pytest

from composed.pictures import FaceRow, GroupOptions, compose_group, plan_groups
from fakeweb.datasets import Sample, half_of_group
from fakeweb.errors import DatasetError
from fakeweb.media import encode_jpeg
from fakeweb.runtime import Norms
from fakeweb.scanner.moments import Looks, scan_looks
from fakeweb.train.rarity import fit_rarity
from fakeweb.types import Image
from norms import fit_clip, fit_group, fit_offset, moved_all


def sigmoid(z):
    return float(1 / (1 + np.exp(-z)))


class TestRarity:
    def test_the_share_above_is_told(self):
        norm = fit_rarity(np.random.default_rng(0).normal(0, 1, 3000), ["a"] * 1500 + ["b"] * 1500)
        rarity = norm.rarity(1.645)
        assert rarity.one_in == pytest.approx(20, rel=0.25)
        assert rarity.interval[0] < 20 < rarity.interval[1]
        assert rarity.measured_on == 3000

    def test_nothing_is_rarer_than_a_third_of_the_faces(self):
        norm = fit_rarity(np.random.default_rng(0).normal(0, 1, 600), ["a"] * 600)
        assert norm.rarity(99.0).one_in <= 200

    def test_a_source_that_is_left_out_lies_inside(self):
        rng = np.random.default_rng(1)
        shifts = {"a": 0.0, "b": 0.2, "c": -0.3, "worse": 1.5}
        logits = np.concatenate([rng.normal(s, 1, 400) for s in shifts.values()])
        names = np.repeat(list(shifts), 400)
        norm = fit_rarity(logits, names.tolist())
        for level in (0.5, 1.0, 2.0):
            low, high = norm.rarity(level).interval
            for name in shifts:
                share = (logits[names == name] >= level).mean()
                assert low * 0.9 <= 1 / share <= high * 1.1 or share < 3 / 400

    def test_a_source_with_too_few_faces_says_nothing(self):
        rng = np.random.default_rng(2)
        logits = np.concatenate([rng.normal(0, 1, 1000), np.full(10, 5.0)])
        with_it = fit_rarity(logits, ["a"] * 500 + ["b"] * 500 + ["odd"] * 10)
        assert with_it.rarity(1.0).interval[0] > 3

    def test_too_few_faces(self):
        with pytest.raises(DatasetError, match="100 genuine faces, got 5"):
            fit_rarity(np.zeros(5), ["a"] * 5)


class TestOffset:
    def test_few_enough_lie_above_the_line(self):
        logits = np.random.default_rng(0).normal(1.0, 1.0, 4000)
        offset = fit_offset(logits, ["a"] * 4000, 2.0)
        assert (logits - offset >= 2.0).mean() == pytest.approx(0.02, abs=0.002)

    def test_sources_count_alike(self):
        logits = np.concatenate([np.full(1000, -3.0), np.full(10, 3.0)])
        assert fit_offset(logits, ["many"] * 1000 + ["few"] * 10, 2.0) > 1.0

    def test_none_where_none_is_needed(self):
        assert fit_offset(np.full(100, -3.0), ["a"] * 100, 2.0) == 0.0


class TestClip:
    def test_no_more_genuine_clips_are_accused_than_allowed_whatever_their_length(self):
        rng = np.random.default_rng(3)
        people = [[clip(rng, rng.normal(-0.5, 1.0), n)] for n in [8, 16, 64, 240] * 100]
        norm = fit_clip(people, [], sigmoid, 2.0)
        worth = [scan_looks(looks, norm, sigmoid, 0.9).logit for (looks,) in people]
        accused = np.array(worth) >= 2.0
        assert accused.mean() <= 0.02
        assert norm.spread == pytest.approx(0.5, abs=0.1)
        assert accused[3::4].mean() <= 0.05


def clip(rng, level, count, step=0.5):
    times = step * np.arange(count)
    return Looks(times, times + step, np.full(count, step), rng.normal(level, 0.5, count))


@pytest.fixture(scope="module")
def stills(tmp_path_factory):
    """Forty genuine and forty fake people of two sources, flat and noisy."""
    root = tmp_path_factory.mktemp("stills")
    rng = np.random.default_rng(0)
    found = []
    for number in range(160):
        path = root / f"{number}.jpg"
        pixels = np.clip(rng.normal(120, 20, (48, 48, 3)), 0, 255).astype(np.uint8)
        path.write_bytes(encode_jpeg(Image(pixels)))
        source, label = ("dfdc", "ciplab")[number % 2], number // 2 % 2
        found.append(Sample(path, label, "swap" if label else None, "val", f"g{number}", source))
    return found


class TestGroups:
    def test_pictures_hold_as_many_fakes_as_asked_for_and_one_source(self, stills):
        options = GroupOptions(half="A", sizes=(1, 4), genuine=2, doctored=2, fakes=(1, 3, -1))
        plans = plan_groups(stills, options)
        assert {(len(p.members), p.fakes) for p in plans} == {(1, 0), (1, 1), (4, 0), (4, 1), (4, 3), (4, 4)}
        for plan in plans:
            groups = [m.sample.group for m in plan.members]
            assert len(set(groups)) == len(groups), "nobody twice"
            assert {half_of_group(m.sample.source, m.sample.group) for m in plan.members} == {"A"}
            if plan.source not in ("mixed", "forged"):
                assert {m.sample.source for m in plan.members} == {plan.source}

    def test_the_same_seed_gives_the_same_picture(self, stills):
        plans = [plan_groups(stills, GroupOptions(sizes=(4,), genuine=1, doctored=0))[0] for _ in range(2)]
        assert np.array_equal(compose_group(plans[0]), compose_group(plans[1]))

    def test_no_stills(self):
        with pytest.raises(DatasetError, match="no labelled stills"):
            plan_groups([])

    def test_lines_keep_their_promise_on_genuine_pictures(self):
        rng = np.random.default_rng(5)
        levels = rng.normal(-1, 0.5, 40)  # what each way of handling does to all faces of a picture
        rows = [row for number in range(400) for row in picture(rng, number, levels, (4, 9)[number % 2])]
        norm = fit_group(rows, 1.0, sizes=(2, 4, 9))
        assert [n for n, _, _ in norm.lines] == [2, 4, 9]
        fake, real = norm.lines_for(9)
        logits = [rng.normal(rng.choice(levels), 1.0, 9) for _ in range(600)]
        moved = [moved_all(norm, one) for one in logits]
        accused = [(m[one >= 1.0] >= fake).any() for m, one in zip(moved, logits, strict=True)]
        assert np.mean(accused) == pytest.approx(0.045, abs=0.03)
        assert np.mean([m.max() > real for m in moved]) == pytest.approx(0.31, abs=0.08)
        assert Norms.from_dict(Norms(group=norm).to_dict()).group == norm


def picture(rng, number, levels, faces):
    place = number % len(levels)
    logits = rng.normal(levels[place], 1.0, faces)
    return [
        FaceRow(
            number, "dfdc", faces, 0, place, 85, 0, "dfdc", "g", True, "real", 0.1, float(v), 90.0, "real"
        )
        for v in logits
    ]
