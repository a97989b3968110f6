"""The shipped model on labelled faces it was neither trained nor calibrated on (groups B)."""

import csv
import re

import cv2
import numpy as np
import pytest

from fakeweb import Scanner
from fakeweb.datasets import half_of_group
from fakeweb.datasets.index import IndexLayout
from fakeweb.faces import align
from fakeweb.media import read_image
from fakeweb.scanner.decide import Seen, conclude
from fakeweb.types import Face


@pytest.fixture(scope="module")
def unseen(data):
    """Validation samples of groups B."""
    samples = [s for s in IndexLayout().index(data) if s.label is not None and s.split == "val"]
    return [s for s in samples if half_of_group(s.source, s.group) == "B"]


@pytest.fixture(scope="module")
def scanner():
    return Scanner()


def some(samples, per_source, seed=5):
    rng = np.random.default_rng(seed)
    for source in sorted({s.source for s in samples}):
        own = [s for s in samples if s.source == source]
        yield from (own[i] for i in rng.permutation(len(own))[:per_source])


def test_few_real_faces_are_accused(unseen, scanner):
    labels = [scanner.scan(s.path).verdict.label for s in some([s for s in unseen if s.label == 0], 12)]
    assert len(labels) > 90
    assert labels.count("fake") <= 0.06 * len(labels)
    assert labels.count("no_face") <= 0.15 * len(labels)


def test_generated_faces_are_called_fake(unseen, scanner):
    chosen = [s for s in unseen if s.source in {"sdxl", "stylegan2_sfhq"}]
    labels = [scanner.scan(s.path).verdict.label for s in some(chosen, 15)]
    assert labels.count("fake") >= 0.4 * len(labels)
    assert labels.count("real") <= 0.2 * len(labels)


@pytest.mark.slow
def test_genuine_groups_are_rarely_called_fake(unseen, scanner):
    """Ten genuine faces drawn from pictures of their own, 2,000 times: they share nothing that could be given back."""
    reals = [s for s in unseen if s.label == 0]
    seen = [Seen(f.face, f.score) for s in reals for f in scanner.scan(s.path).faces if f.rarity is not None]
    rng = np.random.default_rng(8)
    drawn = [rng.choice(len(seen), 10, replace=False) for _ in range(2000)]
    labels = [conclude([seen[i] for i in group], scanner.rules)[1].label for group in drawn]
    assert len(seen) > 500
    assert labels.count("fake") <= 0.08 * len(labels)
    assert labels.count("uncertain") <= 0.35 * len(labels)


@pytest.mark.slow
def test_a_montage_is_judged_face_by_face(unseen, scanner):
    """Ten faces in one picture are found and judged about as they are alone."""
    chosen = some([s for s in unseen if s.label == 0 and s.source in {"scut", "lfw"}], 5)
    tiles = [cv2.resize(read_image(s.path).image.pixels, (256, 256)) for s in chosen]
    montage = np.vstack([np.hstack(tiles[:5]), np.hstack(tiles[5:])])
    report = scanner.scan(np.ascontiguousarray(montage))
    assert 8 <= len(report.faces) <= 12


def handling_features(pixels):
    """What handling alone leaves in a crop: the JPEG grid's strength at each phase, horizontally and down."""
    grey = pixels.astype(np.float64).mean(2)
    across, down = abs(np.diff(grey, axis=1)), abs(np.diff(grey, axis=0))
    columns = [across[:, phase::8].mean() / (across.mean() + 1e-6) for phase in range(8)]
    rows = [down[phase::8].mean() / (down.mean() + 1e-6) for phase in range(8)]
    return [max(columns), max(rows), float(np.argmax(columns)), float(np.argmax(rows))]


@pytest.mark.slow
def test_handling_alone_tells_real_from_fake_no_better_than_chance(data):
    """Sizes, quantisers and the JPEG grid of our crops say nothing about the label within a source."""
    from fakeweb.train.calibrate import auc

    with (data / "index.csv").open(newline="") as stream:
        rows = [r for r in csv.DictReader(stream) if r["label"] in {"real", "fake"}]
    sources = sorted(
        {r["source"] for r in rows if r["label"] == "fake"}
        & {r["source"] for r in rows if r["label"] == "real"}
    )
    assert len(sources) >= 4
    rng = np.random.default_rng(3)
    for source in sources:
        features = {}
        for label in ("real", "fake"):
            own = [r for r in rows if r["source"] == source and r["label"] == label]
            chosen = [own[i] for i in rng.permutation(len(own))[:1500]]
            features[label] = np.array([_features(data, r) for r in chosen])
        for column in range(features["real"].shape[1]):
            value = auc(features["fake"][:, column], features["real"][:, column])
            assert abs(value - 0.5) <= 0.06, f"{source}: feature {column} has AUC {value:.3f}"


def _features(data, row):
    path = data / row["path"]
    raw = path.read_bytes()
    quantiser = sum(
        sum(raw[m.end() : m.end() + 64]) for m in re.finditer(rb"\xff\xdb\x00[\x43\x84]\x00", raw)
    )
    image = read_image(raw).image
    whole = Face((0, 0, image.width, image.height))
    crop = align(image, whole, 160, margin=0.8)
    return [image.width, image.height, image.width / image.height, quantiser, *handling_features(crop.pixels)]
