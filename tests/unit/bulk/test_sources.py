"""Sources that do harm, or name what is no file: what becomes of them."""

import hashlib
import tarfile
import tracemalloc
import zipfile

import pytest

from fakeweb.bulk import Plan, Source, run_batch
from fakeweb.bulk.items import open_item

pytest.importorskip("pyarrow", reason="needs the extra 'batch'")

MIB = 1 << 20


def codes(rows):
    """Return what became of each file: its code, or None where it was judged."""
    return {row["path"].rpartition("/")[2]: row["code"] for row in rows}


@pytest.mark.parametrize("kind", ["ZIP_DEFLATED", "ZIP_BZIP2", "ZIP_LZMA"])
def test_a_zip_bomb_is_hashed_in_little_memory(kind, tmp_path):
    place = tmp_path / "a.zip"
    with (
        zipfile.ZipFile(place, "w", getattr(zipfile, kind), compresslevel=9) as packed,
        packed.open("a.png", "w") as member,
    ):
        for _ in range(64):
            member.write(bytes(MIB))
    assert place.stat().st_size < MIB
    tracemalloc.start()
    try:
        items = Source(str(place), identity="sha256").items()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [(i.size_bytes, i.problem) for i in items] == [(64 * MIB, None)]
    assert peak < 32 * MIB


@pytest.mark.parametrize("kind", ["ZIP_STORED", "ZIP_DEFLATED", "ZIP_BZIP2", "ZIP_LZMA"])
def test_members_are_the_same_bytes_however_they_are_packed(kind, album, tmp_path):
    content = (album / "a" / "00.jpg").read_bytes() * 40
    with zipfile.ZipFile(tmp_path / "a.zip", "w", getattr(zipfile, kind)) as packed:
        packed.writestr("a.jpg", content)
    (item,) = Source(str(tmp_path / "a.zip"), identity="sha256").items()
    assert item.id == hashlib.sha256(content).hexdigest()[:32]
    assert open_item(item).read() == content


def test_members_that_lie_about_their_size_or_are_beyond_every_limit_are_named(album, tmp_path, read):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("bomb.png", bytes(8 * MIB))
        packed.writestr("bomb2.png", bytes(8 * MIB), zipfile.ZIP_BZIP2)
        packed.write(album / "a" / "00.jpg", "good.jpg")
    data = (tmp_path / "a.zip").read_bytes()
    said, lie = (8 * MIB).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    assert said in data
    (tmp_path / "a.zip").write_bytes(data.replace(said, lie))
    large = tarfile.TarInfo("large.mp4")
    large.size = 20 << 30
    with (tmp_path / "a.tar").open("wb") as file:  # takes no room on the disk: it is a hole
        file.write(large.tobuf(tarfile.GNU_FORMAT))
        file.truncate(512 + large.size + 1024)
    for name, expected in (
        ("a.zip", {"bomb.png": "media.unreadable", "bomb2.png": "media.unreadable", "good.jpg": None}),
        ("a.tar", {"large.mp4": "media.too_large"}),
    ):
        for identity in ("path", "sha256"):
            out = tmp_path / f"{name}-{identity}"
            run_batch(Plan(Source(str(tmp_path / name), identity=identity), str(out), engine="serial"))
            assert codes(read(out)) == expected
            assert all(row["hint"] for row in read(out) if row["code"])


def test_keys_that_mark_folders_are_no_files(bucket, album, tmp_path, read):
    import s3fs

    files = s3fs.S3FileSystem(skip_instance_cache=True)
    picture = (album / "a" / "00.jpg").read_bytes()
    for key in ("in/", "in/b/", "in/holiday.jpg/", "in/a.jpg"):
        body = b"" if key.endswith("/") else picture
        files.call_s3("put_object", Bucket=bucket.removeprefix("s3://"), Key=key, Body=body)
    listed = tmp_path / "list.txt"
    listed.write_text("".join(f"{bucket}/in/{name}\n" for name in ("a.jpg", "b/", "holiday.jpg/")))
    for i, place in enumerate((f"{bucket}/in", f"{bucket}/in/*", str(listed))):
        out = tmp_path / str(i)
        run_batch(Plan(Source(place), str(out), engine="serial"))
        assert codes(read(out)) == {"a.jpg": None}


def test_web_addresses_are_named_and_said_to_be_downloaded_first(album, tmp_path, read):
    place, url = tmp_path / "list.txt", "https://me:secret@example.org/b.jpg?signature=1"
    place.write_text(f"{album / 'a' / '00.jpg'}\n{url}\n{url}\nHTTP://example.org/c.jpg\n")
    run_batch(Plan(Source(str(place)), str(tmp_path / "out"), engine="serial"))
    rows = read(tmp_path / "out")
    dead = [row for row in rows if row["code"]]
    assert [(row["code"], row["tries"]) for row in dead] == [("usage", 1), ("usage", 1)]
    for row in dead:
        assert "is a web address" in row["message"]
        assert "secret" not in row["message"]
        assert "signature" not in row["message"]
        assert row["hint"].startswith("download the files first")
