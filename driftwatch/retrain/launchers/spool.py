"""Requests between the unprivileged daemon and the privileged dispatcher: empty files whose names say everything."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_FORM = re.compile(r"([a-z0-9][a-z0-9-]{0,127})\.(request|cancel|kill)")


class Verb(StrEnum):
    """What is asked for; the values are the files' endings."""

    START = "request"
    CANCEL = "cancel"
    KILL = "kill"


@dataclass(frozen=True, slots=True)
class Request:
    """One file of the spool."""

    run: str
    verb: Verb

    @property
    def name(self) -> str:
        """Of the file."""
        return f"{self.run}.{self.verb}"


def parse(name: str) -> Request | None:
    """Return what a file's name asks for; None for a name that could be anything but a run's.

    Examples:
        >>> parse("docs-w0000012.request")
        Request(run='docs-w0000012', verb=<Verb.START: 'request'>)
        >>> parse("../../etc.request") is parse("docs w1.request") is parse("-h.cancel") is None
        True
    """
    match = _FORM.fullmatch(name)
    return Request(match[1], Verb(match[2])) if match else None


def put(spool: Path, request: Request) -> None:
    """Ask; a request that is there already stays as it is. It has no content, so it is there whole or not at all.

    Raises:
        OSError: the folder is not there or takes no files.
    """
    with suppress(FileExistsError):
        os.close(os.open(spool / request.name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))


def withdraw(spool: Path, request: Request) -> None:
    """Take a request back that nobody has taken up yet."""
    (spool / request.name).unlink(missing_ok=True)


def asked_at(spool: Path, request: Request) -> float | None:
    """Return when a request that still lies there was made, in seconds since 1970; None for none."""
    try:
        return (spool / request.name).stat().st_mtime
    except FileNotFoundError:
        return None
