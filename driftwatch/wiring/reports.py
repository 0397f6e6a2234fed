"""Evidently's reports that rules ask for: made in a process of their own, for what makes them is heavy."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from driftwatch.config import Config

log = structlog.get_logger()

REPORT_LONGEST = timedelta(minutes=30)
"""A report that takes longer is ended and told of as failed."""

_MOST_WORDS = 500


def report_apart(config: Config, stream: str, index: int) -> str | None:
    """Make a window's report in a child process.

    Args:
        config: as loaded.
        stream: whose window.
        index: of the window.

    Returns:
        Why it could not be made; None where it was.
    """
    command = [sys.executable, "-m", "driftwatch", "report", stream, str(index), "--config", str(config.path)]
    patience = REPORT_LONGEST.total_seconds()
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=patience, check=False)
    except subprocess.TimeoutExpired:
        return f"it did not end within {REPORT_LONGEST}"
    except OSError as error:
        return f"its process could not be started: {error.strerror}"
    if done.returncode != 0:
        return done.stderr.decode(errors="replace").strip()[-_MOST_WORDS:] or f"it ended with {done.returncode}"
    log.info("report_made", stream=stream, window=index)
    return None
