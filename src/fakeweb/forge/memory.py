"""Allocator setting: the C library keeps the memory that one forgery frees for the next one."""

from __future__ import annotations

import ctypes
from functools import lru_cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Names of ``mallopt(3)``'s parameters, as in glibc's ``malloc.h``."""
_TOP_BYTES = 256 << 20
_MAP_BYTES = 32 << 20
"""The most that glibc takes for it on 64 bits."""


@lru_cache(maxsize=1)
def keep_freed_memory() -> bool:
    """Ask glibc not to give freed memory back to the system at once; up to 256 MiB a process stay with it.

    A forgery makes and frees many arrays of up to a few megabytes; getting each anew from the system, page by page,
    costs a third of the time. For processes that forge many faces; call it once, any number of times.

    Returns:
        Whether the C library took it; others than glibc do not know it.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # musl, macOS; Windows
        return False
    took = [mallopt(_TRIM_THRESHOLD, _TOP_BYTES), mallopt(_MMAP_THRESHOLD, _MAP_BYTES)]
    return all(took)
