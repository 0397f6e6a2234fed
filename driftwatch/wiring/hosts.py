"""Several daemons on one store: what each is called, where it is asked, and what all of them must see."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from driftwatch import __version__
from driftwatch.config import settings_digest
from driftwatch.domain.control import SOCKET, Identity
from driftwatch.domain.errors import ConfigError

if TYPE_CHECKING:
    from datetime import datetime

    from driftwatch.config import Config
    from driftwatch.store import Store

_CURE = "let every host see the same state_dir under the same path (docs/operations.md#several-hosts), or restore it"


def daemon_name(config: Config) -> str:
    """Return what others call this daemon: its host and port."""
    return f"{socket.gethostname()}:{config.daemon.port}"


def control_socket(config: Config) -> Path:
    """Return the daemon's own socket; where several may share the state folder, each has its own in it."""
    if config.store is None:
        return config.state_dir / SOCKET
    return config.state_dir / f"{Path(SOCKET).stem}-{daemon_name(config).replace(':', '-')}{Path(SOCKET).suffix}"


def identity_of(config: Config, *, at: datetime) -> Identity:
    """Return who a daemon is that starts now."""
    return Identity(
        instance=uuid4().hex,
        version=__version__,
        config=str(config.path),
        settings=settings_digest(config),
        state_dir=str(config.state_dir),
        listen=config.daemon.listen,
        started_at=at,
    )


def not_seen(config: Config, store: Store) -> tuple[str, ...]:
    """Return, in words, the serving models and references of the store that this host does not see.

    Raises:
        StoreError: the store cannot be read.
    """
    missing: list[str] = []
    for stream in config.streams:
        champion, reference = store.registry.champion(stream), store.registry.reference(stream)
        if champion is not None and not Path(champion.path).is_dir():
            missing.append(f"the serving model of stream {stream} is not on this host: {champion.path}")
        if reference is not None and not Path(reference.path).is_dir():
            missing.append(f"the reference of stream {stream} is not on this host: {reference.path}")
    return tuple(missing)


def check_seen(config: Config, store: Store) -> None:
    """Look that this host sees what its daemon would work with if it led; with SQLite whoever needs it looks.

    Raises:
        ConfigError: it does not.
    """
    if config.store is None:
        return
    if missing := not_seen(config, store):
        raise ConfigError(missing[0], where=f"state_dir {config.state_dir}", cure=_CURE)
