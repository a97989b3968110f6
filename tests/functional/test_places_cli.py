"""Commands whose paths are addresses, against a real S3 server."""

import http.server
import json
import shutil
import threading
from pathlib import Path

import pytest

from fakeweb.media.storage import Storage

CARDS = Path(__file__).parents[2] / "src" / "fakeweb" / "models"


@pytest.fixture
def portraits(tmp_path, portrait, plain):
    """A folder with three pictures, labelled."""
    from fakeweb.media import encode_png

    folder = tmp_path / "album"
    (folder / "deep").mkdir(parents=True)
    rows = ["path,source,label,kind,split,group"]
    for name, picture in (("a.png", portrait), ("deep/b.png", portrait), ("c.png", plain(120))):
        (folder / name).write_bytes(encode_png(picture))
        rows.append(f"{name},drawn,{int(name == 'a.png')},,val,{name}")
    (folder / "index.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture
def model(tmp_path, tiny_model):
    """The card of a tiny model."""
    return tiny_model(tmp_path / "made")


@pytest.fixture
def album(bucket, portraits):
    """A bucket with a folder of portraits."""
    store = Storage(bucket)
    for path in sorted(portraits.rglob("*.png")):
        store.write(f"album/{path.relative_to(portraits).as_posix()}", path.read_bytes())
    store.write("album/index.csv", (portraits / "index.csv").read_bytes())
    return f"{bucket}/album"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Work in an empty folder, where a folder called ``s3:`` would be seen, with a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield
    assert not (tmp_path / "s3:").exists()


def test_a_scan_reads_from_a_bucket_and_writes_its_files_there(cli, album, bucket, portraits):
    result = cli("scan", album, "--json", "--out", f"{bucket}/out", "--html", f"{bucket}/out/p.html",
                 "--csv", f"{bucket}/out/t.csv")  # fmt: skip
    assert result.code == 0, result.err
    told = [json.loads(line) for line in result.out.splitlines()]
    local = [json.loads(line) for line in cli("scan", portraits, "--json").out.splitlines()]
    assert [t["source"].removeprefix(album) for t in told] == [
        t["source"].removeprefix(str(portraits)) for t in local
    ]
    assert [t["verdict"] for t in told] == [t["verdict"] for t in local]
    names = Storage(f"{bucket}/out").names()
    assert "p.html" in names
    assert "t.csv" in names
    assert sum(name.endswith(".fakeweb.png") for name in names) == len(told)
    assert f"page: {bucket}/out/p.html" in result.err


def test_what_a_bucket_does_not_hold_is_said_with_bucket_and_key(cli, album, bucket):
    for place in (f"{bucket}/nothing.jpg", f"{bucket}/empty/", f"{bucket}/*.jpg"):
        result = cli("scan", place)
        assert result.code == 2
        assert place in result.err
    other = cli("scan", "s3://there-is-no-such-bucket/a.jpg")
    assert other.code == 2
    assert "s3://there-is-no-such-bucket" in other.err
    assert "testing-secret" not in other.err


def test_a_report_arrives_in_the_bucket_whole(cli, album, bucket):
    pytest.importorskip("sklearn", reason="needs the extra 'evaluate'")
    pytest.importorskip("matplotlib", reason="needs the extra 'evaluate'")
    result = cli("data", "inspect", album, "--out", f"{bucket}/inspection")
    assert result.code == 0, result.err
    assert "report.html" in Storage(f"{bucket}/inspection").names()
    assert f"sent to {bucket}/inspection" in result.err


@pytest.fixture
def mirror(tmp_path, model):
    """A web server of models: its address and folder."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    for file in (model, model.with_suffix(".onnx")):
        shutil.copy(file, folder)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{model.name}", folder
        server.shutdown()


def test_a_model_of_a_mirror_is_fetched_once_and_verified(cli, portraits, mirror, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    address, folder = mirror
    picture = portraits / "a.png"
    assert cli("scan", picture, "--no-overlay", "--model", address).code == 0
    for file in folder.iterdir():
        file.unlink()
    assert cli("scan", picture, "--no-overlay", "--model", address).code == 0  # without the mirror
    missing = cli("models", "add", address)
    assert missing.code == 3
    assert address in missing.err


def test_weights_that_are_not_the_cards_are_refused(cli, bucket, model, portraits, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    store = Storage(f"{bucket}/models")
    store.write(model.name, model.read_bytes())
    store.write(model.with_suffix(".onnx").name, b"other weights")
    card = f"{bucket}/models/{model.name}"
    broken = cli("models", "add", card)
    assert broken.code == 3
    assert "is not the file its card describes" in broken.err
    store.write(model.with_suffix(".onnx").name, model.with_suffix(".onnx").read_bytes())
    added = cli("models", "add", card)
    assert added.code == 0, added.err
    picture = portraits / "a.png"
    assert cli("scan", picture, "--no-overlay", "--model", json.loads(model.read_text())["name"]).code == 0


def test_plain_http_to_another_machine_is_refused(cli, portraits):
    result = cli("scan", portraits, "--model", "http://192.0.2.1/m.json")
    assert result.code == 2
    assert "without encryption" in result.err
