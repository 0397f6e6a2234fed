"""What a decision rests on besides its window, as text to be kept: the facts, and all rules in force."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec

from driftwatch.domain.decision import RunFact
from driftwatch.domain.errors import PolicyError
from driftwatch.domain.pause import Pause
from driftwatch.policy.rules import parse_policies
from driftwatch.policy.variables import Facts

if TYPE_CHECKING:
    from driftwatch.policy.ruleset import Policy

_COUNTED = "fresh_texts"
"""The one fact that is no value: it is counted anew from the windows themselves."""


class _Rules(msgspec.Struct, kw_only=True):
    """All rules in force, as their files say them."""

    streams: tuple[str, ...]
    recipes: tuple[str, ...]
    files: dict[str, str]


def facts_text(facts: Facts) -> str:
    """Return the facts as text, all but the count of fresh texts."""
    kept = {each.name: getattr(facts, each.name) for each in fields(facts) if each.name != _COUNTED}
    return msgspec.json.encode(kept).decode()


def read_facts(text: str, fresh_texts: Callable[[int], int]) -> Facts:
    """Return the facts that ``facts_text`` wrote; those that a later version added have their defaults.

    Args:
        text: of the facts.
        fresh_texts: counts the texts from the first of a given window up to the window decided on.
    """
    kept: Any = msgspec.json.decode(text, type=_form())
    return Facts(fresh_texts=fresh_texts, **{name: getattr(kept, name) for name in kept.__struct_fields__})


def policy_text(policy: Policy) -> str:
    """Return all rules in force as text from which they can be read again."""
    asked = {rule.retraining.recipe for rules in policy.rules.values() for rule in rules if rule.retraining is not None}
    rules = _Rules(streams=tuple(policy.rules), recipes=tuple(sorted(asked)), files=dict(policy.files))
    return msgspec.json.encode(rules).decode()


def read_policy(text: str) -> Policy:
    """Return the rules that ``policy_text`` wrote.

    Raises:
        PolicyError: this version of driftwatch no longer takes them.
    """
    try:
        rules = msgspec.json.decode(text, type=_Rules)
    except msgspec.DecodeError as error:
        raise PolicyError(f"the stored rules cannot be read: {error}", cure="restore the store's backup") from None
    return parse_policies(rules.files, streams=rules.streams, recipes=rules.recipes)


def policy_files(text: str) -> dict[str, str]:
    """Return the files of the rules that ``policy_text`` wrote, by name; none where the text cannot be read."""
    try:
        return msgspec.json.decode(text, type=_Rules).files
    except msgspec.DecodeError:
        return {}


@cache
def _form() -> type[msgspec.Struct]:
    """Return the form of the facts as they are kept: their own fields, whatever a version adds."""
    known = {"Callable": Callable, "datetime": datetime, "RunFact": RunFact, "Pause": Pause}
    hints = get_type_hints(Facts, localns=known)
    blank = Facts(fresh_texts=lambda _since: 0)
    kept = [(each.name, hints[each.name], getattr(blank, each.name)) for each in fields(Facts) if each.name != _COUNTED]
    return msgspec.defstruct("FactsText", kept, kw_only=True)
