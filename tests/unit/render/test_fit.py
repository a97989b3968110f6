import numpy as np
import pytest

from fakeweb import topology
from fakeweb.render.fit import facing, place_mesh
from fakeweb.types import Face

BOX = (100.0, 50.0, 200.0, 175.0)
EYE_PX = 100.0 / (topology.BOX[2] - topology.BOX[0])  # distance of the outer eye corners in that box


def five(yaw=0.0, roll=0.0):
    """The finder's points on a mean face of that box, turned."""
    tip = np.linalg.norm(topology.MEAN[:, None, :2] - topology.FIVE, axis=2).argmin(axis=0)
    z = topology.MEAN[tip, 2]
    x = topology.FIVE[:, 0] * np.cos(yaw) - z * np.sin(yaw)
    seen = (x + 1j * topology.FIVE[:, 1]) * EYE_PX * np.exp(1j * roll)
    seen = seen - seen.mean() + 150 + 118j
    return np.column_stack([seen.real, seen.imag])


def measured(yaw=0.0):
    mean = topology.MEAN * EYE_PX
    x = mean[:, 0] * np.cos(yaw) - mean[:, 2] * np.sin(yaw)
    z = mean[:, 0] * np.sin(yaw) + mean[:, 2] * np.cos(yaw)
    return np.column_stack([x + 150, mean[:, 1] + 100, z])


def test_without_points_the_mean_face_is_stretched_to_the_box():
    placed = place_mesh(Face(BOX))
    seen = placed.points[list(topology.CONTOURS["oval"])]
    assert seen[:, 0].mean() == pytest.approx(150, abs=1)
    assert np.ptp(seen[:, 0]) == pytest.approx(100, rel=0.15)
    assert placed.approximate
    assert placed.facing.mean() > 0.95


@pytest.mark.parametrize("roll", [-0.4, 0.0, 0.4])
def test_points_give_scale_and_roll(roll):
    placed = place_mesh(Face(BOX, points=five(roll=roll)))
    right, left = placed.points[list(topology.EYE_CORNERS)]
    assert np.arctan2(*(left - right)[::-1]) == pytest.approx(roll, abs=0.03)
    assert np.linalg.norm(left - right) == pytest.approx(EYE_PX, rel=0.03)


@pytest.mark.parametrize("yaw", [-0.5, 0.5])
def test_a_turned_head_takes_its_nose_along(yaw):
    seen = five(yaw=yaw)
    placed = place_mesh(Face(BOX, points=seen))
    tip = np.linalg.norm(topology.MEAN[:, :2] - topology.FIVE[2], axis=1).argmin()
    assert placed.points[tip] == pytest.approx(seen[2], abs=3.0)


@pytest.mark.parametrize(
    "points", [np.zeros((5, 2)), np.full((5, 2), 150.0), np.arange(10.0).reshape(5, 2) * 900]
)
def test_points_that_make_no_sense_are_not_believed(points):
    by_box = place_mesh(Face(BOX)).points
    assert np.array_equal(place_mesh(Face(BOX, points=points)).points, by_box)


def test_a_measured_mesh_is_used_as_it_is():
    mesh = measured()
    placed = place_mesh(Face(BOX, mesh=mesh))
    assert not placed.approximate
    assert np.allclose(placed.points, mesh[:, :2], atol=1e-3)
    assert len(placed.net()) > 1200
    oval, inner = placed.contours()
    assert len(oval) == 1
    assert len(inner) >= len(topology.CONTOURS) - 1


@pytest.mark.parametrize("yaw", [-1.0, 1.0])
def test_the_far_side_of_a_turned_head_is_not_drawn(yaw):
    turned, straight = (place_mesh(Face(BOX, mesh=measured(y))) for y in (1.3 * yaw, 0.0))
    assert len(turned.net()) < 0.9 * len(straight.net())
    hidden = topology.MEAN[topology.TRIANGLES[~turned.facing], 0]
    assert (np.sign(hidden) == np.sign(yaw)).mean() > 0.8


def test_a_flat_mesh_draws_nothing():
    placed = place_mesh(Face(BOX, mesh=np.zeros((468, 3))))
    assert not len(placed.net())
    assert placed.contours() == ([], [])
    assert not facing(np.zeros((468, 3))).any()
