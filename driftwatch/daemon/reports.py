"""The rounds that have the reports made that rules asked for, each once over restarts, and delete old ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from driftwatch import wiring
from driftwatch.alert import messages
from driftwatch.domain.decision import Action
from driftwatch.retrain.folders import write_whole
from driftwatch.wiring.incidents import report_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from driftwatch.config import Config
    from driftwatch.domain.decision import Decision
    from driftwatch.domain.protocols import Clock
    from driftwatch.store import Store

log = structlog.get_logger()

_OURS = (".html", ".failed")
_LOOK_BACK = 20_000
"""Decisions looked at after a start, for reports that were asked for and not made."""


class Reporting:
    """Has reports made, one at a time; one that cannot be made is told of, noted beside the others and not tried again.

    Args:
        config: as loaded.
        store: where decisions are.
        clock: for when a failure is told.
        receivers: of alerts.
        make: makes the report of a stream's window and returns why it could not.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        *,
        clock: Clock,
        receivers: tuple[str, ...],
        make: Callable[[Config, str, int], str | None] = wiring.report_apart,
    ) -> None:
        self._config = config
        self._store = store
        self._clock = clock
        self._receivers = receivers
        self._make = make
        self._after: int | None = None

    def make_all(self) -> None:
        """Make what was asked for since the last round."""
        newest = self._store.decisions.newest()
        after = self._after if self._after is not None else newest - _LOOK_BACK
        for stored in self._store.decisions.after(after, action=Action.REPORT):
            self._one(stored.decision)
        self._after = newest

    def prune_all(self) -> None:
        """Delete every stream's reports, and notes of those that could not be made, past their retention."""
        for stream in self._config.streams:
            for file in sorted((self._config.state_dir / "reports" / stream).glob("*")):
                made = datetime.fromtimestamp(file.stat().st_mtime, UTC)
                if file.suffix in _OURS and _over(self._config, stream, made, now=self._clock.now()):
                    file.unlink(missing_ok=True)
                    log.info("report_deleted", stream=stream, file=file.name)

    def _one(self, decision: Decision) -> None:
        stream, window = decision.stream, decision.window
        failure = self._config.state_dir / "reports" / stream / f"{window}.failed"
        if stream not in self._config.streams or failure.exists() or report_file(self._config, stream, window):
            return
        if _over(self._config, stream, decision.at, now=self._clock.now()):
            return  # it was made and deleted since, or nobody would see it any more
        problem = self._make(self._config, stream, window)
        if problem is not None:
            self._tell(decision, problem, failure)

    def _tell(self, decision: Decision, problem: str, note: Path) -> None:
        log.warning("report_failed", stream=decision.stream, window=decision.window, problem=problem)
        alert = messages.report_failed(decision, problem=problem, at=self._clock.now())
        self._store.outbox.put((alert,), self._receivers)
        write_whole(note, problem.encode())


def _over(config: Config, stream: str, at: datetime, *, now: datetime) -> bool:
    """Say whether a report of a moment is past its retention."""
    age = config.streams[stream].retention.reports_age
    return age is not None and now - at > age
