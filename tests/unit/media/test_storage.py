"""Places of files: what is said of those that cannot be read; object storage itself is tested in ``dfdc``."""

import sys

import pytest

from fakeweb.errors import MissingExtra, UsageError
from fakeweb.media.storage import Storage


def test_object_storage_needs_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtra, match="reading s3:// places needs the extra 's3'"):
        Storage("s3://bucket/clips")
    assert Storage("/nowhere").names() == []


def test_a_web_address_is_no_place():
    with pytest.raises(UsageError, match="no folder and no object storage"):
        Storage("https://example.org/clips")


@pytest.mark.parametrize("place", ["https://me:hunter2@host/a.jpg?sig=hunter2", "odd://me:hunter2@bucket/a"])
def test_errors_tell_no_password(place):
    with pytest.raises(UsageError) as caught:
        Storage(place)
    assert "hunter2" not in str(caught.value)


def test_a_bucket_is_named_whole():
    pytest.importorskip("fsspec", reason="needs the extra 's3'")
    storage, name = Storage.of_file("memory://bucket")
    assert (storage.place, name) == ("memory://bucket", "")
    storage, name = Storage.of_file("memory://bucket/a.jpg")
    assert (storage.place, name) == ("memory://bucket", "a.jpg")


def test_memory_is_a_place():
    pytest.importorskip("fsspec", reason="needs the extra 's3'")
    storage = Storage("memory://shelf")
    storage.write("a/b.txt", b"hello")
    assert storage.names() == ["a/b.txt"]
    assert storage.stamp("a/b.txt").size_bytes == 5
    assert storage.stamp("a") is None
    assert list(storage.listing("a/*.txt")) == ["a/b.txt"]
    storage.remove("a/b.txt")
    assert not storage.exists("a/b.txt")
