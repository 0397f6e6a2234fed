"""A campaign: texts of many accounts that wrap the same message in other words."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

from mixes import text

if TYPE_CHECKING:
    from driftwatch.domain.text import Text

PAYLOAD = "the zorbex wallet pays out double every friday"

_BEFORE = (
    "Honestly {}", "my {} says", "just heard from my {}", "wow", "no way,", "so glad that", "reminder to my {}:",
    "who knew?", "finally some good news:", "tell your {}", "trust me", "as my {} found out",
)  # fmt: skip
_WHO = ("brother", "boss", "neighbour", "teacher", "aunt", "friend", "coach", "doctor", "cousin", "roommate")
_AFTER = (
    "and I am so happy", "- thank me later", "at the beach today", "in {}", "#blessed", "so sign up now",
    "while we wait for the game", "love it", "what a week", "see you in {}",
)  # fmt: skip
_WHERE = ("Boston", "Austin", "Paris", "Chicago", "Rome", "Denver", "Miami")


def campaign(count: int, *, seed: int, payload: str = PAYLOAD) -> list[Text]:
    """Return texts of fifteen groups and three sources around the payload."""
    chance = random.Random(seed)
    found = []
    for number in range(count):
        before = chance.choice(_BEFORE).format(chance.choice(_WHO))
        after = chance.choice(_AFTER).format(chance.choice(_WHERE))
        each = text(number, f"{before} {payload} {after}", kind="planted", group=f"account-{number % 15}")
        found.append(replace(each, source=("web", "app", "mail")[number % 3]))
    return found
