"""Alerts as messages to people: one alert a message, or, where many wait, all of them in one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from driftwatch.alert.links import page
from driftwatch.alert.status import Status, status_of
from driftwatch.alert.wording import lasting, moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.domain.alert import Alert

_MOST_TOLD = 40
"""Alerts of one message that are told in a line each; the rest is counted."""


class Tone(StrEnum):
    """How a message is coloured where that can be."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message.

    Args:
        title: one line.
        body: plain text.
        tone: of its worst alert.
    """

    title: str
    body: str
    tone: Tone


def message(alerts: Sequence[Alert], link: str | None) -> Message:
    """Return the message that tells of alerts, oldest first.

    Args:
        alerts: at least one.
        link: where people reach driftwatch's own pages.
    """
    ordered = sorted(alerts, key=lambda alert: alert.ends_at or alert.starts_at)
    tone = max((_tone(alert) for alert in ordered), key=list(Tone).index)
    if len(ordered) == 1:
        return Message(title=_title(ordered[0]), body=_body(ordered[0], link), tone=tone)
    lines = [_line(alert, link) for alert in ordered[-_MOST_TOLD:]]
    if (more := len(ordered) - len(lines)) > 0:
        lines.insert(0, f"({more} older ones are left out; driftwatch status and driftwatch runs list show them)")
    return Message(title=f"driftwatch: {len(ordered)} messages", body="\n\n".join(lines), tone=tone)


def ended(alert: Alert) -> Alert:
    """Return an alert as it is told once it is over: what is over, since when, and what it was."""
    if alert.ends_at is None or status_of(alert) is not Status.RESOLVED:
        return alert
    lasted = lasting(alert.ends_at - alert.starts_at)
    lines = [
        f"Over since {moment(alert.ends_at)}, after {lasted}.",
        "By itself: driftwatch goes on watching; should it come again, it is told again.",
        "You: nothing for this alert; what led to it can still be looked up.",
        "",
        "It was:",
        alert.description,
    ]
    return replace(alert, summary=f"over: {alert.summary}", description="\n".join(lines))


def _title(alert: Alert) -> str:
    return f"[{status_of(alert).value}] {ended(alert).summary}"


def _body(alert: Alert, link: str | None) -> str:
    opened = page(alert, link)
    runbook = alert.annotations.get("runbook_url")
    more = [f"Page: {opened}" if opened else "", f"Runbook: {runbook}" if runbook else ""]
    return "\n".join(line for line in [ended(alert).description, *more] if line)


def _line(alert: Alert, link: str | None) -> str:
    opened = page(alert, link)
    begun = f"{moment(alert.starts_at)} {alert.name} ({alert.severity}): {ended(alert).summary}"
    over = f", over since {moment(alert.ends_at)}" if status_of(alert) is Status.RESOLVED and alert.ends_at else ""
    first = alert.description.partition("\n")[0]
    return f"{begun}{over}\n{first}" + (f"\n{opened}" if opened else "")


def _tone(alert: Alert) -> Tone:
    if status_of(alert) is Status.RESOLVED:
        return Tone.SUCCESS
    return {"info": Tone.INFO, "page": Tone.FAILURE}.get(alert.severity, Tone.WARNING)
