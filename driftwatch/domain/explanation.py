"""Why a rule did what it did: a condition as a tree of its values, and every reason with since when it is missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from driftwatch.domain.decision import Action, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a condition with what it came to.

    Args:
        text: as written.
        value: as people read it, with its unit; why there is none where there is none.
        holds: for a part that is true or false; None for one that is neither, or is no truth.
        parts: what it is made of.
    """

    text: str
    value: str
    holds: bool | None
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """How long something has been missing, and when it was there last.

    Args:
        window: first of the windows in which it was missing without a break; None where it reaches back to the first.
        since: moment of that window.
        last: last window in which it was there; None for never.
        last_at: its moment.
    """

    window: int | None
    since: datetime | None
    last: int | None = None
    last_at: datetime | None = None

    def __str__(self) -> str:
        """Return it as a clause."""
        if self.window is None or self.since is None:
            return "never met so far"
        missing = f"missing since window {self.window} ({_moment(self.since)})"
        if self.last is None or self.last_at is None:
            return f"{missing}; never met before"
        return f"{missing}; last met in window {self.last} ({_moment(self.last_at)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What one decision rested on.

    Args:
        stream: whose window.
        window: decided on.
        rule: which.
        at: when.
        action: what was done.
        policy: hash of the rules.
        decision: its number in the store; None for one that was not taken but would be.
        reasons: everything looked at, in order.
        condition: the rule's condition with all its parts; None where what it saw is not known any more.
        missing: by subject, since when a reason that is not met has been so.
        otherwise: reasons that would not be met even if the condition were true now.
        note: what the reader must know of the explanation itself; empty for nothing.
    """

    stream: str
    window: int
    rule: str
    at: datetime
    action: Action
    policy: str
    decision: int | None
    reasons: tuple[Reason, ...]
    condition: Part | None = None
    missing: Mapping[str, Span]
    otherwise: tuple[Reason, ...] = ()
    note: str = ""


def told(
    reasons: Sequence[Reason], *, condition: Part | None = None, missing: Mapping[str, Span] | None = None
) -> tuple[str, ...]:
    """Return the reasons of a decision as lines: in short for an alert, in full with a condition and what is missing.

    Args:
        reasons: in order.
        condition: the tree that takes the place of the condition's sentence.
        missing: since when what is not met has been so; with it each line begins with whether it is met.
    """
    lines: list[str] = []
    for reason in reasons:
        tree = condition if reason.subject == "when" else None
        detail = reason.detail if tree is None else _came_to(tree)
        mark = "" if missing is None else ("+ " if reason.met else "- ")
        lines.append(f"{mark}{reason.subject}: {detail}")
        if missing is not None and reason.subject in missing:
            lines.append(f"    {missing[reason.subject]}")
        lines += [f"    {line}" for line in (branches(tree) if tree is not None else ())]
    return tuple(lines)


def branches(part: Part) -> list[str]:
    """Return a tree as lines, each deeper one further in."""
    lines = [f"{part.text} = {part.value}"]
    for each in part.parts:
        lines += [f"  {line}" for line in branches(each)]
    return lines


def _came_to(part: Part) -> str:
    if part.holds is None:
        return f"neither true nor false, so nothing is done: {part.value}"
    return "true" if part.holds else "false"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
