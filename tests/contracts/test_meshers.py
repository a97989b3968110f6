"""What every mesher must keep: the docstring of :class:`fakeweb.types.FaceMesher`, as a suite.

A new mesher is tested by being registered. One whose guest is not here is skipped; docs/guide/mesh.md says how to run
the suite where it is.
"""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fakeweb import registry, topology
from fakeweb.errors import MissingExtra, ModelMissing
from fakeweb.types import Face, FaceMesher, Image

# of the portrait, drawn by eye: eyes, nose tip, mouth corners
FIVE = np.array([(200.0, 108.0), (242.0, 104.0), (222.0, 130.0), (207.0, 148.0), (243.0, 145.0)])


@pytest.fixture(scope="module", params=registry.names("mesh"))
def mesher(request):
    try:
        return registry.load("mesh", request.param)()
    except (MissingExtra, ModelMissing) as error:
        if request.param == "fakeweb":  # it brings everything: never skipped
            raise
        pytest.skip(error.message)


@pytest.fixture(scope="module")
def face(portrait_box):
    return Face(portrait_box, 0.9)


def same(one, other):
    meshes = [None if f.mesh is None else f.mesh.tobytes() for f in (one, other)]
    return (one.box, one.presence, one.printed, meshes[0]) == (
        other.box,
        other.presence,
        other.printed,
        meshes[1],
    )


def test_it_keeps_the_protocol_and_goes_by_its_registered_name(mesher, request):
    assert isinstance(mesher, FaceMesher)
    assert mesher.name == request.node.callspec.params["mesher"]


def test_it_travels_to_another_process_as_what_made_it(mesher, portrait, face):
    (again,), (first,) = (m.mesh(portrait, [face]) for m in (pickle.loads(pickle.dumps(mesher)), mesher))
    assert same(again, first)


def test_no_faces_no_meshes(mesher, portrait):
    assert list(mesher.mesh(portrait, [])) == []


def test_points_lie_where_the_portrait_has_them(mesher, portrait, face):
    (found,) = mesher.mesh(portrait, [face])
    assert found.presence > 0.9
    corners = found.mesh[list(topology.EYE_CORNERS), :2]
    unit = float(np.linalg.norm(corners[1] - corners[0]))
    assert 40 < unit < 90
    right, left = (
        found.mesh[list(topology.CONTOURS[name]), :2].mean(axis=0) for name in ("right_eye", "left_eye")
    )
    mouth = found.mesh[list(topology.CONTOURS["lips_inner"]), :2]
    for seen, wanted in ((right, FIVE[0]), (left, FIVE[1]), (mouth.mean(axis=0), FIVE[3:].mean(axis=0))):
        assert np.linalg.norm(seen - wanted) < 0.2 * unit


def test_what_was_known_about_a_face_stays(mesher, portrait, portrait_box):
    known = Face(portrait_box, 0.7, points=FIVE, track=3)
    (found,) = mesher.mesh(portrait, [known])
    assert (found.box, found.confidence, found.track) == (known.box, 0.7, 3)
    assert np.array_equal(found.points, known.points)


def test_each_face_gets_its_own_in_order(mesher, portrait, face):
    moved = Image(np.roll(portrait.pixels, 40, axis=1))
    x0, y0, x1, y1 = face.box
    shifted = Face((x0 + 40, y0, x1 + 40, y1))
    (alone,) = mesher.mesh(moved, [shifted])
    nowhere, second = mesher.mesh(moved, [Face((2, 400, 42, 440)), shifted])
    assert same(alone, second)
    assert nowhere.box == (2, 400, 42, 440)


def test_a_tilted_portrait_is_measured_tilted(mesher, portrait, face):
    turned = Image(np.ascontiguousarray(np.rot90(portrait.pixels, -1)))  # clockwise
    height = portrait.height
    x0, y0, x1, y1 = face.box
    points = np.column_stack([height - 1 - FIVE[:, 1], FIVE[:, 0]])
    (found,) = mesher.mesh(turned, [Face((height - y1, x0, height - y0, x1), points=points)])
    (upright,) = mesher.mesh(portrait, [Face(face.box, points=FIVE)])
    there = np.column_stack([height - 1 - upright.mesh[:, 1], upright.mesh[:, 0]])
    unit = np.linalg.norm(np.subtract(*upright.mesh[list(topology.EYE_CORNERS), :2]))
    assert np.linalg.norm(found.mesh[:, :2] - there, axis=1).mean() < 0.08 * unit


def test_the_size_of_the_picture_hardly_matters(mesher, portrait, face):
    doubled = Image(portrait.pixels.repeat(2, 0).repeat(2, 1))
    (small,), (large,) = (
        mesher.mesh(portrait, [face]),
        mesher.mesh(doubled, [Face(tuple(2 * v for v in face.box))]),
    )
    unit = np.linalg.norm(np.subtract(*large.mesh[list(topology.EYE_CORNERS), :2]))
    assert np.linalg.norm(2 * small.mesh[:, :2] + 0.5 - large.mesh[:, :2], axis=1).mean() < 0.06 * unit


@pytest.mark.parametrize("colour", [0, 127, (255, 0, 0)], ids=str)
def test_where_there_is_no_face_there_is_no_mesh(mesher, plain, colour):
    (found,) = mesher.mesh(plain(colour, 160, 120), [Face((20, 20, 100, 100))])
    assert found.mesh is None
    assert found.presence < 0.5


@pytest.mark.parametrize(
    "box", [(-40, -40, 30, 30), (0, 0, 1, 1), (60, 60, 900, 900), (63, 63, 64, 64), (10, 10, 11, 60)], ids=str
)
def test_boxes_at_and_past_the_border_are_no_trouble(mesher, plain, box):
    (found,) = mesher.mesh(plain(90, 64, 64), [Face(box)])
    assert found.box == tuple(map(float, box))
    assert 0 <= found.presence <= 1


def test_the_same_picture_gives_the_same_from_one_and_from_eight_threads(mesher, portrait, face):
    before = portrait.pixels.tobytes()
    (alone,) = mesher.mesh(portrait, [face])
    with ThreadPoolExecutor(8) as pool:
        many = list(pool.map(lambda _: mesher.mesh(portrait, [face])[0], range(24)))
    assert all(same(alone, other) for other in many)
    assert portrait.pixels.tobytes() == before
