"""Tells the serving stack that another model version is in force, and finds out whether it serves it.

Order: vLLM loads the adapter, then command and webhook (which may route requests to it), then vLLM unloads the earlier
adapters, then the health check. Every call may be made again for the same version.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

import msgspec
import structlog

from driftwatch.domain.errors import DriftwatchError
from driftwatch.domain.secrets import Secret, check_reference, read_secret
from driftwatch.domain.signature import signed
from driftwatch.domain.urls import check_url
from driftwatch.retrain.calls import ReloadError, request, run_command
from driftwatch.retrain.health import REAL, CheckSettings, Pace, why_not_served
from driftwatch.retrain.vllm import ADAPTER, Vllm, VllmSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadSettings:
    """How a stream's serving stack is told.

    Args:
        command: program and arguments; ``{path}``, ``{version}``, ``{stream}`` and ``{model}`` in them are filled in.
            It also gets DRIFTWATCH_PATH (the version's resolved folder), DRIFTWATCH_VERSION, DRIFTWATCH_STREAM and
            DRIFTWATCH_MODEL (the name that requests ask for: vLLM's, or else the version).
        webhook: URL that gets a POST with ``stream``, ``version``, ``path`` and ``model`` as JSON.
        secret: reference of the secret that signs that POST, such as ``file:/etc/driftwatch/reload``.
        vllm: server whose adapters follow the version.
        check: how it is found out whether the version is served.
        timeout: longest wait for each.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    command: tuple[str, ...] = ()
    webhook: str | None = None
    secret: str | None = None
    vllm: VllmSettings | None = None
    check: CheckSettings = CheckSettings()
    timeout: timedelta = timedelta(seconds=60)

    def __post_init__(self) -> None:
        """Check what can be checked without calling anything."""
        if self.webhook is not None:
            check_url(self.webhook)
        if self.secret is not None:
            check_reference(self.secret)
            if self.webhook is None:
                raise ValueError("the secret signs the webhook's posts; give a webhook")
        if self.timeout <= timedelta(0):
            raise ValueError("the reload timeout must be longer than nothing")

    @property
    def longest(self) -> timedelta:
        """How long telling and checking can take."""
        calls = 1 + (self.webhook is not None) + 6 * (self.vllm is not None)
        return calls * self.timeout + self.check.within + self.check.timeout


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the serving stack is told.

    Args:
        stream: whose model.
        version: its name.
        path: its folder.
        parent: the version it was trained from; None for the stream's first.
        first: the stream's first version.
    """

    stream: str
    version: str
    path: Path
    parent: str | None = None
    first: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What telling takes besides the settings.

    Args:
        environ: the environment, for secrets.
        now: the present moment, for the webhook's timestamp.
        pace: of the health check.
    """

    environ: Mapping[str, str]
    now: Callable[[], datetime]
    pace: Pace = REAL


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadReport:
    """How it went.

    Args:
        called: hooks that were called; 0 where there are none.
        problems: what failed and is only reported.
        refused: why the version is known not to be served; None when it is, or nobody was asked.
    """

    called: int
    problems: tuple[str, ...] = ()
    refused: str | None = None


def reload(settings: ReloadSettings, told: Told, means: Means) -> ReloadReport:
    """Tell the serving stack and check; every hook gets the version's resolved folder, never the link."""
    report = _Reload(settings, told, means).done()
    for problem in (*report.problems, *((report.refused,) if report.refused else ())):
        log.error("reload_failed", stream=told.stream, version=told.version, problem=problem)
    return report


class _Reload:
    def __init__(self, settings: ReloadSettings, told: Told, means: Means) -> None:
        self._settings, self._told, self._means = settings, told, means
        self._facts = {
            "stream": told.stream,
            "version": told.version,
            "path": str(told.path.resolve()),
            "model": told.version,
        }
        self._called = 0
        self._problems: list[str] = []

    def done(self) -> ReloadReport:
        settings = self._settings
        try:
            server, adapter = self._loaded()
        except DriftwatchError as error:  # nothing was routed to the new version: the earlier adapters stay
            return self._report(refused=str(error))
        if settings.command:
            self._attempt(self._command)
        if settings.webhook is not None:
            self._attempt(self._webhook)
        if server is not None and not self._problems:
            self._attempt(lambda: server.unload_others(adapter), counts=False)
        if not settings.check.wanted:
            return self._report()
        return self._report(refused=why_not_served(settings.check, self._facts, pace=self._means.pace))

    def _report(self, *, refused: str | None = None) -> ReloadReport:
        return ReloadReport(called=self._called, problems=tuple(self._problems), refused=refused)

    def _attempt(self, call: Callable[[], None], *, counts: bool = True) -> None:
        self._called += counts
        try:
            call()
        except DriftwatchError as error:
            self._problems.append(str(error))

    def _loaded(self) -> tuple[Vllm | None, str | None]:
        """Have vLLM load the version's adapter; returns the server and the adapter's name, None for the base alone."""
        vllm = self._settings.vllm
        if vllm is None:
            return None, None
        self._called += 1
        key = self._secret(vllm.key)
        server = Vllm(vllm.url, stream=self._told.stream, key=key, timeout=self._settings.timeout)
        base = vllm.base or self._told.first
        if self._told.version == base:
            self._facts["model"] = server.base()
            return server, None
        adapter = self._told.path.resolve() / ADAPTER
        self._check_fits(base, adapter)
        self._facts["model"] = server.load(self._told.version, adapter)
        return server, self._facts["model"]

    def _check_fits(self, base: str | None, adapter: Path) -> None:
        """Refuse an adapter that belongs to other weights: served on them it would be a model that nobody judged."""
        version, parent = self._told.version, self._told.parent
        if parent != base:
            raise ReloadError(
                f"the adapter of {version} belongs to the weights of {parent}, and vLLM was started with {base}",
                cure=f"start vLLM with the folder of {parent} and say so in reload.vllm.base",
            )
        if not (adapter / "adapter_config.json").is_file():
            raise ReloadError(
                f"version {version} has no adapter", where=str(adapter), cure="use a recipe with keep_adapter = true"
            )

    def _command(self) -> None:
        run_command(self._settings.command, self._facts, timeout=self._settings.timeout, what="the reload command")

    def _webhook(self) -> None:
        secret = self._secret(self._settings.secret)
        body = msgspec.json.encode(self._facts)
        headers = signed(body, at=self._means.now(), secret=secret)
        request(
            str(self._settings.webhook),
            what="the reload webhook",
            timeout=self._settings.timeout,
            body=body,
            headers=headers,
        )

    def _secret(self, reference: str | None) -> Secret | None:
        return read_secret(reference, environ=self._means.environ) if reference is not None else None
