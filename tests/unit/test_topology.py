"""The face mesh's topology: sound as a surface, symmetric, and right about the points everybody knows."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from fakeweb import topology as t


def test_shapes_and_types():
    assert t.MEAN.shape == (t.POINTS, 3) == (468, 3)
    assert t.TRIANGLES.shape == (852, 3)
    assert {a.dtype.name for a in (t.TRIANGLES, t.MIRROR, t.EDGES, t.STABLE)} == {"int16"}
    assert not t.MEAN.flags.writeable


def test_the_mirror_is_its_own_inverse_and_swaps_sides():
    assert (t.MIRROR[t.MIRROR] == np.arange(468)).all()
    np.testing.assert_allclose(t.MEAN[t.MIRROR] * (-1, 1, 1), t.MEAN, atol=2e-4)
    assert [t.MIRROR[i] for i in (1, 10, 152, 33, 133, 61)] == [1, 10, 152, 263, 362, 291]


def test_triangles_form_one_disc_with_three_openings_that_uses_every_point():
    sides = Counter(tuple(sorted((a, b))) for x in t.TRIANGLES.tolist() for a, b in pairwise([*x, x[0]]))
    assert set(sides.values()) == {1, 2}
    assert len(sides) == len(t.EDGES)
    assert set(t.TRIANGLES.ravel().tolist()) == set(range(468))
    assert 468 - len(sides) + len(t.TRIANGLES) == 1 - 3
    border = {side for side, times in sides.items() if times == 1}
    closed = [t.CONTOURS[name] for name in ("oval", "right_eye", "left_eye", "lips_inner")]
    assert border == {tuple(sorted(pair)) for line in closed for pair in pairwise(line)}


def test_each_side_is_walked_once_in_each_direction_so_that_all_triangles_face_the_same_way():
    walked = Counter((a, b) for x in t.TRIANGLES.tolist() for a, b in pairwise([*x, x[0]]))
    assert set(walked.values()) == {1}


def test_triangles_are_mirrored_too_and_none_is_a_needle():
    def keys(triangles):
        return {tuple(sorted(x)) for x in triangles.tolist()}

    assert keys(t.TRIANGLES) == keys(t.MIRROR[t.TRIANGLES])
    corners = t.MEAN[t.TRIANGLES].astype(float)
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    roundness = 4 * np.sqrt(3) * area / (sides**2).sum(axis=1)  # 1 for equal sides
    assert np.median(roundness) > 0.7
    assert roundness.min() > 0.05


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("oval", (10, 152)),
        ("right_eye", (33, 133)),
        ("left_eye", (263, 362)),
        ("lips_outer", (61, 291)),
    ],
)
def test_contours_hold_the_points_everybody_knows(name, inside):
    assert set(inside) <= set(t.CONTOURS[name])


def test_contours_follow_edges_and_close():
    edges = {tuple(e) for e in t.EDGES.tolist()}
    for name, line in t.CONTOURS.items():
        assert (line[0] == line[-1]) == (not name.startswith("nose"))
        assert {tuple(sorted(p)) for p in pairwise(line)} <= edges, name


def test_every_point_has_one_region_and_sides_mirror_each_other():
    assert sorted(i for points in t.REGIONS.values() for i in points) == list(range(468))
    for name, points in t.REGIONS.items():
        partner = name.replace("right", "LEFT").replace("left", "right").replace("LEFT", "left")
        assert set(t.MIRROR[list(points)].tolist()) == set(t.REGIONS[partner]), name
    assert 1 in t.REGIONS["nose"]
    assert 10 in t.REGIONS["forehead"]
    assert 152 in t.REGIONS["chin"]


def test_stable_points_are_symmetric_and_spread_over_both_eyes_and_the_nose():
    stable = set(t.STABLE.tolist())
    assert set(t.MIRROR[t.STABLE].tolist()) == stable
    assert np.ptp(t.MEAN[t.STABLE, 0]) > 0.9
    assert np.ptp(t.MEAN[t.STABLE, 1]) > 0.3
    assert not stable & set(t.REGIONS["lips"])


def test_the_unit_is_the_distance_of_the_outer_eye_corners():
    right, left = t.EYE_CORNERS
    assert (right, left) == (33, 263)
    assert np.linalg.norm(t.MEAN[right] - t.MEAN[left]) == pytest.approx(1, abs=1e-3)
