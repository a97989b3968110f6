"""Leaks in small sets, and traces of resampling."""

import cv2
import numpy as np
import pytest

from fakeweb.datasets import Sample
from fakeweb.evaluate.exact import Aspect, most_telling
from fakeweb.evaluate.files import container_aspects, read_facts, resampling_aspects
from fakeweb.evaluate.resampling import traces
from fakeweb.media import encode_jpeg, encode_png
from fakeweb.types import Image


def photo(seed, side=256):
    """A picture with edges and detail at all scales, as photographs have."""
    dice = np.random.default_rng(seed)
    out = np.zeros((side, side, 3))
    for octave in range(8):
        size = min(2 ** (octave + 1), side)
        layer = dice.normal(0, 40 / (octave + 1), (size, size, 3))
        out += cv2.resize(layer, (side, side), interpolation=cv2.INTER_NEAREST)
    return np.clip(out + dice.uniform(90, 160), 0, 255).astype(np.uint8)


def enlarged(pixels, ratio=1.7):
    side = len(pixels)
    small = cv2.resize(pixels, None, fx=1 / ratio, fy=1 / ratio, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)


def write(root, source, reals, fakes):
    """Write pictures given as (bytes, suffix); return their samples."""
    samples = []
    for label, own in enumerate((reals, fakes)):
        for i, (data, suffix) in enumerate(own):
            path = root / source / str(label) / f"{i:03}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            samples.append(Sample(path, label, "swap" if label else None, "train", f"{label} {i}", source))
    return samples


def jpegs(seeds, change=lambda pixels: pixels):
    return [(encode_jpeg(Image(change(photo(seed))), 85 + seed % 10), "jpg") for seed in seeds]


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """Sixty reals and sixty fakes that differ in nothing, with their facts."""
    root = tmp_path_factory.mktemp("clean")
    files = jpegs(range(120))
    samples = write(root, "clean", files[:60], files[60:])
    return root, samples, [read_facts(s.path, s.path.name) for s in samples]


def test_inspection_names_another_format_and_an_enlarged_class_and_leaves_a_clean_set_alone(clean, tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra 'evaluate'")
    from fakeweb.evaluate.inspect import inspect
    from fakeweb.workshop.data import _findings

    root, samples, _ = clean
    reals = [(encode_jpeg(Image(photo(i, 250)), 90), "jpg") for i in range(62)]
    fakes = [(encode_png(Image(photo(i, 240))), "png") for i in range(100, 161)]
    samples = samples + write(root, "formats", reals, fakes)
    samples += write(root, "enlarged", jpegs(range(20)), jpegs(range(100, 120), enlarged))
    found = inspect(root, samples, [], "index", tmp_path)
    text = "\n".join(_findings(found.findings))
    assert "handling, container, formats: AUC 1.000, LEAKS (" in text
    assert found.findings["format_leaks"]["formats"]["p"] <= 0.001
    assert found.findings["format_leaks"]["formats"]["words"] in (tmp_path / "report.md").read_text()
    assert not found.findings["format_leaks"]["enlarged"]["leaks"]
    assert "LEAKS" in next(line for line in text.splitlines() if "resampling, enlarged" in line)
    assert not any("LEAKS" in line for line in text.splitlines() if "clean" in line)
    assert sum("clean" in line for line in text.splitlines()) == 3


def test_false_alarms_over_two_hundred_splits_of_one_clean_set(clean):
    facts = clean[2]
    aspects = [*resampling_aspects(facts), *container_aspects(facts)]
    alarms = 0
    for seed in range(200):
        labels = np.random.default_rng(seed).permutation(np.arange(120) % 2)
        told = most_telling(aspects, labels, [str(i) for i in range(120)])
        alarms += told.p <= 0.01
    assert alarms <= 7  # 2 are expected; 8 or more come once in a thousand times


def test_eight_of_each_are_enough_and_seven_are_not():
    labels = np.array([0] * 8 + [1] * 8)
    words = Aspect("format", ["jpeg"] * 8 + ["png"] * 8)
    told = most_telling([words], labels, [str(i) for i in range(16)])
    assert told.p < 0.01
    assert told.words == "reals 100% jpeg; fakes 100% png"
    assert most_telling([words], np.array([0] * 9 + [1] * 7), [str(i) for i in range(16)]) is None


def test_frames_of_one_video_count_once():
    labels = np.array([0] * 20 + [1] * 20)
    wide = Aspect("width", [250.0] * 20 + [240.0] * 10 + [250.0] * 10)
    frames = [f"r{i}" for i in range(20)] + ["f"] * 10 + [f"f{i}" for i in range(10)]
    one_video = most_telling([wide], labels, frames)
    ten_people = most_telling([wide], labels, [str(i) for i in range(40)])
    assert ten_people.p < 0.01 < one_video.p


def test_enlarging_leaves_less_fine_detail_and_a_rhythm():
    grey = cv2.cvtColor(photo(3, 512), cv2.COLOR_RGB2GRAY)
    before, after = traces(grey), traces(enlarged(grey))
    assert after[0] < before[0] - 1
    assert after[1] < before[1] - 1
    assert after[2] > before[2]


def test_the_grid_of_an_earlier_jpeg_is_found_where_it_lies():
    data = encode_jpeg(Image(photo(4, 512)), 40)
    grey = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert traces(grey)[4] == "7 7"
    assert traces(np.ascontiguousarray(grey[3:, 2:]))[4] == "5 4"
