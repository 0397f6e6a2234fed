"""Asks the daemon of this configuration, and no other one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from driftwatch.cli.control import over_address, over_socket
from driftwatch.cli.frame import warn
from driftwatch.cli.recognising import doubt

if TYPE_CHECKING:
    import httpx

    from driftwatch.config import Config


def ask(config: Config, method: str, path: str, *, seconds: float) -> httpx.Response:
    """Return the daemon's answer: over its own socket, else over its address, where that may be its own.

    Raises:
        DriftwatchError: it does not answer, or another one does.
    """
    from driftwatch.wiring.hosts import control_socket

    if os.access(control_socket(config), os.W_OK):
        return over_socket(config, method, path, seconds=seconds)
    if (said := doubt(config)) is not None:
        warn(said)
    return over_address(config, method, path, seconds=seconds)
