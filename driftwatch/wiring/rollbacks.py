"""The way back: the model before serves again, with the reference it was compared with."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from driftwatch.alert import messages
from driftwatch.domain.audit import AuditEntry
from driftwatch.domain.errors import ConflictError, NotFoundError
from driftwatch.domain.run import RunState
from driftwatch.retrain.change import begin_change, change_alone
from driftwatch.retrain.promote import check_version
from driftwatch.wiring.base import CLOCK
from driftwatch.wiring.outgoing import receivers
from driftwatch.wiring.serving import models_of, said, serve, settled

if TYPE_CHECKING:
    from driftwatch.config import Config
    from driftwatch.domain.protocols import Clock
    from driftwatch.domain.run import Run, RunId
    from driftwatch.store import Champion, ReferenceRow, Store

PROMOTED = (RunState.PROBATION, RunState.KEPT)
"""States of a run whose model serves."""
_PATIENCE = timedelta(seconds=5)


def rollback(
    config: Config, store: Store, run_id: RunId, *, reason: str, who: str = "driftwatch", clock: Clock = CLOCK
) -> Champion:
    """Let the model before a promoted run serve again, with its reference; the monitors start anew.

    Everything that can fail is looked at before the first step. A crash before the ledger's transaction is undone by
    ``reconcile``; a rollback that a probation asked for is done again then.

    Args:
        config: of the streams.
        store: with the run.
        run_id: of the run whose model serves.
        reason: of the rollback.
        who: asks for it, in the audit log.
        clock: for when it happens.

    Raises:
        ConflictError: the run's model does not serve, or another change is under way.
        NotFoundError: there is no such run, or the predecessor or its reference is gone.
        ModelError: the predecessor's folder is damaged.
    """
    run = store.runs.get(run_id)
    stream = run.spec.stream
    models = models_of(config, stream)
    with change_alone(models, patience=_PATIENCE):
        serving = _serving(store, run)
        before, reference = _before(store, run)
        check_version(models / before.version)
        begin_change(models)
        report = serve(config, store, stream, before.version)
        reason += said(report)
        back = replace(before, at=clock.now(), previous=serving.version, reference=reference.version)
        store.registry.set_champion(
            back,
            reference=reference,
            run=run_id,
            to=RunState.ROLLED_BACK,
            reason=reason,
            alerts=messages.for_transition(run, to=RunState.ROLLED_BACK, reason=reason, at=clock.now()),
            receivers=receivers(config),
            entry=AuditEntry(
                at=clock.now(),
                who=who,
                what="run-rolled-back",
                subject=run_id,
                detail={"because": reason, **_models(back, serving)},
            ),
        )
        settled(models, report)
    return back


def _models(back: Champion, serving: Champion) -> dict[str, str]:
    return {"old": serving.version, "new": back.version}


def _serving(store: Store, run: Run) -> Champion:
    present, serving = store.runs.get(run.spec.id), store.registry.champion(run.spec.stream)
    if present.state not in PROMOTED or serving is None or serving.run != run.spec.id:
        raise ConflictError(
            f"run {run.spec.id} ({present.state.value}) did not make the serving model",
            cure="driftwatch runs list shows which run is in force",
        )
    return serving


def _before(store: Store, run: Run) -> tuple[Champion, ReferenceRow]:
    spec = run.spec
    before = next((each for each in store.registry.champions(spec.stream) if each.version == spec.champion), None)
    if before is None:
        raise NotFoundError(
            f"the ledger does not know model {spec.champion}", cure="restore the database from a backup"
        )
    rows = {row.version: row for row in store.registry.references(spec.stream)}
    reference = rows.get(spec.reference)
    if reference is None or not Path(reference.path).is_dir():
        raise NotFoundError(
            f"reference {spec.reference} of model {spec.champion} is gone",
            where=reference.path if reference is not None else None,
            cure="restore its folder from a backup",
        )
    return before, reference
