from __future__ import annotations

import os
import socket
import struct
import sys

import numpy as np
import pytest

from fakeweb.errors import Unreadable, Unsupported
from fakeweb.media import encode_clip, encode_jpeg, encode_png, expand_inputs, rewrite_clip
from fakeweb.types import Image

PICTURE = Image(np.full((16, 16, 3), 90, np.uint8))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in (
        "b.JPG",
        "a.png",
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
    for name in ("a.fakeweb.png", "B.FakeWeb.PNG"):
        (tmp_path / name).write_bytes(encode_png(PICTURE, drawn=True))
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
    assert expand_inputs(["."]).skipped == {"drawn by FakeWeb": 2, "not media": 2, "hidden": 2}
    assert expand_inputs(["*"]).skipped == {"drawn by FakeWeb": 2, "not media": 1, "folders not entered": 2}


def test_without_recursion(folder):
    assert expand_inputs(["."], recursive=False).paths == ("./a.png", "./b.JPG", "./odd[1].jpg")


@pytest.mark.parametrize(
    ("pattern", "kind", "words"),
    [
        ("missing.jpg", Unreadable, "missing.jpg does not exist"),
        ("empty", Unsupported, "empty holds no picture or video, only 1 not media"),
        ("*.bmp", Unreadable, "matches no picture or video"),
        ("*.txt", Unreadable, "matches no picture or video, only 1 not media"),
        ("*.fakeweb.png", Unreadable, "matches no picture or video, only 1 drawn by FakeWeb"),
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


CONTENTS = {
    "noext": encode_jpeg(PICTURE),
    "photo.jpg_large": encode_jpeg(PICTURE),
    "IMG.JPG.jpg~": encode_jpeg(PICTURE),
    "wrong.txt": encode_png(PICTURE),
    "mine.fakeweb.png": encode_png(PICTURE),
    "download.bin": b"\0\0\0\x20ftypisom" + b"\0" * 100,
    "camera.mts": (b"\x47\x40\0\x10" + b"\0" * 184) * 5,
    "unread": b"8BPS\0\1" + b"\0" * 20,
    "portable": b"P5\n# a comment\n2 2\n255\n" + b"\0" * 4,
    "targa": bytes(2) + b"\2" + bytes(9) + b"\2\0\2\0\x18\0" + bytes(12) + bytes(8) + b"TRUEVISION-XFILE.\0",
    "plain.dat": b"BM" + struct.pack("<IIII", 54 + 768, 0, 54, 40) + b"\0" * 100,
}
OTHERS = {
    "notes.txt": b"BM is how this begins, and it is no picture",
    "list.md": b"P1 3 things to do today",
    "go.mod": b"module example.com/x\n",
    "program.ts": b"export const answer = 42;\n",
    "music.ogg": b"OggS\0\2" + b"\0" * 22 + b"\x01\x13OpusHead" + b"\0" * 60,
    "music.m4a": b"\0\0\0\x20ftypM4A " + b"\0" * 100,
    "music.wav": b"RIFF\0\0\0\0WAVEfmt " + b"\0" * 40,
    "music.mka": b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska\x86\x86A_OPUS" + b"\0" * 20,
    "paper.pdf": b"%PDF-1.4",
    "list.csv": b"path,label\n",
    "nothing": b"",
}


def test_what_is_a_picture_or_clip_by_content_is_taken_whatever_its_name(tmp_path):
    for name, content in (CONTENTS | OTHERS).items():
        (tmp_path / name).write_bytes(content)
    found = expand_inputs([str(tmp_path)])
    assert [os.path.basename(p) for p in found.paths] == sorted(CONTENTS)  # noqa: PTH119
    assert found.skipped == {"not media": len(OTHERS)}
    assert found.problems == ()
    strict = expand_inputs([str(tmp_path)], strict_suffixes=True)
    assert [os.path.basename(p) for p in strict.paths] == [  # noqa: PTH119
        "camera.mts",
        "go.mod",
        "mine.fakeweb.png",
        "program.ts",
    ]


def test_what_fakeweb_drew_is_left_out_whatever_its_name(tmp_path):
    clip, drawn = tmp_path / "clip.mp4", tmp_path / "holiday.mp4"
    encode_clip(clip, [(PICTURE, i / 10) for i in range(5)], fps=10)
    rewrite_clip(clip, drawn, lambda frame: frame.image, drawn=True)
    rewrite_clip(clip, tmp_path / "again.fakeweb.mp4", lambda frame: frame.image)
    (tmp_path / "renamed.png").write_bytes(encode_png(PICTURE, drawn=True))
    (tmp_path / "sheet.jpg").write_bytes(encode_jpeg(PICTURE, drawn=True))
    (tmp_path / "noext").write_bytes(encode_png(PICTURE, drawn=True))
    found = expand_inputs([str(tmp_path)])
    assert [os.path.basename(p) for p in found.paths] == ["again.fakeweb.mp4", "clip.mp4"]  # noqa: PTH119
    assert found.skipped == {"drawn by FakeWeb": 4}
    assert expand_inputs([str(drawn)]).paths == (str(drawn),)  # who names it means it


@pytest.mark.parametrize("size", [0, 1, 7, 2**31, 2**32 - 1])
def test_a_damaged_mp4_bears_no_mark_and_ends(size, tmp_path):
    (tmp_path / "a.mp4").write_bytes(
        b"\0\0\0\x10ftypisom\0\0\0\0" + struct.pack(">I", size) + b"moov" + b"\0" * 40
    )
    assert len(expand_inputs([str(tmp_path)]).paths) == 1


def test_circles_of_links_end(folder):
    (folder / "inner" / "up").symlink_to(folder, target_is_directory=True)
    (folder / "again").symlink_to(folder / "inner", target_is_directory=True)
    found = expand_inputs(["."])
    names = [os.path.basename(p) for p in found.paths]  # noqa: PTH119
    assert sorted(names) == ["a.png", "b.JPG", "c.webp", "d.heic", "odd[1].jpg"]
    assert found.problems == ()
    assert found.skipped["a folder reached before"] == 2
    deep = expand_inputs(["**/*.webp", "**/de*/*"])
    assert len(deep.paths) == 2
    assert deep.problems == ()


def test_what_cannot_be_looked_at_is_told_and_the_rest_is_done(folder):
    (folder / "self").symlink_to("self")
    (folder / "ping").symlink_to("pong")
    (folder / "pong").symlink_to("ping")
    (folder / "gone.jpg").symlink_to(folder / "nowhere.jpg")
    os.mkfifo(folder / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        found, globbed = expand_inputs(["."]), expand_inputs(["*"])
        deep = expand_inputs(["**"])
    loop = "is a link that leads back to itself"
    want = [
        "gone.jpg is a link that leads nowhere",
        f"ping {loop}",
        "pipe.jpg is a pipe, not a file",
        f"pong {loop}",
        f"self {loop}",
        "socket is a socket, not a file",
    ]
    assert [p.message for p in found.problems] == [f"./{line}" for line in want]
    assert [p.message for p in globbed.problems] == want
    assert [p.message.removeprefix("./") for p in deep.problems] == want
    assert len(found.paths) == len(deep.paths) == 5
    assert len(globbed.paths) == 3
    assert all(p.hint for p in found.problems)
    assert [p.message for p in expand_inputs(["g*.jpg", "**/*.jpg"]).problems] == [want[0], want[2]]


def test_links_back_up_do_not_multiply_what_a_glob_finds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").touch()
    for name in ("x", "y", "z"):  # two to the power of forty ways
        (tmp_path / name).symlink_to(tmp_path, target_is_directory=True)
    assert expand_inputs(["**/*.png"]).paths == ("a.png",)
    assert expand_inputs([f"{tmp_path}/**"]).paths == (f"{tmp_path}/a.png",)


def test_a_folder_that_may_not_be_read_is_a_problem(folder, monkeypatch):
    real = os.scandir

    def scandir(path):
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    words = "inner/deep is a folder that cannot be read (Permission denied)"
    found = expand_inputs(["inner"])
    assert found.paths == ("inner/c.webp",)
    assert [p.message for p in found.problems] == [words]
    assert [p.message for p in expand_inputs(["inner/**/*.webp"]).problems] == [words]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not allow such names")
def test_names_that_are_not_utf8(folder):
    os.close(os.open(os.fsencode(folder) + b"/\xff.jpg", os.O_CREAT | os.O_WRONLY))
    assert any(p.endswith("\udcff.jpg") for p in expand_inputs([str(folder)]).paths)


def test_one_string_is_a_mistake():
    with pytest.raises(TypeError, match="sequence of strings"):
        expand_inputs("a.png")
