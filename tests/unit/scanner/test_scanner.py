"""The use case, with a finder that finds what it is told and a model whose logit is brightness / 10 - 12.8."""

import hashlib
import io
import json
import math
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from fakeweb.errors import ModelMissing, UnknownName, Unreadable, UsageError
from fakeweb.media import Limits, encode_png
from fakeweb.scanner import Scanner
from fakeweb.scanner.image import MAX_FACES
from fakeweb.types import Face, Image, Report, Score, Thresholds


class Told:
    """A finder that gives the boxes it was told."""

    name = "told"

    def __init__(self, *boxes):
        self.faces = [Face(box, 0.9) for box in boxes]

    def find(self, image):
        return self.faces


@pytest.fixture(autouse=True)
def well_seen(request, monkeypatch):
    """Let the flat squares of these tests pass for faces that can be seen."""
    if "as_they_look" not in request.fixturenames:
        monkeypatch.setattr("fakeweb.scanner.image.cautions_of", lambda *_: [])


@pytest.fixture(scope="module")
def card(tmp_path_factory, tiny_model):
    return tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def scan(card):
    """Put faces of the given brightness beside each other, 40 px wide, and scan them."""

    def run(*brightness, **options):
        columns = [np.full((60, 60, 3), b, np.uint8) for b in brightness] or [np.zeros((60, 60, 3), np.uint8)]
        boxes = [(60 * i + 10, 10, 60 * i + 50, 50) for i in range(len(brightness))]
        scanner = Scanner(mesher=None, finder=Told(*reversed(boxes)), model=card, **options)
        return scanner.scan(np.concatenate(columns, 1))

    return run


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


# with one face, fake begins at P = sigmoid(0.5 * ln 5) = 0.691: brightness 136.1; real ends at 0.3: 119.5
VERDICTS = {
    "dark is real": ((90,), ["real"], "real"),
    "bright is fake": ((200,), ["fake"], "fake"),
    "between is uncertain": ((128,), ["uncertain"], "uncertain"),
    "just below": ((136,), ["uncertain"], "uncertain"),
    "just above": ((137,), ["fake"], "fake"),
    "one bad apple": ((90, 200, 90), ["real", "fake", "real"], "fake"),
    "nobody": ((), [], "no_face"),
}


@pytest.mark.parametrize(("brightness", "faces", "picture"), VERDICTS.values(), ids=VERDICTS.keys())
def test_verdicts(scan, brightness, faces, picture):
    report = scan(*brightness)
    assert [f.verdict.label for f in report.faces] == faces
    assert report.verdict.label == picture
    want = [sigmoid(b / 10 - 12.8) for b in brightness]
    assert [f.score.p_fake for f in report.faces] == pytest.approx(want, abs=1e-5)
    assert (
        report.verdict.p_fake == pytest.approx(max(want), abs=1e-5) if want else report.verdict.p_fake is None
    )


@pytest.fixture
def as_they_look():
    """Keep the cautions that a face's looks ask for."""


@pytest.mark.parametrize("brightness", [10, 200])
@pytest.mark.usefixtures("as_they_look")
def test_a_face_that_cannot_be_seen_is_neither_real_nor_fake(scan, brightness):
    (face,) = scan(brightness).faces
    assert face.verdict.label == "uncertain"
    assert face.verdict.p_fake == pytest.approx(sigmoid(brightness / 10 - 12.8), abs=1e-5)
    assert "too blurred to judge" in face.verdict.reasons


def test_the_model_sees_what_lies_inside_the_box_only(scan):
    """Each crop is of one brightness although its neighbours are of another: boxes and crops are not mixed up."""
    brightness = (0, 255, 30, 220, 60, 190)
    report = scan(*brightness)
    assert [f.score.logit for f in report.faces] == pytest.approx(
        [b / 10 - 12.8 for b in brightness], abs=1e-3
    )


def test_faces_come_from_left_to_right(scan):
    report = scan(1, 2, 3, 4)  # the finder gives them from right to left
    assert [f.face.box[0] for f in report.faces] == [10, 70, 130, 190]


def test_the_report_says_how_it_came_about(card):
    picture = Image(np.full((60, 80, 3), 200, np.uint8))
    data = encode_png(picture)
    report = Scanner(mesher=None, finder=Told((10, 10, 50, 50)), model=card).scan(
        io.BytesIO(data), name="tür.png"
    )
    assert report.source == "tür.png"
    assert (report.width, report.height) == (80, 60)
    assert report.media_sha256 == hashlib.sha256(data).hexdigest()
    assert (report.finder, report.models) == ("told", ("tiny@1",))
    assert report.thresholds.source == "model"
    assert set(report.timings_s) == {"read", "find", "score", "content", "provenance"}
    assert all(seconds >= 0 for seconds in report.timings_s.values())
    assert report.faces[0].face.confidence == 0.9
    assert Report.from_dict(json.loads(json.dumps(report.to_dict()))).verdict == report.verdict


