"""``driftwatch check`` before the start, ``driftwatch doctor`` when something is odd."""

from __future__ import annotations

import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer
from rich.table import Table
from rich.text import Text

from driftwatch.cli.frame import DEFAULT_CONFIG, ConfigOption, JsonOption, opened, out, print_json, read_config, told
from driftwatch.domain.errors import DriftwatchError

if TYPE_CHECKING:
    from driftwatch.config import Config, StreamSettings
    from driftwatch.store import Store

Level = Literal["ok", "warning", "error"]
_HUB_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
_LITTLE_SPACE = 2 * 1024**3
_COLOURS = {"ok": "green", "warning": "yellow", "error": "red"}
_PACKAGES = ("torch", "transformers", "evidently", "sqlalchemy", "prometheus-client", "cel-expr-python")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at."""

    level: Level
    subject: str
    detail: str
    code: int = 1


@told
def check(config: ConfigOption = DEFAULT_CONFIG, *, json: JsonOption = False) -> None:
    """Check configuration, policies, models, references and permissions before the daemon starts."""
    loaded = read_config(config)
    _report(list(_checked(loaded)), json=json)


@told
def doctor(config: ConfigOption = DEFAULT_CONFIG, *, json: JsonOption = False) -> None:
    """Look for what is wrong: versions, store, disk, models, receivers, the running daemon."""
    loaded = read_config(config)
    _report([*_checked(loaded), *_examined(loaded)], json=json)


def _report(findings: list[Finding], *, json: bool) -> None:
    if json:
        print_json(findings)
    else:
        table = Table("", "what", "finding")
        for each in findings:
            table.add_row(Text(each.level, _COLOURS[each.level]), each.subject, each.detail)
        out.print(table)
    errors = [each.code for each in findings if each.level == "error"]
    if errors:
        raise typer.Exit(errors[0])


def _checked(config: Config) -> Iterator[Finding]:
    yield Finding(level="ok", subject="configuration", detail=str(config.path))
    yield _asked("policies", lambda: _policies(config))
    yield _asked("state folder", lambda: _writable(config))
    try:
        store = opened(config)
    except DriftwatchError as error:
        yield Finding(level="error", subject="store", detail=str(error), code=error.exit_code)
        return
    try:
        for stream in config.streams.values():
            yield from _stream(store, stream)
    finally:
        store.close()


def _asked(subject: str, ask: Callable[[], str]) -> Finding:
    try:
        return Finding(level="ok", subject=subject, detail=ask())
    except DriftwatchError as error:
        return Finding(level="error", subject=subject, detail=str(error), code=error.exit_code)


def _policies(config: Config) -> str:
    from driftwatch import wiring

    policy = wiring.load_policy(config)
    count = sum(len(policy.of(stream)) for stream in config.streams)
    return f"{count} rules in force" if count else "no rules: driftwatch measures and never acts"


def _writable(config: Config) -> str:
    folder = next(each for each in (config.state_dir, *config.state_dir.parents) if each.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DriftwatchError(
            "it cannot be written", where=str(folder), cure="give it to the user that driftwatch runs as"
        )
    return str(config.state_dir)


def _stream(store: Store, stream: StreamSettings) -> Iterator[Finding]:
    name = f"stream {stream.name}"
    if not stream.sources:
        yield Finding(level="warning", subject=name, detail="it has no source, so no text comes in")
    for source in stream.sources:
        if source.type == "file":
            yield _log(name, source.path)
    champion, reference = store.registry.champion(stream.name), store.registry.reference(stream.name)
    place = Path(champion.path) if champion is not None else Path(stream.model) if stream.model else None
    if place is None:
        yield Finding(level="warning", subject=name, detail="it has no model: loss and retraining are off")
    elif champion is not None or place.is_absolute():
        yield _asked(f"{name}: model", lambda: _model(place))
    else:
        yield _named(f"{name}: model", str(place))
    if reference is None:
        build = f"there is no reference yet: driftwatch reference build {stream.name}"
        yield Finding(level="warning", subject=f"{name}: reference", detail=build)
        for file in (*stream.reference.data, *stream.reference.heldout):
            if not file.exists():
                missing = f"{file}: there is no such file"
                yield Finding(level="error", subject=f"{name}: training data", detail=missing, code=2)
    else:
        yield _asked(f"{name}: reference", lambda: _reference(Path(reference.path)))
        if champion is not None and reference.champion not in (None, champion.digest):
            detail = "it belongs to another model than the serving one; build it again"
            yield Finding(level="error", subject=f"{name}: reference", detail=detail, code=2)


def _log(name: str, path: Path) -> Finding:
    if path.exists() and not os.access(path, os.R_OK):
        return Finding(level="error", subject=f"{name}: log", detail=f"{path} cannot be read by this user")
    if not path.exists():
        return Finding(level="warning", subject=f"{name}: log", detail=f"{path} is not there yet")
    return Finding(level="ok", subject=f"{name}: log", detail=str(path))


def _named(subject: str, model: str) -> Finding:
    if not _HUB_NAME.fullmatch(model):
        return Finding(level="error", subject=subject, detail=f"{model}: there is no such folder", code=2)
    detail = f"{model} is no folder here, so it is looked for on the hub when the reference is built"
    return Finding(level="warning", subject=subject, detail=detail)


def _model(folder: Path) -> str:
    from driftwatch.features.model import inspect_model

    found = inspect_model(folder)
    return f"{found.family.value} model in {found.path}"


def _reference(folder: Path) -> str:
    from driftwatch.drift.archive import load_reference

    reference = load_reference(folder)
    return f"{reference.version}: {len(reference.train.texts) + len(reference.cal.texts):,} texts, every hash right"


def _examined(config: Config) -> Iterator[Finding]:
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    yield Finding(level="ok", subject="versions", detail=versions)
    yield _space(config)
    yield _asked("store", lambda: _store(config))
    yield _asked("encoder", lambda: _encoders(config))
    for name, url in _receivers(config):
        yield _reachable(f"receiver {name}", *_address(url), missing="error")
    yield _reachable("daemon", config.daemon.host, config.daemon.port, missing="warning")


def _space(config: Config) -> Finding:
    folder = next(each for each in (config.state_dir, *config.state_dir.parents) if each.exists())
    free = shutil.disk_usage(folder).free
    level: Level = "ok" if free >= _LITTLE_SPACE else "warning"
    return Finding(level=level, subject="disk", detail=f"{free / 1024**3:,.1f} GiB free in {folder}")


def _store(config: Config) -> str:
    store = opened(config)
    try:
        problems = store.check()
        if problems:
            raise DriftwatchError("; ".join(problems), cure="restore the database from a backup")
        return f"{store.size() / 1024**2:,.1f} MiB, integrity checked"
    finally:
        store.close()


def _encoders(config: Config) -> str:
    from driftwatch.features.encoder import find_folder

    names = sorted({stream.encoder.name for stream in config.streams.values() if stream.encoder.kind != "champion"})
    return ", ".join(f"{name} in {find_folder(name)}" for name in names) or "the champions' own hidden states"


def _receivers(config: Config) -> Iterator[tuple[str, str]]:
    if config.alerts.alertmanager is not None:
        yield "alertmanager", config.alerts.alertmanager.url
    if config.alerts.webhook is not None:
        yield "webhook", config.alerts.webhook.url


def _address(url: str) -> tuple[str, int]:
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _reachable(subject: str, host: str, port: int, *, missing: Level) -> Finding:
    try:
        with socket.create_connection((host, port), timeout=3):
            return Finding(level="ok", subject=subject, detail=f"answers on {host}:{port}")
    except OSError as error:
        return Finding(level=missing, subject=subject, detail=f"no answer on {host}:{port} ({error.strerror or error})")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: driftwatch check --config /etc/driftwatch/driftwatch.toml")(check)
    app.command(epilog="Example: driftwatch doctor --json")(doctor)
