"""Collecting from a real store with the checks that a job hands in; a kill in the middle leaves nothing behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from mixes import mixed, real
from models import tiny_causal

from driftwatch import wiring
from driftwatch.config.settings import Config, DaemonSettings, StreamSettings
from driftwatch.retrain.collect.page import card_section
from driftwatch.retrain.dataset import collect, load_mix
from driftwatch.retrain.recipe import builtin_recipes
from driftwatch.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from driftwatch.domain.text import Text
    from driftwatch.store import Store

STREAM = "social"


class Midnight:
    """A clock that stands."""

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "texts.db", clock=Midnight())
    yield opened
    opened.close()


SMALL = builtin_recipes()["small"]


def test_a_span_of_the_store_is_collected_with_the_jobs_checks(store: Store, tmp_path: Path) -> None:
    texts = [replace(each, group=f"user {n % 211}") for n, each in enumerate(real("tweets", 1_500))]
    texts[7] = replace(texts[7], body="write to jane.doe@example.org, she knows everything about it")
    store.texts.take_in(STREAM, source="file", texts=texts, cursor=None, counts={})
    store.texts.quarantine(STREAM, first_seq=101, last_seq=150, reason="the worker died on them")
    old = real("agnews", 800, kind="o")
    champion = tiny_causal(tmp_path / "champion", [each.body for each in old], vocab=500, layers=1, width=16, steps=5)
    config = Config(
        path=tmp_path / "driftwatch.toml",
        daemon=DaemonSettings(threads=1),
        streams={STREAM: StreamSettings(name=STREAM)},
    )

    def fresh() -> Iterator[Text]:
        return (each.text for each in store.texts.span(STREAM, first_seq=51, last_seq=1_500))

    card = collect(
        fresh,
        lambda: old,
        SMALL,
        into=tmp_path / "data",
        seed=7,
        settings=config.streams[STREAM].collect,
        checks=wiring.checks(config, STREAM, champion=champion),
    )
    assert card.fresh == 1_400, "what is set aside is not trained on"
    assert card.notes == ()
    assert {limit.name for limit in card.limits} == {"length", "characters", "loss", "closeness"}
    used = {each.id for part in (load_mix(tmp_path / "data").train,) for each in part if each.id.startswith("f")}
    assert len(used) == card.train
    assert "What it trains on" in card_section(card)


def test_personal_data_that_came_into_the_store_are_found_again(store: Store, tmp_path: Path) -> None:
    texts = real("tweets", 300)
    leaked = [replace(each, body=f"{each.body} mail jane.doe{n}@example.org") for n, each in enumerate(texts[:5])]
    store.texts.take_in(STREAM, source="file", texts=[*leaked, *texts[5:]], cursor=None, counts={})
    config = Config(path=tmp_path / "driftwatch.toml", streams={STREAM: StreamSettings(name=STREAM)})
    champion = tiny_causal(tmp_path / "champion", [each.body for each in texts], vocab=400, layers=1, width=16, steps=1)
    checks = replace(wiring.checks(config, STREAM, champion=champion), losses=None)
    mix = mixed(
        [each.text for each in store.texts.span(STREAM, first_seq=1, last_seq=300)],
        real("agnews", 300, kind="o"),
        SMALL,
        tmp_path / "data",
        checks=checks,
    )
    assert mix.card.left_out["personal-data"] == 5
    assert not any("jane.doe" in each.body for each in (*mix.train, *mix.select, *mix.judge))


def test_what_a_killed_collection_left_is_replaced(tmp_path: Path) -> None:
    fresh, old = real("tweets", 400), real("agnews", 400, kind="o")
    torn = tmp_path / ".data.writing"
    torn.mkdir()
    (torn / "fresh.jsonl").write_text('{"id": "half')
    (torn / ".fresh").write_text("texts")
    mix = mixed(fresh, old, SMALL, tmp_path / "data")
    clean = mixed(fresh, old, SMALL, tmp_path / "clean")
    assert mix.card == clean.card
    assert sorted(file.name for file in (tmp_path / "data").iterdir()) == sorted(
        file.name for file in (tmp_path / "clean").iterdir()
    )
    assert not torn.exists()
