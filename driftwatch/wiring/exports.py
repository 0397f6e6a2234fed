"""Registers the kept model in other places: in a process of its own, again and again until each place has it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from driftwatch.domain.errors import DriftwatchError
from driftwatch.domain.run import RunState, Verdict, VerdictOutcome
from driftwatch.domain.secrets import read_secret
from driftwatch.retrain.export import exported, note_exported
from driftwatch.retrain.export_hub import HubExporter
from driftwatch.retrain.export_mlflow import MlflowExporter
from driftwatch.retrain.promote import check_version
from driftwatch.wiring.serving import models_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftwatch.config import Config
    from driftwatch.domain.secrets import Secret
    from driftwatch.retrain.export import Exporter
    from driftwatch.store import Champion, Store

log = structlog.get_logger()

EXPORT_LONGEST = timedelta(hours=1)
"""An upload that takes longer is ended and begun again."""


def export_due(config: Config, store: Store, stream: str) -> tuple[str, ...]:
    """Return the places that do not have the serving model yet; none while it is in its probation.

    A model that no run made is not sent by itself; it is only named again, after a rollback, where others were sent.
    """
    serving = store.registry.champion(stream)
    if serving is None or not _settled(store, serving):
        return ()
    models = models_of(config, stream)
    held = {place: exported(models, place) for place in _places(config, stream)}
    return tuple(
        place
        for place, version in held.items()
        if version != serving.version and (serving.run is not None or version is not None)
    )


def export(config: Config, store: Store, stream: str) -> dict[str, str]:
    """Register the serving model wherever it is due; what each place said is noted on its run.

    Returns:
        By place, what the model is called there.

    Raises:
        DriftwatchError: a place did not take it, told after all were tried.
    """
    serving = store.registry.champion(stream)
    done: dict[str, str] = {}
    failures: list[DriftwatchError] = []
    for place in export_due(config, store, stream):
        if serving is None:
            break
        try:
            done[place] = _sent(config, stream, place, serving)
        except DriftwatchError as error:
            failures.append(error)
            _note(store, serving, place, VerdictOutcome.REFUSED, str(error))
        else:
            _note(store, serving, place, VerdictOutcome.PASSED, f"exported as {done[place]}")
            note_exported(models_of(config, stream), place, serving.version)
    if failures:
        raise failures[0]
    return done


def export_apart(config: Config, stream: str) -> bool:
    """Export in a child process, for the places' libraries are heavy; returns whether it went well."""
    command = [sys.executable, "-m", "driftwatch", "runs", "export", stream, "--config", str(config.path)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=EXPORT_LONGEST.total_seconds(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        log.error("export_failed", stream=stream, problem=f"it did not end within {EXPORT_LONGEST}")  # noqa: TRY400 - no trace
        return False
    if done.returncode != 0:
        log.error("export_failed", stream=stream, problem=done.stderr.decode(errors="replace").strip()[-500:])
        return False
    log.info("exported", stream=stream)
    return True


def _settled(store: Store, serving: Champion) -> bool:
    return serving.run is None or store.runs.get(serving.run).state is not RunState.PROBATION


def _places(config: Config, stream: str) -> Iterator[str]:
    settings = config.streams[stream].export
    if settings.mlflow is not None:
        yield MlflowExporter.name
    if settings.hub is not None:
        yield HubExporter.name


def _sent(config: Config, stream: str, place: str, serving: Champion) -> str:
    folder = models_of(config, stream) / serving.version
    manifest = check_version(folder)
    return _exporter(config, stream, place).export(folder.resolve(), manifest)


def _exporter(config: Config, stream: str, place: str) -> Exporter:
    settings = config.streams[stream].export
    if place == MlflowExporter.name and settings.mlflow is not None:
        return MlflowExporter(settings.mlflow, stream=stream, token=_secret(settings.mlflow.token))
    if settings.hub is None:
        raise DriftwatchError(f"stream {stream} names no place {place}")
    return HubExporter(settings.hub, token=read_secret(settings.hub.token, environ=os.environ))


def _secret(reference: str | None) -> Secret | None:
    return read_secret(reference, environ=os.environ) if reference is not None else None


def _note(store: Store, serving: Champion, place: str, outcome: VerdictOutcome, detail: str) -> None:
    if serving.run is not None:
        run = store.runs.get(serving.run)
        verdict = Verdict(gate=f"export.{place}", round=run.round, outcome=outcome, detail=detail)
        store.runs.add_verdict(serving.run, verdict)
