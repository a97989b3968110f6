"""Composed clips: known truth, both classes alike, as many people as asked for; and whom a track is said to show."""

import numpy as np
import pytest

from composed.clips import ComposeOptions, compose, read_truth
from composed.people import PersonRow, accuracy_of, match
from fakeweb.datasets import Sample, half_of_group
from fakeweb.errors import DatasetError
from fakeweb.media import encode_jpeg, open_clip
from fakeweb.types import Face, FaceResult, Image, Report, Score, Thresholds, Verdict

SHORT = ComposeOptions(clips=6, seconds=0.4, fps=5, sources=("toy",))


@pytest.fixture(scope="module")
def stills(tmp_path_factory):
    """Sixteen people in a real and a fake still, the fake ones red, and two scenes."""
    root = tmp_path_factory.mktemp("stills")
    samples = []

    def add(name, label, group, colour, side=96):
        path = root / f"{name}.jpg"
        noise = np.random.default_rng(len(samples)).normal(0, 9, (side, side, 3))
        path.write_bytes(encode_jpeg(Image(np.clip(noise + colour, 0, 255).astype(np.uint8)), 95))
        kind = "swap" if label else None
        samples.append(Sample(path, label, kind, "val", group, "toy" if label is not None else "content"))

    for person in range(16):
        add(f"r{person}", 0, f"g{person}", (90, 90, 90))
        add(f"f{person}", 1, f"g{person}", (220, 40, 40))
    for scene in range(2):
        add(f"s{scene}", None, f"s{scene}", (60, 120, 60), 128)
    return samples


def test_clips_are_what_their_truth_says(stills, tmp_path):
    clips = compose(stills, tmp_path, SHORT)
    assert read_truth(tmp_path) == clips
    assert [len(c.people) for c in clips] == [1, 2, 3, 1, 2, 3]
    for clip in clips:
        with open_clip(tmp_path / clip.name) as opened:
            (first, *_) = list(opened.read(opened.choose()))
            assert (first.image.width, first.image.height) == (clip.width, clip.height)
        for person in clip.people:
            x, y = (round(v) for v in person.centres[0])
            red, green, _ = first.image.pixels[y - 4 : y + 5, x - 4 : x + 5].mean((0, 1))
            assert (red > green + 60) == bool(person.label)


def test_at_most_one_is_fake_and_nobody_is_there_twice(stills, tmp_path):
    clips = compose(stills, tmp_path, ComposeOptions(clips=30, seconds=0.2, fps=5, sources=("toy",), seed=3))
    for clip in clips:
        assert sum(p.label for p in clip.people) <= 1
        assert len({p.group for p in clip.people}) == len(clip.people)
        assert {half_of_group("toy", p.group) for p in clip.people} == {"B"}
    assert {c.label for c in clips} == {0, 1}


def test_faces_are_as_large_among_three_as_alone(stills, tmp_path):
    options = ComposeOptions(clips=24, half=None, seconds=0.1, fps=10, sources=("toy",))
    clips = compose(stills, tmp_path, options)
    largest = {360: 270.0, 270: 202.5, 640: 306.0}  # by the scene's height, where one person is in it
    for clip in clips:
        assert all(0.49 < p.side_px / largest[clip.height] < 1.01 for p in clip.people)
    assert {c.height for c in clips if len(c.people) == 3} == set(largest)
    for clip in clips:  # and nobody stands in front of somebody
        middles = [p.centres[0][0] for p in clip.people]
        reach = [p.side_px / 2 for p in clip.people]
        for i in range(len(middles) - 1):
            assert middles[i + 1] - middles[i] > 0.9 * (reach[i] + reach[i + 1])


def test_what_is_there_is_kept_and_a_seed_says_all(stills, tmp_path):
    whole = compose(stills, tmp_path / "a", SHORT)
    first = tmp_path / "b"
    compose(stills, first, ComposeOptions(clips=2, seconds=0.4, fps=5, sources=("toy",)))
    kept = (first / "00001.mp4").stat().st_mtime_ns
    assert compose(stills, first, SHORT) == whole
    assert (first / "00001.mp4").stat().st_mtime_ns == kept
    assert (first / "00005.mp4").read_bytes() == (tmp_path / "a" / "00005.mp4").read_bytes()


def test_too_few_stills_are_told(stills, tmp_path):
    real = [s for s in stills if s.label != 1]
    with pytest.raises(DatasetError, match="too few stills"):
        compose(real, tmp_path, SHORT)
    with pytest.raises(DatasetError, match="scenes"):
        compose([s for s in stills if s.label is not None], tmp_path, SHORT)


def seen(clip, paths, p_fake):
    """A report on a clip whose track i follows ``paths[i]``: for each frame whom, or a place of its own."""
    curves, faces = [], []
    for number, (path, p) in enumerate(zip(paths, p_fake, strict=True), 1):
        boxes = []
        for i, who in enumerate(path):
            x, y = clip.people[who].centres[i] if isinstance(who, int) else who
            half = 0.3 * clip.people[0].side_px
            boxes.append([x - half, y - half, x + half, y + half])
        times = [i / clip.fps for i in range(len(path))]
        curves.append({
            "track": number, "from_s": times[0], "to_s": times[-1], "telling_s": None,
            "time_s": times, "box": boxes, "p_fake": [p] * len(path),
        })  # fmt: skip
        face = Face(tuple(boxes[0]), track=number)
        faces.append(FaceResult(face, Verdict("real" if p < 0.5 else "fake", p), Score(p, 0.0, "toy@1")))
    return Report("x", Verdict("real", max(p_fake)), clip.width, clip.height, tuple(faces),
                  Thresholds(0.4, 0.6), "toy", ("toy@1",), "0" * 64, timeline=tuple(curves))  # fmt: skip


class TestMatch:
    @pytest.fixture
    def clip(self, stills, tmp_path):
        return compose(stills, tmp_path, SHORT)[2]  # three people, two frames

    def test_each_track_belongs_to_whom_it_follows(self, clip):
        rows, whole = match(clip, seen(clip, [[1, 1], [0, 0], [2, 2]], [0.1, 0.7, 0.3]))
        assert [r.tracks for r in rows] == [[2], [1], [3]]
        assert [r.p_fake for r in rows] == [0.7, 0.1, 0.3]
        assert rows[0].width_px == pytest.approx(0.6 * clip.people[0].side_px, abs=1)
        assert not any(r.mixed for r in rows)
        assert whole.nobody == 0

    def test_a_track_that_goes_over_to_another_is_told(self, clip):
        rows, _ = match(clip, seen(clip, [[0, 1], [2, 2]], [0.1, 0.3]))
        assert rows[0].mixed or rows[1].mixed
        assert "missed" in {r.verdict for r in rows}

    def test_a_track_of_nobody_is_counted(self, clip):
        _, whole = match(clip, seen(clip, [[0, 0], [(0.0, 0.0), (0.0, 0.0)]], [0.1, 0.3]))
        assert whole.nobody == 1


def person(label, p, clip):
    return PersonRow(clip, 1, 23, "toy", "g", label, 90.0, [1], False, [p] * 3, "real", p)


def test_figures_over_people():
    said = [(0, 0.2), (0, 0.6), (0, 0.1), (1, 0.7), (1, 0.4), (1, None)]
    rows = [person(label, p, str(number)) for number, (label, p) in enumerate(said)]
    (balanced, around), (area, _) = accuracy_of(rows)
    assert balanced == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert area == pytest.approx(5 / 6)
    assert around[0] <= balanced <= around[1]
    assert np.isnan(accuracy_of(rows[:3])[0][0])
