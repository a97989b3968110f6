"""The square a mesh is measured in."""

from __future__ import annotations

import numpy as np
import pytest

from fakeweb.faces.square import cut, roll_rad, square_affine, to_picture
from fakeweb.types import Face, Image

FIVE = np.array([[-1, -1], [1, -1], [0, 0], [-0.8, 1], [0.8, 1]], np.float64)


def _face(degrees: float, centre: tuple[float, float] = (150, 120), size: float = 30) -> Face:
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (size * FIVE @ turn.T + centre).astype(np.float32)
    x, y = centre
    return Face((x - 2 * size, y - 2 * size, x + 2 * size, y + 2 * size), points=points)


@pytest.mark.parametrize("degrees", [0, 25, -60, 90, -135, 170])
def test_the_roll_is_that_of_the_points(degrees):
    assert np.rad2deg(roll_rad(_face(degrees))) == pytest.approx(degrees, abs=0.5)


def test_a_face_without_points_is_taken_as_upright():
    assert roll_rad(Face((0, 0, 10, 10))) == 0


@pytest.mark.parametrize("degrees", [0, 40, 90, -150])
@pytest.mark.parametrize("size", [4, 30, 60])
def test_turned_faces_stand_upright_in_the_square_and_points_find_back(degrees, size):
    face = _face(degrees, size=size)
    pixels = np.zeros((260, 320, 3), np.uint8)
    ys, xs = np.mgrid[:260, :320]
    for colour, (x, y) in zip(((255, 0, 0), (0, 255, 0)), face.points[:2], strict=True):
        pixels[np.hypot(xs - x, ys - y) < 0.2 * size] = colour
    to_image = square_affine(face, 128, 1.5)
    square = cut(Image(pixels), to_image, 128)
    seen = []
    for channel in (0, 1):
        y, x = np.nonzero(square[:, :, channel] > 128)
        seen.append((x.mean(), y.mean()))
    (left_x, left_y), (right_x, right_y) = seen
    assert left_x < right_x
    assert left_y == pytest.approx(right_y, abs=2)
    back = to_picture(np.array(seen), to_image)
    assert np.abs(back - face.points[:2]).max() < 0.15 * size + 0.5


def test_beyond_the_picture_its_border_goes_on():
    pixels = np.full((40, 40, 3), (10, 200, 30), np.uint8)
    face = Face((20, 20, 60, 60))
    square = cut(Image(pixels), square_affine(face, 64, 1.5), 64)
    assert (square == (10, 200, 30)).all()


def test_fine_stripes_shrink_to_grey_and_not_to_coarse_stripes():
    pixels = np.zeros((512, 512, 3), np.uint8)
    pixels[:, ::2] = 255
    square = cut(Image(pixels), square_affine(Face((0, 0, 512, 512)), 64, 1.0), 64)
    assert np.ptp(square[4:-4, 4:-4].astype(int)) < 20
    assert square.mean() == pytest.approx(127, abs=4)
