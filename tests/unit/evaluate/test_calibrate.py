"""Calibration of a model that somebody brought in: what ``fakeweb models add --data`` asks the registry for."""

import numpy as np
import pytest

from fakeweb import registry
from fakeweb.errors import DatasetError
from fakeweb.media import encode_jpeg
from fakeweb.runtime import read_card
from fakeweb.types import Image

LEVELS = {"real": 90, "fake": 165}


@pytest.fixture(scope="module")
def lit(tmp_path_factory):
    """A data set of 140 validation groups, each with a dark real picture and a bright fake one."""
    root, rng = tmp_path_factory.mktemp("lit"), np.random.default_rng(0)
    rows = ["path,source,label,kind,split,group"]
    for number in range(140):
        for label, level in LEVELS.items():
            coarse = rng.normal(level + rng.normal(0, 18), 20, (8, 8, 3))
            pixels = np.clip(coarse, 10, 250).astype(np.uint8).repeat(8, 0).repeat(8, 1)
            (root / f"{label}{number}.jpg").write_bytes(encode_jpeg(Image(np.ascontiguousarray(pixels))))
            rows.append(f"{label}{number}.jpg,lit,{label},{'swap' if label == 'fake' else ''},val,g{number}")
    (root / "index.csv").write_text("\n".join(rows) + "\n")
    return root


def test_it_learns_probabilities_and_thresholds_on_groups_a(lit, middle, brightness_model):
    card, told = read_card(brightness_model), []
    made = registry.load("calibration", "groups")(
        card, lit, "index", middle, None, on_progress=lambda done, total: told.append((done, total))
    )
    about = made.details["calibrated_on"]
    assert about["groups"] == "A of val"
    assert 50 < about["real"] == about["fake"] < 100  # half of the groups, whole groups
    assert told[-1][0] == told[-1][1] == about["real"] + about["fake"]
    real, fake = (made.calibration.probability(0.1 * level - 12.8) for level in LEVELS.values())
    assert real < 0.1
    assert fake > 0.9
    assert made.decision != card.decision


def test_one_class_alone_is_told(lit, middle, brightness_model, tmp_path):
    lines = (lit / "index.csv").read_text().splitlines(keepends=True)
    fakes = [line.replace("fake", f"{lit}/fake", 1) for line in lines if ",real," not in line]
    (tmp_path / "index.csv").write_text("".join(fakes))
    with pytest.raises(DatasetError, match="show no face of either class"):
        registry.load("calibration", "groups")(read_card(brightness_model), tmp_path, "index", middle, None)
