"""A real PostgreSQL server for the tests, started from what the system has installed."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from fakeweb.errors import StoreFailed


def _find_server() -> Path | None:
    """The folder of initdb and postgres."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [shutil.which("initdb")]
    return Path(found[-1]).parent if found[-1] else None


def serve():
    """Yield the address of a PostgreSQL server of our own, or of the one FAKEWEB_TEST_POSTGRES names."""
    if given := os.environ.get("FAKEWEB_TEST_POSTGRES"):
        yield given
        return
    pytest.importorskip("psycopg", reason="needs the extra 'postgres'")
    binaries = _find_server()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed (apt install postgresql)")
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user and not shutil.which("runuser"):
        pytest.skip("PostgreSQL does not run as root, and there is no runuser")
    folder = _folder()
    folder.mkdir()
    try:
        if as_user:
            shutil.chown(folder, "postgres")
        initdb = [
            *as_user,
            str(binaries / "initdb"),
            "-D",
            str(folder / "d"),
            "-A",
            "trust",
            "-U",
            "fakeweb",
            "-N",
        ]
        done = subprocess.run(initdb, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"initdb fails: {done.stderr[-200:]}")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [
            str(binaries / "postgres"),
            "-D",
            str(folder / "d"),
            "-p",
            str(port),
            "-k",
            str(folder),
            "-F",
        ]
        server = subprocess.Popen([*as_user, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            url = f"postgresql://fakeweb@127.0.0.1:{port}/postgres"
            _wait_until_it_answers(url)
            yield url
        finally:
            subprocess.run(
                [*as_user, str(binaries / "pg_ctl"), "-D", str(folder / "d"), "stop", "-m", "immediate"],
                capture_output=True,
            )
            server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def frozen():
    """Stop all processes of our server, and let them go on at the end."""
    file = _folder() / "d" / "postmaster.pid"
    if not file.is_file():
        pytest.skip("the PostgreSQL server is not ours to stop")
    main = int(file.read_text().split()[0])
    children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
    pids = [main, *map(int, children)]
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        above = int(
            Path(f"/proc/{main}/stat").read_text().split()[3]
        )  # runuser stops together with its child
        for pid in [*pids, above]:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGCONT)


def _folder() -> Path:
    return Path("/tmp") / f"fakeweb-pg-{os.getpid()}"  # short: the path of a socket is limited


def _wait_until_it_answers(url):
    from fakeweb.server.store import Store

    deadline = time.monotonic() + 300
    while True:
        try:
            Store(url).close()
            return
        except StoreFailed:
            assert time.monotonic() < deadline
            time.sleep(0.2)
