"""Several daemons on one store: what all of them must have alike, and in what one differs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

_STREAM = re.compile(r"streams\.([a-z0-9-]+)\.(.+)")
_KEPT_BACK = re.compile(r"streams\.[a-z0-9-]+\.(reload|export|sources)\b|alerts\b")
"""Commands, addresses and the like: they may hold what is nobody's business."""
_LONGEST = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that a daemon has otherwise than the agreement says.

    Args:
        subject: what it is, by its dotted name: ``streams.support.window``, ``policies``, ``driftwatch``.
        own: the daemon's value as JSON; None where it has none.
        agreed: that of the agreement, likewise.
    """

    subject: str
    own: str | None
    agreed: str | None

    def __str__(self) -> str:
        """Say it in words, without what may be secret."""
        if self.own is None or self.agreed is None:
            return f"{self._called}: {'not set here' if self.own is None else 'set here alone'}"
        if _KEPT_BACK.match(self.subject) or max(len(self.own), len(self.agreed)) > _LONGEST:
            return f"{self._called}: another here"
        return f"{self._called}: {self.own} here, {self.agreed} agreed"

    @property
    def _called(self) -> str:
        match = _STREAM.fullmatch(self.subject)
        return f"stream {match[1]}, {match[2]}" if match else self.subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What daemons on one store must have alike, so that it is no matter which of them leads.

    Args:
        says: each thing by its dotted name, its value as JSON.
    """

    says: Mapping[str, str]

    def differences(self, agreed: Agreement) -> tuple[Difference, ...]:
        """Return in what this differs from what is agreed, in the order of the names; a whole stream counts once."""
        own, other = self.says, agreed.says
        differing = sorted(key for key in {*own, *other} if own.get(key) != other.get(key))
        lone = {*_streams(own)} ^ {*_streams(other)}
        found = [
            Difference(subject=f"streams.{name}", own=_there(own, name), agreed=_there(other, name)) for name in lone
        ]
        found += [
            Difference(subject=key, own=own.get(key), agreed=other.get(key))
            for key in differing
            if _stream_of(key) not in lone
        ]
        return tuple(sorted(found, key=lambda each: each.subject))


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """A daemon on a store, as it wrote itself down.

    Args:
        name: host and port.
        instance: of this start of it.
        started_at: when that was.
        seen_at: when it last said that it is there.
        stopped: whether it said that it ends.
        agreement: what it has of all that must be alike.
    """

    name: str
    instance: str
    started_at: datetime
    seen_at: datetime
    stopped: bool
    agreement: Agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class Differing:
    """A daemon that differs from the agreement, and in what, in words."""

    name: str
    differences: tuple[str, ...]


def _streams(says: Mapping[str, str]) -> set[str]:
    return {name for key in says if (name := _stream_of(key)) is not None}


def _stream_of(key: str) -> str | None:
    match = _STREAM.fullmatch(key)
    return match[1] if match else None


def _there(says: Mapping[str, str], stream: str) -> str | None:
    return "set" if stream in _streams(says) else None
