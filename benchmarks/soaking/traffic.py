"""What production sends over a simulated day: known text, with episodes of another kind in some streams."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from driftwatch.demo.prose import paragraphs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    import httpx

KNOWN = ("scipy",)
"""Packages whose documentation the champion learnt."""
DRIFTED = ("sklearn",)
LATER = ("pandas",)
_AT_ONCE = 200
_SESSION = 5
_ROTATE_EVERY = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A share of other text for some hours of the simulated day.

    Args:
        begin: hour from the start.
        end: hour from the start.
        share: of the stream's texts.
        pool: which text.
    """

    begin: float
    end: float
    share: float
    pool: str


@dataclass(slots=True)
class Sender:
    """One stream's traffic: how many texts are due by now, and which.

    Args:
        stream: whose texts.
        per_hour: texts a simulated hour.
        episodes: of other text.
        sent: texts so far.
    """

    stream: str
    per_hour: float
    episodes: Sequence[Episode] = ()
    sent: int = 0
    draw: random.Random = field(default_factory=lambda: random.Random(7))

    def due(self, elapsed: timedelta, pools: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
        """Return the records that are due and not sent yet; they count as sent then."""
        hours = elapsed / timedelta(hours=1)
        count = min(int(hours * self.per_hour) - self.sent, _AT_ONCE)
        return [self._record(hours, pools) for _ in range(count)]

    def _record(self, hours: float, pools: Mapping[str, Sequence[str]]) -> dict[str, str]:
        now = next((each for each in self.episodes if each.begin <= hours < each.end), None)
        pool = pools[now.pool if now is not None and self.draw.random() < now.share else "known"]
        self.sent += 1
        return {
            "id": f"{self.stream}-{self.sent}",
            "session": f"{self.stream}-{self.sent // _SESSION}",
            "text": self.draw.choice(pool),
        }


class Log:
    """A log file as logrotate keeps it: renamed every few hours, the oldest deleted.

    Args:
        path: of the file that is written to.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rotated = 0

    def write(self, records: Iterable[dict[str, str]], *, at: datetime, elapsed: timedelta) -> None:
        """Add records of a moment, rotating first where it is time."""
        if elapsed // _ROTATE_EVERY > self._rotated:
            self._rotated = elapsed // _ROTATE_EVERY
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        with self._path.open("a", encoding="utf-8") as log:
            log.writelines(json.dumps({**record, "time": at.isoformat()}) + "\n" for record in records)


def pools() -> dict[str, list[str]]:
    """Return the texts that traffic is drawn from, by kind."""
    return {"known": paragraphs(KNOWN), "drifted": paragraphs(DRIFTED), "later": paragraphs(LATER)}


def post(client: httpx.Client, stream: str, records: Sequence[dict[str, str]]) -> int:
    """Send records over HTTP and return how many were stored."""
    answer = client.post(f"/v1/streams/{stream}/texts", json=list(records))
    return int(answer.raise_for_status().json()["stored"])


def write_texts(path: Path, texts: Iterable[str]) -> None:
    """Write one JSON object a line."""
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
