"""Who gives a command: noted with what was decided by hand."""

from __future__ import annotations

import os
import pwd
import socket

_LONGEST = 200


def signed_by(reason: str) -> str:
    """Return the reason with the account that the system knows (and the one behind sudo), as evidence in the record."""
    return f"{reason} (by {account()} on {socket.gethostname()})"


def account() -> str:
    """Return the account that the system knows, and the one behind sudo."""
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:
        name = f"uid {number}"
    behind = os.environ.get("SUDO_USER", "")
    return (f"{behind} as {name}" if behind.isprintable() and behind not in ("", name) else name)[:_LONGEST]
