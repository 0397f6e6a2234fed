from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from driftwatch.domain.errors import RunError
from driftwatch.domain.text import Text
from driftwatch.retrain.dataset import collect, load_mix, save_mix
from driftwatch.retrain.recipe import builtin_recipes

if TYPE_CHECKING:
    from pathlib import Path

SMALL = builtin_recipes()["small"]
AT = datetime(2026, 1, 1, tzinfo=UTC)


def words(number: int) -> str:
    """Return a sentence that no other number gives, without a digit in it."""
    return " ".join("".join(chr(ord("a") + int(digit)) for digit in str(n)) for n in (number, number * 7 + 3))


def text(number: int, *, body: str | None = None, group: str | None = None, kind: str = "f") -> Text:
    return Text(id=f"{kind}{number}", body=body or f"{kind} {words(number)}", seen_at=AT, group=group)


FRESH = [text(n) for n in range(1_000)]
REFERENCE = [text(n, kind="r") for n in range(2_000)]


def test_the_parts_share_no_text() -> None:
    mix = collect(FRESH, REFERENCE, SMALL, seed=7)
    parts = [mix.fresh, mix.replay, mix.select, mix.judge, mix.remembered]
    bodies = [each.body for part in parts for each in part]
    assert len(bodies) == len(set(bodies))
    assert (len(mix.fresh), len(mix.select), len(mix.judge)) == (800, 100, 100)
    assert len(mix.replay) == 200, "a fifth of the training mix"
    assert 120 < len(mix.remembered) < 280, "about a tenth of the reference"
    assert mix.train == mix.fresh + mix.replay


def test_the_order_of_the_texts_does_not_matter() -> None:
    shuffled, other = FRESH[::-1], REFERENCE[700:] + REFERENCE[:700]
    assert collect(FRESH, REFERENCE, SMALL, seed=7) == collect(shuffled, other, SMALL, seed=7)


def test_another_seed_splits_otherwise_but_holds_out_the_same_reference_texts() -> None:
    one, two = collect(FRESH, REFERENCE, SMALL, seed=1), collect(FRESH, REFERENCE, SMALL, seed=2)
    assert set_of(one.judge) != set_of(two.judge)
    assert set_of(one.remembered) == set_of(two.remembered)
    assert not set_of(one.remembered) & (set_of(one.replay) | set_of(two.replay))


def set_of(texts: tuple[Text, ...]) -> set[str]:
    return {each.id for each in texts}


def test_a_group_stays_on_one_side() -> None:
    grouped = [replace(each, group=f"g{place % 97}") for place, each in enumerate(FRESH)]
    mix = collect(grouped, REFERENCE, SMALL, seed=7)
    sides = [{each.group for each in part} for part in (mix.fresh, mix.select, mix.judge)]
    assert sum(map(len, sides)) == len(set().union(*sides)) == 97
    assert mix.card.groups == 97
    assert 90 <= len(mix.judge) <= 115


def test_one_group_cannot_flood_the_mix() -> None:
    flood = [text(n, group="loud") for n in range(5_000, 9_000)]
    mix = collect(FRESH + flood, REFERENCE, SMALL, seed=7)
    used = mix.fresh + mix.select + mix.judge
    assert Counter(each.group for each in used)["loud"] <= 0.05 * len(used)
    assert mix.card.left_out["group-cap"] == 4_000 - mix.card.group_cap


def test_a_small_group_may_always_give_twenty() -> None:
    few = [text(n, group=f"g{n // 30}") for n in range(300)]
    mix = collect(few, REFERENCE, SMALL, seed=7)
    assert mix.card.group_cap == 20
    assert mix.card.left_out == {"group-cap": 100}


def test_equal_texts_count_once() -> None:
    again = [text(n + 10_000, body=each.body) for n, each in enumerate(FRESH[:50])]
    nearly = [text(n + 20_000, body=f"  {each.body.upper()}!! {n}") for n, each in enumerate(FRESH[50:80])]
    blank = [text(30_000, body=" \n ")]
    mix = collect([*FRESH, *again, *nearly, *blank], REFERENCE, SMALL, seed=7)
    assert mix.card.left_out == {"duplicate": 50, "near-duplicate": 30, "empty": 1}
    assert mix.card.fresh == 1_081


def test_fresh_texts_equal_to_reference_texts_leak_nowhere() -> None:
    mixed = FRESH + [text(n + 50_000, body=each.body) for n, each in enumerate(REFERENCE)]
    mix = collect(mixed, REFERENCE, SMALL, seed=7)
    used = {each.body for each in mix.fresh + mix.select + mix.judge}
    assert mix.card.left_out["reserved"] == len(mix.remembered) > 0
    assert not used & {each.body for each in mix.remembered + mix.replay}


def test_at_most_the_recipes_texts() -> None:
    mix = collect(FRESH, REFERENCE, replace(SMALL, max_texts=300), seed=7)
    assert len(mix.fresh + mix.select + mix.judge) == 300
    assert mix.card.left_out == {"over-limit": 700}


def test_replay_takes_what_there_is() -> None:
    mix = collect(FRESH, REFERENCE[:100], replace(SMALL, replay=0.5), seed=7)
    assert mix.card.replay_wanted == 800
    assert mix.card.replay == len(mix.replay) == 100 - len(mix.remembered)


def test_no_replay_and_no_reference() -> None:
    mix = collect(FRESH, [], replace(SMALL, replay=0.0), seed=7)
    assert mix.replay == mix.remembered == ()


def test_too_few_texts_say_how_many_and_why() -> None:
    with pytest.raises(
        RunError, match=r"only 40 distinct fresh texts of 80 can be used and 100 are needed \(40 duplicate"
    ):
        collect(FRESH[:40] * 2, REFERENCE, SMALL, seed=7)


def test_one_group_alone_is_too_few() -> None:
    with pytest.raises(RunError, match="480 group-cap"):
        collect([text(n, group="only") for n in range(500)], REFERENCE, SMALL, seed=7)


@pytest.mark.parametrize("share", [1.0, -0.1, float("nan")])
def test_an_impossible_replay_is_refused(share: float) -> None:
    with pytest.raises(RunError, match="cannot replay a share"):
        collect(FRESH, REFERENCE, replace(SMALL, replay=share), seed=7)


def test_saved_and_loaded_is_the_same(tmp_path: Path) -> None:
    odd = [replace(FRESH[0], id="odd", body="línea\n\u2028\U0001f600 of its own", labels={"lang": "es"}), *FRESH[1:]]
    mix = collect(odd, REFERENCE, SMALL, seed=7)
    save_mix(mix, tmp_path / "data")
    save_mix(collect(FRESH, [], SMALL, seed=8), tmp_path / "data")
    assert load_mix(tmp_path / "data") == mix


@pytest.mark.parametrize("name", ["judge.jsonl", "card.json", "driftwatch.json"])
def test_changed_training_data_are_refused(tmp_path: Path, name: str) -> None:
    save_mix(collect(FRESH, REFERENCE, SMALL, seed=7), tmp_path / "data")
    (tmp_path / "data" / name).write_text("{")
    with pytest.raises(RunError, match="training data"):
        load_mix(tmp_path / "data")
