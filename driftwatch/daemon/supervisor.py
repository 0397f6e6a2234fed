"""Keeps one job per working run: launches what should run, gives up on a run that dies without progress."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from driftwatch.alert import messages
from driftwatch.domain.errors import ConflictError, DriftwatchError
from driftwatch.domain.run import Progress, RunId, RunState
from driftwatch.wiring.cancels import cancel_reason

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from driftwatch.domain.protocols import Clock, Launcher
    from driftwatch.domain.run import Run
    from driftwatch.store import Store

log = structlog.get_logger()

MOST_LAUNCHES = 5
"""Launches of a run's job without any progress between them before the run has failed."""
CANCEL_GRACE = timedelta(seconds=20)

_WORKING = tuple(state for state in RunState if state.working)
_WAITING = (RunState.AWAITING_APPROVAL,)


@dataclass(slots=True)
class _Launches:
    mark: tuple[RunState, int, int]
    count: int = 0


class Supervisor:
    """Looks at every unfinished run once per ``tend``.

    Args:
        store: where runs stand.
        launcher: starts and stops their jobs.
        receivers: names of the receivers of alerts.
        clock: for alerts' times.
        concurrent: most runs worked on at once; further ones stay queued, first come first served.
    """

    def __init__(
        self,
        store: Store,
        launcher: Launcher,
        *,
        receivers: Callable[[], Sequence[str]],
        clock: Clock,
        concurrent: int = 1,
    ) -> None:
        self._store = store
        self._launcher = launcher
        self._receivers = receivers
        self._clock = clock
        self._concurrent = concurrent
        self._launches: dict[RunId, _Launches] = {}

    def tend(self) -> None:
        """Launch, cancel or give up, as each unfinished run needs.

        Raises:
            DriftwatchError: the first run's that could not be looked after; the next call tries again.
        """
        runs = self._store.runs.list(states=(*_WORKING, *_WAITING))
        queue = [run for run in reversed(runs) if run.state is RunState.QUEUED]
        slots = max(self._concurrent - sum(run.state.working for run in runs) + len(queue), 0)
        for place, run in enumerate(queue[slots:], 1):
            self._keep_waiting(run, place, len(queue) - slots)
        held = {run.spec.id for run in queue[slots:]}
        problems = []
        for run in reversed(runs):
            try:
                self._tend(run, may_begin=run.spec.id not in held)
            except DriftwatchError as error:  # the other runs are looked at all the same
                log.warning("run_not_tended", run=run.spec.id, problem=str(error))
                problems.append(error)
        self._launches = {run.spec.id: self._launches[run.spec.id] for run in runs if run.spec.id in self._launches}
        if problems:
            raise problems[0]

    def _keep_waiting(self, run: Run, place: int, of: int) -> None:
        """Show where a run stands in the queue."""
        progress = Progress(stage="waiting for a slot, place in the queue", done=place, total=of)
        if run.progress != progress:
            self._store.runs.progress(run.spec.id, progress)

    def _tend(self, run: Run, *, may_begin: bool) -> None:
        run_id = run.spec.id
        if run.state is not RunState.PROMOTING and self._store.runs.cancel_requested(run_id):
            self._cancel(run)
        elif may_begin and run.state.working and not self._launcher.poll(run_id).running:
            # The job may have ended between the two looks at it: look at the run again before starting another.
            fresh = self._store.runs.get(run_id)
            if fresh.state.working:
                self._launch(fresh)

    def _cancel(self, run: Run) -> None:
        self._launcher.cancel(run.spec.id, grace=CANCEL_GRACE)
        reason = cancel_reason(self._store, run.spec.id)
        try:
            self._store.runs.move(run.spec.id, to=RunState.CANCELLED, reason=reason)
        except ConflictError:
            log.info("cancel_came_too_late", run=run.spec.id)

    def _launch(self, run: Run) -> None:
        mark = (run.state, run.round, run.progress.done if run.progress else 0)
        launches = self._launches.get(run.spec.id)
        if launches is None or launches.mark != mark:
            launches = self._launches[run.spec.id] = _Launches(mark)
        launches.count += 1
        if launches.count > MOST_LAUNCHES:
            self._give_up(run)
            return
        log.info("job_launched", run=run.spec.id, state=run.state, launch=launches.count)
        try:
            self._launcher.launch(run.spec)
        except DriftwatchError as error:
            launches.count -= error.retryable  # what passes, such as a full disk, is no death of the job
            raise

    def _give_up(self, run: Run) -> None:
        reason = f"its job ended {MOST_LAUNCHES} times in state {run.state} without progress; see the run's log file"
        log.error("run_given_up", run=run.spec.id, state=run.state)
        self._store.runs.move(
            run.spec.id,
            to=RunState.FAILED,
            reason=reason,
            alerts=(messages.run_failed(run, reason=reason, at=self._clock.now()),),
            receivers=self._receivers(),
        )
