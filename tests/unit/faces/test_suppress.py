"""Several boxes for one face become one."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakeweb.faces import suppress
from fakeweb.types import Face

A = (0, 0, 10, 10)

CASES = {
    "nothing": ([], []),
    "alone": ([(A, 0.5)], [A]),
    "twins: the surer": ([(A, 0.5), ((1, 0, 11, 10), 0.9)], [(1, 0, 11, 10)]),
    "apart": ([(A, 0.5), ((20, 0, 30, 10), 0.9)], [(20, 0, 30, 10), A]),
    "touching": ([(A, 0.9), ((10, 0, 20, 10), 0.5)], [A, (10, 0, 20, 10)]),
    "small inside large": ([(A, 0.9), ((4, 4, 6, 6), 0.5)], [A]),
    "large around small": ([(A, 0.5), ((4, 4, 6, 6), 0.9)], [(4, 4, 6, 6)]),
    "exactly 0.4 is allowed": ([(A, 0.9), ((6, 0, 16, 10), 0.5)], [A, (6, 0, 16, 10)]),
    "above 0.4 is not": ([(A, 0.9), ((5.9, 0, 15.9, 10), 0.5)], [A]),
    "tie: the larger": ([(A, 0.5), ((0, 0, 11, 11), 0.5)], [(0, 0, 11, 11)]),
    "tie: the more left": ([((1, 0, 11, 10), 0.5), (A, 0.5)], [A]),
    "tie: the upper": ([((0, 1, 10, 11), 0.5), (A, 0.5)], [A]),
    "the suppressed suppress nobody": (
        [(A, 0.9), ((5, 0, 15, 10), 0.8), ((10, 0, 20, 10), 0.7)],
        [A, (10, 0, 20, 10)],
    ),
}


@pytest.mark.parametrize(("given_boxes", "kept"), CASES.values(), ids=CASES.keys())
def test_cases(given_boxes, kept):
    faces = [Face(box, confidence) for box, confidence in given_boxes]
    assert [f.box for f in suppress(faces)] == kept


def test_the_allowed_overlap_can_be_chosen():
    faces = [Face(A, 0.9), Face((5, 0, 15, 10), 0.5)]
    assert len(suppress(faces, max_overlap=0.5)) == 2
    assert len(suppress(faces, max_overlap=0.49)) == 1


def overlap(a, b):
    across = min(a.box[2], b.box[2]) - max(a.box[0], b.box[0])
    down = min(a.box[3], b.box[3]) - max(a.box[1], b.box[1])
    smaller = min(a.width_px * a.height_px, b.width_px * b.height_px)
    return max(across, 0) * max(down, 0) / smaller


some_faces = st.lists(
    st.builds(
        lambda x, y, w, h, c: Face((x, y, x + w, y + h), c / 4),
        st.integers(0, 40), st.integers(0, 40), st.integers(1, 30), st.integers(1, 30), st.integers(0, 4),
    ),
    max_size=12,
)  # fmt: skip


@given(faces=some_faces, seed=st.integers(0, 999))
def test_the_order_of_the_candidates_does_not_matter(faces, seed):
    shuffled = random.Random(seed).sample(faces, len(faces))
    assert [(f.box, f.confidence) for f in suppress(faces)] == [
        (f.box, f.confidence) for f in suppress(shuffled)
    ]


@given(faces=some_faces)
def test_what_stays_is_apart_and_what_goes_had_a_reason(faces):
    kept = suppress(faces)
    assert [f.confidence for f in kept] == sorted((f.confidence for f in kept), reverse=True)
    for i, one in enumerate(kept):
        assert all(overlap(one, other) <= 0.4 for other in kept[i + 1 :])
    for gone in (f for f in faces if f not in kept):
        assert any(k.confidence >= gone.confidence and overlap(k, gone) > 0.4 for k in kept)
