"""Who starts the jobs, and how many at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Literal

_STRICT = {"extra": "forbid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RaySettings:
    """The Ray cluster that jobs run on.

    Args:
        address: of the cluster's dashboard, which takes jobs.
        command: program that works on a run on a node; it gets the run's id, ``--config`` and this file's path.
        cpus: processors asked for, for each of the recipe's devices.
        gpus: GPUs asked for, for each of the recipe's devices.
        token: reference of the cluster's authentication token, such as ``env:RAY_AUTH_TOKEN``.
        timeout: longest wait for each answer of the dashboard.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    address: str = "http://127.0.0.1:8265"
    command: tuple[str, ...] = ("driftwatch", "job")
    cpus: float = 1.0
    gpus: float = 0.0
    token: str | None = None
    timeout: timedelta = timedelta(seconds=30)

    def __post_init__(self) -> None:
        """Check what can be checked without a cluster."""
        if not self.address.startswith(("http://", "https://")):
            raise ValueError(f'the dashboard\'s address "{self.address}" must begin with http:// or https://')
        if not self.command:
            raise ValueError("command must name a program")
        if self.cpus < 0 or self.gpus < 0 or self.cpus + self.gpus == 0:
            raise ValueError("cpus and gpus must be at least 0, and one of them more")
        if self.timeout <= timedelta(0):
            raise ValueError("timeout must be longer than nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainSettings:
    """How retraining runs are worked on.

    Args:
        launcher: who starts a run's job: ``child`` (the daemon), ``systemd`` (a service of its own, through a request
            file), ``ray`` (a cluster), or ``auto`` for ``systemd`` under the shipped units and ``child`` elsewhere.
        concurrent: most runs worked on at once, over all streams; the others wait in the order they were asked for.
        spool: folder of the request files of ``systemd``; None for that of the shipped units.
        ray: the cluster.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    launcher: Literal["auto", "child", "systemd", "ray"] = "auto"
    concurrent: int = 1
    spool: Path | None = None
    ray: RaySettings = RaySettings()

    def __post_init__(self) -> None:
        """Refuse a queue that never moves."""
        if self.concurrent < 1:
            raise ValueError("concurrent must be at least 1")
