from __future__ import annotations

import socket
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from driftwatch.schedule import Systemd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Ear:
    """The service manager's end of the socket."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(5)
        self._socket.bind(address)

    def hears(self) -> str:
        return self._socket.recv(4096).decode()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[Ear]:
    ear = Ear(str(tmp_path / "notify"))
    yield ear
    ear.close()


@pytest.fixture
def systemd(tmp_path: Path, ear: Ear) -> Systemd:
    assert ear
    return Systemd({"NOTIFY_SOCKET": str(tmp_path / "notify")}, pid=7)


def test_what_is_said(ear: Ear, systemd: Systemd) -> None:
    systemd.ready("watching 2 streams\nand more")
    assert ear.hears() == "READY=1\nSTATUS=watching 2 streams and more"
    systemd.alive()
    assert ear.hears() == "WATCHDOG=1"
    systemd.status("retraining support")
    assert ear.hears() == "STATUS=retraining support"
    systemd.extend(timedelta(seconds=30))
    assert ear.hears() == "EXTEND_TIMEOUT_USEC=30000000"
    systemd.stopping()
    assert ear.hears().startswith("STOPPING=1")


def test_abstract_sockets() -> None:
    ear = Ear("\0driftwatch-test-notify")
    Systemd({"NOTIFY_SOCKET": "@driftwatch-test-notify"}, pid=7).alive()
    assert ear.hears() == "WATCHDOG=1"
    ear.close()


def test_nobody_listens() -> None:
    systemd = Systemd({}, pid=7)
    systemd.ready("fine")
    assert systemd.ping_every is None


def test_a_socket_that_is_gone_is_no_failure(tmp_path: Path) -> None:
    Systemd({"NOTIFY_SOCKET": str(tmp_path / "gone")}, pid=7).alive()


@pytest.mark.parametrize(
    ("environ", "every"),
    [
        ({"WATCHDOG_USEC": "30000000"}, timedelta(seconds=10)),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, timedelta(seconds=10)),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_how_often_to_ping(environ: dict[str, str], every: timedelta | None) -> None:
    assert Systemd(environ, pid=7).ping_every == every
