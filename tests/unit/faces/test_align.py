"""The one crop function: what lies where, and what lies outside."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakeweb.faces import DEFAULT_MARGIN, align
from fakeweb.faces.align import LEVEL_FROM_DEG, stand_of
from fakeweb.topology import EYE_CORNERS, MEAN, REGIONS
from fakeweb.types import Face, Image


def mapped(crop):
    """Picture coordinates of every crop pixel: two arrays (S, S)."""
    y, x = np.mgrid[0 : crop.side_px, 0 : crop.side_px]
    home = np.stack([x, y, np.ones_like(x)], -1) @ np.asarray(crop.to_image, np.float64).T
    return home[..., 0], home[..., 1]


def mirrored(at, size):
    """Fold coordinates back into a picture whose borders are mirrors; pixel -1 is pixel 0 again."""
    folded = np.mod(at + 0.5, 2 * size)
    return np.minimum(folded, 2 * size - folded) - 0.5


def largest_gap(crop, width=256, height=256, *, inside_only=False):
    """How far the crop's colours, which are coordinates, lie from where ``to_image`` says they are, in pixels."""
    x, y = mapped(crop)
    gap = np.maximum(
        abs(crop.pixels[..., 0] - mirrored(x, width)), abs(crop.pixels[..., 1] - mirrored(y, height))
    )
    if inside_only:
        half = (crop.to_image[0, 0] + 1) / 2  # a pixel that averages over the border belongs to both sides
        clear = (x > half) & (y > half) & (x < width - 1 - half) & (y < height - 1 - half)
        gap = gap[clear]
    return gap.max()


@pytest.mark.parametrize(
    ("box", "side_px"),
    [
        pytest.param((40, 60, 200, 220), 160, id="shrink a little"),
        pytest.param((10, 10, 246, 246), 32, id="shrink by 8"),
        pytest.param((10, 10, 246, 246), 47, id="shrink by no whole number"),
        pytest.param((100, 120, 130, 150), 160, id="enlarge by 5"),
        pytest.param((100.4, 120.7, 131.2, 150.1), 100, id="enlarge, box between pixels"),
        pytest.param((100, 100, 180, 180), 88, id="one to one"),
        pytest.param((60, 20, 90, 190), 64, id="tall box"),
        pytest.param((20, 60, 190, 90), 64, id="wide box"),
    ],
)
def test_crop_pixels_come_from_where_to_image_says(gradients, box, side_px):
    crop = align(gradients(), Face(box), side_px)
    assert crop.pixels.shape == (side_px, side_px, 3)
    assert largest_gap(crop) < 1
    assert (crop.pixels[..., 2] == 77).all()


def test_one_to_one_takes_the_very_pixels(gradients):
    image = gradients()
    crop = align(image, Face((100, 60, 140, 100)), 40, margin=1.0)
    np.testing.assert_array_equal(crop.pixels, image.pixels[60:100, 100:140])
    np.testing.assert_array_equal(crop.to_image, [[1, 0, 100], [0, 1, 60]])


def test_the_square_is_centred_on_the_box_and_margin_wide(gradients):
    crop = align(gradients(), Face((100, 80, 140, 160)), 50, margin=1.25)
    x, y = mapped(crop)
    assert (x.mean(), y.mean()) == pytest.approx(
        (119.5, 119.5), abs=0.01
    )  # centres of pixels 0..k-1 lie at (k-1)/2
    assert crop.to_image[0, 0] * crop.side_px == pytest.approx(1.25 * 80)


def test_the_default_margin_leaves_a_little_around_the_box(gradients):
    crop = align(gradients(), Face((100, 100, 200, 200)), 50)
    assert crop.to_image[0, 0] * 50 == pytest.approx(100 * DEFAULT_MARGIN)


@pytest.mark.parametrize(
    "box",
    [(-30, 80, 50, 160), (80, -30, 160, 50), (210, 100, 290, 180), (100, 210, 180, 290), (-20, -20, 60, 60),
     (200, 200, 280, 280), (-20, 100, 276, 140)],
    ids=["left", "top", "right", "bottom", "upper left corner", "lower right corner", "left and right"],
)  # fmt: skip
@pytest.mark.parametrize("side_px", [40, 200])
def test_outside_is_mirrored_in(gradients, box, side_px):
    crop = align(gradients(), Face(box), side_px)
    half = crop.to_image[0, 0] / 2
    assert largest_gap(crop) < 1 + half  # averaging over the mirror's edge flattens it
    assert largest_gap(crop, inside_only=True) < 1


def test_mirrored_pixels_are_exact(gradients):
    crop = align(gradients(), Face((-10, 100, 30, 140)), 40, margin=1.0)
    assert crop.pixels[0, :12, 0].tolist() == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 1]


def test_no_black_bar_is_added(plain):
    crop = align(plain((200, 100, 50)), Face((-300, -300, 400, 400)), 64)
    assert np.ptp(crop.pixels, axis=(0, 1)).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("box", "why"),
    [
        ((-900, -900, 1100, 1100), "many mirrors"),
        ((60, 60, 60.001, 60.001), "far below a pixel"),
        ((255.2, 255.2, 255.9, 255.9), "in the last pixel"),
        ((-90, 10, 3, 100), "a strip of the picture"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_huge_and_tiny_boxes(gradients, box, why):
    crop = align(gradients(), Face(box), 24)
    assert crop.pixels.shape == (24, 24, 3)
    assert np.isfinite(crop.to_image).all()
    assert (crop.pixels[..., 2] == 77).all()


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 50), (50, 1), (2, 2)])
def test_thin_pictures(plain, width, height):
    crop = align(plain(9, width, height), Face((0, 0, width, height)), 16)
    assert (crop.pixels == 9).all()


