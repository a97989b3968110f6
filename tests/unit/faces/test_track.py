"""Who is who: people who stand, move, cross, vanish for a while, and cuts between scenes."""

import itertools

import numpy as np
import pytest

from fakeweb.faces.track import Tracker, assign
from fakeweb.types import Face, Frame, Image

W, H = 640, 360
PEOPLE = {
    "anna": ((210, 160, 140), (30, 60, 160)),
    "ben": ((150, 100, 70), (150, 40, 40)),
    "cem": ((190, 140, 110), (60, 130, 60)),
}


def scene(brightness=90, seed=0):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 60, (9, 16, 3)) + brightness
    return np.kron(coarse, np.ones((40, 40, 1))).astype(np.uint8)


def draw(canvas, name, x, y, size=60):
    """Draw a head on shoulders of the person's colours around (x, y); return the head's box."""
    skin, shirt = PEOPLE[name]
    top, left, half = int(y - size * 0.6), int(x - size / 2), size // 2
    canvas[int(y + size * 0.5) : int(y + size * 1.2), max(0, left - half) : left + size + half] = shirt
    canvas[max(0, top) : int(y + size * 0.6), max(0, left) : left + size] = skin
    eye = tuple(c // 3 for c in skin)
    for dx in (-0.2, 0.2):
        canvas[int(y - size * 0.2) : int(y - size * 0.1), int(x + dx * size - 4) : int(x + dx * size + 4)] = (
            eye
        )
    return Face((x - size / 2, y - size * 0.6, x + size / 2, y + size * 0.6), 0.9)


def follow(story, step_s=0.33, background=None):
    """Run a tracker over a story: a list of {name: (x, y[, size])}; return name -> its numbers over time."""
    tracker = Tracker()
    found = {}
    for index, people in enumerate(story):
        canvas = (scene() if background is None else background(index)).copy()
        faces = [draw(canvas, name, *where) for name, where in people.items()]
        noise = np.random.default_rng(index).normal(0, 4, canvas.shape)
        frame = Frame(Image(np.clip(canvas + noise, 0, 255).astype(np.uint8)), index, index * step_s)
        for name, number in zip(people, tracker.link(frame, faces), strict=True):
            found.setdefault(name, []).append(number)
    return found, tracker


def test_people_who_stand_keep_their_numbers_from_left_to_right():
    found, tracker = follow([{"ben": (320, 180), "anna": (120, 180), "cem": (520, 180)}] * 8)
    assert found == {"anna": [1] * 8, "ben": [2] * 8, "cem": [3] * 8}
    assert tracker.cuts == []


@pytest.mark.parametrize("speed", [4, 12, 25])
def test_people_who_cross_are_not_swapped(speed):
    steps = 400 // speed
    story = [{"anna": (120 + speed * i, 180), "ben": (520 - speed * i, 185)} for i in range(steps)]
    found, _ = follow(story)
    assert set(found["anna"]) == {1}
    assert set(found["ben"]) == {2}


def test_a_face_hidden_behind_another_is_found_again():
    story = []
    for i in range(20):
        people = {"anna": (120 + 20 * i, 180)}
        if not 8 <= i <= 11:
            people["ben"] = (310, 180)
        story.append(people)
    found, _ = follow(story)
    assert set(found["ben"]) == {2}
    assert set(found["anna"]) == {1}


def test_nobody_survives_a_cut():
    """At the cut another person sits exactly where the first one sat."""
    story = [{"anna": (300, 180)}] * 5 + [{"ben": (300, 180)}] * 5
    found, tracker = follow(story, background=lambda i: scene(40 if i < 5 else 180, seed=i // 5))
    assert found == {"anna": [1] * 5, "ben": [2] * 5}
    assert tracker.cuts == pytest.approx([5 * 0.33])


def test_back_to_the_same_camera_is_the_same_person_and_the_other_is_not():
    shots = [("anna", 40, 1), ("ben", 180, 2)]
    story, grounds = [], []
    for name, light, seed in shots * 3:
        story += [{name: (300, 180)}] * 4
        grounds += [scene(light, seed)] * 4
    found, tracker = follow(story, background=lambda i: grounds[i])
    assert len(tracker.cuts) == 5
    assert set(found["anna"]) == {1}
    assert set(found["ben"]) == {2}


def test_a_zoom_and_a_walk_are_no_cut():
    story = [{"anna": (200 + 10 * i, 180, 40 + 4 * i)} for i in range(15)]
    found, tracker = follow(story)
    assert found == {"anna": [1] * 15}
    assert tracker.cuts == []


def test_somebody_new_in_the_place_of_another_is_somebody_new():
    story = [{"anna": (300, 180)}] * 4 + [{}] * 4 + [{"ben": (300, 180)}] * 4
    found, _ = follow(story)
    assert set(found["anna"]).isdisjoint(found["ben"])


def test_every_face_of_a_crowd_gets_its_own_number():
    canvas = np.full((720, 1280, 3), 120, np.uint8)
    faces = [
        Face((60 * x, 60 * y, 60 * x + 40, 60 * y + 50)) for x, y in itertools.product(range(20), range(11))
    ]
    tracker = Tracker()
    for index in range(3):
        numbers = tracker.link(Frame(Image(canvas), index, 0.3 * index), faces)
        assert sorted(numbers) == list(range(1, 221))


class TestAssign:
    def test_the_cheapest_pairing_of_all(self):
        rng = np.random.default_rng(0)
        for rows, columns in ((1, 1), (3, 3), (2, 5), (5, 2), (6, 6)):
            for _ in range(10):
                cost = rng.random((rows, columns))
                pairs = assign(cost)
                assert len(pairs) == min(rows, columns)
                short, long = sorted((rows, columns))
                table = cost if rows <= columns else cost.T
                best = min(
                    sum(table[i, c] for i, c in enumerate(chosen))
                    for chosen in itertools.permutations(range(long), short)
                )
                assert sum(cost[r, c] for r, c in pairs) == pytest.approx(best)

    def test_what_cannot_be_is_left_out(self):
        assert assign(np.array([[1e6, 0.5], [1e6, 0.1]])) in ([(1, 1)], [(0, 1)])
        assert assign(np.zeros((0, 3))) == []
        assert assign(np.full((2, 2), 1e6)) == []
