"""Real English prose that every machine running driftwatch has: the docstrings of installed packages."""

from __future__ import annotations

from pathlib import Path

from driftwatch.demo.prose import paragraphs

__all__ = ["DATA", "SCENARIOS", "paragraphs"]

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SCENARIOS = DATA / "scenarios"
