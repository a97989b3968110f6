"""The same pipeline against a real S3 endpoint on this machine."""

import sys

import pytest

pytest.importorskip("s3fs", reason="needs the extra 's3'")
pytest.importorskip("moto.server", reason="needs moto, the endpoint the tests run")

from fakeweb.cli.app import run
from fakeweb.datasets.shards import read_shard, read_sidecars
from fakeweb.dfdc.eda import read_clips
from fakeweb.dfdc.parts import find_parts
from fakeweb.errors import DatasetError, Unreadable
from fakeweb.media.storage import Storage
from fakeweb.tracks import extract as extraction
from fakeweb.tracks.extract import ExtractOptions, extract


@pytest.fixture(scope="module")
def bucket(s3_server, replica):
    """A bucket with the replica in it."""
    import s3fs

    files = s3fs.S3FileSystem()
    files.mkdir("clips")
    for path in replica.rglob("*"):
        if path.is_file():
            files.pipe_file(f"clips/dfdc/{path.relative_to(replica)}", path.read_bytes())
    return "s3://clips"


def test_a_store_reads_writes_lists_and_removes(bucket):
    store = Storage(f"{bucket}/try")
    assert store.names() == []
    store.write("a/b.txt", b"hello")
    assert store.exists("a/b.txt")
    assert store.read("a/b.txt") == b"hello"
    assert store.names(".txt") == ["a/b.txt"]
    with store.open("a/b.txt") as file:
        file.seek(1)
        assert file.read(2) == b"el"
    store.remove("a/b.txt")
    store.remove("a/b.txt")
    assert not store.exists("a/b.txt")
    with pytest.raises(Unreadable, match=r"s3://clips/try/gone does not exist"):
        store.read("gone")


def test_zip_files_are_read_in_place(bucket):
    zipped, folder = find_parts([f"{bucket}/dfdc"])
    assert (len(zipped.clips), len(folder.clips)) == (4, 3)
    with zipped.reader() as reader:
        assert reader.read(zipped.clips[1])[4:8] == b"ftyp"
    (named,) = find_parts([f"{bucket}/dfdc/dfdc_train_part_00.zip"])
    assert named.clips == zipped.clips


def test_from_storage_to_storage_as_on_disk_and_again(bucket, replica, quick, tmp_path):
    options = ExtractOptions(frames=3, side_px=64, clips_per_shard=3)
    done = extract(find_parts([f"{bucket}/dfdc"]), f"{bucket}/tracks", options)
    assert (done.done, done.failed) == (7, 1)
    extract(find_parts([str(replica)]), str(tmp_path), options)
    far, near = Storage(f"{bucket}/tracks"), Storage(tmp_path)
    assert far.names() == near.names()
    assert all(far.read(n) == near.read(n) for n in near.names())
    assert extract(find_parts([f"{bucket}/dfdc"]), f"{bucket}/tracks", options).done == 7
    assert len(read_clips(f"{bucket}/tracks")) == 7


def test_reports_go_where_they_are_asked_to_go(bucket, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shards = f"{bucket}/tracks"
    for command in ("eda", "evaluate"):
        monkeypatch.setattr(sys, "argv", ["fakeweb", "dfdc", command, shards, "--out", f"{bucket}/{command}"])
        with pytest.raises(SystemExit) as end:
            run()
        assert not end.value.code
    files = Storage(bucket)
    assert b"What is in the clips" in files.read("eda/report.md")
    assert {n for n in files.names(".json") if n.startswith("evaluate/")} == {
        "evaluate/figures.json",
        "evaluate/scores.json",
    }
    assert list(tmp_path.iterdir()) == []


def test_a_kill_in_between_is_made_good(bucket, quick, monkeypatch):
    options = ExtractOptions(frames=2, side_px=64, clips_per_shard=3)
    out, looks = f"{bucket}/killed", []
    look = extraction.look_at

    def dies(content, clip, *rest):
        looks.append(clip.name)
        if len(looks) in (2, 6):
            raise KeyboardInterrupt
        return look(content, clip, *rest)

    monkeypatch.setattr(extraction, "look_at", dies)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            extract(find_parts([f"{bucket}/dfdc"]), out, options)
    assert extract(find_parts([f"{bucket}/dfdc"]), out, options).done == 7
    assert len(looks) == 7 + 2  # seven clips, two of them begun twice
    assert [n for n in Storage(out).names() if n.startswith("pending/")] == []


def test_a_changed_object_is_noticed(bucket, quick):
    store = Storage(f"{bucket}/tracks")
    name = "shards/dfdc_train_part_1-0000"
    sidecar = read_sidecars(store)[name]
    store.write(f"{name}.tar", store.read(f"{name}.tar")[:-1] + b"x")
    with pytest.raises(DatasetError, match="sidecar"):
        list(read_shard(store, name, sidecar))
