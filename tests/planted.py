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


_SLOTS = (
    ("zorbex", "the zorbex app", "that zorbex thing", "zorbex wallet", "my zorbex account", "a zorbex wallet"),
    ("pays", "gives", "hands out", "returns", "sends you", "credits", "rewards you with"),
    ("double", "twice", "two times", "2x", "a doubled amount of", "a 100% bonus on"),
    ("your money", "what you put in", "the cash you deposit", "any deposit", "your savings", "the amount you loaded"),
    ("every friday", "each friday", "on fridays", "when friday comes", "at the end of each week", "weekly on friday"),
)  # fmt: skip
_ORDERS = ("{0} {1} {2} {3} {4}", "{4}, {0} {1} {2} {3}", "{2} {3} {4} - {0} {1} it")


def paraphrased(count: int, *, seed: int, accounts: int | None = None) -> list[Text]:
    """Return texts that put the payload in other words each time; each of its own account unless there are few."""
    chance = random.Random(seed)
    found = []
    for number in range(count):
        said = chance.choice(_ORDERS).format(*(chance.choice(slot) for slot in _SLOTS))
        before = chance.choice(_BEFORE).format(chance.choice(_WHO))
        after = chance.choice(_AFTER).format(chance.choice(_WHERE))
        account = f"account-{number if accounts is None else number % accounts}"
        found.append(text(number, f"{before} {said} {after}", kind="planted", group=account))
    return found
