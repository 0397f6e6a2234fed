"""How many stored texts a second are collected, and in how much memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from benchmarks.table import Row


def measure(data: Path, *, texts: int) -> Iterable[Row]:
    """Collect from a store of so many texts."""
    raise NotImplementedError(data, texts)
