"""What a run leaves on bias beside its verdict: a record for machines and a section of its page."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec
import structlog

from driftwatch.domain.errors import DriftwatchError
from driftwatch.gate.bias.report import suite_report
from driftwatch.gate.bias.report.page import bias_section
from driftwatch.gate.bias.suites import load_suite
from driftwatch.gate.verdicts import CannotJudgeError
from driftwatch.retrain.folders import write_whole
from driftwatch.retrain.report import BIAS_PAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from driftwatch.domain.protocols import Model
    from driftwatch.gate.bias.report.record import SuiteReport
    from driftwatch.gate.bias.suite import Suite

log = structlog.get_logger()


def record_of(round: int, suite: int = 0) -> str:  # noqa: A002 - the word of the house
    """Return the name of a round's record in the run's folder.

    Args:
        round: of the candidate.
        suite: 0 for the gate's own; from 1 in the order of the rule's further suites.
    """
    return f"bias-{round}-more-{suite}.json" if suite else f"bias-{round}.json"


def write_bias(
    folder: Path,
    suite: Suite,
    *,
    candidate: Model,
    champion: Model,
    round: int,  # noqa: A002
    seed: int,
    more: Sequence[str] = (),
) -> bool:
    """Write what suites show of a round's candidate against the champion; what cannot be measured leaves nothing.

    The gate has spoken before: its verdict stands, and refuses where the suite could not be run.

    Args:
        folder: of the run.
        suite: the gate's.
        candidate: remembered, so that what the gate asked is not computed again.
        champion: likewise.
        round: of the candidate.
        seed: of the intervals.
        more: names or paths of the further suites that the rule names, each with a record and a section of its own.

    Returns:
        Whether the gate's suite was written.

    Raises:
        DriftwatchError: one that may pass by itself.
    """
    loads: list[Callable[[], Suite]] = [lambda: suite, *(partial(load_suite, name) for name in more)]
    (folder / BIAS_PAGE).unlink(missing_ok=True)
    sections, written = [], False
    for number, load in enumerate(loads):
        report = _report(load, candidate, champion, round=round, seed=seed)
        if report is not None:
            write_whole(folder / record_of(round, number), msgspec.json.encode(report))
            sections.append(bias_section(report, round=round))
            written |= number == 0
    if sections:
        write_whole(folder / BIAS_PAGE, "".join(sections).encode())
    return written


def _report(
    load: Callable[[], Suite],
    candidate: Model,
    champion: Model,
    *,
    round: int,  # noqa: A002
    seed: int,
) -> SuiteReport | None:
    try:
        return suite_report(candidate, load(), against=champion, seed=seed)
    except (CannotJudgeError, DriftwatchError) as error:
        if isinstance(error, DriftwatchError) and error.retryable:
            raise
        log.warning("bias_not_measured", round=round, error=str(error))
        return None
