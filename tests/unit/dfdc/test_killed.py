"""SIGKILL at random moments, to the command itself in a process of its own: nothing lost, nothing done twice."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from fakeweb.datasets.shards import read_sidecars
from fakeweb.dfdc.parts import find_parts
from fakeweb.media.storage import Storage

pytestmark = pytest.mark.slow

# the command line, which notes each clip before it is looked at and, once its record is written, after
_NOTING = """
import os, sys
from pathlib import Path
from fakeweb.dfdc import submit
from fakeweb.tracks import extract
LOG = os.environ["NOTES"]
def note(what, name):
    with open(LOG, "a") as file:
        file.write(f"{what} {name}\\n")
look = extract.look_at
def look_at(content, clip, *rest):
    note("begun", clip.name)
    return look(content, clip, *rest)
extract.look_at = look_at
write = extract.Storage.write
def noting_write(self, name, data):
    write(self, name, data)
    if name.startswith("pending/") and name.endswith(".json"):
        note("done", Path(name).stem)
extract.Storage.write = noting_write
scan = submit._ClipScanner.__call__
def noting_scan(self, task):
    note("begun", task.clip.name)
    return scan(self, task)
submit._ClipScanner.__call__ = noting_scan
add = submit.Journal.add
def noting_add(self, record):
    add(self, record)
    if "filename" in record:
        note("done", record["filename"])
submit.Journal.add = noting_add
from fakeweb.cli import main
if __name__ == "__main__":
    main()
"""


def content(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def command(tmp_path):
    """Run ``fakeweb dfdc ...`` to its end, or kill it a random while after it has got on by at least one clip."""
    script, notes = tmp_path / "noting.py", tmp_path / "notes.txt"
    script.write_text(_NOTING)
    notes.touch()
    rng = random.Random(20)

    def start(*args):
        return subprocess.Popen(
            [sys.executable, str(script), "dfdc", *map(str, args)],
            env={**os.environ, "NOTES": str(notes), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    class Command:
        lines = staticmethod(lambda: notes.read_text().splitlines())

        @staticmethod
        def finish(*args):
            process = start(*args)
            out, err = process.communicate(timeout=900)
            assert process.returncode == 0, err.decode()
            return out.decode()

        @staticmethod
        def kill(*args):
            """Return whether it was killed; False where it had come to its end before."""
            enough = len(Command.lines()) + rng.randint(3, 6)
            process = start(*args)
            until = time.monotonic() + 600
            while len(Command.lines()) < enough and process.poll() is None:
                assert time.monotonic() < until
                time.sleep(0.002)
            time.sleep(rng.uniform(0, 0.1))
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=600)  # also waits for workers, which hold the pipes
            return process.returncode == -signal.SIGKILL

    return Command


def clip_names(replica):
    return sorted(c.name for p in find_parts([str(replica)]) for c in p.clips)


def check_nothing_twice(notes, replica):
    """No clip is begun again once its record is written; all are begun."""
    begun = 0
    for name in clip_names(replica):
        own = [line.split()[0] for line in notes if line.endswith(f" {name}")]
        assert own.count("done") <= 1
        assert "done" not in own[:-1]
        begun += own.count("begun")
    assert begun >= 7


@pytest.mark.parametrize("workers", [1, 2])
def test_extraction(command, replica, tmp_path, workers):
    out, whole = tmp_path / "out", tmp_path / "whole"
    command.finish("extract", replica, "--out", whole, "--frames", 4)
    begun_at = len(command.lines())
    kills = 0
    while command.kill("extract", replica, "--out", out, "--frames", 4, "-j", workers):
        kills += 1
        assert kills < 40
    command.finish("extract", replica, "--out", out, "--frames", 4, "-j", workers)
    assert kills >= 2
    assert content(out) == content(whole)  # bit for bit what a run gives that is left alone
    clips = [c["clip"] for s in read_sidecars(Storage(out)).values() for c in s["clips"]]
    assert sorted(clips) == clip_names(replica)
    check_nothing_twice(command.lines()[begun_at:], replica)


def test_a_submission(command, replica, tmp_path, tiny_model):
    options = ("--model", tiny_model(tmp_path / "m"), "--finder", "haar", "--frames", 3)
    out, whole = tmp_path / "s.csv", tmp_path / "whole.csv"
    command.finish("submit", replica, "--out", whole, *options)
    journal = out.with_name("s.csv.journal")
    begun_at = len(command.lines())
    kills = 0
    while not out.exists() or journal.exists():  # killed between the two, the next run has only to tidy up
        kills += command.kill("submit", replica, "--out", out, *options)
        assert kills < 40
    assert kills >= 2
    assert out.read_bytes() == whole.read_bytes()
    check_nothing_twice(command.lines()[begun_at:], replica)
