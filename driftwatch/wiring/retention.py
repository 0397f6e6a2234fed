"""Deletes model versions that nothing needs any more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from driftwatch.domain.errors import ConflictError
from driftwatch.domain.run import RunState
from driftwatch.retrain.change import change_alone, change_begun
from driftwatch.retrain.retention import prune_versions
from driftwatch.wiring.serving import models_of

if TYPE_CHECKING:
    from driftwatch.config import Config
    from driftwatch.store import Store

log = structlog.get_logger()

_MOMENT = timedelta(seconds=0.2)
_UNFINISHED = tuple(state for state in RunState if not state.final)


def prune_models(config: Config, store: Store, stream: str) -> tuple[str, ...]:
    """Delete a stream's old versions and return their names; nothing while its serving model is being changed."""
    models = models_of(config, stream)
    if not models.is_dir():
        return ()
    try:
        with change_alone(models, patience=_MOMENT):
            if change_begun(models):
                return ()
            gone = prune_versions(
                models, keep=config.streams[stream].models.keep, needed=needed_versions(store, stream)
            )
    except ConflictError:
        return ()
    for version in gone:
        log.info("model_version_deleted", stream=stream, version=version)
    return gone


def needed_versions(store: Store, stream: str) -> set[str]:
    """Return the versions that must stay: the serving model's, the one before, unfinished runs', the reference's."""
    needed: set[str | None] = set()
    champions = store.registry.champions(stream)
    if champions:
        serving = champions[0]
        needed |= {serving.version, serving.previous}
        if serving.run is not None:
            needed.add(store.runs.get(serving.run).spec.champion)
    for run in store.runs.list(stream=stream, states=_UNFINISHED):
        needed |= {run.spec.champion, run.candidate}
    reference = store.registry.reference(stream)
    if reference is not None:
        needed |= {each.version for each in champions if each.digest == reference.champion}
    return {version for version in needed if version is not None}
