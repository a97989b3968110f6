"""Swaps on a real portrait: strength by measure, donors alike, broken ones turned down."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from fakeweb import registry
from fakeweb.errors import Unforgeable
from fakeweb.forge import DonorPool
from fakeweb.forge.broken import seam_energy
from fakeweb.forge.donors import distances
from fakeweb.forge.fit import bring
from fakeweb.forge.patch import Worked, open_patch
from fakeweb.forge.swap import Swap
from fakeweb.forge.traits import traits_of
from fakeweb.media import read_image
from fakeweb.topology import CONTOURS, MIRROR
from fakeweb.types import Face, Image

ROOT = Path(__file__).parents[3]
STRENGTHS = (0.1, 0.3, 0.6, 1.0)


@pytest.fixture(scope="module")
def mesher():
    return registry.load("mesh", "fakeweb")()


@pytest.fixture(scope="module")
def portrait(mesher):
    """A genuine portrait and its face."""
    image = read_image(ROOT / "examples" / "collins.jpg").image
    return image, mesher.mesh(image, [Face((178.0, 62.0, 272.0, 176.0))])[0]


def mirrored(image, face):
    mesh = np.array(face.mesh)[MIRROR]
    mesh[:, 0] = image.width - 1 - mesh[:, 0]
    x0, y0, x1, y1 = face.box
    box = (image.width - 1 - x1, y0, image.width - 1 - x0, y1)
    return Image(np.ascontiguousarray(image.pixels[:, ::-1])), Face(box, mesh=mesh)


@pytest.fixture(scope="module")
def stranger(portrait, mesher):
    """Somebody else: the portrait mirrored, eyes enlarged, nose and jaw slimmed, made up, a little darker."""
    image, face = mirrored(*portrait)
    for number, name in enumerate(("eyes", "nose", "jaw", "make_up")):
        image = registry.load("forge", name)(strength=(1, 1))(
            image, face, np.random.default_rng(number)
        ).image
        face = mesher.mesh(image, [face])[0]
    return Image((image.pixels * np.array((0.8, 0.85, 0.95))).astype(np.uint8)), face


def lender(*people):
    return DonorPool([face for _, face in people], lambda number: people[number][0])


def painted(image, face, colour, contour=None, part=None):
    """Paint over the inside of a contour of the mesh, or over part of its hull."""
    pixels = image.pixels.copy()
    points = face.mesh[list(CONTOURS[contour]), :2] if contour else face.mesh[:, :2]
    if part is not None:
        points = points[part(points)]
    cv2.fillConvexPoly(
        pixels, np.rint(cv2.convexHull(points.astype(np.float32))).astype(np.int32)[:, 0], colour
    )
    return Image(pixels), face


def framed(image, face):
    """Draw glasses."""
    pixels, mesh = image.pixels.copy(), face.mesh[:, :2]
    eyes = [mesh[list(CONTOURS[name])] for name in ("right_eye", "left_eye")]
    radius = int(0.8 * np.ptp(eyes[0][:, 0]))
    for eye in eyes:
        x, y = (int(v) for v in eye.mean(0))
        cv2.circle(pixels, (x, y), radius, (25, 20, 20), max(2, radius // 7))
    first, second = (eye.mean(0) for eye in eyes)
    along = (second - first) / np.linalg.norm(second - first) * radius
    ends = [tuple(int(v) for v in p) for p in (first + along, second - along)]
    cv2.line(pixels, *ends, (25, 20, 20), max(2, radius // 7))
    return Image(pixels), face


def table(portrait, stranger):
    """Return rows of strength, change inside the mask, landmarks towards the donor, seam; each a mean over seeds."""
    image, face = portrait
    patch, donor = open_patch(image, face), open_patch(*stranger)
    rows = []
    for strength in STRENGTHS:
        change, towards, seam = [], [], []
        for seed in range(5):
            made = Swap(donors=lender(stranger)).blend(patch, donor, strength, np.random.default_rng(seed))
            inside = made.weight > 0.05
            change.append(np.abs(made.pixels - patch.pixels)[inside].mean())
            towards.append(np.linalg.norm(made.moves, axis=1).mean() / patch.unit_px)
            seam.append(seam_energy(patch, Worked(made.pixels, (made.weight > 0).astype(np.float32))))
        rows.append((strength, np.mean(change), np.mean(towards), np.mean(seam)))
    return np.array(rows)


def test_strength_grades_colour_landmarks_and_seam(portrait, stranger):
    rows = table(portrait, stranger)
    for column in rows.T[1:]:
        assert (np.diff(column) > 0).all(), rows
    assert rows[0, 1] < 0.35 * rows[-1, 1]  # hardly visible
    assert rows[0, 2] == pytest.approx(0.1 * rows[-1, 2], rel=0.01)


def test_a_full_swap_shows_the_donor_and_is_found_where_it_was_put(portrait, stranger, mesher):
    image, face = portrait
    made = Swap(donors=lender(stranger), strength=(1, 1), mesher=mesher)(
        image, face, np.random.default_rng(1)
    )
    again = mesher.mesh(made.image, [face])[0]
    assert again.mesh is not None
    laid, _ = bring(open_patch(*stranger), open_patch(image, face))
    core = open_patch(image, face).hull(feather=0.02, grow=-0.45) > 0.5
    patch = open_patch(made.image, face)
    to_donor, to_self = (
        np.corrcoef(other[core].mean(1), patch.pixels[core].mean(1))[0, 1]
        for other in (laid, open_patch(image, face).pixels)
    )
    assert to_donor > to_self
    assert (made.image.pixels[made.mask == 0] == image.pixels[made.mask == 0]).all()


def test_glasses_hair_light_and_pose_count_when_donors_are_chosen(portrait, stranger):
    image, face = portrait
    mine = traits_of(open_patch(image, face))
    dark = Image(
        (stranger[0].pixels * np.linspace(0.35, 1.2, image.width)[None, :, None])
        .clip(0, 255)
        .astype(np.uint8)
    )
    others = {
        "plain": stranger,
        "glasses": framed(*stranger),
        "fringe": painted(
            *stranger, (30, 25, 20), part=lambda p: p[:, 1] < p[:, 1].min() + 0.25 * np.ptp(p[:, 1])
        ),
        "mask": painted(
            *stranger, (90, 150, 210), part=lambda p: p[:, 1] > p[:, 1].min() + 0.55 * np.ptp(p[:, 1])
        ),
        "light": (dark, stranger[1]),
        "blur": (Image(cv2.GaussianBlur(stranger[0].pixels, (0, 0), 3)), stranger[1]),
    }
    pool = lender(*others.values())
    ranked = list(pool(face, mine, np.inf, np.random.default_rng(0)))
    assert ranked[0][0] is others["plain"][0]
    framed_face = traits_of(open_patch(*framed(image, face)))
    assert framed_face.glasses > 0.8 > 0.3 > mine.glasses
    best = next(iter(pool(face, framed_face, np.inf, np.random.default_rng(0))))
    assert best[0] is others["glasses"][0]


def test_nobody_is_lent_who_is_too_unlike(portrait, stranger):
    image, face = portrait
    covered = painted(
        *stranger, (20, 120, 220), part=lambda p: p[:, 1] > p[:, 1].min() + 0.45 * np.ptp(p[:, 1])
    )
    with pytest.raises(Unforgeable, match="no donor is enough like it"):
        Swap(donors=lender(covered))(image, face, np.random.default_rng(0))


def test_the_next_donor_is_tried_when_a_seam_shows_and_a_lost_face_is_told(
    portrait, stranger, mesher, monkeypatch
):
    image, face = portrait
    near, far = stranger, framed(*stranger)

    class Both:
        def __call__(self, *_):
            return [far, near]

    faults = iter(["its seam shows", None])
    monkeypatch.setattr("fakeweb.forge.method.fault_of", lambda *_: next(faults))
    made = Swap(donors=Both(), strength=(1, 1))(image, face, np.random.default_rng(3))
    monkeypatch.undo()
    alone = Swap(donors=lender(near), strength=(1, 1))
    assert np.abs(made.image.pixels.astype(int) - image.pixels).sum() > 0
    assert made.mask.shape == alone(image, face, np.random.default_rng(3)).mask.shape

    class Blind:
        def mesh(self, _, faces):
            return [replace(f, mesh=None) for f in faces]

    with pytest.raises(Unforgeable, match="no face is found in it"):
        Swap(donors=lender(near), mesher=Blind())(image, face, np.random.default_rng(3))


def test_a_hard_edge_has_more_seam_than_a_soft_one(portrait):
    patch = open_patch(*portrait)
    bright = np.clip(patch.pixels + 110, 0, 255)
    seams = []
    for weight in (patch.hull(feather=0.02, grow=-0.2), np.zeros(patch.shape, np.float32)):
        mixed = patch.pixels + (bright - patch.pixels) * weight[..., None]
        seams.append(seam_energy(patch, Worked(mixed, weight)))
    assert seams[0] > 1.25 > 0 == seams[1]


def test_distances_see_a_softer_donor_more_than_a_sharper_one():
    row = np.zeros(30, np.float32)
    soft, sharp = row.copy(), row.copy()
    soft[0], sharp[0] = -1, 1
    apart = distances(row, np.stack([row, soft, sharp]))
    assert apart[0] == 0
    assert apart[1] > 5 * apart[2] > 0


def test_a_face_cut_out_and_scaled_anew_is_not_lent_to_itself(portrait, stranger):
    image, face = portrait
    small = cv2.resize(image.pixels[20:420, 60:460], (320, 320), interpolation=cv2.INTER_AREA)
    mesh = np.array(face.mesh) - (60, 20, 0)
    again = Image(small), Face((94.4, 33.6, 169.6, 124.8), mesh=mesh * 0.8 - (0.1, 0.1, 0))
    lent = list(
        lender(again, stranger)(face, traits_of(open_patch(image, face)), np.inf, np.random.default_rng(0))
    )
    assert [picture for picture, _ in lent] == [stranger[0]]
