"""One daemon a state folder: a second one would assess, decide and retrain as well."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from driftwatch import wiring
from driftwatch.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from driftwatch.config import Config


@contextmanager
def alone(config: Config) -> Iterator[None]:
    """Keep other daemons off the state folder while the block runs; the lock is gone with the process however it ends.

    Several hosts with one database may share a folder: each has a lock of its own there, as it has a socket.

    Raises:
        ConfigError: a daemon is at work in the folder, or its lock cannot be made.
        StoreError: the folder cannot be made.
    """
    wiring.make_state_dir(config.state_dir)
    lock = _opened(wiring.control_socket(config).with_suffix(".lock"))
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(
                "a daemon runs with this state folder already",
                where=str(config.state_dir),
                cure="stop that one first, or give one of the two another state_dir",
            ) from error
        yield
    finally:
        os.close(lock)


def _opened(file: Path) -> int:
    try:
        return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        what = f"the state folder cannot be used: {error.strerror or error}"
        raise ConfigError(what, where=str(file), cure="driftwatch needs to write there") from error
