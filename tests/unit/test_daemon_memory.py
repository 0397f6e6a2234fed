"""Blocks of megabytes that many threads free go back to the system."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_CHILD = """
import re, threading, time
from pathlib import Path
from driftwatch.daemon.memory import give_memory_back

def resident():
    return int(re.search(r"^VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text(), re.MULTILINE)[1]) / 1024

if {settings}:
    assert give_memory_back()
kept, guard = [], threading.Barrier(8)

def pass_on():
    guard.wait()
    for round in range(10):
        blocks = []
        for size in (900_000, 300_000, 600_000, 450_000):
            blocks.append(bytearray(b"x" * (size + 10_000 * round)))
            kept.append(bytearray(2_000))
        del blocks

before = resident()
threads = [threading.Thread(target=pass_on) for _ in range(8)]
for each in threads:
    each.start()
for each in threads:
    each.join()
print(resident() - before)
"""


def grown(*, settings: bool) -> float:
    """Return the megabytes that stay resident once everything is freed."""
    child = [sys.executable, "-c", _CHILD.replace("{settings}", str(settings))]
    return float(subprocess.run(child, check=True, capture_output=True, text=True, env=os.environ).stdout)


@pytest.mark.skipif(os.confstr_names.get("CS_GNU_LIBC_VERSION") is None, reason="the allocator is not glibc's")
def test_what_threads_free_goes_back_to_the_system() -> None:
    assert grown(settings=True) < 4


_HOLES = """
import re
from pathlib import Path
from driftwatch.daemon.memory import give_memory_back, hand_back

def resident():
    return int(re.search(r"^VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text(), re.MULTILINE)[1]) / 1024

give_memory_back()
freed, kept = [], []
for _ in range(400):
    freed.append(bytearray(b"x" * 100_000))
    kept.append(bytearray(b"x" * 2_000))
del freed
before = resident()
hand_back()
print(before - resident())
"""


@pytest.mark.skipif(os.confstr_names.get("CS_GNU_LIBC_VERSION") is None, reason="the allocator is not glibc's")
def test_what_lies_between_blocks_still_in_use_is_handed_back() -> None:
    child = subprocess.run([sys.executable, "-c", _HOLES], check=True, capture_output=True, text=True, env=os.environ)
    assert float(child.stdout) > 20  # of 40 MB
