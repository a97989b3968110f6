"""Heads turned to the side, up and down. Needs no torch."""

import numpy as np
import pytest

from fakeweb.faces.align import turn_of
from fakeweb.faces.own import OwnFinder
from fakeweb.types import Image
from pose import turn_head


@pytest.fixture(scope="module")
def finder():
    return OwnFinder()


@pytest.fixture(scope="module")
def mesh(finder, portrait):
    (face,) = finder.find(portrait)
    return face.mesh


def yaw_deg(mesh):
    ahead = turn_of(mesh)[:, 2]
    return np.degrees(np.arctan2(ahead[0], abs(ahead[2])))


@pytest.mark.parametrize("yaw", [-30, -15, 0, 15, 30])
@pytest.mark.parametrize("pitch", [-20, 0, 25])
def test_a_turned_head_is_a_face_where_its_box_and_mesh_say(finder, portrait, mesh, iou, yaw, pitch):
    posed = turn_head(portrait.pixels, mesh, yaw, pitch)
    (face,) = finder.find(Image(posed.pixels))
    assert iou(face.box, posed.box) > 0.6
    width = face.width_px
    assert np.abs(face.points - posed.points).mean() < 0.15 * width
    assert yaw_deg(posed.mesh) - yaw_deg(mesh) == pytest.approx(yaw, abs=6)


def test_what_the_network_measures_turns_with_the_head(finder, portrait, mesh):
    seen = []
    for yaw in (-30, 0, 30):
        (face,) = finder.find(Image(turn_head(portrait.pixels, mesh, yaw, 0).pixels))
        seen.append(yaw_deg(face.mesh))
    assert seen[0] < seen[1] - 12 < seen[2] - 24