@pytest.mark.parametrize(
    "box", [(300, 10, 320, 30), (10, 300, 30, 320), (-50, 10, -20, 30), (10, -50, 30, -20)], ids=str
)
def test_a_face_outside_the_picture_is_a_mistake(gradients, box):
    with pytest.raises(ValueError, match="outside the 256 x 256 picture"):
        align(gradients(), Face(box), 32)


@pytest.mark.parametrize(("side_px", "margin"), [(0, 1.1), (-3, 1.1), (32, 0), (32, -1)])
def test_sizes_must_be_positive(gradients, side_px, margin):
    with pytest.raises(ValueError, match=f"got {side_px}, {margin}"):
        align(gradients(), Face((10, 10, 50, 50)), side_px, margin=margin)


def test_the_same_arguments_give_the_same_bytes_and_touch_nothing(gradients):
    image = gradients()
    before = image.pixels.tobytes()
    face = Face((33.3, 44.4, 99.9, 177.7))
    crops = [align(image, face, 61) for _ in range(3)]
    assert len({c.pixels.tobytes() for c in crops}) == 1
    assert len({c.to_image.tobytes() for c in crops}) == 1
    assert crops[0].face is face
    assert image.pixels.tobytes() == before


def test_a_crop_is_no_window_into_the_picture():
    pixels = np.zeros((64, 64, 3), np.uint8)
    crop = align(Image(pixels), Face((8, 8, 40, 40)), 32, margin=1.0)
    pixels[:] = 255
    assert crop.pixels.max() == 0


@given(
    x=st.floats(5, 150), y=st.floats(5, 150), width=st.floats(4, 90), height=st.floats(4, 90),
    side_px=st.integers(8, 128), margin=st.floats(0.8, 1.4),
)  # fmt: skip
def test_every_crop_finds_its_way_home(gradients, x, y, width, height, side_px, margin):
    crop = align(gradients(), Face((x, y, x + width, y + height)), side_px, margin=margin)
    half = float(crop.to_image[0, 0]) / 2
    assert largest_gap(crop) < 1 + half
    across, down = mapped(crop)
    clear = (across > half + 1) & (down > half + 1) & (across < 254 - half) & (down < 254 - half)
    assert (abs(crop.pixels[..., 0] - across)[clear] < 1).all()
    assert (abs(crop.pixels[..., 1] - down)[clear] < 1).all()
    assert abs(across.mean() + 0.5 - (x + width / 2)) <= 1
    assert abs(down.mean() + 0.5 - (y + height / 2)) <= 1


def posed(roll_deg=0.0, yaw_deg=0.0, scale=60.0, at=(130.0, 120.0), jaw=0.0):
    """A face whose mesh is the mean face, turned; ``jaw`` drops the chin."""
    mesh = np.array(MEAN, np.float64)
    mesh[list(REGIONS["chin"]), 1] += jaw
    roll, yaw = np.radians((roll_deg, yaw_deg))
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    mesh = scale * mesh @ (about_z @ about_y).T + (*at, 0)
    low, high = mesh[:, :2].min(0), mesh[:, :2].max(0)
    return Face((*low, *high), mesh=mesh)


@pytest.mark.parametrize("yaw_deg", [-50, 0, 50])
@pytest.mark.parametrize("roll_deg", [-170, -90, -30, 0, 10, 45, 120])
def test_a_mesh_tells_size_and_turn_whatever_the_pose(roll_deg, yaw_deg):
    stand = stand_of(posed(roll_deg, yaw_deg))
    assert stand.length_px == pytest.approx(60 * 1.89, rel=0.01)
    assert np.degrees(stand.roll_rad) == pytest.approx(roll_deg, abs=1)


def test_an_open_mouth_changes_nothing():
    shut, wide = stand_of(posed()), stand_of(posed(jaw=0.4))
    assert wide.length_px == pytest.approx(shut.length_px, rel=0.01)
    assert wide.y == pytest.approx(shut.y, abs=0.5)


@pytest.mark.parametrize("roll_deg", [-160, -90, -40, -20, 0, 15, 40, 90])
@pytest.mark.parametrize("side_px", [24, 64, 150])
def test_a_turned_face_stands_upright_in_its_crop_and_finds_its_way_home(gradients, roll_deg, side_px):
    face = posed(roll_deg, at=(128, 128), scale=45)
    crop = align(gradients(), face, side_px)
    x, y = mapped(crop)
    inside = (x > 2) & (y > 2) & (x < 253) & (y < 253)
    assert abs(crop.pixels[..., 0] - x)[inside].max() < 1.5
    assert abs(crop.pixels[..., 1] - y)[inside].max() < 1.5
    home = np.linalg.inv(np.vstack([crop.to_image, (0, 0, 1)]))
    right, left = (home[:2, :2] @ face.mesh[i, :2] + home[:2, 2] for i in EYE_CORNERS)
    levelled = abs(roll_deg) > LEVEL_FROM_DEG
    slope = np.degrees(np.arctan2(left[1] - right[1], left[0] - right[0]))
    assert slope == pytest.approx(0 if levelled else roll_deg, abs=2)
    assert np.hypot(*(left - right)) == pytest.approx(side_px / 1.1 / 1.89, rel=0.05)


def test_a_turned_face_at_the_border_is_mirrored_in(gradients):
    crop = align(gradients(), posed(60, at=(20, 30)), 80)
    assert crop.pixels[..., 2].min() == crop.pixels[..., 2].max() == 77
