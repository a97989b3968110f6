from __future__ import annotations

import os
import sys

import pytest

from fakeweb.errors import Unreadable, Unsupported
from fakeweb.media import expand_inputs


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in (
        "b.JPG",
        "a.png",
        "a.fakeweb.png",
        "B.FakeWeb.PNG",
        "notes.txt",
        ".hidden.jpg",
        "inner/c.webp",
        "inner/deep/d.heic",
        ".git/e.png",
        "empty/readme.md",
        "odd[1].jpg",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("patterns", "paths"),
    [
        (["."], ["./a.png", "./b.JPG", "./odd[1].jpg", "./inner/c.webp", "./inner/deep/d.heic"]),
        (["inner"], ["inner/c.webp", "inner/deep/d.heic"]),
        (["b.JPG", "a.png"], ["b.JPG", "a.png"]),
        (["a.png", "./a.png", "inner/../a.png"], ["a.png"]),
        (["inner/c.webp", "inner"], ["inner/c.webp", "inner/deep/d.heic"]),
        (["*.png"], ["a.png"]),
        (["**/*.heic"], ["inner/deep/d.heic"]),
        (["**"], ["a.png", "b.JPG", "inner/c.webp", "inner/deep/d.heic", "odd[1].jpg"]),
        (["odd[1].jpg"], ["odd[1].jpg"]),
        (["-", "a.png", "-"], ["-", "a.png"]),
        (["notes.txt", ".hidden.jpg", "a.fakeweb.png"], ["notes.txt", ".hidden.jpg", "a.fakeweb.png"]),
        (["https://example.com/a.jpg"], ["https://example.com/a.jpg"]),
        ([], []),
    ],
    ids=str,
)
def test_what_is_meant(patterns, paths, folder):
    found = expand_inputs(patterns)
    assert list(found.paths) == paths
    assert found.problems == ()


def test_files_passed_over_are_counted(folder):
    assert expand_inputs(["."]).skipped == 5  # two overlays, two texts, one hidden
    assert expand_inputs(["*"]).skipped == 3


def test_without_recursion(folder):
    assert expand_inputs(["."], recursive=False).paths == ("./a.png", "./b.JPG", "./odd[1].jpg")


@pytest.mark.parametrize(
    ("pattern", "kind", "words"),
    [
        ("missing.jpg", Unreadable, "missing.jpg does not exist"),
        ("empty", Unsupported, "empty holds no picture"),
        ("*.bmp", Unreadable, "matches no picture"),
        ("*.txt", Unreadable, "matches no picture"),
        ("nul\0", Unreadable, "does not exist"),
        ("", Unreadable, "does not exist"),
    ],
)
def test_problems_are_collected_and_the_rest_goes_on(pattern, kind, words, folder):
    found = expand_inputs([pattern, "a.png"])
    assert found.paths == ("a.png",)
    (problem,) = found.problems
    assert type(problem) is kind
    assert words in problem.message
    assert problem.hint


def test_circles_of_links_end(folder):
    (folder / "inner" / "up").symlink_to(folder, target_is_directory=True)
    (folder / "again").symlink_to(folder / "inner", target_is_directory=True)
    (folder / "gone.jpg").symlink_to(folder / "nowhere.jpg")
    names = [os.path.basename(p) for p in expand_inputs(["."]).paths]  # noqa: PTH119
    assert sorted(names) == ["a.png", "b.JPG", "c.webp", "d.heic", "gone.jpg", "odd[1].jpg"]


def test_a_folder_that_may_not_be_read_is_a_problem(folder, monkeypatch):
    real = os.scandir

    def scandir(path):
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = expand_inputs(["inner"])
    assert found.paths == ("inner/c.webp",)
    assert [p.message for p in found.problems] == ["the folder inner/deep cannot be read: Permission denied"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not allow such names")
def test_names_that_are_not_utf8(folder):
    os.close(os.open(os.fsencode(folder) + b"/\xff.jpg", os.O_CREAT | os.O_WRONLY))
    assert any(p.endswith("\udcff.jpg") for p in expand_inputs([str(folder)]).paths)


def test_one_string_is_a_mistake():
    with pytest.raises(TypeError, match="sequence of strings"):
        expand_inputs("a.png")
