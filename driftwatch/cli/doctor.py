"""``driftwatch doctor``: everything ``check`` looks at, and what takes longer."""

from __future__ import annotations

import shutil
import socket
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from driftwatch.cli.checking import checked, existing
from driftwatch.cli.findings import Finding, Level, asked, report
from driftwatch.cli.frame import DEFAULT_CONFIG, ConfigOption, JsonOption, opened, read_config, told
from driftwatch.cli.recognising import SUBJECT, daemon, failing, own_daemon
from driftwatch.domain.errors import DigestMismatchError, DriftwatchError, StoreCorruptError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftwatch.config import Config, StreamSettings
    from driftwatch.domain.features import Digest
    from driftwatch.features.encoder import EncoderSettings
    from driftwatch.store import Store

_LITTLE_SPACE = 2 * 1024**3
_TIMEOUT_SECONDS = 3
_PACKAGES = ("torch", "transformers", "evidently", "sqlalchemy", "prometheus-client", "cel-expr-python")


@told
def doctor(config: ConfigOption = DEFAULT_CONFIG, *, json: JsonOption = False) -> None:
    """Look for what is wrong: versions, store, disk, models, encoders, receivers, the running daemon."""
    loaded = read_config(config)
    found = list(checked(loaded))
    report([*found, *_examined(loaded, known=any(each.subject == SUBJECT for each in found))], json=json)


def _examined(config: Config, *, known: bool) -> Iterator[Finding]:
    """Look at what takes longer, and for the daemon where the check found the address free."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("driftwatchd", *_PACKAGES))
    yield Finding(level="ok", subject="versions", detail=versions)
    yield _space(config)
    for name, url in _receivers(config):
        yield _reachable(f"receiver {name}", *_address(url))
    own = own_daemon(config)
    if not known:
        yield daemon(config, own)
    yield from failing(own)
    try:
        store = opened(config)
    except DriftwatchError:
        return  # told by the check already
    try:
        yield asked("store", lambda: _whole(store))
        for stream in config.streams.values():
            yield asked(f"stream {stream.name}: encoder", partial(_encoder, config, store, stream))
    finally:
        store.close()


def _space(config: Config) -> Finding:
    folder = existing(config.state_dir)
    free = shutil.disk_usage(folder).free
    level: Level = "ok" if free >= _LITTLE_SPACE else "warning"
    return Finding(level=level, subject="disk", detail=f"{free / 1024**3:,.1f} GiB free in {folder}")


def _whole(store: Store) -> str:
    if problems := store.check():
        raise StoreCorruptError("; ".join(problems), cure="restore the database from a backup")
    return f"{store.size() / 1024**2:,.1f} MiB, integrity checked"


def _encoder(config: Config, store: Store, stream: StreamSettings) -> str:
    """Load the encoder, and the static one beside it where there are two tiers; hold them against the reference."""
    from driftwatch.drift.archive import reference_encoders

    settings = stream.encoder
    champion, reference = store.registry.champion(stream.name), store.registry.reference(stream.name)
    if settings.kind == "champion" and champion is None:
        return "the champion's own hidden states, once there is one"
    folder = Path(champion.path) if champion is not None else None
    loaded = [_loaded(config, each, champion=folder) for each in _tiers(settings)]
    name = f"{settings.name} ({settings.kind})"
    if settings.texts is not None:
        name += f", at most {settings.texts:,} texts of a window, and its static embeddings"
    if reference is None:
        return f"{name} loads"
    if loaded != [each for each in reference_encoders(Path(reference.path)) if each is not None]:
        raise DigestMismatchError(
            f"{name} is not what reference {reference.version} was built with",
            cure=f"set the encoder back, or driftwatch reference build {stream.name}",
        )
    return f"{name}, that of reference {reference.version}"


def _tiers(settings: EncoderSettings) -> tuple[EncoderSettings, ...]:
    """Return the encoder that reads every text, then that of the transformer tier."""
    return (settings,) if settings.texts is None else (settings.static, settings)


def _loaded(config: Config, settings: EncoderSettings, *, champion: Path | None) -> Digest:
    """Load an encoder and return its digest."""
    from driftwatch.features.encoder import load_encoder

    cache = config.state_dir / "cache" / "encoders"
    return load_encoder(settings, threads=config.daemon.threads, champion=champion, cache=cache).digest


def _receivers(config: Config) -> Iterator[tuple[str, str]]:
    if config.alerts.alertmanager is not None:
        yield "alertmanager", config.alerts.alertmanager.url
    if config.alerts.webhook is not None:
        yield "webhook", config.alerts.webhook.url


def _address(url: str) -> tuple[str, int]:
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _reachable(subject: str, host: str, port: int) -> Finding:
    try:
        with socket.create_connection((host, port), timeout=_TIMEOUT_SECONDS):
            return Finding(level="ok", subject=subject, detail=f"answers on {host}:{port}")
    except OSError as error:
        return Finding(level="error", subject=subject, detail=f"no answer on {host}:{port} ({error.strerror or error})")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: driftwatch doctor --json")(doctor)
