"""Which overlay belongs to which input."""

from pathlib import Path

import pytest

from fakeweb.cli.targets import Target, plan_targets


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with the folders ``album`` and ``other``; files need not be there."""
    (tmp_path / "album" / "sub").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


# inputs, paths (None: the inputs themselves), out, draw -> overlays; None: no overlay
PLANS = {
    # default rules
    "named itself": (["a.jpg"], None, None, None, ["a.fakeweb.png"]),
    "from a folder": (["album"], ["album/a.jpg"], None, None, [None]),
    "from a glob": (["*.jpg"], ["a.jpg"], None, None, [None]),
    "an input is never replaced": (
        ["a.jpg", "a.fakeweb.png"],
        None,
        None,
        None,
        ["a.jpg.fakeweb.png", "a.fakeweb.fakeweb.png"],
    ),
    "one named, one from a folder": (["a.jpg", "album"], ["a.jpg", "album/b.jpg"], None, None, ["a.fakeweb.png", None]),
    "stdin": (["-"], None, None, None, [None]),
    "from a folder with --out": (["album"], ["album/a.jpg"], "o", None, ["o/a.fakeweb.png"]),
    "from a glob with --out": (["*.jpg"], ["a.jpg"], "o", None, ["o/a.fakeweb.png"]),
    "stdin with --out": (["-"], None, "o", None, ["o/stdin.fakeweb.png"]),
    # as the user chose
    "--no-overlay": (["a.jpg", "-"], None, None, False, [None, None]),
    "--no-overlay beats --out": (["a.jpg"], None, "o", False, [None]),
    "--overlay for a folder": (["album"], ["album/a.jpg"], None, True, ["album/a.fakeweb.png"]),
    "--overlay for stdin": (["-"], None, None, True, ["stdin.fakeweb.png"]),
    # beside the picture
    "in its own folder": (["x/y/a.jpg"], None, None, None, ["x/y/a.fakeweb.png"]),
    "absolute": (["/x/a.jpg"], None, None, None, ["/x/a.fakeweb.png"]),
    "no ending": (["a"], None, None, None, ["a.fakeweb.png"]),
    "two dots": (["a.b.jpg"], None, None, None, ["a.b.fakeweb.png"]),
    # no two share a file
    "twins": (["a.jpg", "a.png"], None, None, None, ["a.fakeweb.png", "a.png.fakeweb.png"]),
    "triplets": (
        ["a.jpg", "a.png", "a.gif"], None, None, None,
        ["a.fakeweb.png", "a.png.fakeweb.png", "a.gif.fakeweb.png"],
    ),
    "same name, other folders, --out": (
        ["x/a.jpg", "y/a.jpg", "z/a.jpg", "w/a.jpg"], None, "o", None,
        ["o/a.fakeweb.png", "o/a.jpg.fakeweb.png", "o/a.jpg.2.fakeweb.png", "o/a.jpg.3.fakeweb.png"],
    ),
    "same name, other folders": (
        ["x/a.jpg", "y/a.jpg"], None, None, None, ["x/a.fakeweb.png", "y/a.fakeweb.png"],
    ),
    # folders are mirrored under --out
    "mirrored": (
        ["album"], ["album/a.jpg", "album/sub/a.jpg"], "o", None, ["o/a.fakeweb.png", "o/sub/a.fakeweb.png"],
    ),
    "a trailing slash": (["album/"], ["album/sub/a.jpg"], "o", None, ["o/sub/a.fakeweb.png"]),
    "here": (["."], ["./album/sub/a.jpg"], "o", None, ["o/album/sub/a.fakeweb.png"]),
    "two folders": (
        ["album", "other"], ["album/a.jpg", "other/a.jpg"], "o", None, ["o/a.fakeweb.png", "o/a.jpg.fakeweb.png"],
    ),
    "a named file keeps its name only": (["x/y/a.jpg"], None, "o", None, ["o/a.fakeweb.png"]),
    "never out of --out": ([".", "../up.jpg"], ["./a.jpg", "../up.jpg"], "o", None,
                           ["o/a.fakeweb.png", "o/up.fakeweb.png"]),
    "never out of --out by a detour": (
        ["album", "album/../../up.jpg"], ["album/../../up.jpg"], "o", None, ["o/up.fakeweb.png"],
    ),
    # addresses
    "address": (["https://e.org/p/cat.jpg?size=3#x"], None, None, None, ["cat.fakeweb.png"]),
    "address with --out": (["HTTP://e.org/cat.jpg"], None, "o", None, ["o/cat.fakeweb.png"]),
    "address without a path": (["https://e.org"], None, None, None, ["picture.fakeweb.png"]),
    "address of a folder": (["https://e.org/cats/"], None, None, None, ["cats.fakeweb.png"]),
    "address that climbs": (["https://e.org/a/.."], None, "o", None, ["o/picture.fakeweb.png"]),
    "address with odd characters": (
        ["https://e.org/a%2F..%2Fb;c:d|e$.jpg"], None, "o", None, ["o/a_2F.._2Fb_c_d_e_.fakeweb.png"],
    ),
    "address that hides": (["https://e.org/.bashrc"], None, None, None, ["bashrc.fakeweb.png"]),
    "address that is none": (["http://["], None, "o", None, ["o/picture.fakeweb.png"]),
    "an object of a bucket": (["s3://b/x.jpg", "s3://b/f"], ["s3://b/x.jpg", "s3://b/f/y.jpg"], "o", None,
                              ["o/x.fakeweb.png", "o/y.fakeweb.png"]),
    "two addresses of one name": (
        ["https://a.org/x.jpg", "https://b.org/x.jpg"], None, None, None,
        ["x.fakeweb.png", "x.jpg.fakeweb.png"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("inputs", "paths", "out", "draw", "want"), PLANS.values(), ids=PLANS.keys())
def test_plans(inputs, paths, out, draw, want):
    paths = inputs if paths is None else paths
    targets = plan_targets(inputs, paths, None if out is None else Path(out), draw)
    assert targets == [Target(p, None if w is None else Path(w)) for p, w in zip(paths, want, strict=True)]


def test_a_very_long_address_gives_a_name_the_file_system_takes(here):
    (target,) = plan_targets(["https://e.org/" + "x" * 5000], ["https://e.org/" + "x" * 5000], here, None)
    target.overlay.touch()
    assert target.overlay.parent == here


@pytest.mark.parametrize(
    "name", ["x" * 251 + ".jpg", "ä" * 125 + ".jpeg", "x" * 244 + ".png", "x" * 243 + ".png"]
)
def test_a_name_that_leaves_no_room_for_the_overlay_s_is_shortened(name, here):
    other = "y" + name[1:] if name[0] == "x" else name[:-6] + "b.jpeg"
    first, second = plan_targets([name, other], [name, other], None, None)
    first.overlay.touch()
    second.overlay.touch()
    assert first.overlay != second.overlay
    assert first.overlay.name.endswith(".fakeweb.png")
    assert first.overlay.name.startswith(name[:110])
    whole = len((name.rpartition(".")[0] + ".fakeweb.png").encode()) <= 255
    assert first.shortened is not whole
    assert ("shortened" in first.wrote()) is not whole
    assert plan_targets([other], [other], None, None)[0].overlay == second.overlay  # the same in every run


def test_no_two_of_many_share_a_file():
    names = [f"{folder}/{name}" for folder in "abcdef" for name in ("x.jpg", "x.png", "x.jpg.png", "x")]
    overlays = [t.overlay for t in plan_targets(names, names, Path("o"), None)]
    assert len(set(overlays)) == len(names)
    assert {o.parent for o in overlays} == {Path("o")}


def test_nothing_to_plan():
    assert plan_targets([], [], None, None) == []
