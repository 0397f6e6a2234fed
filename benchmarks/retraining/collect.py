"""How many stored texts a second are collected, and in how much memory.

The store holds real texts, recombined (the beginning of one, the end of another), with exact and near duplicates among
them whose number is known. Collection runs in a process of its own, whose greatest resident size is the figure. It asks
what a run asks by default: personal data, how identity groups are spoken of, clusters by meaning (static embeddings,
distilled before); not the champion's loss, which is that model's own cost.
"""

from __future__ import annotations

import json
import random
import resource
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.table import Row, at_most
from driftwatch.domain.text import Text
from driftwatch.features.encoder import EncoderSettings, load_encoder
from driftwatch.intake.redact import Redactor, RedactSettings
from driftwatch.retrain.collect.checks import Checks
from driftwatch.retrain.dataset import collect, load_mix
from driftwatch.retrain.recipe import builtin_recipes
from driftwatch.store import open_store
from driftwatch.wiring.collecting import identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from driftwatch.domain.protocols import Encoder
    from driftwatch.retrain.dataset import DataCard

SAME, NEARLY, HELD = 0.05, 0.15, 20_000
_BATCH = 5_000
_AT = datetime(2026, 1, 1, tzinfo=UTC)
_MOST_GB = 2.0


@dataclass(frozen=True)
class Measured:
    """What one collection took."""

    card: DataCard
    wall: float
    cpu: float
    resident: float
    repeating: int


class _Clock:
    def now(self) -> datetime:
        return _AT


def measure(data: Path, *, texts: int) -> Iterable[Row]:
    """Collect from a store of so many texts."""
    bodies = _bodies(data / "corpora")
    with tempfile.TemporaryDirectory(prefix="driftwatch-benchmark-") as name:
        folder = Path(name)
        planted = _fill(folder / "texts.db", bodies, texts)
        (folder / "old.json").write_text(json.dumps(bodies[:HELD]))
        with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
            pool.apply(_distilled, (folder,))
            found = pool.apply(_collect, (folder,))
    left = found.card.left_out
    yield at_most("resident, GB", found.resident, _MOST_GB)
    yield Row(measure="rows per second", driftwatch=texts / found.wall)
    yield Row(measure="rows per CPU second", driftwatch=texts / found.cpu)
    yield Row(measure="texts used", driftwatch=found.card.used)
    yield at_most(
        "texts used that repeat another, share", found.repeating / found.card.used, 0.005, peer=planted / texts
    )
    yield Row(measure="left out as duplicates", driftwatch=left["duplicate"] + left["near-duplicate"], peer=planted)
    yield Row(measure="left out by caps of clusters", driftwatch=left.get("cluster-cap", 0))


def _distilled(folder: Path) -> None:
    _embedder(folder)


def _embedder(folder: Path) -> Encoder:
    return load_encoder(EncoderSettings(kind="static"), cache=folder / "encoders")


def _collect(folder: Path) -> Measured:
    store = open_store(folder / "texts.db", clock=_Clock(), read_only=True)
    redactor = Redactor(RedactSettings())

    def fresh() -> Iterator[Text]:
        return (stored.text for stored in store.texts.span("benchmark", first_seq=0, last_seq=2**40))

    def old() -> Iterator[Text]:
        bodies = json.loads((folder / "old.json").read_text())
        return (Text(id=f"old {n}", body=body, seen_at=_AT) for n, body in enumerate(bodies))

    wall, cpu = time.perf_counter(), time.process_time()
    card = collect(
        fresh,
        old,
        builtin_recipes()["full"],
        into=folder / "mix",
        seed=7,
        checks=Checks(
            private=lambda body: bool(redactor.redact(body)[1]),
            identity=identity(None),
            embed=_embedder(folder).embed,
        ),
    )
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024 / 1e9
    took = time.perf_counter() - wall, time.process_time() - cpu
    mix = load_mix(folder / "mix")
    families = Counter(text.id.split("~")[0] for part in (mix.fresh, mix.select, mix.judge) for text in part)
    return Measured(card, *took, resident, families.total() - len(families))


def _bodies(corpora: Path) -> list[str]:
    found = [json.loads(line)["text"] for file in sorted(corpora.glob("*.jsonl")) for line in file.open()]
    random.Random(1).shuffle(found)
    return found


def _fill(place: Path, bodies: list[str], count: int) -> int:
    """Store so many texts and return how many of them are duplicates or near duplicates of another."""
    chance, store = random.Random(2), open_store(place, clock=_Clock())
    batch: list[Text] = []
    recent: list[tuple[str, str]] = []
    planted = 0
    for number in range(count):
        draw = chance.random()
        if recent and draw < SAME + NEARLY:
            planted += 1
            first, other = chance.choice(recent)
            name = f"{first}~{number}"
            body = other if draw < SAME else _nearly(other, chance)
        else:
            name = str(number)
            body = _recombined(chance.choice(bodies), chance.choice(bodies))
            if len(body) > 60:  # one changed word of a query makes it another query
                recent = [*recent[-999:], (name, body)]
        at = _AT + timedelta(seconds=number)
        batch.append(Text(id=name, body=body, seen_at=at, group=f"g{chance.randrange(50_000)}"))
        if len(batch) == _BATCH or number == count - 1:
            store.texts.take_in("benchmark", source="benchmark", texts=batch, cursor=None, counts={})
            batch = []
    store.close()
    return planted


def _recombined(one: str, other: str) -> str:
    first, second = one.split(), other.split()
    return " ".join([*first[: len(first) // 2 + 1], *second[len(second) // 2 :]])


def _nearly(body: str, chance: random.Random) -> str:
    """Return the body with a number behind it and one short word changed, as a template filled in again."""
    words = body.split()
    place = min(range(len(words)), key=lambda each: (len(words[each]) < 3, len(words[each]), each))
    words[place] = chance.choice(["Ann", "Bob", "Eve", "Tom"])
    return " ".join([*words, str(chance.randrange(10_000))])
