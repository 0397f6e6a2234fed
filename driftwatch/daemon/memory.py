"""Keeps the daemon's memory from creeping up: what its threads free goes back to the system.

Each assessed window passes megabytes of monitors' states through several threads. By default glibc raises, after the
first such block is freed, the size from which blocks are mapped by themselves, and gives each thread a heap of its own;
freed blocks then stay in whichever heap they were in, and the resident size climbs for days.

Source: mallopt(3), malloc_trim(3).
"""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
_MAPPED_FROM = 128 * 1024
"""Bytes: glibc's own first value; set explicitly it stays."""
_HEAPS = 1


def give_memory_back() -> bool:
    """Set the allocator up, before any thread starts.

    Returns:
        Whether it took the settings; one that is not glibc's has neither them nor the trouble.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return all(mallopt(name, value) == 1 for name, value in ((_M_MMAP_THRESHOLD, _MAPPED_FROM), (_M_ARENA_MAX, _HEAPS)))


def hand_back() -> None:
    """Hand pages that a window has freed to the system, where the allocator is glibc's: malloc_trim(3).

    By itself it gives back only what lies at a heap's end.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
