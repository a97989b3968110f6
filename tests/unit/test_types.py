"""Values are checked at birth and frozen."""

import dataclasses

import numpy as np
import pytest

import fakeweb
from fakeweb.datasets import Sample
from fakeweb.forge import Forgery
from fakeweb.types import Crop, Face, FaceResult, Frame, Image, Report, Score, Thresholds, Verdict

NAN, INF = float("nan"), float("inf")
BOX = (1.0, 2.0, 11.0, 22.0)
EYE = np.eye(2, 3, dtype=np.float32)
VIDEO = {
    "duration_s": 9.96, "fps": 25.0, "frames": 249, "frames_examined": 32, "bursts": 1, "longest_gap_s": 0.4,
    "damaged_frames": 0, "complete": True, "codec": "h264", "has_sound": False,
}  # fmt: skip


def zeros(*shape, dtype=np.uint8):
    return np.zeros(shape, dtype)


def some_image():
    return Image(zeros(4, 6, 3))


REFUSED = {
    # Image
    "image: float": (lambda: Image(zeros(2, 2, 3, dtype=float)), TypeError, "uint8 array, got float64"),
    "image: list": (lambda: Image([[[0, 0, 0]]]), TypeError, "uint8 array, got list"),
    "image: None": (lambda: Image(None), TypeError, "uint8 array, got NoneType"),
    "image: grey": (lambda: Image(zeros(2, 2)), ValueError, r"shape \(H, W, 3\), got \(2, 2\)"),
    "image: alpha": (lambda: Image(zeros(2, 2, 4)), ValueError, r"got \(2, 2, 4\)"),
    "image: channels first": (lambda: Image(zeros(3, 8, 8)), ValueError, r"got \(3, 8, 8\)"),
    "image: batch": (lambda: Image(zeros(1, 2, 2, 3)), ValueError, r"got \(1, 2, 2, 3\)"),
    "image: no rows": (lambda: Image(zeros(0, 2, 3)), ValueError, r"got \(0, 2, 3\)"),
    "image: no columns": (lambda: Image(zeros(2, 0, 3)), ValueError, r"got \(2, 0, 3\)"),
    # Frame
    "frame: index": (lambda: Frame(some_image(), -1, 0.0), ValueError, "index >= 0 .* got -1"),
    "frame: time": (lambda: Frame(some_image(), 0, NAN), ValueError, "finite time_s, got 0, nan"),
    # Face
    "face: empty box": (lambda: Face((5, 5, 5, 9)), ValueError, r"x0 < x1 .* got \(5.0, 5.0, 5.0, 9.0\)"),
    "face: turned box": (lambda: Face((0, 9, 5, 5)), ValueError, "y0 < y1, got"),
    "face: nan box": (lambda: Face((0, 0, NAN, 5)), ValueError, "finite"),
    "face: endless box": (lambda: Face((0, 0, INF, 5)), ValueError, "finite"),
    "face: three numbers": (lambda: Face((0, 0, 5)), ValueError, r"box must be 4 numbers, got \(0, 0, 5\)"),
    "face: five numbers": (lambda: Face((0, 0, 5, 5, 1)), ValueError, r"box must be 4 numbers, got \(0"),
    "face: sure": (lambda: Face(BOX, 1.01), ValueError, r"confidence must lie in \[0, 1\], got 1.01"),
    "face: nan sure": (lambda: Face(BOX, NAN), ValueError, "got nan"),
    "face: points": (lambda: Face(BOX, points=zeros(4, 2)), ValueError, r"shape \(5, 2\), got \(4, 2\)"),
    "face: nan points": (lambda: Face(BOX, points=np.full((5, 2), NAN)), ValueError, "points must be finite"),
    "face: presence": (lambda: Face(BOX, presence=1.5), ValueError, r"presence must lie in \[0, 1\], got 1.5"),
    "face: printed": (lambda: Face(BOX, printed=-1.0), ValueError, "printed must lie"),
    "face: mesh": (lambda: Face(BOX, mesh=zeros(478, 3)), ValueError, r"shape \(468, 3\), got \(478, 3\)"),
    # Crop
    "crop: not square": (lambda: Crop(zeros(8, 9, 3), Face(BOX), EYE), ValueError, r"got uint8 \(8, 9, 3\)"),
    "crop: float": (lambda: Crop(zeros(8, 8, 3, dtype=np.float32), Face(BOX), EYE), ValueError, "got float32"),
    "crop: empty": (lambda: Crop(zeros(0, 0, 3), Face(BOX), EYE), ValueError, r"\(0, 0, 3\)"),
    "crop: affine": (lambda: Crop(zeros(8, 8, 3), Face(BOX), np.eye(3)), ValueError, r"\(2, 3\), got \(3, 3\)"),
    # Score
    "score: above one": (lambda: Score(1.5, 0, "m@1"), ValueError, r"p_fake must lie in \[0, 1\], got 1.5"),
    "score: below nought": (lambda: Score(-0.1, 0, "m@1"), ValueError, "got -0.1"),
    "score: nan": (lambda: Score(NAN, 0, "m@1"), ValueError, "got nan"),
    "score: logit": (lambda: Score(0.5, INF, "m@1"), ValueError, "logit must be finite, got inf"),
    "score: unknown kind": (lambda: Score(0.5, 0, "m", {"morph": 1.0}), ValueError, "swap.*got {'morph'"),
    "score: kinds' sum": (lambda: Score(0.5, 0, "m", {"swap": 0.7}), ValueError, "sum to 1, got"),
    "score: no kinds": (lambda: Score(0.5, 0, "m", {}), ValueError, "with fields of .*'swap'.* got {}"),
    "score: nan kinds": (lambda: Score(0.5, 0, "m", {"swap": NAN}), ValueError, r"kinds.swap must lie in .* got nan"),
    "score: negative": (lambda: Score(0.5, 0, "m", {"swap": 2, "retouch": -1}), ValueError, "got 2.0"),
    "score: evidence": (lambda: Score(0.5, 0, "m", evidence=zeros(3)), ValueError, r"got \(3,\)"),
    "score: evidence range": (lambda: Score(0.5, 0, "m", evidence=[[0, 2]]), ValueError, r"in \[0, 1\], got 0 to 2"),
    "score: text": (lambda: Score("0.5", 0, "m@1"), ValueError, "p_fake must be a number, got '0.5'"),
    "score: true": (lambda: Score(True, 0, "m@1"), ValueError, "p_fake must be a number, got True"),
    "score: ragged": (lambda: Score(0.5, 0, "m", evidence=[[0], [0, 1]]), ValueError, "rows of one length"),
    # Verdict
    "verdict: label": (lambda: Verdict("maybe", 0.5), ValueError, "one of .*'no_face'.* got 'maybe'"),
    "verdict: fake on what?": (lambda: Verdict("fake"), ValueError, "'fake' needs p_fake"),
    "verdict: real on what?": (lambda: Verdict("real"), ValueError, "'real' needs p_fake"),
    "verdict: 0.5 without face": (lambda: Verdict("no_face", 0.5), ValueError, "'no_face' has no p_fake"),
    "verdict: range": (lambda: Verdict("fake", 2.0), ValueError, "got 2.0"),
    # Thresholds
    "thresholds: order": (lambda: Thresholds(0.7, 0.6), ValueError, "real <= fake"),
    "thresholds: range": (lambda: Thresholds(0.1, 1.1), ValueError, "fake must lie .* got 1.1"),
    # Sample
    "sample: label": (lambda: Sample("p", 2, None, "train", "g", "s"), ValueError, "0, 1 or None, got 2"),
    "sample: kind": (lambda: Sample("p", 1, "morph", "train", "g", "s"), ValueError, "'swap'.* got 'morph'"),
    "sample: real kind": (lambda: Sample("p", 0, "swap", "train", "g", "s"), ValueError, "only on fakes"),
    "sample: split": (lambda: Sample("p", 0, None, "dev", "g", "s"), ValueError, "val or test, got 'dev'"),
    # Forgery
    "forgery: mask": (lambda: Forgery(some_image(), zeros(6, 4), "swap"), ValueError, r"\(4, 6\), got \(6, 4\)"),
    "forgery: range": (lambda: Forgery(some_image(), zeros(4, 6) + 255, "swap"), ValueError, r"in \[0, 1\]"),
    "forgery: kind": (lambda: Forgery(some_image(), zeros(4, 6), "morph"), ValueError, "'swap'.* got 'morph'"),
}  # fmt: skip


