"""Draws the consequence of a probation: what its windows said stands in the store, so that a restart draws the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from driftwatch.domain.errors import ConflictError
from driftwatch.domain.run import RunState, VerdictOutcome
from driftwatch.retrain.probation import outcome
from driftwatch.wiring.base import CLOCK
from driftwatch.wiring.cancels import cancel_reason
from driftwatch.wiring.rollbacks import rollback

if TYPE_CHECKING:
    from driftwatch.config import Config
    from driftwatch.domain.protocols import Clock
    from driftwatch.domain.run import Run
    from driftwatch.store import Store

log = structlog.get_logger()


def conclude(config: Config, store: Store, stream: str, *, clock: Clock = CLOCK) -> None:
    """Keep or roll back the stream's run in probation once its windows have said which, or somebody cancelled it.

    Raises:
        DriftwatchError: the model before cannot be put back; it is tried again in the next round.
    """
    for run in store.runs.list(stream=stream, states=(RunState.PROBATION,)):
        try:
            _conclude(config, store, run, clock)
        except ConflictError as error:  # somebody rolled it back meanwhile, or is about to
            log.info("run_moved_elsewhere", run=run.spec.id, error=str(error))


def _conclude(config: Config, store: Store, run: Run, clock: Clock) -> None:
    said = outcome(run)
    if store.runs.cancel_requested(run.spec.id):
        reason = cancel_reason(store, run.spec.id, where=" in its probation")
        rollback(config, store, run.spec.id, reason=reason, clock=clock)
    elif said is not None and said.outcome is VerdictOutcome.REFUSED:
        rollback(config, store, run.spec.id, reason=said.detail, clock=clock)
    elif said is not None:
        store.runs.move(run.spec.id, to=RunState.KEPT, reason=said.detail, expect=(RunState.PROBATION,))
    else:
        return
    log.info("probation_ended", run=run.spec.id, state=store.runs.get(run.spec.id).state.value)
