"""Pictures, broken and whole, and runs over them."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest


@pytest.fixture(scope="session")
def album(tmp_path_factory, portrait_path) -> Path:
    """A folder: 12 pictures in two folders, one cut off, one that is no picture, one of another kind."""
    folder = tmp_path_factory.mktemp("album")
    dice = np.random.default_rng(0)
    face = cv2.resize(cv2.imread(str(portrait_path)), (320, 320))
    for i in range(12):
        place = folder / "ab"[i % 2] / f"{i:02}.jpg"
        place.parent.mkdir(exist_ok=True)
        shown = np.clip(face * dice.uniform(0.6, 1.3) + dice.normal(0, 5, face.shape), 0, 255)
        cv2.imwrite(str(place), shown.astype(np.uint8))
    (folder / "a" / "cut.jpg").write_bytes((folder / "a" / "00.jpg").read_bytes()[:2000])
    (folder / "b" / "text.jpg").write_text("this is a text and no picture")
    (folder / "notes.txt").write_text("passed over")
    return folder


GOOD, BAD = 12, 2


@pytest.fixture(scope="session")
def read():
    """Read a run's table, sorted: ``read(out, "faces")`` -> rows."""
    from fakeweb.bulk import Destination

    def rows(out, table="files"):
        found = list(Destination(str(out)).rows(table))
        return sorted(found, key=lambda row: (row["path"], row.get("face") or 0))

    return rows


@pytest.fixture
def start():
    """Start ``fakeweb`` as a process of its own group; killed with all it started at the end."""
    started = []

    def begin(*args, **more):
        command = [sys.executable, "-m", "fakeweb", *map(str, args)]
        started.append(
            subprocess.Popen(
                command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more
            )
        )
        return started[-1]

    yield begin
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


@pytest.fixture
def wait_until():
    """Wait until something holds; fail where it does not come."""

    def wait(holds, seconds=300):
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                pytest.fail("it did not come")
            time.sleep(0.05)

    return wait
