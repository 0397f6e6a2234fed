"""What a run leaves on bias beside its verdict: a record for machines and a section of its page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import structlog

from driftwatch.domain.errors import DriftwatchError
from driftwatch.gate.bias.report import suite_report
from driftwatch.gate.bias.report.page import bias_section
from driftwatch.gate.verdicts import CannotJudgeError
from driftwatch.retrain.folders import write_whole
from driftwatch.retrain.report import BIAS_PAGE

if TYPE_CHECKING:
    from pathlib import Path

    from driftwatch.domain.protocols import Model
    from driftwatch.gate.bias.suite import Suite

log = structlog.get_logger()


def record_of(round: int) -> str:  # noqa: A002 - the word of the house
    """Return the name of a round's record in the run's folder."""
    return f"bias-{round}.json"


def write_bias(folder: Path, suite: Suite, *, candidate: Model, champion: Model, round: int, seed: int) -> bool:  # noqa: A002
    """Write what a suite shows of a round's candidate against the champion; what cannot be measured leaves nothing.

    The gate has spoken before: its verdict stands, and refuses where the suite could not be run.

    Args:
        folder: of the run.
        suite: the gate's.
        candidate: remembered, so that what the gate asked is not computed again.
        champion: likewise.
        round: of the candidate.
        seed: of the intervals.

    Returns:
        Whether it was written.

    Raises:
        DriftwatchError: one that may pass by itself.
    """
    try:
        report = suite_report(candidate, suite, against=champion, seed=seed)
    except (CannotJudgeError, DriftwatchError) as error:
        if isinstance(error, DriftwatchError) and error.retryable:
            raise
        log.warning("bias_not_measured", round=round, error=str(error))
        (folder / BIAS_PAGE).unlink(missing_ok=True)
        return False
    write_whole(folder / record_of(round), msgspec.json.encode(report))
    write_whole(folder / BIAS_PAGE, bias_section(report, round=round).encode())
    return True
