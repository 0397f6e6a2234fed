"""What decisions rest on besides their window, kept so that they can be taken again exactly."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from driftwatch.store.tables import facts, policies
from driftwatch.store.upsert import insert_new
from driftwatch.store.values import dump, micros

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from driftwatch.domain.decision import RuleState


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What one window's decisions rest on besides the window.

    Args:
        at: the moment they were taken as of.
        policy: hash of the rules in force.
        rules: text of all rules in force, from which they can be read again.
        facts: what else counted (runs, ages), as the policy's own text.
        memory: what the rules remembered before the window, by rule.
    """

    at: datetime
    policy: str
    rules: str
    facts: str
    memory: Mapping[str, RuleState]

    def memory_text(self) -> str:
        """Return what the rules remembered as text; the same for the same."""
        return dump({rule: self.memory[rule] for rule in sorted(self.memory)})


def columns(basis: Basis) -> dict[str, Any]:
    """Return what a window's row says of its basis."""
    return {
        "decided_at": micros(basis.at),
        "policy": basis.policy,
        "facts": _key(basis.facts),
        "memory": _key(basis.memory_text()),
    }


def keep_basis(connection: Connection, basis: Basis) -> None:
    """Store what is new in a basis within the caller's transaction."""
    row = {"hash": basis.policy, "first_seen_at": micros(basis.at), "text": basis.rules}
    insert_new(connection, policies, [row], unique=["hash"])
    texts = (basis.facts, basis.memory_text())
    insert_new(connection, facts, [{"key": _key(text), "text": text} for text in texts], unique=["key"])


def _key(text: str) -> str:
    return blake2b(text.encode(), digest_size=12).hexdigest()
