"""A year of traffic from real texts: quiet months, a sudden topic, a gradual one, one that comes and goes, a mood."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BESIDE = Path(__file__).parent.parent.parent.parent / "shared" / "data"
"""Where real texts lie beside a checkout."""
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 364
WINDOW = 250
STREAM = "year"
_SUDDEN = 60
_RECURRING = (110, 194)
_STRETCH = 14
_GRADUAL = (200, 270)
_MOOD = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """What a model learned, and the traffic of the year after.

    Args:
        training: bodies the first champion is trained on.
        heldout: bodies of the same kind.
        traffic: texts in their order, a window for each step of the year.
    """

    training: tuple[str, ...]
    heldout: tuple[str, ...]
    traffic: tuple[tuple[Text, ...], ...]


def simulated(data: Path, *, windows: int, seed: int) -> Year:
    """Return a year of ``windows`` windows, 250 texts each.

    Tweets are what the model knows. From day 60 a fifth of the texts are assistant queries (sudden); from day 110 to
    194 a quarter is world news in every other fortnight (recurring); from day 200 to 270 the share of documentation
    rises to a fifth and stays (gradual); from day 300 on half of the tweets are those that speak of love and
    happiness: text that drifts, and that the model knows as well as any (harmless).

    Args:
        data: folder with ``corpora``.
        windows: in the year.
        seed: of every choice.
    """
    rng = np.random.default_rng(seed)
    tweets = _bodies(data / "corpora" / "tweets.jsonl")
    rng.shuffle(tweets)
    training, heldout, left = tuple(tweets[:6_000]), tuple(tweets[6_000:7_000]), tweets[7_000:]
    pools = {
        "tweets": _Pool([text for text in left if not _glad(text)], rng),
        "mood": _Pool([text for text in left if _glad(text)], rng),
        "queries": _Pool(_bodies(data / "corpora" / "clinc150.jsonl"), rng),
        "news": _Pool(_bodies(data / "corpora" / "agnews.jsonl"), rng),
        "docs": _Pool(_bodies(data / "corpora" / "pydocs-en.jsonl"), rng),
    }
    glad = sum(_glad(text) for text in left) / len(left)
    traffic = []
    for index in range(windows):
        day = index * DAYS / windows
        chosen = rng.choice(list(pools), size=WINDOW, p=list(_shares(day, glad).values()))
        moments = sorted(rng.random(WINDOW))
        traffic.append(
            tuple(
                Text(
                    id=f"{index}-{place}",
                    body=pools[name].take(),
                    seen_at=BEGIN + timedelta(days=day + moment * DAYS / windows),
                    labels={"kind": str(name)},
                )
                for place, (name, moment) in enumerate(zip(chosen, moments, strict=True))
            )
        )
    return Year(training=training, heldout=heldout, traffic=tuple(traffic))


def _shares(day: float, glad: float) -> dict[str, float]:
    """Return each pool's share of the traffic on a day; ``glad`` is the mood's share of ordinary tweets."""
    queries = 0.2 if day >= _SUDDEN else 0.0
    since = day - _RECURRING[0]
    news = 0.25 if _RECURRING[0] <= day < _RECURRING[1] and int(since // _STRETCH) % 2 == 0 else 0.0
    docs = 0.2 * float(np.clip((day - _GRADUAL[0]) / (_GRADUAL[1] - _GRADUAL[0]), 0.0, 1.0))
    tweets = 1.0 - queries - news - docs
    mood = 0.5 if day >= _MOOD else glad
    return {"tweets": tweets * (1 - mood), "mood": tweets * mood, "queries": queries, "news": news, "docs": docs}


class _Pool:
    """Texts in random order, again and again in another order."""

    def __init__(self, bodies: Sequence[str], rng: np.random.Generator) -> None:
        self._bodies = list(bodies)
        self._rng = rng
        self._left = self._shuffled()

    def take(self) -> str:
        try:
            return next(self._left)
        except StopIteration:
            self._left = self._shuffled()
            return next(self._left)

    def _shuffled(self) -> Iterator[str]:
        return iter([self._bodies[place] for place in self._rng.permutation(len(self._bodies))])


def _glad(text: str) -> bool:
    return any(word in text.casefold() for word in ("love", "happy", "beautiful", "best", "fun"))


def _bodies(file: Path) -> list[str]:
    with file.open(encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]
