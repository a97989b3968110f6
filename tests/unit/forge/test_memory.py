"""What one forgery frees stays for the next one."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import numpy as np
from fakeweb.forge import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory() and keep_freed_memory()
def work():
    arrays = [np.ones((512, 512, 3), np.float32) for _ in range(4)]
for _ in range(3):
    work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc knows mallopt's thresholds")
def test_pages_are_not_fetched_anew_for_every_array() -> None:
    def page_faults(how: str) -> int:
        done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
        return int(done.stdout)

    kept, plain = page_faults("keep"), page_faults("plain")
    if plain < 10_000:
        pytest.skip("this allocator keeps memory anyway")
    assert kept < plain / 20
