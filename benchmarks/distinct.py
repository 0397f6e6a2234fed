"""What memory the cache of chunks takes when chunks hardly come again: part of ``benchmarks.tokens``."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.table import Row, at_most
from driftwatch.features.counting import load_counter
from driftwatch.features.encoder import DEFAULT, find_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

FLAT = 1.05
"""Most that memory may be at the end over what it was after a quarter, when the cache had long been full."""
_CHUNKS = 20
"""Of a text, every one new."""
_TEXTS = 1_000
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_LENGTH = 8
_STEP = 100_000_000_003
"""Prime to the number of words there are: one word after the other is another, and looks like none before."""


def distinct_rows(count: int) -> Iterator[Row]:
    """Yield memory, and chunks a CPU-second, while so many distinct chunks are counted.

    Args:
        count: of distinct chunks.
    """
    counter = load_counter(find_folder(DEFAULT))
    taken, after_quarter, quarter, spent = 0, 0, 0, 0.0
    while taken < count:
        texts = [_text(taken + number * _CHUNKS) for number in range(_TEXTS)]
        began = time.process_time()
        counter.count(texts)
        spent += time.process_time() - began
        taken += len(texts) * _CHUNKS
        if not quarter and taken >= count / 4:
            quarter = _memory()
        elif quarter:
            after_quarter = max(after_quarter, _memory())
    yield Row(measure=f"{taken:,} distinct chunks: chunks per CPU-s", driftwatch=taken / spent)
    yield Row(measure="… memory after a quarter of them, MB", driftwatch=quarter / 1e6)
    yield at_most("… most memory after that, over it", after_quarter / quarter, FLAT)


def _text(first: int) -> str:
    return " ".join(map(_word, range(first, first + _CHUNKS)))


def _word(number: int) -> str:
    left = number * _STEP % len(_LETTERS) ** _LENGTH
    found = []
    for _ in range(_LENGTH):
        left, letter = divmod(left, len(_LETTERS))
        found.append(_LETTERS[letter])
    return "".join(found)


def _memory() -> int:
    """Return the bytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
