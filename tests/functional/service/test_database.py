"""A database that is locked, read-only, full or frozen, seen over HTTP: readiness tells, pictures are answered."""

import contextlib
import shutil
import sqlite3
import subprocess
import sys
import time

import httpx
import pytest

IN_TIME_S = 2.5
"""``/readyz`` fails within two seconds; half a one for a busy machine."""


def becomes(service, status, seconds):
    """Return after how long ``/readyz`` answers so."""
    begun = time.monotonic()
    while service.get("/readyz").status_code != status:
        assert time.monotonic() - begun < seconds, f"/readyz did not become {status} in {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - begun


def judged_without_being_stored(service, picture):
    begun = time.monotonic()
    answer = service.predict(picture)
    assert answer.status_code == 200, answer.text
    assert time.monotonic() - begun < 20
    assert answer.json()["report"]["verdict"]["label"]
    return answer.json()["stored"] is False and answer.json()["id"] is None


def stored(service, picture):
    answer = service.predict(picture)
    return answer.status_code == 200 and answer.json()["stored"]


@pytest.mark.slow
def test_a_locked_database(run_service, small):
    service = run_service(deadline_s=20)
    assert stored(service, small(90_001))
    with contextlib.closing(
        sqlite3.connect(service.data_dir / "fakeweb.sqlite3", isolation_level=None)
    ) as other:
        other.execute("BEGIN EXCLUSIVE")
        becomes(service, 503, IN_TIME_S)
        assert service.get("/readyz").json()["database"] == "failing"
        assert service.get("/livez").status_code == 200
        assert judged_without_being_stored(service, small(90_002))
        other.execute("ROLLBACK")
    becomes(service, 200, 10)
    assert stored(service, small(90_003))


@pytest.mark.slow
def test_a_full_disk(run_service, small, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", disk], capture_output=True
    ).returncode:
        pytest.skip("mounting a small file system is not allowed here")
    try:
        service = run_service(data_dir=disk / "data", deadline_s=20)
        first = service.predict(small(90_011)).json()
        with (disk / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(bytes(4096))
        becomes(service, 503, IN_TIME_S)
        for number in range(5):
            assert service.predict(small(90_012 + number)).status_code == 200
        known = service.predict(small(90_011)).json()
        assert known["cached"] is True
        erased = httpx.delete(f"{service.url}/v1/media/{first['report']['media_sha256']}", timeout=60)
        assert (erased.status_code, erased.json()["results"]) == (200, 1)
        (disk / "ballast").unlink()
        becomes(service, 200, 10)
        assert stored(service, small(90_019))
        service.kill()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


@pytest.fixture
def rights_count(monkeypatch):
    """Have services run without the right of root to write what is read-only."""
    without = ["setpriv", "--inh-caps=-dac_override", "--bounding-set=-dac_override"]
    if not shutil.which("setpriv") or subprocess.run([*without, "true"], capture_output=True).returncode:
        pytest.skip("setpriv cannot take rights away here")
    started = subprocess.Popen

    def start(command, **options):
        own = command[:3] == [sys.executable, "-m", "fakeweb"]
        return started([*without, *command] if own else command, **options)

    monkeypatch.setattr(subprocess, "Popen", start)


def test_a_file_that_is_read_only(rights_count, run_service, small):
    """As where a volume comes back read-only: the file is another one, and nobody may write it."""
    service = run_service(deadline_s=20)
    assert stored(service, small(90_021))
    file = service.data_dir / "fakeweb.sqlite3"
    copy = file.with_name("copy")
    with (
        contextlib.closing(sqlite3.connect(file)) as whole,
        contextlib.closing(sqlite3.connect(copy)) as other,
    ):
        whole.backup(other)
    for name in (f"{file.name}-wal", f"{file.name}-shm"):
        file.with_name(name).unlink(missing_ok=True)
    copy.chmod(0o444)
    copy.replace(file)
    becomes(service, 503, IN_TIME_S)
    assert judged_without_being_stored(service, small(90_022))
    for path in service.data_dir.glob("fakeweb.sqlite3*"):  # its log got the same rights
        path.chmod(0o600)
    becomes(service, 200, 10)
    assert stored(service, small(90_023))
    assert service.predict(small(90_021)).json()["cached"] is True


@pytest.mark.slow
def test_a_postgresql_that_is_frozen(run_service, postgres_url, freeze_postgres, small):
    service = run_service(deadline_s=20, database_url=postgres_url)
    assert stored(service, small(90_031))
    with freeze_postgres():
        becomes(service, 503, IN_TIME_S)
        assert judged_without_being_stored(service, small(90_032))
        assert service.get("/v1/queue").status_code == 503
        assert service.get("/livez").status_code == 200
    becomes(service, 200, 20)
    assert stored(service, small(90_033))


def test_a_postgresql_that_is_read_only(run_service, postgres_url, small):
    psycopg = pytest.importorskip("psycopg")
    service = run_service(deadline_s=20, database_url=postgres_url)

    def only_to_read(value):
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            admin.execute("SET default_transaction_read_only = off")
            admin.execute(f"ALTER DATABASE postgres SET default_transaction_read_only = {value}")
            ours = "pid <> pg_backend_pid() AND backend_type = 'client backend'"
            admin.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}")

    only_to_read("on")
    try:
        becomes(service, 503, IN_TIME_S)
        assert judged_without_being_stored(service, small(90_042))
    finally:
        only_to_read("off")
    becomes(service, 200, 20)
    assert stored(service, small(90_043))


def test_addresses_tell_strangers_nothing_about_the_inside(run_service):
    """One name leads to this machine, the other to nowhere; neither answer says which."""
    service = run_service(allow_url="1")
    answers = []
    for host in ("localhost", "no-such-name.invalid", "127.0.0.1"):
        begun = time.monotonic()
        answer = httpx.post(f"{service.url}/v1/urls", json={"url": f"http://{host}/a.jpg"}, timeout=60)
        problem = answer.json()
        said = {
            name: str(problem[name]).replace(host, "HOST") for name in ("detail", "code", "hint", "status")
        }
        answers.append((said, time.monotonic() - begun))
    assert answers[0][0] == answers[1][0] == answers[2][0]
    assert "127.0.0.1" not in answers[0][0]["detail"]
    assert max(a[1] for a in answers) - min(a[1] for a in answers) < 0.6
