"""Which files an agent may read: those below the folders of its user, wherever links lead."""

import os

import pytest

from fakeweb.agents.files import Files
from fakeweb.errors import Refused, Unreadable, UsageError


@pytest.fixture
def places(tmp_path):
    """A folder that may be read, with a file inside and one outside."""
    allowed = tmp_path / "pictures"
    (allowed / "deep").mkdir(parents=True)
    (allowed / "deep" / "a.jpg").write_bytes(b"inside")
    (tmp_path / "secret.jpg").write_bytes(b"outside")
    (tmp_path / "pictures2").mkdir()
    (tmp_path / "pictures2" / "b.jpg").write_bytes(b"outside")
    return allowed


def read(places, path):
    with Files.of([places]).open(path) as file:
        return file.read()


def test_files_below_the_folder_by_either_path(places):
    assert read(places, "deep/a.jpg") == b"inside"
    assert read(places, str(places / "deep" / "a.jpg")) == b"inside"
    assert read(places, "deep/../deep/./a.jpg") == b"inside"


@pytest.mark.parametrize(
    "path",
    [
        "../secret.jpg",
        "deep/../../secret.jpg",
        "../pictures2/b.jpg",
        "/etc/passwd",
        "/nowhere/at/all",
        "..",
        "/",
    ],
)
def test_what_lies_outside_is_refused_whether_it_is_there_or_not(places, path):
    with pytest.raises(Refused, match="lies outside"):
        read(places, path)


def test_links_count_by_where_they_lead(places):
    (places / "out.jpg").symlink_to(places.parent / "secret.jpg")
    (places / "folder").symlink_to(places.parent)
    (places / "in.jpg").symlink_to(places / "deep" / "a.jpg")
    (places / "loop").symlink_to(places / "loop")
    for path in ("out.jpg", "folder/secret.jpg"):
        with pytest.raises(Refused):
            read(places, path)
    assert read(places, "in.jpg") == b"inside"
    with pytest.raises(Unreadable):
        read(places, "loop")


def test_a_folder_that_is_itself_a_link_may_be_named(places, tmp_path):
    (tmp_path / "link").symlink_to(places)
    assert read(tmp_path / "link", "deep/a.jpg") == b"inside"


@pytest.mark.parametrize("path", ["", "a\0b", "x" * 5000, "deep", "nothing.jpg", "."])
def test_what_is_no_file_is_told(places, path):
    with pytest.raises(Unreadable):
        read(places, path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_a_pipe_does_not_stop_it(places):
    os.mkfifo(places / "pipe.jpg")
    with pytest.raises(Unreadable, match="is no file"):
        read(places, "pipe.jpg")


def test_only_folders_may_be_allowed(tmp_path):
    with pytest.raises(UsageError, match="is no folder"):
        Files.of([tmp_path / "missing"])
