"""Drifts of real text, from none to whole other domains: what a champion learnt, and what comes in afterwards."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from driftwatch.domain.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

CORPORA = Path(__file__).resolve().parents[3] / "shared" / "data" / "corpora"
_AT = datetime(2026, 1, 1, tzinfo=UTC)
_NEWS_TOPICS = ("World", "Sports")
_CHAT = ("banking", "travel", "home", "utility", "work")
"""Domains of the requests called chat; the others are called other chat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A domain's texts in one shuffled order: the first are learnt, the last are never.

    Args:
        learnt: bodies a champion may have learnt.
        unseen: bodies kept from it.
    """

    learnt: tuple[str, ...]
    unseen: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A champion's domain, and the share of new text that comes in from another.

    Args:
        champion: name of the domain it learnt.
        into: name of the pool that the new text is of.
        share: of the new text in the traffic; 0 for no drift.
        texts: fresh texts.
    """

    champion: str
    into: str
    share: float
    texts: int = 800

    @property
    def name(self) -> str:
        """Say it in a few words."""
        return f"{self.champion} + {self.share:.0%} {self.into}" if self.share else f"{self.champion}, no drift"


DRIFTS = (
    *(Drift(champion="docs", into="news", share=share) for share in (1.0, 0.3, 0.1)),
    *(Drift(champion="docs", into="tweets", share=share) for share in (1.0, 0.3)),
    *(Drift(champion="docs", into="chat", share=share) for share in (1.0, 0.3)),
    Drift(champion="docs", into="news", share=0.0),
    Drift(champion="docs", into="business", share=0.5, texts=600),
    *(Drift(champion="news", into="business", share=share, texts=400) for share in (1.0, 0.3)),
    *(Drift(champion="news", into="science", share=share, texts=400) for share in (1.0, 0.1)),
    *(Drift(champion="news", into="tweets", share=share, texts=400) for share in (1.0, 0.2)),
    *(Drift(champion="news", into="docs", share=share, texts=400) for share in (1.0, 0.1)),
    Drift(champion="news", into="docs", share=0.0, texts=400),
    *(Drift(champion="news", into="chat", share=share, texts=600) for share in (1.0, 0.3)),
    Drift(champion="docs", into="science", share=0.2, texts=400),
    Drift(champion="docs", into="other chat", share=0.6, texts=500),
)
"""Twenty-two, of two champions."""


@cache
def pools() -> dict[str, Pool]:
    """Return every domain's texts, shuffled once and for all, 60% of each learnt."""
    news, chat = _read("agnews"), _read("clinc150")
    bodies = {
        "docs": _bodies(_read("pydocs-en")),
        "tweets": _bodies(_read("tweets")),
        "news": _bodies(row for row in news if row["label"] in _NEWS_TOPICS),
        "business": _bodies(row for row in news if row["label"] == "Business"),
        "science": _bodies(row for row in news if row["label"] not in (*_NEWS_TOPICS, "Business")),
        "chat": _bodies(row for row in chat if row["domain"] in _CHAT),
        "other chat": _bodies(row for row in chat if row["domain"] not in _CHAT),
    }
    return {name: _pool(name, found) for name, found in bodies.items()}


def fresh_texts(drift: Drift) -> list[Text]:
    """Return the traffic after the drift: new text and unseen text of the champion's own domain."""
    here = pools()[drift.champion].unseen
    other = pools()[drift.into]
    there = (*other.unseen, *other.learnt) if drift.share else ()
    new = min(round(drift.texts * drift.share), len(there))
    bodies = [*there[:new], *here[: drift.texts - new]]
    random.Random(3).shuffle(bodies)
    return texts_of(bodies, kind="fresh")


def texts_of(bodies: Iterable[str], *, kind: str) -> list[Text]:
    """Return bodies as texts, numbered."""
    return [Text(id=f"{kind}-{number}", body=body, seen_at=_AT) for number, body in enumerate(bodies)]


def _read(name: str) -> list[dict[str, str]]:
    with (CORPORA / f"{name}.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _bodies(rows: Iterable[dict[str, str]]) -> list[str]:
    return list(dict.fromkeys(row["text"] for row in rows))


def _pool(name: str, bodies: list[str]) -> Pool:
    random.Random(name).shuffle(bodies)
    learnt = round(len(bodies) * 0.6)
    return Pool(learnt=tuple(bodies[:learnt]), unseen=tuple(bodies[learnt:]))
