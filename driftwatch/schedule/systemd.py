"""Tells systemd how the daemon is (the notify protocol); does nothing where nobody listens."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

log = structlog.get_logger()

_EXTEND_EVERY = timedelta(seconds=10)


class Systemd:
    """The service manager that started us, if there is one.

    Args:
        environ: the process's environment, read for ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID``.
        pid: our own process id; a watchdog meant for another process is none of ours.

    Source: sd_notify(3), sd_watchdog_enabled(3).
    """

    def __init__(self, environ: Mapping[str, str], *, pid: int) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._interval = _watchdog_interval(environ, pid)

    @property
    def ping_every(self) -> timedelta | None:
        """How often to call ``alive``: a third of the watchdog's interval; None without a watchdog."""
        return self._interval / 3 if self._interval else None

    def ready(self, status: str) -> None:
        """Say that the start is done."""
        self._send(f"READY=1\nSTATUS={_line(status)}")

    def status(self, status: str) -> None:
        """Give ``systemctl status`` a line to show."""
        self._send(f"STATUS={_line(status)}")

    def alive(self) -> None:
        """Ping the watchdog; call it only while the daemon does its work."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the stop has begun."""
        self._send("STOPPING=1\nSTATUS=stopping")

    def extend(self, by: timedelta) -> None:
        """Ask for more time to start or stop."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(by.total_seconds() * 1_000_000)}")

    @contextmanager
    def taking_time(self, *, most: timedelta, every: timedelta = _EXTEND_EVERY) -> Iterator[None]:
        """Ask again and again for more time to start or stop, while the block runs.

        Args:
            most: in all; what takes longer hangs, and is left to the unit's limit.
            every: between two asks.
        """
        done = threading.Event()

        def ask() -> None:
            for _ in range(max(int(most / every), 1)):
                self.extend(2 * every)
                if done.wait(every.total_seconds()):
                    return

        asking = threading.Thread(target=ask, name="extend-timeout", daemon=True)
        if self._address:
            asking.start()
        try:
            yield
        finally:
            done.set()
            if self._address:
                asking.join()

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify:
                notify.sendto(message.encode(), self._address)
        except OSError as error:
            log.warning("systemd_not_told", error=str(error))


def _line(text: str) -> str:
    return " ".join(text.split())


def _watchdog_interval(environ: Mapping[str, str], pid: int) -> timedelta | None:
    microseconds, meant_for = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or (meant_for and meant_for != str(pid)):
        return None
    return timedelta(microseconds=int(microseconds)) or None
