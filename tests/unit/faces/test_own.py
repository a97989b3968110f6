"""Our own finder on composed pictures: one face of known place at every scale, in tiles, turned, at borders."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from fakeweb.errors import ModelIncompatible
from fakeweb.faces import looks
from fakeweb.faces.own import OwnFinder
from fakeweb.faces.proposer import Proposer
from fakeweb.types import Face, FaceMesher, Image


@pytest.fixture(scope="module")
def finder():
    return OwnFinder()


@pytest.fixture
def planted(head):
    """Build a textured picture with the head in it, its face so many pixels wide and its middle at a place."""
    image, (x0, y0, x1, y1) = head

    def build(width, height, face_px, at, turns=0):
        rng = np.random.default_rng(0)
        coarse = rng.integers(60, 200, (height // 40 + 2, width // 40 + 2, 3), np.uint8)
        canvas = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        scale = face_px / (x1 - x0)
        size = round(image.width * scale), round(image.height * scale)
        small = cv2.resize(
            image.pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        )
        left, top = round(at[0] - (x0 + x1) / 2 * scale), round(at[1] - (y0 + y1) / 2 * scale)
        a, b, c, d = max(top, 0), min(top + size[1], height), max(left, 0), min(left + size[0], width)
        canvas[a:b, c:d] = small[a - top : b - top, c - left : d - left]
        return Image(np.ascontiguousarray(np.rot90(canvas, turns)))

    return build


def hit(faces, at, face_px):
    """The one face whose middle lies near a place and that is about so wide."""
    near = [
        f
        for f in faces
        if abs((f.box[0] + f.box[2]) / 2 - at[0]) < face_px / 3
        and abs((f.box[1] + f.box[3]) / 2 - at[1]) < face_px / 3
        and 0.6 < f.width_px / face_px < 1.6
    ]
    assert len(near) == 1, [f.box for f in faces]
    return near[0]


@pytest.mark.parametrize("face_px", [40, 64, 100, 180, 300, 440])
@pytest.mark.parametrize("size", [(640, 480), (900, 1200)], ids=str)
def test_a_face_of_any_size_is_found_once(finder, planted, size, face_px):
    at = size[0] * 0.5, size[1] * 0.5
    faces = finder.find(planted(*size, face_px, at))
    hit(faces, at, face_px)
    assert len(faces) == 1


@pytest.mark.parametrize("x", range(300, 1100, 53))
def test_a_small_face_is_found_wherever_tiles_meet(finder, planted, x):
    at = x, 640 + x % 97
    assert len(finder.find(planted(1500, 1400, 70, at))) == 1
    hit(finder.find(planted(1500, 1400, 70, at)), at, 70)


def test_a_small_face_in_a_huge_picture_is_found_in_bounded_time(finder, planted):
    begun = time.process_time()
    faces = finder.find(planted(6000, 4000, 110, (4700, 700)))
    assert time.process_time() - begun < 20
    hit(faces, (4700, 700), 110)


PAGE, PANORAMA, STRIP = (1080, 20_000), (20_000, 1080), (400, 25_000)


@pytest.mark.parametrize(
    ("size", "face_px"), [(PAGE, 93), (PAGE, 230), (PANORAMA, 40), (PANORAMA, 130), (STRIP, 93)], ids=str
)
def test_in_a_long_picture_faces_of_every_size_are_found_as_in_its_pieces(finder, planted, size, face_px):
    """Shrunk to a long side of 4,096 px, a face of 93 px is one of 19; shrunk to 640 px, one of 230 is one of 7."""
    width, height = size
    piece = planted(
        min(width, 1500), min(height, 1500), face_px, (min(width, 1500) / 2, min(height, 1500) / 2)
    )
    places = [round(share * max(size)) for share in (0.02, 0.31, 0.55, 0.9)]
    canvas = np.full((height, width, 3), 128, np.uint8)
    for at in places:
        across, down = (0, at) if height > width else (at, 0)
        part = canvas[down : down + piece.height, across : across + piece.width]
        part[:] = piece.pixels[: part.shape[0], : part.shape[1]]
    found = finder.find(Image(canvas))
    assert len(found) == len(places)
    for at in places:
        middle = [piece.width / 2, piece.height / 2]
        middle[height > width] += at
        hit(found, middle, face_px)


def test_a_pictures_tiles_are_bounded_and_the_finder_says_what_it_cannot_see(finder):
    for size in ((640, 480), (4096, 4096), (1080, 20_000), (30_000, 3000), (12_000, 9000), (30_000, 30_000)):
        scale = looks.finest(*size)
        assert np.prod([len(looks.spans(round(side * scale))) for side in size]) <= 160
        assert finder.least_px(*size) == pytest.approx(24 / scale)
    assert finder.least_px(4096, 4096) == 24
    assert finder.least_px(12_000, 9000) == 32
    assert finder.least_px(30_000, 30_000) > 60


@pytest.mark.parametrize("turns", [0, 3])
def test_a_face_lying_on_its_side_is_found_and_its_points_turn_with_it(finder, planted, turns):
    faces = finder.find(planted(480, 480, 120, (240, 240), turns))
    face = hit(faces, (240, 240), 120)
    eyes, mouth = face.points[:2].mean(0), face.points[3:].mean(0)
    down = mouth - eyes
    angle = np.degrees(np.arctan2(down[1], down[0]))
    wanted = {0: 90, 3: 180}[turns]  # rot90 turns to the left: three times, and the chin points left
    assert abs((angle - wanted + 180) % 360 - 180) < 25


def test_where_one_face_lies_on_its_side_small_ones_beside_it_are_found_too(finder, planted):
    large, small = planted(900, 700, 150, (250, 300)), planted(900, 700, 34, (700, 420))
    pixels = large.pixels.copy()
    pixels[330:510, 600:800] = small.pixels[330:510, 600:800]
    for turns in (1, 3):
        faces = finder.find(Image(np.ascontiguousarray(np.rot90(pixels, turns))))
        assert sorted(round(f.height_px / 20) for f in faces)[0] <= 3
        assert len(faces) == 2


def test_a_face_that_fills_the_picture_is_found(finder, head):
    image, (x0, y0, x1, y1) = head
    tight = Image(image.pixels[int(y0) : int(y1), int(x0) : int(x1)])
    large = Image(np.asarray(cv2.resize(tight.pixels, None, fx=6, fy=6), np.uint8))
    for picture in (tight, large):
        (face,) = finder.find(picture)
        assert face.width_px > 0.7 * picture.width


@pytest.mark.parametrize("at", [(10, 240), (630, 240), (320, 8)], ids=str)
def test_a_face_cut_by_the_border_is_found_or_not_but_never_made_up_elsewhere(finder, planted, at):
    for face in finder.find(planted(640, 480, 120, at)):
        assert abs((face.box[0] + face.box[2]) / 2 - at[0]) < 60
        assert abs((face.box[1] + face.box[3]) / 2 - at[1]) < 60


def test_eight_threads_see_what_one_sees(finder, planted):
    pictures = [planted(700, 500, 40 + 12 * i, (350, 250)) for i in range(8)]
    alone = [[(f.box, f.confidence) for f in finder.find(p)] for p in pictures]
    with ThreadPoolExecutor(8) as pool:
        together = [[(f.box, f.confidence) for f in faces] for faces in pool.map(finder.find, pictures)]
    assert together == alone


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("length", [1, 700, 768, 769, 1500, 4096])
def test_tiles_cover_everything_and_lap_over(length, narrow):
    spans = looks.spans(length, narrow=narrow)
    assert spans[0][0] == 0
    assert spans[-1][1] == length
    assert all(0 < end - begin <= looks.TILE_PX for begin, end in spans)
    assert all(nxt <= end - looks.LAP_PX for (_, end), (nxt, _) in pairwise(spans))


def test_a_quarter_turn_is_undone():
    pixels = np.zeros((30, 50, 3), np.uint8)
    pixels[5, 40] = 255  # x 40, y 5
    turned = np.rot90(pixels)
    y, x = (int(v) for v in np.argwhere(turned[..., 0])[0])
    row = np.zeros((1, 15), np.float32)
    row[0, 1:5] = (x, y, x + 1, y + 1)
    row[0, 5:] = np.tile([x + 0.5, y + 0.5], 5)
    back = looks.turned_back(row, 50)
    np.testing.assert_allclose(back[0, 1:5], (40, 5, 41, 6))
    np.testing.assert_allclose(back[0, 5:].reshape(5, 2), [[40.5, 5.5]] * 5)


def test_the_second_look_sees_the_same_in_a_mirrored_picture(finder, planted):
    image = planted(640, 480, 150, (250, 240))
    mirrored = Image(np.ascontiguousarray(image.pixels[:, ::-1]))
    there = finder.proposer.look_again(image)[0][0]
    back = finder.proposer.look_again(mirrored)[0][0]
    x0, y0, x1, y1 = there.box
    np.testing.assert_allclose(back.box, (640 - x1, y0, 640 - x0, y1), atol=3)
    crossed = there.points[[1, 0, 2, 4, 3]]
    np.testing.assert_allclose(back.points, np.column_stack([640 - crossed[:, 0], crossed[:, 1]]), atol=4)


def test_a_face_that_the_first_look_misses_is_found_by_the_second(finder, planted, monkeypatch):
    image = planted(640, 480, 150, (250, 240))
    monkeypatch.setattr(finder.proposer, "look", lambda _: [])
    hit(finder.find(image), (250, 240), 150)


@dataclass
class _Strict:
    """A mesher that sees a face only in boxes at least so wide; remembers what it was shown."""

    mesher: FaceMesher
    least_px: float
    shown: list[int] = field(default_factory=list)

    def mesh(self, image, faces):
        self.shown += [round(face.width_px) for face in faces]
        measured = self.mesher.mesh(image, faces)
        return [f if f.width_px >= self.least_px else replace(f, mesh=None, presence=0.01) for f in measured]


def test_a_face_that_the_mesh_rejects_is_shown_to_it_as_other_scales_have_it(finder, planted, monkeypatch):
    image, at = planted(640, 480, 90, (320, 240)), (320, 240)
    views = finder.proposer.look(image)[0]
    assert 2 <= len(views) <= 3
    wide = views[0].width_px
    others = [
        views[0],
        *(replace(v, box=(v.box[0] - 9, v.box[1], v.box[2] + 9, v.box[3])) for v in views[1:]),
    ]
    monkeypatch.setattr(finder.proposer, "look", lambda _: [others])
    strict = _Strict(finder.mesher, wide + 8)
    monkeypatch.setattr(finder, "mesher", strict)
    hit(finder.find(image), at, 90)
    assert len(strict.shown) == 2


def test_what_one_scale_alone_shows_must_be_surer_unless_it_is_small(finder, monkeypatch):
    def row(logit, x, size):
        return [logit, x, 10, x + size, 10 + size, *np.linspace(x, x + size, 10)]

    doubtful, sure, small, twice = row(0.0, 0, 80), row(1.0, 100, 80), row(0.0, 200, 30), row(0.0, 300, 80)
    rows = np.array([doubtful, sure, small, twice, twice], np.float32)
    monkeypatch.setattr(finder.proposer, "_looks", lambda *_, **__: rows)
    found = finder.proposer.look(Image(np.zeros((400, 600, 3), np.uint8)))
    assert sorted((views[0].box[0], len(views)) for views in found) == [(100, 1), (200, 1), (300, 2)]
    tiny = finder.proposer.look(Image(np.zeros((112, 112, 3), np.uint8)))  # is looked at once
    assert [views[0].box[0] for views in tiny] == [0]


@pytest.mark.parametrize("face_px", [30, 120, 200, 420])
def test_each_look_keeps_the_faces_that_it_shows_well_and_leaves_large_ones_to_the_next(
    finder, planted, monkeypatch, face_px
):
    """Large false faces come from looks at large copies: of 1,024 px and more none above 125 px may be kept."""
    kept = []
    look = finder.proposer._look

    def noted(pixels, largest):
        found, hints = look(pixels, largest)
        sizes = np.sqrt((found[:, 3:5] - found[:, 1:3]).prod(1))
        kept.extend((max(pixels.shape[:2]), float(size)) for size in sizes)
        return found, hints

    monkeypatch.setattr(finder.proposer, "_look", noted)
    finder.proposer.look(planted(1000, 800, face_px, (500, 400)))
    assert all(size <= 125 for side, size in kept if side > 112), kept
    assert kept
    if face_px == 420:
        kept.clear()
        finder.proposer.look_again(planted(1000, 800, face_px, (500, 400)))
        assert any(size > 125 for side, size in kept if side > 112)  # here they count everywhere


@pytest.fixture
def looked_at(finder, monkeypatch):
    """Remember the pixels the network is given, in all."""
    seen = []
    look = finder.proposer._look
    monkeypatch.setattr(
        finder.proposer, "_look", lambda part, most: [seen.append(part.size // 3), look(part, most)][1]
    )
    return seen


@pytest.mark.parametrize(
    ("face_px", "at"), [(48, (3010, 640)), (48, (130, 2900)), (64, (1999, 1500))], ids=str
)
def test_a_small_face_in_a_large_picture_costs_little_and_is_found(finder, planted, looked_at, face_px, at):
    """16 megapixels, of which a copy of a sixth is looked at, and the face itself."""
    faces = finder.find(planted(4000, 4000, face_px, at))
    hit(faces, at, face_px)
    assert len(faces) == 1
    assert sum(looked_at) < 0.35 * 4000 * 4000


def test_a_portrait_is_looked_at_closely_only_beside_its_face(finder, head, looked_at):
    image, _ = head
    large = Image(np.asarray(cv2.resize(image.pixels, (640, 640)), np.uint8))
    assert len(finder.find(large)) == 1
    assert sum(looked_at) < 0.75 * 640 * 640


@pytest.mark.parametrize("face_px", [24, 32, 48, 80])
def test_looking_closely_only_at_hints_finds_whom_looking_everywhere_finds(
    finder, planted, monkeypatch, face_px
):
    rng, places = np.random.default_rng(face_px), looks.places
    for size in ((640, 480), (1000, 1500), (1900, 1300)):
        at = tuple(int(rng.uniform(0.2, 0.8) * side) for side in size)
        picture = planted(*size, face_px, at)
        found = finder.find(picture)
        with monkeypatch.context() as patch:
            patch.setattr(looks, "places", lambda shape, _: places(shape, None))
            everywhere = finder.find(picture)
        assert len(found) == len(everywhere)
        for one, other in zip(found, everywhere, strict=True):
            np.testing.assert_allclose(one.box, other.box, atol=0.05 * face_px)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_portrait_is_found_alike_however_it_lies_and_however_closely_it_is_looked_at(
    finder, head, monkeypatch, turns, mirrored
):
    places = looks.places
    pixels = np.rot90(cv2.resize(head[0].pixels, (600, 640)), turns)
    picture = Image(np.ascontiguousarray(pixels[:, ::-1] if mirrored else pixels))
    found = finder.find(picture)
    with monkeypatch.context() as patch:
        patch.setattr(looks, "places", lambda shape, _: places(shape, None))
        everywhere = finder.find(picture)
    assert len(found) == len(everywhere) == 1
    np.testing.assert_array_equal(found[0].box, everywhere[0].box)
    np.testing.assert_array_equal(found[0].mesh, everywhere[0].mesh)


def test_parts_to_look_at_lie_apart_and_hold_every_hint():
    rng = np.random.default_rng(2)
    for side in (640, 3000):
        hints = np.full((40, 15), -1, np.float32)
        corner = rng.uniform(0, side - 60, (40, 2))
        hints[:, 1:5] = np.concatenate([corner, corner + rng.uniform(10, 60, (40, 1))], axis=1)
        told = looks.Hints(hints[: side // 80], np.zeros((0, 15), np.float32), 1.0, 2.5, 125.0)
        parts = looks.places((side, side, 3), told)
        for x0, y0, x1, y1 in told.seen[:, 1:5]:
            assert any(t <= y0 and y1 <= b and le <= x0 and x1 <= r for t, b, le, r in parts)
        assert all(b - t <= looks.TILE_PX and r - le <= looks.TILE_PX for t, b, le, r in parts)
        assert sum((b - t) * (r - le) for t, b, le, r in parts) < 0.8 * side * side
    assert looks.places((640, 640, 3), None) == [(0, 640, 0, 640)]


def test_inside_a_large_face_that_is_sure_no_other_is_looked_for():
    face, inside, beside = np.zeros((3, 15), np.float32)
    face[:5], inside[:5], beside[:5] = (
        (3, 100, 100, 400, 400),
        (0, 200, 200, 230, 230),
        (0, 500, 500, 530, 530),
    )
    seen = np.stack([inside, beside])
    told = looks.Hints(seen, face[None], 1.0, 2.5, 125.0)
    assert len(told.boxes()) == 1
    face[0] = 0  # not so sure
    assert len(looks.Hints(seen, face[None], 1.0, 2.5, 125.0).boxes()) == 2


SUMS = {  # logit of the proposal, of the mesh; found in the first look, found where one looks again
    "both doubtful": (0.0, 2.0, False, False),
    "just enough": (0.2, 2.0, True, False),
    "enough at first only": (1.0, 2.2, True, False),
    "sure": (1.4, 2.0, True, True),
    "the mesh outweighs": (-0.5, 4.0, True, True),
    "the proposal outweighs": (3.5, 0.0, True, True),
}


@pytest.mark.parametrize(("proposed", "measured", "first", "second"), SUMS.values(), ids=SUMS.keys())
def test_where_nobody_was_found_more_is_asked_of_the_second_look(
    portrait, monkeypatch, proposed, measured, first, second
):
    """Of false faces in empty scenes, asking 3.3 instead of 2.1 of the sum of both logits drops five of seven."""

    class Mesher:
        name, min_presence, max_printed = "told", 0.5, 1.0

        def mesh(self, image, faces):
            return [replace(f, mesh=real.mesh, presence=_p(measured)) for f in faces]

    (real,) = OwnFinder().find(portrait)
    answers = _found_by_look(OwnFinder(mesher=Mesher()), portrait, real, proposed, monkeypatch)
    assert answers == {"look": first, "look_again": second, "look_turned": second}


@pytest.mark.parametrize(
    ("proposed", "first", "second"), [(2.1, False, False), (2.3, True, False), (2.5, True, True)]
)
def test_without_a_mesh_the_proposal_must_be_surer_and_in_the_second_look_surer_still(
    portrait, monkeypatch, proposed, first, second
):
    (real,) = OwnFinder().find(portrait)
    answers = _found_by_look(OwnFinder(mesher=None), portrait, real, proposed, monkeypatch)
    assert answers == {"look": first, "look_again": second, "look_turned": second}


def _p(logit):
    return 1 / (1 + np.exp(-logit))


def _found_by_look(finder, picture, face, proposed, monkeypatch):
    """Tell by look whether a face that this look alone proposes, with such a logit, is found."""
    answers = {}
    proposal = [[Face(face.box, _p(proposed), points=face.points)]]
    for seeing in ("look", "look_again", "look_turned"):
        for name in ("look", "look_again", "look_turned"):
            said = proposal if name == seeing else []
            monkeypatch.setattr(finder.proposer, name, lambda *_, said=said, **__: said)
        answers[seeing] = bool(finder.find(picture))
    return answers


def test_a_classifier_is_no_finder():
    with pytest.raises(ModelIncompatible, match="is a classifier, not a finder"):
        Proposer("fast")
