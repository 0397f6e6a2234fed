"""Which model version the world sees: the link, the serving stack and the ledger, brought together again after a crash.

A change goes: mark, link, serving stack, health check, ledger, mark removed. A crash before the ledger's transaction
is undone by ``reconcile`` (or done again by the run's job), one after it is finished by it.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from driftwatch.domain.errors import ConflictError, DriftwatchError, ModelError
from driftwatch.domain.run import RunState
from driftwatch.retrain import reload as hooks
from driftwatch.retrain.change import change_alone, change_begun, end_change
from driftwatch.retrain.promote import current_version, point_current, read_manifest
from driftwatch.wiring.base import CLOCK

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from driftwatch.config import Config
    from driftwatch.retrain.reload import ReloadReport
    from driftwatch.store import Champion, Store

log = structlog.get_logger()

_MOMENT = timedelta(seconds=0.2)


def models_of(config: Config, stream: str) -> Path:
    """Return the folder of a stream's model versions."""
    return config.state_dir / "models" / stream


def serve(config: Config, store: Store, stream: str, version: str) -> ReloadReport:
    """Point ``current`` at a version, tell the serving stack and check that it serves it.

    Raises:
        NotFoundError: there is no such version.
        ModelError: its folder is damaged.
    """
    folder = point_current(models_of(config, stream), version)
    served = store.registry.champions(stream)
    told = hooks.Told(
        stream=stream,
        version=version,
        path=folder,
        parent=read_manifest(folder).parent,
        first=served[-1].version if served else version,
    )
    return hooks.reload(config.streams[stream].reload, told, hooks.Means(environ=os.environ, now=CLOCK.now))


def reconcile(config: Config, store: Store, *, streams: Iterable[str] | None = None) -> tuple[str, ...]:
    """Bring link and serving stack to what the ledger says where a crash left them apart.

    A promotion in progress is left alone: its job brings it to its end.

    Args:
        config: as loaded.
        store: the ledger.
        streams: which to look at; None for all.

    Returns:
        Streams whose serving stack does not take the model that it should serve; to be told again later.

    Raises:
        ModelError: a serving model's folder is missing or damaged.
    """
    refusing = []
    for stream in streams if streams is not None else config.streams:
        serving = store.registry.champion(stream)
        if serving is None or not _apart(config, store, serving):
            continue
        models = models_of(config, stream)
        try:
            with change_alone(models, patience=_MOMENT):
                if _apart(config, store, serving) and not _restored(config, store, serving):
                    refusing.append(stream)
        except ConflictError:
            log.info("change_under_way", stream=stream)
    return tuple(refusing)


def _apart(config: Config, store: Store, serving: Champion) -> bool:
    if store.runs.list(stream=serving.stream, states=(RunState.PROMOTING,), limit=1):
        return False
    models = models_of(config, serving.stream)
    newest = store.registry.champion(serving.stream)
    moved = newest is None or newest.version != serving.version
    return not moved and (change_begun(models) or current_version(models) != serving.version)


def _restored(config: Config, store: Store, serving: Champion) -> bool:
    models = models_of(config, serving.stream)
    try:
        report = serve(config, store, serving.stream, serving.version)
    except DriftwatchError as error:
        raise ModelError(
            f"the serving model of stream {serving.stream} is missing or damaged: {error.what}",
            where=str(models / serving.version),
            cure="restore the folder from a backup, or driftwatch runs rollback to an earlier model",
        ) from error
    log.warning("current_restored", stream=serving.stream, version=serving.version, problems=said(report))
    return settled(models, report)


def settled(models: Path, report: ReloadReport) -> bool:
    """End the change, unless the serving stack is known not to serve what it should: then it is told again later."""
    if report.refused is not None:
        return False
    end_change(models)
    return True


def said(report: ReloadReport) -> str:
    """Return what went wrong when the serving stack was told, to stand behind a reason; nothing where all went well."""
    problems = [*report.problems, *([report.refused] if report.refused is not None else [])]
    return f"; reload: {'; '.join(problems)}" if problems else ""
