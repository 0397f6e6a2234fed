"""Every launcher with what it needs around it, for tests that hold all of them to one contract."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import job_child
import systemd_lab
from systemd_lab import PYTHON, STATE, booted, job_units

from driftwatch.domain.protocols import Launcher
from driftwatch.retrain.launchers import ChildLauncher, RayLauncher, RaySettings, SystemdLauncher

CONFIG = Path("/etc/driftwatch.toml")


@dataclass(frozen=True)
class Bench:
    """One kind of launcher.

    Args:
        runs: folder of all runs' folders, as seen from here.
        make: returns a launcher whose jobs behave in a manner of ``job_child``.
        end: kills a process as the job knows itself.
    """

    runs: Path
    make: Callable[[str], Launcher]
    end: Callable[[int], None]

    def beginnings(self, run: str = "run-1") -> list[list[str]]:
        """Return what every job of the run told when it began: process, niceness, session, arguments."""
        file = self.runs / run / "began"
        return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


@contextmanager
def child_bench(folder: Path) -> Iterator[Bench]:
    """Jobs as children."""

    def make(manner: str) -> Launcher:
        return ChildLauncher(folder, config=CONFIG, program=(sys.executable, job_child.__file__, str(folder), manner))

    yield Bench(folder, make, _kill)


_JOB = f"""/bin/sh -c 'exec {PYTHON} /opt/source/tests/job_child.py runs "$$(cat manner)" "$$1" --config {CONFIG} \
>> "runs/$$1/log.jsonl" 2>&1' job %i"""
_AS_ROOT = "[Service]\nUser=root\nDynamicUser=no\n"
"""The launcher of these tests is root's, outside the lab, and so are its jobs; the daemon's user has its own tests."""


@contextmanager
def systemd_bench(folder: Path) -> Iterator[Bench]:
    """Jobs as services of a systemd in a lab, through spool, path unit and dispatcher."""
    drop_ins = {
        "driftwatch-retrain@.service.d/user.conf": _AS_ROOT,
        "driftwatch-dispatch.service.d/paths.conf": "[Service]\nReadWritePaths=/var/lib/driftwatch/spool\n",
    }
    with booted(folder, {**job_units(_JOB), **drop_ins}) as lab:
        state = lab.root / STATE.parent.parent / STATE.name
        for name in ("runs", "spool"):
            (state / name).mkdir(parents=True)
        assert lab.run("systemctl", "start", "driftwatch-dispatch.path").returncode == 0

        def make(manner: str) -> Launcher:
            (state / "manner").write_text(manner)
            return SystemdLauncher(state / "runs", spool=state / "spool")

        yield Bench(state / "runs", make, lambda pid: _ended(lab, pid))


def _ended(lab: systemd_lab.Lab, pid: int) -> None:
    assert lab.run("kill", "-KILL", str(pid)).returncode == 0


@contextmanager
def ray_bench(folder: Path) -> Iterator[Bench]:
    """Jobs on a Ray cluster of two nodes with one processor each."""
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    cluster = Cluster()
    try:
        head = cluster.add_node(num_cpus=1, include_dashboard=True, dashboard_port=0, object_store_memory=100_000_000)
        cluster.add_node(num_cpus=1, object_store_memory=100_000_000)
        cluster.wait_for_nodes()
        address = f"http://{head.address_info['webui_url']}"

        def make(manner: str) -> Launcher:
            program = (sys.executable, job_child.__file__, str(folder), manner)
            settings = RaySettings(address=address, command=program)
            return RayLauncher(folder, config=CONFIG, settings=settings, stop_seconds=1)

        yield Bench(folder, make, _kill)
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]


BENCHES = {"child": child_bench, "systemd": systemd_bench, "ray": ray_bench}


def missing(kind: str) -> str | None:
    """Return why a kind cannot be tried here, or None."""
    if kind == "systemd":
        return systemd_lab.missing()
    if kind == "ray" and find_spec("ray") is None:
        return "ray is not installed (pip install 'driftwatchd[ray]')"
    return None
