"""A stream, looked at before the daemon starts: sources, secrets, drills, model, reference."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from driftwatch.cli.checking_ways import secret_there
from driftwatch.cli.findings import Finding, asked
from driftwatch.cli.looking import looked_into
from driftwatch.domain.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftwatch.config import StreamSettings
    from driftwatch.drift.drills.settings import DrillSettings
    from driftwatch.store import Champion, ReferenceRow, Store

_HUB_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
_IN_STREAM = (
    "its texts name their group and the training data names none, so drift is seen later, and topics that disappear "
    "hardly at all: set group in the stream's reference"
)
_IN_REFERENCE = (
    "the training data names its groups and not every source does, so the false-alarm budget is kept only where groups "
    "are as long whatever they are about: set group in every source, or none in the stream's reference"
)


def stream_findings(store: Store, stream: StreamSettings) -> Iterator[Finding]:
    """Look at a stream.

    Args:
        store: with its model and reference.
        stream: its settings.
    """
    name = f"stream {stream.name}"
    if not stream.sources:
        yield Finding(level="warning", subject=name, detail="it has no source, so no text comes in")
    for source in stream.sources:
        if source.type == "file":
            yield _log(name, source.path)
        elif source.type not in ("http", "otlp", "tap"):
            yield looked_into(source, stream.name)
    yield from _groups(name, stream)
    for what, secret in _secrets(stream):
        yield asked(f"{name}: {what}", partial(secret_there, secret))
    for drill in stream.drills:
        yield asked(f"{name}: drill {drill.name}", partial(_drill, drill))
    champion, reference = store.registry.champion(stream.name), store.registry.reference(stream.name)
    yield _model(f"{name}: model", stream, champion)
    if reference is None:
        yield from _unbuilt(name, stream)
    else:
        yield asked(f"{name}: reference", lambda: _reference(reference, champion, stream.name))


def _groups(name: str, stream: StreamSettings) -> Iterator[Finding]:
    """Warn where rates would be counted by groups and bet on by texts, or the other way round."""
    if not stream.reference.data or not stream.sources:
        return
    sources = {source.group is not None for source in stream.sources}
    reference = stream.reference.group is not None
    if not reference and True in sources:
        yield Finding(level="warning", subject=f"{name}: groups", detail=_IN_STREAM)
    if reference and False in sources:
        yield Finding(level="warning", subject=f"{name}: groups", detail=_IN_REFERENCE)


def _secrets(stream: StreamSettings) -> Iterator[tuple[str, str]]:
    """Yield what needs a secret, and the secret's reference."""
    reload, export = stream.reload, stream.export
    wanted = {
        "secret of the reload webhook": reload.secret,
        "key of vLLM": reload.vllm.key if reload.vllm is not None else None,
        "token of MLflow": export.mlflow.token if export.mlflow is not None else None,
        "token of the hub": export.hub.token if export.hub is not None else None,
    }
    yield from ((what, secret) for what, secret in wanted.items() if secret is not None)


def _log(name: str, path: Path) -> Finding:
    if not path.exists():
        return Finding(level="warning", subject=f"{name}: log", detail=f"{path} is not there yet")
    if not os.access(path, os.R_OK):
        return Finding(level="error", subject=f"{name}: log", detail=f"{path} cannot be read by this user")
    return Finding(level="ok", subject=f"{name}: log", detail=str(path))


def _drill(drill: DrillSettings) -> str:
    from driftwatch.wiring import drill_texts

    found, needed = len({text.body for text in drill_texts(drill)}), drill.least_texts
    if found < needed:
        raise ConfigError(
            f"{found:,} different texts are too few for a drill of {needed:,}",
            where=str(drill.texts),
            cure="give more texts, or a smaller share or within",
        )
    return f"{found:,} different texts, {needed:,} needed each time"


def _model(subject: str, stream: StreamSettings, champion: Champion | None) -> Finding:
    if champion is not None:
        return asked(subject, lambda: _serving(champion))
    if stream.model is None:
        return Finding(level="warning", subject=subject, detail="it has no model: loss and retraining are off")
    if Path(stream.model).is_absolute():
        return asked(subject, lambda: _folder(Path(str(stream.model))))
    if not _HUB_NAME.fullmatch(stream.model):
        return Finding(level="error", subject=subject, detail=f"{stream.model}: there is no such folder", code=2)
    detail = f"{stream.model} is no folder here, so it is looked for on the hub when the reference is built"
    return Finding(level="warning", subject=subject, detail=detail)


def _serving(champion: Champion) -> str:
    """Hold every file of the serving model against its manifest, and that against the ledger."""
    from driftwatch.retrain.promote import check_version

    if check_version(Path(champion.path)).digest != champion.digest:
        raise ModelError("its manifest is not that of the model in the ledger", where=champion.path)
    return f"version {champion.version} serves, every hash right"


def _folder(folder: Path) -> str:
    from driftwatch.features.model import Family, inspect_model

    found = inspect_model(folder)
    if found.family is Family.BARE:
        raise ModelError(
            "this model has no head: it embeds texts, but predicts nothing",
            where=str(folder),
            cure="give a causal or masked language model, or a sequence classifier",
        )
    return f"{found.family.value} model in {found.path}"


def _unbuilt(name: str, stream: StreamSettings) -> Iterator[Finding]:
    build = f"there is no reference yet: driftwatch reference build {stream.name}"
    yield Finding(level="warning", subject=f"{name}: reference", detail=build)
    for file in (*stream.reference.data, *stream.reference.heldout):
        if not file.exists():
            missing = f"{file}: there is no such file"
            yield Finding(level="error", subject=f"{name}: training data", detail=missing, code=2)


def _reference(row: ReferenceRow, champion: Champion | None, stream: str) -> str:
    from driftwatch.drift.archive import load_reference

    reference = load_reference(Path(row.path))
    if champion is not None and row.champion not in (None, champion.digest):
        raise ModelError(
            "it belongs to another model than the serving one", cure=f"driftwatch reference build {stream}"
        )
    return f"{reference.version}: {len(reference.train.texts) + len(reference.cal.texts):,} texts, every hash right"