def test_no_face_is_an_answer(scan):
    report = scan()
    assert (report.verdict.label, report.verdict.p_fake, report.faces) == ("no_face", None, ())
    assert report.verdict.reasons


def test_too_small_faces_are_named_not_judged(card):
    scanner = Scanner(mesher=None, finder=Told((4, 10, 23, 50), (30, 10, 70, 50)), model=card)
    report = scanner.scan(np.full((60, 80, 3), 90, np.uint8))
    small, large = report.faces
    assert (small.verdict.label, small.score) == ("uncertain", None)
    assert "19 px wide, 20 px needed" in small.verdict.reasons[0]
    assert large.verdict.label == "real"
    assert (report.verdict.label, report.verdict.reasons) == ("real", ("1 of 2 faces could not be judged",))


def test_unjudged_faces_do_not_raise_the_threshold(card):
    boxes = [(30, 10, 70, 50)]
    for crowd in ([], [(0, y, 10, y + 5) for y in range(20)]):
        scanner = Scanner(mesher=None, finder=Told(*boxes, *crowd), model=card)
        report = scanner.scan(np.full((60, 80, 3), 137, np.uint8))
        assert report.verdict.label == "fake"


@pytest.mark.parametrize(
    ("threshold", "labels"),
    [(0.9999999, ["uncertain", "uncertain"]), (0.5, ["uncertain", "fake"]), (0.01, ["real", "fake"])],
)
def test_the_users_threshold_is_used_as_it_is_also_in_company(scan, threshold, labels):
    report = scan(127, 200, threshold=threshold) if threshold > 0.02 else scan(60, 90, threshold=threshold)
    assert [f.verdict.label for f in report.faces] == labels
    assert report.thresholds == Thresholds(min(0.3, threshold), threshold, "user")


@pytest.mark.parametrize("threshold", [0, -0.5, 1.0001, 50, math.nan])
def test_an_impossible_threshold_is_refused(card, threshold):
    with pytest.raises(UsageError, match="above 0 and at most at 1") as caught:
        Scanner(mesher=None, finder=Told(), model=card, threshold=threshold)
    assert caught.value.hint


def test_a_copy_shares_what_is_loaded_and_has_options_of_its_own(card):
    scanner = Scanner(model=card)
    twin = copy(scanner)
    twin.threshold = 0.9
    assert (twin.finder, twin.mesher, twin.classifier) == (scanner.finder, scanner.mesher, scanner.classifier)
    assert scanner.threshold is None
    assert twin.rules.thresholds.fake == 0.9


def test_at_most_so_many_faces_are_judged_the_largest_first(card):
    sizes = [40 - i % 7 for i in range(MAX_FACES + 9)]
    boxes = [(i, 0, i + size, size) for i, size in enumerate(sizes)]
    report = Scanner(mesher=None, finder=Told(*boxes), model=card).scan(
        np.full((40, MAX_FACES + 50, 3), 60, np.uint8)
    )
    left_out = [f for f in report.faces if f.score is None]
    assert len(report.faces) == MAX_FACES + 9
    assert len(left_out) == 9
    assert {f.face.width_px for f in left_out} == {34}
    assert all(f.verdict.label == "uncertain" and str(MAX_FACES) in f.verdict.reasons[0] for f in left_out)
    assert "9 of 509 faces could not be judged" in report.verdict.reasons[0]


def test_a_classifier_may_be_any_object(card):
    class Suspicious:
        reference, side_px, margin, min_face_px = "mood@7", 8, 1.0, 1.0

        def score(self, crops):
            return [Score(0.99, 5.0, self.reference) for _ in crops]

        def thresholds(self):
            return Thresholds(0.1, 0.5)

    report = Scanner(mesher=None, finder=Told((1, 1, 9, 9)), model=Suspicious()).scan(
        np.zeros((10, 10, 3), np.uint8)
    )
    assert (report.verdict.label, report.models) == ("fake", ("mood@7",))


def test_threads_may_share_a_scanner(card, portrait):
    scanner = Scanner(model=card)
    small = portrait.pixels[30:220, 130:320]
    pictures = [small, np.ascontiguousarray(small[:, ::-1])] * 2

    def said(picture):
        return {k: v for k, v in scanner.scan(picture).to_dict().items() if k != "timings_s"}

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(said, pictures))
    assert answers == [said(p) for p in pictures]
    assert [len(a["faces"]) for a in answers] == [1] * 4


def test_wrong_names_are_found_when_the_scanner_is_made(card):
    with pytest.raises(UnknownName, match="no finder is called 'harr'"):
        Scanner(finder="harr", model=card)
    with pytest.raises(UnknownName, match="no model is called 'fats'"):
        Scanner(model="fats")
    with pytest.raises(ModelMissing, match="'yunet' needs a model file"):
        Scanner(finder="yunet", model=card)
    with pytest.raises(ModelMissing, match=r"no model file at .*absent\.onnx"):
        Scanner(finder="yunet", finder_model=card.with_name("absent.onnx"), model=card)


