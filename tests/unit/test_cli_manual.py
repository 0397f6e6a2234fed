from __future__ import annotations

from pathlib import Path

from driftwatch.cli.manual import manual


def test_the_manual_is_what_the_commands_say() -> None:
    written = Path(__file__).parents[2] / "docs" / "cli.md"
    assert written.read_text(encoding="utf-8") == manual(), "python -m driftwatch.cli.manual > docs/cli.md"
