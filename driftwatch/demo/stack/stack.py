"""Prometheus, Alertmanager and the daemon as processes beside each other, started and stopped together."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from driftwatch import wiring
from driftwatch.demo import workspace
from driftwatch.demo.daemon_process import daemon_process
from driftwatch.demo.process import Process
from driftwatch.demo.stack.addresses import url

if TYPE_CHECKING:
    from driftwatch.config import Config
    from driftwatch.demo.stack.addresses import Addresses
    from driftwatch.demo.stack.files import Files
    from driftwatch.demo.stack.programs import Programs
    from driftwatch.demo.workspace import Workspace

INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends the stack: Ctrl-C, a service manager, a terminal that closes."""

_GRACE = timedelta(seconds=10)
_PATIENCE = 120.0


class Stack:
    """The three processes; a context manager that leaves none of them, and no run's job, behind.

    Args:
        space: of the daemon, with its reference built.
        files: of the other two.
        programs: to start.
        addresses: where they listen.
        config: of the daemon.
    """

    def __init__(
        self, space: Workspace, files: Files, programs: Programs, addresses: Addresses, *, config: Config
    ) -> None:
        self._space = space
        self._config = config
        self._processes = (
            _alertmanager(programs.alertmanager, files, addresses),
            _prometheus(programs.prometheus, files, addresses),
            daemon_process(space, apart=True),
        )
        self._running = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            starting.callback(self._end_jobs)
            for process in self._processes:
                starting.enter_context(process)
                starting.callback(ignore_interrupts)
            for process in self._processes:
                process.await_ready(seconds=_PATIENCE)
            self._running = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def check(self) -> None:
        """Make sure that all three run.

        Raises:
            DriftwatchError: one has ended.
        """
        for process in self._processes:
            process.check()

    def _end_jobs(self) -> None:
        """End the jobs of runs: they outlive the daemon on purpose, and must not outlive a demonstration."""
        launcher = wiring.launcher(self._config)
        store = wiring.open_store(self._config)
        try:
            runs = [run.spec.id for run in store.runs.list(stream=workspace.STREAM) if not run.state.final]
        finally:
            store.close()
        for run in runs:
            launcher.cancel(run, grace=_GRACE)


def ignore_interrupts() -> None:
    """Let no second Ctrl-C cut the clean-up short."""
    for number in INTERRUPTS:
        signal.signal(number, signal.SIG_IGN)


def _prometheus(program: str, files: Files, addresses: Addresses) -> Process:
    command = [
        program,
        f"--config.file={files.prometheus}",
        f"--storage.tsdb.path={files.folder / 'prometheus'}",
        f"--web.listen-address={_listen(addresses.prometheus)}",
        "--enable-feature=exemplar-storage",
    ]
    log = files.folder / "prometheus.log"
    return Process("Prometheus", command, log=log, ready=f"{url(addresses.prometheus)}/-/ready", apart=True)


def _alertmanager(program: str, files: Files, addresses: Addresses) -> Process:
    command = [
        program,
        f"--config.file={files.alertmanager}",
        f"--storage.path={files.folder / 'alertmanager'}",
        f"--web.listen-address={_listen(addresses.alertmanager)}",
        "--cluster.listen-address=",
    ]
    log = files.folder / "alertmanager.log"
    return Process("Alertmanager", command, log=log, ready=f"{url(addresses.alertmanager)}/-/ready", apart=True)


def _listen(port: int) -> str:
    return url(port).removeprefix("http://")
