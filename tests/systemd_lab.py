"""Boots a real systemd in namespaces of its own and runs commands inside."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

TESTS = Path(__file__).resolve().parent
UNITS = TESTS.parent / "systemd"
PYTHON = "/opt/python/bin/python3" if sys.base_prefix != "/usr" else "/usr/bin/python3"
PATHS = "PYTHONPATH=/opt/source:/opt/packages"
STATE = Path("var/lib/private/driftwatch")
DAEMON = "driftwatch.service"
DEADLINE = 120.0
_TARGET = "[Unit]\nRequires=sysinit.target basic.target dbus.socket\nAfter=basic.target\n"


def missing() -> str | None:
    """Return why no lab can be booted here, or None."""
    if os.geteuid() != 0:
        return "booting systemd in namespaces needs root"
    if not Path("/lib/systemd/systemd").exists():
        return "systemd is not installed (Debian: systemd)"
    lacking = [
        tool
        for tool in ("unshare", "nsenter", "ip", "pivot_root", "systemctl", "dbus-daemon")
        if not shutil.which(tool)
    ]
    if lacking:
        return f"not installed: {', '.join(lacking)}"
    if "\tcgroup2" not in f"\t{Path('/proc/filesystems').read_text()}" or not _mounted("cgroup2"):
        return "cgroup v2 is not mounted"
    return None


class Lab:
    """A booted lab.

    Args:
        init: its PID 1.
        root: its files, seen from outside.
    """

    def __init__(self, init: int, root: Path) -> None:
        self._init = init
        self.root = root

    def run(self, *command: str, seconds: float = DEADLINE) -> subprocess.CompletedProcess[str]:
        """Run a command inside."""
        inside = ["nsenter", "-t", str(self._init), "-a", "-r", "-w", *command]
        return subprocess.run(inside, capture_output=True, text=True, check=False, timeout=seconds)

    def show(self, name: str, unit: str = DAEMON) -> str:
        """Return a property of a unit."""
        return self.run("systemctl", "show", unit, f"--property={name}", "--value").stdout.strip()

    def as_daemon(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as the daemon's user, seeing the files that the daemon sees."""
        pid = self.show("MainPID")
        owner = self.run("stat", "-c", "%u", f"/proc/{pid}").stdout.strip()
        within = ["nsenter", "-t", pid, "-m", "setpriv", f"--reuid={owner}", "--clear-groups", "env", PATHS]
        return self.run(*within, *command)

    def journal(self, unit: str) -> str:
        """Return what a unit said."""
        return self.run("journalctl", "-u", unit, "--no-pager").stdout

    def shut_down(self) -> None:
        """Ask the lab's systemd to power off."""
        os.kill(self._init, 38)  # SIGRTMIN+4


def shipped(unit: str, **changes: str) -> str:
    """Return a shipped unit with some of its settings' lines replaced, such as ``ExecStart``; all else as it is."""
    lines = (UNITS / unit).read_text().splitlines()
    missed = set(changes) - {line.partition("=")[0] for line in lines}
    assert not missed, f"{unit} does not set {missed}"
    return "\n".join(changes.get(line.partition("=")[0], line) for line in lines) + "\n"


def daemon_unit(program: str, *, watchdog: int) -> str:
    """Return the daemon's unit with another program and a quicker watchdog."""
    return shipped(
        DAEMON,
        ExecStart=f"ExecStart={PYTHON} {program}",
        ExecReload="ExecReload=/bin/false",
        WatchdogSec=f"WatchdogSec={watchdog}",
        WorkingDirectory=f"Environment={PATHS}\nWorkingDirectory=/var/lib/driftwatch",
        RestartSec="RestartSec=100ms",
    )


def job_units(program: str) -> dict[str, str]:
    """Return the units around a job, with another program as the job."""
    return {
        "driftwatch-retrain.slice": shipped("driftwatch-retrain.slice"),
        "driftwatch-dispatch.path": shipped("driftwatch-dispatch.path"),
        "driftwatch-dispatch.service": shipped(
            "driftwatch-dispatch.service",
            ExecStart=f"Environment={PATHS}\nExecStart={PYTHON} -m driftwatch dispatch /var/lib/driftwatch/spool",
        ),
        "driftwatch-retrain@.service": shipped(
            "driftwatch-retrain@.service", ExecStart=f"Environment={PATHS}\nExecStart={program}"
        ),
    }


@contextmanager
def booted(folder: Path, units: Mapping[str, str]) -> Iterator[Lab]:
    """Boot a lab with these units (and drop-ins, as ``unit.d/name.conf``)."""
    for name, text in {**units, "lab.target": _TARGET}.items():
        (folder / "units" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "units" / name).write_text(text)
    shown = [f"{TESTS.parent}:/opt/source", f"{sysconfig.get_path('purelib')}:/opt/packages"]
    if sys.base_prefix != "/usr":
        shown.append(f"{sys.base_prefix}:/opt/python")
    with (folder / "log").open("wb") as log:
        boot = subprocess.Popen(
            [str(TESTS / "systemd" / "boot_lab.sh"), str(folder), *shown],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        lab = Lab(_init_of(boot, folder), folder / "t" / "root")
        wait_until(
            lambda: lab.run("systemctl", "is-system-running").stdout.strip() in {"running", "degraded"},
            "the lab to boot",
        )
        yield lab
        lab.shut_down()
        boot.wait(DEADLINE)
    finally:
        boot.kill()
        boot.wait(DEADLINE)
        _clear(folder, boot.pid)


def wait_until(true: Callable[[], bool], what: str) -> None:
    """Wait for something to come true, at most until the deadline."""
    pause, end = threading.Event(), time.monotonic() + DEADLINE
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f"waited {DEADLINE:g} s for {what}")
        pause.wait(0.05)


def _init_of(boot: subprocess.Popen[bytes], folder: Path) -> int:
    children = Path(f"/proc/{boot.pid}/task/{boot.pid}/children")
    found: list[int] = []

    def looked() -> bool:
        if boot.poll() is not None:
            raise AssertionError((folder / "log").read_text())
        text = children.read_text().split()
        found[:] = [int(pid) for pid in text if Path(f"/proc/{pid}/comm").read_text().strip() == "systemd"]
        return bool(found)

    wait_until(looked, "the lab's PID 1")
    return found[0]


def _clear(folder: Path, boot: int) -> None:
    for mount in (folder / "t" / "root", folder / "t"):
        subprocess.run(["umount", "-R", str(mount)], check=False, capture_output=True)
    groups = next(
        line.split()[1] for line in Path("/proc/mounts").read_text().splitlines() if line.split()[2] == "cgroup2"
    )
    for path, _, _ in os.walk(Path(groups) / f"dwlab-{boot}", topdown=False):
        Path(path).rmdir()


def _mounted(kind: str) -> bool:
    return any(line.split()[2] == kind for line in Path("/proc/mounts").read_text().splitlines())
