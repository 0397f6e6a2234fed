"""Whose daemon answers: that of this configuration, or another's, or something else altogether."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.cli.control import over_socket
from driftwatch.cli.findings import Finding
from driftwatch.domain.control import INSTANCE_PATH, Identity
from driftwatch.domain.errors import DriftwatchError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from driftwatch.cli.findings import Level
    from driftwatch.config import Config

_TIMEOUT_SECONDS = 3
SUBJECT = "daemon"
_APART = "give one of the two another [daemon] listen, and restart it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What answers on the configured address.

    Args:
        instance: the daemon's name of its own; None where it is no daemon, or one too old to say.
        said: why there is no name, in words; empty where there is one.
        at_all: whether anything answers.
    """

    instance: str | None = None
    said: str = ""
    at_all: bool = True


def daemon(config: Config, own: Identity | None) -> Finding:
    """Return whether the daemon of this configuration answers, both on its own socket and on its address.

    Args:
        config: of the daemon.
        own: what answered on its socket.
    """
    answer, listen = _answer(config), config.daemon.listen
    if own is None:
        return _without_own(config, answer)
    if answer.instance == own.instance:
        return _ours(config, own)
    if own.listen != listen:
        taken = f", where {_called(answer)} answers" if answer.at_all else ""
        return _found(
            "error" if answer.at_all else "warning",
            f"the daemon of {config.state_dir} listens on {own.listen}, and not on {listen}{taken}: "
            f"it was started with {own.config} as that was at {own.started_at:%Y-%m-%d %H:%M:%S} UTC (restart it"
            f"{', with an address that is free' if answer.at_all else ''})",
        )
    if answer.instance is not None:
        return _found("error", f"another daemon answers on {listen}, not that of {config.state_dir} ({_APART})")
    if not answer.at_all:
        return _found("error", f"its socket answers, and {listen} does not: {answer.said} (restart it)")
    return _found(
        "warning", f"its socket answers; what answers on {listen} could not be asked who it is: {answer.said}"
    )


def doubt(config: Config) -> str | None:
    """Hold what answers on the address against the state folder, where the daemon's own socket cannot be opened.

    Returns:
        Why it cannot be told whose daemon answers; None where nobody does.

    Raises:
        DriftwatchError: the daemon of this configuration is not what answers.
    """
    answer = _answer(config)
    if not answer.at_all:
        return None
    found = _without_own(config, answer)
    if found.level == "error":
        raise DriftwatchError(found.detail)
    return found.detail


def failing(own: Identity | None) -> Iterator[Finding]:
    """Yield the sources that a daemon cannot read at the moment."""
    for each in own.failing if own is not None else ():
        yield Finding(level="error", subject="source", detail=each)


def _ours(config: Config, own: Identity) -> Finding:
    words = f"answers on {config.daemon.listen}: version {own.version}, since {own.started_at:%Y-%m-%d %H:%M:%S} UTC"
    if own.config != str(config.path):
        return _found("warning", f"{words}; it was started with {own.config}, not with {config.path}")
    from driftwatch.config import settings_digest

    if own.settings != settings_digest(config):
        return _found("warning", f"{words}; {config.path} was changed after that: restart it, and the change counts")
    return _found("ok", words)


def _without_own(config: Config, answer: Answer) -> Finding:
    listen = config.daemon.listen
    if not answer.at_all:
        return _found("warning", f"no answer on {listen} ({answer.said})")
    if hidden := _hidden(config):
        return _found("warning", f"{_called(answer)} answers on {listen}; whose it is cannot be told: {hidden}")
    if answer.instance is None:
        return _found("error", f"{_called(answer)} answers on {listen}: {answer.said} (set another [daemon] listen)")
    return _found(
        "error",
        f"another daemon answers on {listen}: none runs with {config.state_dir} ({_APART}; or name its configuration "
        "with --config)",
    )


def _called(answer: Answer) -> str:
    return "a daemon" if answer.instance is not None else "something else"


def _hidden(config: Config) -> str | None:
    """Return why the daemon's own socket cannot be looked for; None where it can."""
    from driftwatch.wiring.hosts import control_socket

    file = control_socket(config)
    if file.parent.is_dir() and not os.access(file.parent, os.X_OK):
        return f"{file.parent} is closed to this user; run this as the daemon's user or as root"
    if file.exists() and not os.access(file, os.W_OK):
        return f"{file} is closed to this user; run this as the daemon's user or as root"
    return None


def own_daemon(config: Config) -> Identity | None:
    """Return who answers on the socket in the state folder; None where nobody does, or it cannot be opened."""
    import msgspec

    if not _somebody_listens(config):
        return None
    try:
        answer = over_socket(config, "GET", INSTANCE_PATH, seconds=_TIMEOUT_SECONDS)
        return msgspec.json.decode(answer.content, type=Identity)
    except (DriftwatchError, OSError, msgspec.DecodeError):
        return None


def _somebody_listens(config: Config) -> bool:
    """Knock first: a daemon that was killed leaves its socket behind."""
    from driftwatch.web import short
    from driftwatch.wiring.hosts import control_socket

    file = control_socket(config)
    try:
        folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
            knock.settimeout(_TIMEOUT_SECONDS)
            return knock.connect_ex(short(folder, file)) == 0
    finally:
        os.close(folder)


def _answer(config: Config) -> Answer:
    import httpx

    daemon = config.daemon
    try:
        socket.create_connection((daemon.host, daemon.port), timeout=_TIMEOUT_SECONDS).close()
    except OSError as error:
        return Answer(said=error.strerror or str(error), at_all=False)
    answer = Answer()
    for scheme in ("https", "http") if daemon.web_config is not None else ("http",):
        try:
            # Whatever its certificate says: its name is held against that of the socket, and nothing is sent.
            asked = httpx.get(
                f"{scheme}://{daemon.listen}{INSTANCE_PATH}",
                timeout=_TIMEOUT_SECONDS,
                trust_env=False,
                verify=False,  # noqa: S501 - see above
            )
        except httpx.TransportError as error:
            answer = Answer(said=f"it does not speak {scheme.upper()} with this command ({error})")
        else:
            return _named(asked)
    return answer


def _named(asked: httpx.Response) -> Answer:
    import msgspec

    try:
        said = msgspec.json.decode(asked.content, type=dict[str, str])
        return Answer(instance=said["instance"])
    except (msgspec.DecodeError, KeyError):
        return Answer(said="it is no driftwatch, or one of an earlier version")


def _found(level: Level, detail: str) -> Finding:
    return Finding(level=level, subject=SUBJECT, detail=detail)
