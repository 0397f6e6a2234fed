"""The real daemon as a child of the demo, and the driftwatch command as a user calls it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx

from driftwatch.demo.process import Process
from driftwatch.domain.errors import DriftwatchError

if TYPE_CHECKING:
    from driftwatch.demo.workspace import Workspace


def daemon_process(workspace: Workspace, *, keep: bool = False, apart: bool = False) -> Process:
    """Return ``driftwatch run`` on the workspace, to be started.

    Args:
        workspace: whose configuration it runs.
        keep: leave it running at the end.
        apart: give it a session of its own.
    """
    return Process(
        "the daemon",
        _command("run", "--config", str(workspace.config)),
        log=workspace.folder / "daemon.log",
        ready=f"{workspace.url}/-/ready",
        keep=keep,
        apart=apart,
    )


def metrics(workspace: Workspace) -> str:
    """Return what Prometheus would scrape."""
    return httpx.get(f"{workspace.url}/metrics", timeout=10).raise_for_status().text


def driftwatch(workspace: Workspace, *arguments: str) -> None:
    """Run a driftwatch command on the workspace, its output shown as it comes.

    Raises:
        DriftwatchError: it failed.
    """
    done = subprocess.run(_command(*arguments, "--config", str(workspace.config)), check=False)
    if done.returncode:
        raise DriftwatchError(f"`driftwatch {' '.join(arguments)}` ended with code {done.returncode}")


def post(workspace: Workspace, path: str, texts: list[dict[str, str]]) -> int:
    """Send texts to the HTTP source as NDJSON and return how many it stored."""
    answer = httpx.post(
        f"{workspace.url}{path}",
        content="".join(json.dumps(text) + "\n" for text in texts),
        headers={"Content-Type": "application/x-ndjson"},
        timeout=30,
    )
    return int(answer.raise_for_status().json()["stored"])


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "driftwatch", *arguments]
