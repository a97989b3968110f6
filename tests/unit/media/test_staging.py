"""Copies of object storage: fetched once and then what changed, sent back whole."""

import pytest

pytest.importorskip("fsspec", reason="needs the extra 's3'")

from fakeweb.errors import Unreadable
from fakeweb.media.staging import Outbox, fetch_place
from fakeweb.media.storage import Storage


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """An empty place in memory, with a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    address = f"memory://{tmp_path.name}/shelf"
    yield address
    for name in Storage(address).names():
        Storage(address).remove(name)


def test_a_local_place_is_itself(tmp_path):
    assert fetch_place(tmp_path) == tmp_path


def test_a_copy_follows_what_it_is_a_copy_of(shelf):
    store = Storage(shelf)
    store.write("a.txt", b"one")
    store.write("deep/b.txt", b"two")
    copy = fetch_place(shelf)
    assert (copy / "deep" / "b.txt").read_bytes() == b"two"
    store.write("a.txt", b"changed")
    store.remove("deep/b.txt")
    assert fetch_place(shelf) == copy
    assert (copy / "a.txt").read_bytes() == b"changed"
    assert not (copy / "deep" / "b.txt").exists()
    assert fetch_place(f"{shelf}/a.txt").read_bytes() == b"changed"
    with pytest.raises(Unreadable, match="nowhere holds no files"):
        fetch_place("memory://nowhere")


def test_what_a_command_wrote_is_sent_and_fetched_again_to_go_on(shelf, tmp_path, monkeypatch):
    outbox = Outbox(shelf)
    (outbox.local / "deep").mkdir(parents=True)
    (outbox.local / "checkpoint.pt").write_bytes(b"step 1")
    (outbox.local / "deep" / "log.csv").write_bytes(b"1")
    outbox.close()
    assert outbox.sent == 2
    assert Storage(shelf).read("checkpoint.pt") == b"step 1"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another machine"))
    again = Outbox(shelf)
    assert (again.local / "checkpoint.pt").read_bytes() == b"step 1"
    (again.local / "checkpoint.pt").write_bytes(b"step 2")
    again.close()
    assert again.sent == 1  # the log has not changed
    assert Storage(shelf).read("checkpoint.pt") == b"step 2"


def test_one_file_is_sent_as_one(shelf):
    outbox = Outbox(f"{shelf}/table.csv")
    outbox.local.parent.mkdir(parents=True, exist_ok=True)
    outbox.local.write_bytes(b"a,b")
    outbox.close()
    assert Storage(shelf).read("table.csv") == b"a,b"
