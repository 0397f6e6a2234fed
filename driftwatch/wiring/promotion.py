"""A new champion: version folder, pointer, reference, ledger, in an order that a restart can finish or undo."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from driftwatch.alert import messages
from driftwatch.domain.errors import ConflictError, DataError, DriftwatchError, ModelError, NotFoundError
from driftwatch.domain.features import Digest
from driftwatch.domain.run import RunId, RunState
from driftwatch.retrain import reload as hooks
from driftwatch.retrain.promote import VersionManifest, add_version, check_version, current_version, point_current
from driftwatch.store import Champion
from driftwatch.wiring.analysis import extractor
from driftwatch.wiring.base import CLOCK
from driftwatch.wiring.outgoing import receivers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from driftwatch.config import Config, StreamSettings
    from driftwatch.domain.run import Run
    from driftwatch.domain.text import Text
    from driftwatch.rebase import Rebased
    from driftwatch.store import Store

log = structlog.get_logger()


def promote(
    config: Config,
    store: Store,
    run: Run,
    *,
    candidate: Path,
    fresh: Sequence[Text],
    heldout: Sequence[Text],
    memory: Sequence[Text],
) -> None:
    """Make a run's candidate serve. Done again after a crash anywhere in here, it comes to the same end.

    Args:
        config: as loaded.
        store: the ledger.
        run: in state ``promoting``, its candidate named.
        candidate: folder of the model.
        fresh: texts it was trained on.
        heldout: fresh texts it never saw.
        memory: older texts it should still know.

    Raises:
        DriftwatchError: the candidate or its reference cannot be used; the old model serves on.
    """
    from driftwatch.features.model import model_digest

    stream, settings = run.spec.stream, config.streams[run.spec.stream]
    if run.candidate is None:
        raise ConflictError(f"run {run.spec.id} names no candidate", cure="cancel it and ask for another run")
    models = config.state_dir / "models" / stream
    manifest = VersionManifest(
        version=run.candidate,
        parent=run.spec.champion,
        run=run.spec.id,
        created_at=CLOCK.now(),
        digest=model_digest(candidate) if candidate.is_dir() else "",
    )
    folder = add_version(candidate, models, manifest)
    made = _rebase(config, settings, folder, fresh=fresh, heldout=heldout, memory=memory, old=run.spec.reference)
    point_current(models, run.candidate)
    told = hooks.reload(settings.reload, stream=stream, version=run.candidate, path=folder)
    reason = f"model {run.candidate} serves, compared with reference {made.row.version}" + _troubles(told.problems)
    store.registry.set_champion(
        Champion(
            stream=stream,
            version=run.candidate,
            path=str(folder.resolve()),
            digest=Digest(check_version(folder).digest),
            at=CLOCK.now(),
            run=run.spec.id,
            previous=run.spec.champion,
            reference=made.row.version,
        ),
        reference=made.row,
        run=run.spec.id,
        to=RunState.KEPT,
        reason=reason,
        alerts=messages.for_transition(run, to=RunState.KEPT, reason=reason, at=CLOCK.now()),
        receivers=receivers(config),
    )


def rollback(config: Config, store: Store, run_id: RunId, *, reason: str) -> Champion:
    """Let the model before a kept run serve again, with its reference.

    Raises:
        ConflictError: the run was not kept, or another model serves since.
        NotFoundError: there is no such run, or its predecessor's folder is gone.
        ModelError: the predecessor's folder is damaged.
    """
    run = store.runs.get(run_id)
    stream = run.spec.stream
    serving = store.registry.champion(stream)
    if run.state is not RunState.KEPT or serving is None or serving.run != run_id:
        raise ConflictError(
            f"run {run_id} ({run.state.value}) did not make the serving model",
            cure="driftwatch runs list shows which run is in force",
        )
    before = next((c for c in store.registry.champions(stream) if c.version == run.spec.champion), None)
    if before is None:
        raise NotFoundError(
            f"the ledger does not know model {run.spec.champion}", cure="restore the database from a backup"
        )
    references = {row.version: row for row in store.registry.references(stream)}
    models = config.state_dir / "models" / stream
    folder = point_current(models, before.version)
    told = hooks.reload(config.streams[stream].reload, stream=stream, version=before.version, path=folder)
    back = replace(before, at=CLOCK.now(), run=None, previous=serving.version, reference=run.spec.reference)
    reason += _troubles(told.problems)
    store.registry.set_champion(
        back,
        reference=references.get(run.spec.reference),
        run=run_id,
        to=RunState.ROLLED_BACK,
        reason=reason,
        alerts=messages.for_transition(run, to=RunState.ROLLED_BACK, reason=reason, at=CLOCK.now()),
        receivers=receivers(config),
    )
    return back


def reconcile(config: Config, store: Store) -> None:
    """Point ``current`` at what the ledger says where a crash left them apart, but not during a promotion."""
    for stream in config.streams:
        serving = store.registry.champion(stream)
        promoting = store.runs.list(stream=stream, states=(RunState.PROMOTING,))
        models = config.state_dir / "models" / stream
        if serving is None or promoting or current_version(models) == serving.version:
            continue
        try:
            point_current(models, serving.version)
        except DriftwatchError as error:
            raise ModelError(
                f"the serving model of stream {stream} is missing or damaged: {error.what}",
                where=str(models / serving.version),
                cure="restore the folder from a backup, or driftwatch runs rollback to an earlier model",
            ) from error
        log.warning("current_restored", stream=stream, version=serving.version)


def _rebase(
    config: Config,
    settings: StreamSettings,
    champion: Path,
    *,
    fresh: Sequence[Text],
    heldout: Sequence[Text],
    memory: Sequence[Text],
    old: str,
) -> Rebased:
    """Make the new champion's reference of the fresh texts; with too few of them, of the old reference's texts."""
    from driftwatch import rebase
    from driftwatch.drift.archive import load_reference

    references = config.state_dir / "references" / settings.name
    extract = extractor(config, settings, champion=champion).features

    def make(ingredients: rebase.Ingredients) -> Rebased:
        return rebase.make(
            ingredients,
            stream=settings.name,
            seed=settings.reference.seed,
            sample=settings.reference.sample,
            extract=extract,
            folder=references,
            at=CLOCK.now(),
        )

    try:
        return make(rebase.Ingredients(texts=fresh, heldout=heldout, memory=memory))
    except DataError as error:
        log.info("reference_kept", stream=settings.name, reason=error.what)
        kept = load_reference(references / old)
        texts = (*kept.train.texts, *kept.cal.texts)
        return make(rebase.Ingredients(texts=texts, heldout=kept.heldout.texts, memory=(*kept.memory, *heldout)))


def _troubles(problems: Sequence[str]) -> str:
    return f"; reload: {'; '.join(problems)}" if problems else ""
