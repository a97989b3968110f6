"""How well a face can be seen."""

import math

import cv2
import numpy as np
import pytest

from fakeweb.faces import quality_of
from fakeweb.topology import MEAN
from fakeweb.types import Face, Image


@pytest.fixture
def face(head):
    return Face(head[1])


def test_a_studio_portrait_is_well_seen(head, face):
    quality = quality_of(head[0], face)
    assert 4.5 < quality.sharpness < 7
    assert 90 < quality.brightness < 190
    assert quality.lit > 0.9
    assert quality.inside == pytest.approx(1)
    assert quality.blocks == pytest.approx(1, abs=0.15)
    assert quality.length_px == pytest.approx(max(face.width_px, face.height_px))
    assert math.isnan(quality.yaw_deg)


def test_blur_takes_sharpness(head, face):
    seen = [
        quality_of(Image(cv2.GaussianBlur(head[0].pixels, (0, 0), sigma)), face).sharpness
        for sigma in (0.5, 1.0, 2.0, 4.0)
    ]
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] < 2.3 < seen[0]


def test_night_and_flash(head, face):
    dark = Image((head[0].pixels * 0.12).astype(np.uint8))
    flash = Image(np.clip(head[0].pixels * 3.0, 0, 255).astype(np.uint8))
    assert quality_of(dark, face).brightness < 30
    assert quality_of(flash, face).lit < 0.5


@pytest.mark.parametrize("shift", [0, 3, 5])
def test_jpeg_shows_by_its_grid_only_where_the_grid_is(head, face, shift):
    _, data = cv2.imencode(".jpg", head[0].pixels, [cv2.IMWRITE_JPEG_QUALITY, 12])
    pixels = cv2.imdecode(data, cv2.IMREAD_COLOR)[shift:, shift:]
    x0, y0, x1, y1 = face.box
    blocks = quality_of(
        Image(np.ascontiguousarray(pixels)), Face((x0 - shift, y0 - shift, x1 - shift, y1 - shift))
    )
    assert (blocks.blocks > 1.5) == (shift == 0)


def test_the_part_outside_the_picture_is_counted(head):
    image = head[0]
    assert quality_of(image, Face((-60, 20, 60, 140))).inside == pytest.approx(0.5, abs=0.02)
    assert quality_of(image, Face((-500, 20, -380, 140))).inside == 0


@pytest.mark.parametrize("deg", [0, 20, 50, -70])
def test_yaw_is_that_of_the_mesh(head, deg):
    a = math.radians(deg)
    turn = np.array([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
    mesh = (MEAN @ turn.T * 30 + (95, 95, 0)).astype(np.float32)
    quality = quality_of(head[0], Face((50, 50, 140, 140), mesh=mesh))
    assert quality.yaw_deg == pytest.approx(abs(deg), abs=0.5)
