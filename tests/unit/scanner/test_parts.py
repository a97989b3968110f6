"""Between rooms: finder, mesher and classifier of one scan, in pictures and clips, and what the report says of them."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import numpy as np
import pytest

from fakeweb import runtime
from fakeweb.errors import UsageError
from fakeweb.faces.haar import HaarFinder
from fakeweb.faces.mesh import OnnxMesher
from fakeweb.faces.own import OwnFinder
from fakeweb.runtime import find_card
from fakeweb.scanner import Scanner, make_finder
from fakeweb.scanner.parts import overlooked
from fakeweb.topology import MEAN

MESH, FINDER, FAST = (find_card(name).reference for name in ("mesh", "finder", "fast"))


@dataclass
class Counting:
    """A mesher of somebody else: the one that ships, which notes what it was shown and marks what it measured."""

    reference: str = "counting@1"
    name: str = "counting"
    own: OnnxMesher = field(default_factory=OnnxMesher)
    shown: list[tuple[float, ...]] = field(default_factory=list)
    min_presence = 0.5
    max_printed = 1.0

    def mesh(self, image, found):
        self.shown += [face.box for face in found]
        measured = self.own.mesh(image, found)
        return [f if f.mesh is None else replace(f, mesh=f.mesh + np.float32([0, 0, 1000])) for f in measured]


@pytest.fixture
def clip(clip_maker, portrait, tmp_path):
    """The portrait for two seconds."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip_maker.encode([portrait.pixels] * 10, fps=5))
    return path


@pytest.fixture(params=["picture", "clip"])
def source(request):
    """The portrait as a picture and as a clip."""
    return request.getfixturevalue("portrait_path" if request.param == "picture" else "clip")


def marked(report):
    """Whether the mesher :class:`Counting` measured every face."""
    assert len(report.faces) == 1
    return all(f.face.mesh is not None and f.face.mesh[:, 2].mean() > 500 for f in report.faces)


def test_a_given_mesher_measures_every_face_and_is_named(source):
    mesher = Counting()
    report = Scanner(mesher=mesher).scan(source)
    assert marked(report)
    assert len(mesher.shown) >= 1
    assert report.models == (FAST, FINDER, "counting@1")


@pytest.mark.parametrize("finder", [OwnFinder, HaarFinder])
def test_a_given_mesher_measures_anew_what_a_finder_measured_with_another(source, finder):
    mesher = Counting()
    report = Scanner(finder=finder(), mesher=mesher).scan(source)
    assert marked(report)
    assert report.models[-1] == "counting@1"
    assert (MESH in report.models) == (finder is OwnFinder)  # it was called too


def test_a_finders_own_mesher_serves_the_whole_scan(source):
    mesher = Counting()
    report = Scanner(finder=OwnFinder(mesher=mesher)).scan(source)
    assert marked(report)
    assert report.models == (FAST, FINDER, "counting@1")


def test_without_a_mesher_faces_have_no_mesh_and_none_is_named(source, portrait_box, iou):
    report = Scanner(mesher=None).scan(source)
    (result,) = report.faces
    assert (result.face.mesh, result.face.presence, result.face.printed) == (None, None, None)
    assert iou(result.face.box, portrait_box) > 0.5
    assert result.score is not None
    assert report.models == (FAST, FINDER)


def test_pictures_and_clips_name_the_same_models(portrait_path, clip):
    scanner = Scanner()
    assert scanner.scan(portrait_path).models == scanner.scan(clip).models == (FAST, FINDER, MESH)


def test_every_model_is_loaded_once(monkeypatch, portrait_path):
    opened = []

    def counted(card, **options):
        opened.append(card.name)
        return runtime.open_session(card, **options)

    monkeypatch.setattr("fakeweb.runtime.driven.open_session", counted)
    Scanner().scan(portrait_path)
    assert sorted(opened) == ["content", "fast", "finder", "mesh"]
    opened.clear()
    Scanner(mesher=None).scan(portrait_path)
    assert sorted(opened) == ["content", "fast", "finder"]


def test_a_mesher_that_knows_no_presence_leaves_the_word_to_the_finder(portrait, monkeypatch):
    """Were its silence taken for certainty, everything that is proposed would pass."""

    class Silent(Counting):
        def mesh(self, image, found):
            unit = (MEAN - MEAN.min(0)) / np.ptp(MEAN, axis=0)
            return [replace(f, mesh=unit * (f.width_px, f.height_px, 50) + (*f.box[:2], 0)) for f in found]

    finder = OwnFinder(mesher=Silent())
    (face,) = finder.find(portrait)
    (doubtful,) = finder.proposer.look(portrait)
    monkeypatch.setattr(finder.proposer, "look", lambda _: [[replace(doubtful[0], confidence=0.85)]])
    assert finder.find_shrunk(portrait, portrait, again=False) == []
    monkeypatch.setattr(finder.proposer, "look", lambda _: [[replace(doubtful[0], confidence=0.92)]])
    assert len(finder.find_shrunk(portrait, portrait, again=False)) == 1
    assert face.presence is None


def test_a_finder_by_name_gets_the_mesher_that_it_takes():
    mesher = Counting()
    assert make_finder("fakeweb", None, mesher).mesher is mesher
    assert make_finder("fakeweb", None, None).mesher is None
    assert make_finder("fakeweb").mesher.reference == MESH
    assert not hasattr(make_finder("haar", None, mesher), "mesher")
    with pytest.raises(UsageError, match="takes no model file"):
        make_finder("haar", "some.onnx", mesher)


@pytest.mark.parametrize(
    ("size", "warned"), [((64, 64), False), ((1500, 10), False), ((2600, 10), True)], ids=str
)
def test_a_report_says_which_faces_were_not_looked_for(size, warned):
    """The finder haar shrinks pictures to 1,280 px; it sees faces from 32 px on, judged are those from 48 px on."""
    report = Scanner(finder="haar", mesher=None).scan(np.full((size[1], size[0], 3), 120, np.uint8))
    assert any("narrower than 65 px were not looked for" in text for text in report.warnings) == warned


def test_no_picture_up_to_a_hundred_megapixels_is_too_large_for_the_finder_that_ships():
    finder = OwnFinder(mesher=None)
    for width, height in ((1080, 20_000), (30_000, 3000), (12_000, 9000)):
        picture = SimpleNamespace(width=width, height=height)
        assert overlooked(finder, picture, 32.0) == ()
    (text,) = overlooked(finder, SimpleNamespace(width=30_000, height=30_000), 48.0)
    assert "px were not looked for" in text
