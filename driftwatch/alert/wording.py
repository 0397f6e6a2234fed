"""The form that all descriptions share, and how moments and figures are written in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.domain.alert import Alert

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """A description, part by part.

    Args:
        what: happened.
        figures: how much, against which limit; one a line.
        since: when.
        by_itself: what driftwatch does next without anybody.
        person: what the reader must do.
        look: where to look.
    """

    what: str
    figures: tuple[str, ...]
    since: datetime
    by_itself: str
    person: str
    look: str

    def __str__(self) -> str:
        """Return the description as people read it."""
        lines = [self.what, *(f"- {figure}" for figure in self.figures), f"Since: {moment(self.since)}."]
        lines += [f"By itself: {self.by_itself}", f"You: {self.person}", f"Look: {self.look}"]
        return "\n".join(lines)


def event(
    name: str,
    *,
    key: str,
    stream: str,
    severity: str,
    summary: str,
    wording: Wording,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Alert:
    """Return the word of a single moment: an alert that ends as it starts and is never resolved."""
    return Alert(
        key=key,
        name=name,
        stream=stream,
        severity=severity,
        summary=summary,
        description=str(wording),
        starts_at=wording.since,
        ends_at=wording.since,
        labels=dict(labels or {}),
        annotations=dict(annotations or {}),
    )


def lasting(time: timedelta) -> str:
    """Write how long something lasted, in its two largest units."""
    minutes = max(int(time.total_seconds() // 60), 0)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{rest} min" if rest and not days else ""]
    return " ".join(part for part in parts if part) or "less than a minute"


def moment(at: datetime) -> str:
    """Write a moment."""
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


def sentence(text: str) -> str:
    """Return a text as a sentence: begun with a capital, ended with a stop; nothing stays nothing."""
    whole = text[:1].upper() + text[1:]
    return whole if whole.endswith((".", "!", "?")) or not whole else f"{whole}."
