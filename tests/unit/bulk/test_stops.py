"""Batches that stop, and folders that change while they are watched: what is told."""

import json
import os
import signal

import pytest

from fakeweb.bulk import Options, Plan, Source, run_batch
from fakeweb.bulk.watch import watch
from fakeweb.errors import UsageError
from fakeweb.media import Limits as Pixels

pytest.importorskip("pyarrow", reason="needs the extra 'batch'")


def plan(album, out, **more):
    """A serial run with small shards."""
    return Plan(Source(str(album)), str(out), engine="serial", shard=5, **more)


@pytest.mark.parametrize(
    ("command", "stop"),
    [
        ("batch", lambda run: os.killpg(run.pid, signal.SIGINT)),
        ("batch", lambda run: run.send_signal(signal.SIGTERM)),
        ("watch", lambda run: os.killpg(run.pid, signal.SIGINT)),
    ],
    ids=["batch, Ctrl-C", "batch, by a cluster", "watch, Ctrl-C"],
)
def test_a_stopped_run_says_how_far_it_came_and_how_to_go_on(
    command, stop, album, tmp_path, start, read, wait_until
):
    out = tmp_path / "out"
    more = ["--shard", 1] if command == "batch" else ["--every", 0.1]
    run = start(command, album, "--out", out, *more)
    parts = 2 if command == "batch" else 1
    wait_until(lambda: len(list(out.glob("files/*.parquet"))) >= parts)
    stop(run)
    assert run.wait(timeout=120) == 130
    said = run.stdout.read().decode()
    assert f"stopped: {len(read(out))} of 14 files" in said
    assert "; the same command goes on" in said
    assert "Traceback" not in said
    if command == "batch":
        assert run_batch(plan(album, out)).progress.done == 14


def test_a_watched_folder_tells_of_what_came_after_others_left(album, tmp_path):
    folder, told = tmp_path / "in", []
    folder.mkdir()
    picture = (album / "a" / "00.jpg").read_bytes()
    for name in ("a", "b"):
        (folder / f"{name}.jpg").write_bytes(picture)
    looks = 0

    def change():
        nonlocal looks
        looks += 1
        if looks == 5:
            for name in ("a", "b"):
                (folder / f"{name}.jpg").unlink()
            (folder / "c.jpg").write_bytes(picture)
        return looks > 9

    watch(plan(folder, tmp_path / "out"), every_s=0.05, on_round=told.append, should_stop=change)
    assert [(t.judged, t.progress.done) for t in told] == [(2, 2), (1, 1)]


@pytest.mark.parametrize(
    ("options", "source", "words"),
    [
        ({"threshold": 0.9}, {}, r"with other options: threshold unset; this one has threshold 0\.9$"),
        (
            {"limits": Pixels.of_megapixels(90), "threshold": 0.5},
            {},
            r"options: threshold unset, max_megapixels 80; this one has threshold 0\.5, max_megapixels 90$",
        ),
        ({}, {"identity": "sha256"}, r"options: identity path; this one has identity sha256$"),
    ],
)
def test_a_run_refused_for_its_options_says_which(options, source, words, album, tmp_path):
    run_batch(Plan(Source(str(album / "a"), limit=1), str(tmp_path), engine="serial"))
    assert json.loads((tmp_path / "run.json").read_text())["options"]["max_megapixels"] == 80
    other = Plan(Source(str(album / "a"), limit=1, **source), str(tmp_path), Options(**options), "serial")
    with pytest.raises(UsageError, match=words):
        run_batch(other)


@pytest.mark.slow
def test_a_good_file_whose_store_is_away_is_judged_by_retry(
    s3_server, bucket, album, tmp_path, start, fault_proxy, read
):
    from fakeweb.media.storage import Storage

    Storage(bucket).write("a.jpg", (album / "a" / "00.jpg").read_bytes())
    (tmp_path / "list.txt").write_text(f"{bucket}/a.jpg\n")
    proxy = fault_proxy(int(s3_server.rpartition(":")[2]))
    environment = {**os.environ, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}"}
    command = ["batch", tmp_path / "list.txt", "--out", tmp_path / "out", "--engine", "serial"]
    try:
        proxy.mode = "drop"
        run = start(*command, env=environment)
        assert run.wait(timeout=300) == 0
        assert "1 files, 0 faces, 1 failed" in run.stdout.read().decode()
        assert [row["code"] for row in read(tmp_path / "out")] == ["media.unreadable"]
        proxy.mode = "pass"
        assert start(*command, "--retry", env=environment).wait(timeout=300) == 0
    finally:
        proxy.close()
    assert [row["code"] for row in read(tmp_path / "out")] == [None]