def test_a_model_file_for_a_finder_that_takes_none_is_refused(card):
    with pytest.raises(UsageError, match="the finder 'haar' takes no model file") as caught:
        Scanner(finder="haar", finder_model=card, model=card)
    assert "--finder-model" in caught.value.hint


def test_limits_and_errors_of_the_media_pass_through(card, tmp_path):
    scanner = Scanner(mesher=None, finder=Told(), model=card, limits=Limits(max_side_px=50))
    with pytest.raises(Exception, match="50") as caught:
        scanner.scan(np.zeros((60, 60, 3), np.uint8))
    assert caught.value.code == "media.too_large"
    with pytest.raises(Unreadable):
        scanner.scan(tmp_path / "absent.jpg")


class _Mesher:
    """Says of every second face that it is none, and of all that they are prints with a fixed probability."""

    name = "every second"
    max_printed = 0.5

    def __init__(self, printed):
        self.printed = printed

    def mesh(self, image, faces):
        meshes = [None if i % 2 else np.zeros((468, 3)) for i in range(len(faces))]
        return [
            replace(f, presence=float(m is not None), printed=self.printed, mesh=m)
            for f, m in zip(faces, meshes, strict=True)
        ]


class TestMesher:
    faces = (Face((2, 2, 40, 42), 0.9), Face((50, 2, 90, 42), 0.8))

    def scan(self, tiny_model, tmp_path, printed):
        finder = SimpleNamespace(name="two", find=lambda _: self.faces)
        scanner = Scanner(finder=finder, model=tiny_model(tmp_path), mesher=_Mesher(printed))
        return scanner.scan(np.full((64, 128, 3), 250, np.uint8))

    def test_what_is_no_face_is_not_reported_and_the_others_carry_their_mesh(self, tiny_model, tmp_path):
        (result,) = self.scan(tiny_model, tmp_path, 0.1).faces
        assert result.face.box == self.faces[0].box
        assert result.face.mesh is not None
        assert result.verdict.label == "fake"

    def test_a_print_is_uncertain_and_the_reason_is_given(self, tiny_model, tmp_path):
        report = self.scan(tiny_model, tmp_path, 0.9)
        assert report.faces[0].verdict.label == report.verdict.label == "uncertain"
        assert "picture within the picture" in report.faces[0].verdict.reasons[0]
        assert report.faces[0].score.p_fake > 0.9

    def test_timings_name_the_step(self, tiny_model, tmp_path):
        assert set(self.scan(tiny_model, tmp_path, 0.1).timings_s) == {
            "read",
            "find",
            "mesh",
            "score",
            "content",
            "provenance",
        }


class TestDigest:
    """The key of whatever is kept of a scanner's answers."""

    def test_the_same_scanner_has_the_same(self, card):
        first, second = (Scanner(mesher=None, finder=Told(), model=card) for _ in range(2))
        assert first.digest() == second.digest()

    def test_a_model_trained_again_under_its_old_version_has_another(self, card, tmp_path, tiny_model):
        again = tiny_model(tmp_path, calibration={"scale": 1.5, "bias": 0.0})
        old, new = (Scanner(mesher=None, finder=Told(), model=m) for m in (card, again))
        assert old.classifier.reference == new.classifier.reference
        assert old.digest() != new.digest()

    def test_so_has_one_with_other_norms(self, card, tmp_path, tiny_model):
        small = tiny_model(tmp_path, norms={"small": {"min_face_px": 10.0, "offset": 0.5}})
        digests = {Scanner(mesher=None, finder=Told(), model=m).digest() for m in (card, small)}
        assert len(digests) == 2

    @pytest.mark.parametrize(
        "options", [{"threshold": 0.9}, {"max_faces": 3}, {"limits": Limits(max_bytes=9)}]
    )
    def test_so_has_one_with_other_options(self, card, options):
        plain = Scanner(mesher=None, finder=Told(), model=card)
        assert Scanner(mesher=None, finder=Told(), model=card, **options).digest() != plain.digest()

    def test_so_has_one_with_another_finder_of_the_same_name(self, card):
        class Other(Told):
            pass

        first, second = (Scanner(mesher=None, finder=f(), model=card) for f in (Told, Other))
        assert first.digest() != second.digest()


def test_small_faces_are_judged_where_the_card_has_norms_for_them(tmp_path, tiny_model):
    norms = {"small": {"min_face_px": 15.0, "offset": 0.5}}
    told = Told((4, 10, 20, 50), (30, 10, 70, 50))
    report = Scanner(mesher=None, finder=told, model=tiny_model(tmp_path, norms=norms)).scan(
        np.full((60, 80, 3), 130, np.uint8)
    )
    small, large = (f.score.logit for f in report.faces)
    assert small == pytest.approx(large - 0.5, abs=1e-3)