@pytest.mark.parametrize(("build", "kind", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_value_is_refused_with_what_was_expected_and_what_came(build, kind, message):
    with pytest.raises(kind, match=message):
        build()


ALLOWED = {
    "one pixel": lambda: Image(zeros(1, 1, 3)),
    "a box past the border": lambda: Face((-5, -5, 3, 3)),
    "sums to 1 within rounding": lambda: Score(0.5, 0, "m", {"swap": 0.3333, "retouch": 0.6667}),
    "uncertain without p": lambda: Verdict("uncertain"),
    "equal thresholds": lambda: Thresholds(0.5, 0.5),
    "no label": lambda: Sample("p", None, None, "val", "g", "s"),
    "a fake of no kind": lambda: Sample("p", 1, None, "val", "g", "s"),
}


@pytest.mark.parametrize("build", ALLOWED.values(), ids=ALLOWED.keys())
def test_a_right_value_at_the_edge_is_taken(build):
    build()


def test_sizes_are_what_they_say():
    image = Image(zeros(4, 6, 3))
    face = Face(BOX)
    assert (image.width, image.height) == (6, 4)
    assert (face.width_px, face.height_px) == (10.0, 20.0)
    assert Crop(zeros(8, 8, 3), face, EYE).side_px == 8
    assert Score(0.5, 0, "m", {"swap": 0.2, "generated": 0.8}).kind == "generated"
    assert Score(0.5, 0, "m").kind is None


VALUES = {
    "Image": (lambda a: Image(a), "pixels", zeros(4, 6, 3)),
    "Face": (lambda a: Face(BOX, points=a), "points", zeros(5, 2, dtype=np.float32)),
    "mesh": (lambda a: Face(BOX, mesh=a), "mesh", zeros(468, 3, dtype=np.float32)),
    "Crop": (lambda a: Crop(a, Face(BOX), EYE), "pixels", zeros(8, 8, 3)),
    "affine": (lambda a: Crop(zeros(8, 8, 3), Face(BOX), a), "to_image", EYE.copy()),
    "Score": (lambda a: Score(0.5, 0, "m", evidence=a), "evidence", zeros(3, 4, dtype=np.float32)),
    "Forgery": (lambda a: Forgery(some_image(), a, "swap"), "mask", zeros(4, 6, dtype=np.float32)),
}


@pytest.mark.parametrize(("build", "name", "array"), VALUES.values(), ids=VALUES.keys())
def test_values_are_frozen_and_their_arrays_read_only(build, name, array):
    value = build(array)
    held = getattr(value, name)
    with pytest.raises(ValueError, match="read-only"):
        held[0, 0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, name, array)
    assert array.flags.writeable, "the caller's own array stays writable"
    assert held.flags.c_contiguous


def test_a_contiguous_array_is_shared_not_copied():
    """Copying every frame would cost too much; who gives an array and writes to it later changes the value."""
    array = zeros(4, 6, 3)
    image = Image(array)
    assert np.shares_memory(image.pixels, array)
    array[0, 0] = 9
    assert image.pixels[0, 0].tolist() == [9, 9, 9]


def test_a_strided_array_is_copied():
    array = zeros(8, 8, 3)
    image = Image(array[::2, ::-1])
    array[:] = 9
    assert image.pixels.max() == 0


def test_numbers_given_as_lists_or_doubles_become_float32():
    face = Face((0, 0, 5, 5), points=np.arange(10.0).reshape(5, 2).tolist())
    assert face.points.dtype == np.float32
    assert face.points[4].tolist() == [8.0, 9.0]


def test_the_public_names_are_pinned_and_lead_somewhere():
    assert fakeweb.__all__ == [
        "Face", "FakeWebError", "Image", "Limits", "Report", "Scanner", "Score", "Verdict", "__version__",
        "overlay", "read_image", "rows", "scan",
    ]  # fmt: skip
    assert dir(fakeweb) == sorted(fakeweb.__all__)
    for name in fakeweb.__all__:
        assert getattr(fakeweb, name) is not None
    assert fakeweb.Report is Report
    with pytest.raises(AttributeError, match="no attribute 'Detector'"):
        fakeweb.Detector  # noqa: B018


def a_face(**more):
    mesh = np.zeros((468, 3), np.float32)
    return Face((1.4, 2.0, 11.0, 22.0), 0.5, points=np.zeros((5, 2), np.float32), mesh=mesh, **more)


def a_score():
    kinds = {"swap": 0.25, "reenacted": 0.0, "retouch": 0.75, "generated": 0.0}
    return Score(0.98765, 4.4, "fast@1", kinds, np.zeros((16, 16)), np.eye(2, 3))


def a_report(**more):
    faces = (FaceResult(a_face(), Verdict("fake", 0.98765), a_score()),) * 2
    return Report("a.png", Verdict("fake", 0.98765), 640, 480, faces, Thresholds(0.4, 0.6), "fakeweb",
                  ("fast@1",), "0" * 64, **more)  # fmt: skip


SHORT = {
    "image": (some_image, "Image(6 x 4 px)"),
    "frame": (lambda: Frame(some_image(), 3, 0.125), "Frame(3 at 0.125 s, Image(6 x 4 px))"),
    "face": (lambda: a_face(track=2), "Face(box=[1 2 11 22], confidence=0.50, points, mesh, track=2)"),
    "bare face": (lambda: Face(BOX), "Face(box=[1 2 11 22], confidence=1.00)"),
    "crop": (
        lambda: Crop(zeros(8, 8, 3), Face(BOX), EYE),
        "Crop(8 px of Face(box=[1 2 11 22], confidence=1.00))",
    ),
    "score": (a_score, "Score(p_fake=0.9877, logit=4.40, model='fast@1', kind='retouch')"),
    "face result": (
        lambda: FaceResult(Face(BOX), Verdict("uncertain", None, ("too small",))),
        "FaceResult(uncertain, Face(box=[1 2 11 22], confidence=1.00))",
    ),
    "report": (a_report, "Report('a.png', fake, p_fake=0.9877, 2 faces, 640 x 480 px)"),
    "report on a clip": (
        lambda: a_report(video=VIDEO),
        "Report('a.png', fake, p_fake=0.9877, 2 faces, 640 x 480 px, clip of 10.0 s)",
    ),
    "forgery": (lambda: Forgery(some_image(), zeros(4, 6, dtype=float), "swap"), "Forgery(swap, Image(6 x 4 px))"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "words"), SHORT.values(), ids=SHORT)
def test_a_value_shows_itself_in_one_line_without_its_arrays(make, words):
    assert repr(make()) == words


def test_what_moved_to_the_workshop_can_still_be_imported_from_here():
    from fakeweb import datasets, forge, types

    for name in ("Sample", "Split", "DatasetLayout"):
        assert getattr(types, name) is getattr(datasets, name)
    for name in ("Forgery", "ForgeMethod"):
        assert getattr(types, name) is getattr(forge, name)
    with pytest.raises(AttributeError, match="has no attribute 'Sampel'"):
        _ = types.Sampel
