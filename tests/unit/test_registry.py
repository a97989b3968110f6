"""Names lead to plug-ins: ours and other people's."""

import importlib.util
import sys

import pytest

from fakeweb import registry
from fakeweb.errors import BrokenPlugin, UnknownName

BUILT_IN = [(kind, name) for kind, targets in registry.BUILT_IN.items() for name in targets]


@pytest.fixture
def third_party(tmp_path, monkeypatch):
    """Install a package with two finders, the way pip would: one new, one that takes a built-in name."""
    (tmp_path / "their_finder.py").write_text(
        "class Theirs:\n    name = 'theirs'\n    def find(self, image):\n        return []\n"
    )
    info = tmp_path / "their_finder-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-finder\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[fakeweb.finder]\ntheirs = their_finder:Theirs\nhaar = their_finder:Theirs\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("their_finder", None)


@pytest.mark.parametrize(("kind", "name"), BUILT_IN, ids=lambda v: v)
def test_every_built_in_target_is_there(kind, name):
    if kind in ("net", "task", "conversion") and importlib.util.find_spec("torch") is None:
        pytest.skip("nets, tasks and conversions need the extra 'train' (torch)")
    if name == "timm" and importlib.util.find_spec("timm") is None:
        pytest.skip("the net 'timm' needs timm")
    target = registry.load(kind, name)
    assert callable(target)
    if kind not in ("net", "adaptation", "calibration", "task", "conversion"):
        assert target.name == name


def test_names_are_sorted_and_complete():
    assert registry.names("finder") == sorted(registry.BUILT_IN["finder"])
    assert {"haar", "yunet"} <= set(registry.names("finder"))
    assert {"index", "folders"} <= set(registry.names("layout"))


@pytest.mark.parametrize(
    ("kind", "name", "nearest"),
    [("finder", "harr", "haar"), ("layout", "folder", "folders"), ("net", "mobilenetv2", "mobilenet_v2")],
)
def test_an_unknown_name_suggests_the_nearest_and_lists_all(kind, name, nearest):
    with pytest.raises(UnknownName) as caught:
        registry.load(kind, name)
    assert str(caught.value) == f"no {kind} is called '{name}'"
    assert f"did you mean '{nearest}'?" in caught.value.hint
    assert all(known in caught.value.hint for known in registry.names(kind))


def test_a_name_like_no_other_gets_no_suggestion():
    with pytest.raises(UnknownName) as caught:
        registry.load("finder", "qqqqqq")
    assert "did you mean" not in caught.value.hint


def test_a_name_of_an_earlier_version_says_where_it_went():
    with pytest.raises(UnknownName, match="no forge is called 'reconstruct'") as caught:
        registry.load("forge", "reconstruct")
    assert caught.value.hint.startswith("it left the package for research/")


def test_a_third_party_is_found_and_loaded(third_party):
    assert "theirs" in registry.names("finder")
    found = registry.load("finder", "theirs")
    assert (found.__module__, found.name) == ("their_finder", "theirs")


def test_a_third_party_is_suggested_too(third_party):
    with pytest.raises(UnknownName, match="no finder") as caught:
        registry.load("finder", "thiers")
    assert "did you mean 'theirs'?" in caught.value.hint


def test_a_third_party_cannot_take_a_built_in_name(third_party):
    assert registry.load("finder", "haar").__module__ == "fakeweb.faces.haar"
    assert registry.names("finder").count("haar") == 1


def test_a_third_party_that_does_not_import_is_told(third_party, tmp_path):
    (tmp_path / "their_finder.py").write_text("import a_module_that_is_not_there\n")
    with pytest.raises(
        BrokenPlugin, match="the finder 'theirs' of the package their-finder cannot be loaded"
    ) as caught:
        registry.load("finder", "theirs")
    assert "a_module_that_is_not_there" in str(caught.value)
    assert caught.value.hint == "update or uninstall their-finder"


def test_asking_for_names_imports_no_plug_in(third_party):
    registry.names("finder")
    assert "their_finder" not in sys.modules
