"""The parts of the derivation that need no labelled pictures; its result is tested in tests/unit/test_topology.py."""

import numpy as np
import pytest

from fakeweb.topology import MEAN, MIRROR
from research.topology.derive import find_mirror
from research.topology.triangles import delaunay, edges_of


def test_no_point_lies_inside_the_circle_through_a_triangle():
    points = np.random.default_rng(0).uniform(0, 100, (60, 2))
    triangles = delaunay(points)
    for corners in points[triangles]:
        (x0, y0), (x1, y1), (x2, y2) = corners
        twice = 2 * np.array([[x1 - x0, y1 - y0], [x2 - x0, y2 - y0]])
        centre = np.linalg.solve(twice, (twice @ (corners[1:] + corners[0]).T / 2).diagonal())
        away = np.linalg.norm(points - centre, axis=1)
        assert away.min() > np.linalg.norm(corners[0] - centre) - 0.1
    sides = edges_of(triangles)
    assert len(points) - len(sides) + len(triangles) == 1  # a disc


@pytest.mark.parametrize("points", [np.empty((0, 2)), [(1.0, 2.0)] * 5, [(0, 0), (1, 1), (2, 2)]])
def test_points_without_an_area_have_no_triangle(points):
    assert delaunay(np.array(points, float)).shape == (0, 3)


def test_mirror_partners_are_found_in_noisy_faces():
    rng = np.random.default_rng(1)
    faces = 100 * (MEAN + rng.normal(0, 0.004, (20, *MEAN.shape)))
    mirrored = 100 * (MEAN[MIRROR] + rng.normal(0, 0.004, (20, *MEAN.shape)))
    assert (find_mirror(faces, mirrored) == MIRROR).all()
