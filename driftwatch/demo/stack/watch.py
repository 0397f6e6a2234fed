"""What happens in the stack, as its parts say it: windows, runs, alerts that fire and what people are told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from driftwatch.demo import tables, workspace
from driftwatch.demo.stack.addresses import url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from driftwatch.demo.receiver import Receiver
    from driftwatch.demo.stack.addresses import Addresses
    from driftwatch.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that is new.

    Args:
        who: says it.
        what: it says.
    """

    who: str
    what: str


@dataclass(slots=True, kw_only=True)
class Watch:
    """Looks at the stack and tells what has changed since it looked before.

    Args:
        store: of the daemon.
        ports: of the parts.
        receiver: of Alertmanager's messages; None where they go somewhere else.
    """

    store: Store
    ports: Addresses
    receiver: Receiver | None = None
    windows: int = 0
    """Windows told."""
    _alarmed: bool = False
    _moves: dict[str, int] = field(default_factory=dict)
    _rules: frozenset[str] = frozenset()
    _alerts: frozenset[str] = frozenset()
    _told: int = 0

    def look(self) -> Iterator[Fact]:
        """Return what is new."""
        yield from self._new_windows()
        yield from self._new_moves()
        yield from self._new_rules()
        yield from self._new_alerts()
        yield from self._new_messages()

    @property
    def ended(self) -> bool:
        """Whether there was a run, and every run has ended."""
        runs = self.store.runs.list(stream=workspace.STREAM)
        return bool(runs) and all(run.state.final for run in runs)

    @property
    def _pages(self) -> str:
        return url(self.ports.daemon)

    def _new_windows(self) -> Iterator[Fact]:
        while (result := self.store.windows.result(workspace.STREAM, self.windows)) is not None:
            yield Fact(who="driftwatch", what=tables.window(result))
            if result.alarmed and not self._alarmed:
                page = f"{self._pages}/streams/{workspace.STREAM}/incidents/{result.index}"
                yield Fact(who="driftwatch", what=f"an alarm is in force; what changed: {page}")
            self._alarmed = result.alarmed
            self.windows += 1

    def _new_moves(self) -> Iterator[Fact]:
        for run in self.store.runs.list(stream=workspace.STREAM):
            told = self._moves.get(run.spec.id, 0)
            if not told:
                yield Fact(who="run", what=f"{run.spec.id} has its page: {self._pages}/runs/{run.spec.id}")
            for moved in run.transitions[told:]:
                yield Fact(who="run", what=f"{run.spec.id} {moved.state.value}: {moved.reason}")
            self._moves[run.spec.id] = len(run.transitions)

    def _new_rules(self) -> Iterator[Fact]:
        answer = _asked(f"{url(self.ports.prometheus)}/api/v1/alerts")
        if answer is None:
            return
        now = frozenset(_named(alert) for alert in answer["data"]["alerts"] if alert["state"] == "firing")
        yield from _changes("Prometheus", self._rules, now)
        self._rules = now

    def _new_alerts(self) -> Iterator[Fact]:
        answer = _asked(f"{url(self.ports.alertmanager)}/api/v2/alerts")
        if answer is None:
            return
        now = frozenset(_named(alert) for alert in answer)
        yield from _changes("Alertmanager", self._alerts, now)
        self._alerts = now

    def _new_messages(self) -> Iterator[Fact]:
        if self.receiver is None:
            return
        with self.receiver.arrived:
            new = self.receiver.alerts[self._told :]
        self._told += len(new)
        for alert in new:
            end = "" if alert["status"] == "firing" else " is over"
            yield Fact(who="people", what=f"are told: {_named(alert)}{end}: {alert['annotations'].get('summary', '')}")


def _asked(address: str) -> Any:  # noqa: ANN401 - JSON of another program
    """Return what a part of the stack answers; None where it does not."""
    try:
        answer = httpx.get(address, timeout=5, trust_env=False)
    except httpx.TransportError:
        return None
    return answer.json() if answer.is_success else None


def _named(alert: Mapping[str, Any]) -> str:
    labels = alert["labels"]
    return f"{labels['alertname']} ({labels['stream']})" if "stream" in labels else str(labels["alertname"])


def _changes(who: str, before: frozenset[str], now: frozenset[str]) -> Iterator[Fact]:
    for name in sorted(now - before):
        yield Fact(who=who, what=f"{name} fires")
    for name in sorted(before - now):
        yield Fact(who=who, what=f"{name} is over")
