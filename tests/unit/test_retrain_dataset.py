from __future__ import annotations

import resource
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from mixes import mixed, sentence, some, text

from driftwatch.domain.errors import RunError
from driftwatch.domain.features import Digest, TextLosses
from driftwatch.domain.text import Text, Turn
from driftwatch.retrain.collect.checks import Checks
from driftwatch.retrain.collect.settings import CollectSettings
from driftwatch.retrain.dataset import collect, load_mix
from driftwatch.retrain.recipe import builtin_recipes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

SMALL = builtin_recipes()["small"]


FRESH = some(1_000)
REFERENCE = some(2_000, kind="r")


def ids(texts: Sequence[Text]) -> set[str]:
    return {each.id for each in texts}


def test_the_parts_share_no_text(tmp_path: Path) -> None:
    mix = mixed(FRESH, REFERENCE, SMALL, tmp_path / "data")
    parts = [mix.fresh, mix.replay, mix.select, mix.judge, mix.remembered, mix.canaries]
    bodies = [each.body for part in parts for each in part]
    assert len(bodies) == len(set(bodies))
    assert (len(mix.fresh), len(mix.select), len(mix.judge)) == (800, 100, 100)
    assert len(mix.replay) == 200, "a fifth of the training mix"
    assert 120 < len(mix.remembered) < 280, "about a tenth of the reference"
    assert mix.train == (*mix.fresh, *mix.replay)
    assert (*mix.fresh,) == mix.fresh != mix.replay


def test_the_order_of_the_texts_does_not_matter(tmp_path: Path) -> None:
    again = [text(5_000 + n, each.body) for n, each in enumerate(FRESH[:50])]
    one = mixed([*FRESH, *again], REFERENCE, SMALL, tmp_path / "one")
    other = mixed([*again, *FRESH[::-1]], REFERENCE[700:] + REFERENCE[:700], SMALL, tmp_path / "other")
    files = sorted(file.name for file in (tmp_path / "one").iterdir())
    assert "fresh.jsonl" in files
    assert one.card == other.card
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_another_seed_splits_otherwise_but_holds_out_the_same_reference_texts(tmp_path: Path) -> None:
    one = mixed(FRESH, REFERENCE, SMALL, tmp_path / "one", seed=1)
    two = mixed(FRESH, REFERENCE, SMALL, tmp_path / "two", seed=2)
    assert ids(one.judge) != ids(two.judge)
    assert ids(one.remembered) == ids(two.remembered)
    assert not ids(one.remembered) & (ids(one.replay) | ids(two.replay))


def test_a_group_stays_on_one_side(tmp_path: Path) -> None:
    grouped = [replace(each, group=f"g{place % 97}") for place, each in enumerate(FRESH)]
    mix = mixed(grouped, REFERENCE, SMALL, tmp_path / "data")
    sides = [{each.group for each in part} for part in (mix.fresh, mix.select, mix.judge)]
    assert sum(map(len, sides)) == len(set().union(*sides)) == 97
    assert mix.card.groups == 97
    assert 90 <= len(mix.judge) <= 115


def test_what_is_held_out_has_every_source_and_class_in_its_share(tmp_path: Path) -> None:
    """A source of three texts in a hundred is held out as much as the others: by chance it could be missing."""
    kinds = [("app", "angry")] * 3 + [("app", "calm")] * 27 + [("web", "calm")] * 70
    of = [replace(each, source=kinds[n % 100][0], target=kinds[n % 100][1]) for n, each in enumerate(FRESH)]
    mix = mixed(of, REFERENCE, SMALL, tmp_path / "data")
    for part in (mix.select, mix.judge):
        found = Counter((each.source, each.target) for each in part)
        assert [found[kind] for kind in (("app", "angry"), ("app", "calm"), ("web", "calm"))] == [3, 27, 70]
    assert {(each.name, each.came) for each in mix.card.sources} == {("web", 700), ("app", 300)}
    assert {(each.name, each.came) for each in mix.card.labels} == {("target=calm", 970), ("target=angry", 30)}
    assert all(share.came == share.used for share in (*mix.card.sources, *mix.card.labels))


def test_a_tiny_share_holds_out_a_text_each(tmp_path: Path) -> None:
    mix = mixed(FRESH[:200], REFERENCE, replace(SMALL, heldout=0.004), tmp_path / "data")
    assert (len(mix.select), len(mix.judge)) == (1, 1)


def test_one_group_cannot_flood_the_mix(tmp_path: Path) -> None:
    flood = some(4_000, first=5_000, group="loud")
    mix = mixed(FRESH + flood, REFERENCE, SMALL, tmp_path / "data")
    used = [*mix.fresh, *mix.select, *mix.judge]
    assert Counter(each.group for each in used)["loud"] <= 0.05 * len(used)
    assert mix.card.left_out["group-cap"] == 4_000 - mix.card.group_cap
    assert mix.card.largest_groups[0].came == 4_000
    assert mix.card.largest_groups[0].name != "loud", "a group may be named after a person"


def test_a_group_has_an_absolute_cap_however_many_texts_there_are(tmp_path: Path) -> None:
    flood = some(1_000, first=5_000, group="loud")
    settings = CollectSettings(group_share=0.5, group_most=150)
    mix = mixed(FRESH + flood, REFERENCE, SMALL, tmp_path / "data", settings=settings)
    assert Counter(each.group for each in (*mix.fresh, *mix.select, *mix.judge))["loud"] == 150


def test_a_small_group_may_always_give_twenty(tmp_path: Path) -> None:
    few = [replace(each, group=f"g{n // 30}") for n, each in enumerate(FRESH[:300])]
    mix = mixed(few, REFERENCE, SMALL, tmp_path / "data")
    assert mix.card.group_cap == 20
    assert mix.card.left_out == {"group-cap": 100}


@pytest.mark.parametrize(
    ("settings", "most"),
    [(CollectSettings(source_share=0.2), 0.2), (CollectSettings(source_most=60), 0.2), (CollectSettings(), 0.5)],
)
def test_a_source_is_capped_where_the_settings_say_so(tmp_path: Path, settings: CollectSettings, most: float) -> None:
    of = [replace(each, source=("forum" if n % 2 else f"web-{n % 8}")) for n, each in enumerate(FRESH)]
    mix = mixed(of, REFERENCE, SMALL, tmp_path / "data", settings=settings)
    used = [*mix.fresh, *mix.select, *mix.judge]
    assert Counter(each.source for each in used)["forum"] <= most * len(used)
    if most < 0.5:
        assert mix.card.left_out["source-cap"] > 0
        assert mix.card.caps is not None
        assert mix.card.caps.source is not None


def test_equal_texts_count_once(tmp_path: Path) -> None:
    again = [text(n + 10_000, each.body) for n, each in enumerate(FRESH[:50])]
    nearly = [text(n + 20_000, f"  {each.body.upper()}!! {n}") for n, each in enumerate(FRESH[50:80])]
    blank = [text(30_000, " \n ")]
    mix = mixed([*FRESH, *again, *nearly, *blank], REFERENCE, SMALL, tmp_path / "data")
    assert mix.card.left_out == {"duplicate": 50, "near-duplicate": 30, "empty": 1}
    assert mix.card.fresh == 1_081


def test_fresh_texts_equal_to_reference_texts_leak_nowhere(tmp_path: Path) -> None:
    same = FRESH + [text(n + 50_000, each.body) for n, each in enumerate(REFERENCE)]
    mix = mixed(same, REFERENCE, SMALL, tmp_path / "data")
    used = {each.body for each in (*mix.fresh, *mix.select, *mix.judge)}
    assert mix.card.left_out["reserved"] == len(mix.remembered) > 0
    assert not used & {each.body for each in (*mix.remembered, *mix.replay)}


def test_what_is_replayed_is_not_almost_what_is_held_out(tmp_path: Path) -> None:
    nearly = [text(n, f"{each.body} indeed", kind="x") for n, each in enumerate(FRESH)]
    mix = mixed(FRESH, [*REFERENCE, *nearly], replace(SMALL, replay=0.6), tmp_path / "data")
    assert len(mix.replay) == mix.card.replay_wanted > 1_000
    assert mix.card.left_out == {"reserved": mix.card.remembered - len(ids(mix.remembered) & ids(REFERENCE))}
    assert not {each.id for each in mix.replay if each.id.startswith("x")}


def test_at_most_the_recipes_texts(tmp_path: Path) -> None:
    mix = mixed(FRESH, REFERENCE, replace(SMALL, max_texts=300), tmp_path / "data")
    assert len(mix.fresh) + len(mix.select) + len(mix.judge) == 300
    assert mix.card.left_out == {"over-limit": 700}


def test_replay_takes_what_there_is(tmp_path: Path) -> None:
    mix = mixed(FRESH, REFERENCE[:100], replace(SMALL, replay=0.5), tmp_path / "data")
    assert mix.card.replay_wanted == 800
    assert mix.card.replay == len(mix.replay) == 100 - len(mix.remembered)
    assert any("fewer are replayed" in note for note in mix.card.notes)


@pytest.mark.parametrize("replay", [0.0, 0.2])
def test_an_empty_reference_is_said(tmp_path: Path, replay: float) -> None:
    mix = mixed(FRESH, [], replace(SMALL, replay=replay), tmp_path / "data")
    assert len(mix.replay) == len(mix.remembered) == 0
    assert "No reference text is held out: what the model forgets cannot be judged." in mix.card.notes


def test_too_few_texts_say_how_many_and_why(tmp_path: Path) -> None:
    with pytest.raises(
        RunError, match=r"only 40 distinct fresh texts of 80 can be used and 100 are needed \(40 duplicate"
    ):
        mixed(FRESH[:40] * 2, REFERENCE, SMALL, tmp_path / "data")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("bodies", "why"), [([], "nothing left out"), (["one and the same"] * 5_000, "4,999 duplicate")]
)
def test_no_text_and_nothing_but_one_text(tmp_path: Path, bodies: list[str], why: str) -> None:
    with pytest.raises(RunError, match=why):
        mixed([text(n, body) for n, body in enumerate(bodies)], REFERENCE, SMALL, tmp_path / "data")


def test_one_group_alone_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="480 group-cap"):
        mixed(some(500, group="only"), REFERENCE, SMALL, tmp_path / "data")


def test_one_group_that_may_be_everything_cannot_be_held_out(tmp_path: Path) -> None:
    settings = CollectSettings(group_share=1.0, group_most=10_000)
    with pytest.raises(RunError, match=r"come from 1 group\(s\)"):
        mixed(some(500, group="only"), REFERENCE, SMALL, tmp_path / "data", settings=settings)


@pytest.mark.parametrize("share", [1.0, -0.1, float("nan")])
def test_an_impossible_replay_is_refused(tmp_path: Path, share: float) -> None:
    with pytest.raises(RunError, match="cannot replay a share"):
        mixed(FRESH, REFERENCE, replace(SMALL, replay=share), tmp_path / "data")


@pytest.mark.parametrize("share", [0.0, 1.0, float("nan")])
def test_an_impossible_held_out_share_is_refused(tmp_path: Path, share: float) -> None:
    with pytest.raises(RunError, match="cannot hold out a share"):
        mixed(FRESH, REFERENCE, replace(SMALL, heldout=share), tmp_path / "data")


def test_texts_keep_everything_they_had(tmp_path: Path) -> None:
    odd = replace(
        FRESH[0],
        body="línea\n\u2028\U0001f600 of its own, with words enough",
        labels={"lang": "es"},
        source="chat",
        target="calm",
        turns=(Turn(role="user", content="¿qué?"), Turn(role="assistant", content="nada")),
    )
    mix = mixed([odd, *FRESH[1:]], REFERENCE, SMALL, tmp_path / "data")
    assert odd in [*mix.fresh, *mix.select, *mix.judge]


def test_a_mix_that_is_there_stays(tmp_path: Path) -> None:
    first = mixed(FRESH, REFERENCE, SMALL, tmp_path / "data")
    again = collect(lambda: FRESH[:200], list, SMALL, into=tmp_path / "data", seed=8)
    assert again == first.card


def test_parts_are_read_by_place_and_slice(tmp_path: Path) -> None:
    mix = mixed(FRESH, REFERENCE, SMALL, tmp_path / "data")
    everything = [*mix.fresh, *mix.replay]
    assert mix.train[0] == everything[0]
    assert mix.train[-1] == everything[-1] == mix.replay[-1]
    assert mix.train[798:803] == tuple(everything[798:803]), "across the two files"
    with pytest.raises(IndexError):
        mix.train[1_000]


@pytest.mark.parametrize("name", ["judge.jsonl", "canaries.jsonl", "card.json", "driftwatch.json"])
def test_changed_training_data_are_refused(tmp_path: Path, name: str) -> None:
    mixed(FRESH, REFERENCE, SMALL, tmp_path / "data")
    (tmp_path / "data" / name).write_text("{")
    with pytest.raises(RunError, match="training data"):
        load_mix(tmp_path / "data")
    with pytest.raises(RunError, match="training data"):
        collect(lambda: FRESH, lambda: REFERENCE, SMALL, into=tmp_path / "data", seed=7)


def test_a_missing_part_is_refused(tmp_path: Path) -> None:
    mixed(FRESH, REFERENCE, SMALL, tmp_path / "data")
    (tmp_path / "data" / "replay.jsonl").unlink()
    with pytest.raises(RunError, match=r"replay\.jsonl"):
        load_mix(tmp_path / "data")


def test_texts_with_personal_data_are_left_out_and_never_written(tmp_path: Path) -> None:
    named = [replace(each, body=f"{each.body} j.doe@example.org") for each in FRESH[:7]]
    chat = replace(FRESH[7], turns=(Turn(role="user", content="I am j.doe@example.org"),))
    checks = Checks(private=lambda body: "@" in body)
    mix = mixed([*named, chat, *FRESH[8:]], REFERENCE, SMALL, tmp_path / "data", checks=checks)
    assert mix.card.left_out == {"personal-data": 8}
    assert not any(b"@example" in file.read_bytes() for file in (tmp_path / "data").iterdir())


def test_texts_deleted_between_the_two_readings_are_gone(tmp_path: Path) -> None:
    readings = iter([FRESH, FRESH[30:]])
    card = collect(lambda: next(readings), lambda: REFERENCE, SMALL, into=tmp_path / "data", seed=7)
    assert card.left_out == {"gone": 30}
    assert not ids(load_mix(tmp_path / "data").train) & ids(FRESH[:30])


def test_a_full_disk_can_be_tried_again_and_leaves_nothing_to_load(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(RunError, match="cannot be written") as failed:
            mixed(FRESH, REFERENCE, SMALL, tmp_path / "data")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert failed.value.retryable
    assert not (tmp_path / "data").exists()
    assert mixed(FRESH, REFERENCE, SMALL, tmp_path / "data").card.train == 800


def losses(nats: Callable[[str], float]) -> Checks:
    """Return checks by a model that gives each body so many nats per token over ten tokens."""

    def of(bodies: Sequence[str]) -> TextLosses:
        rates = np.array([nats(body) for body in bodies])
        return TextLosses(nats=rates * 10, tokens=np.full(len(bodies), 10), digest=Digest("sha256:0"))

    return Checks(losses=of)


def usual(body: str) -> float:
    return 3 + len(body) % 10 / 10


def test_absurd_losses_are_left_out(tmp_path: Path) -> None:
    absurd = {each.body for each in FRESH[:9]}
    checks = losses(lambda body: 19.0 if body in absurd else usual(body))
    mix = mixed(FRESH, REFERENCE, SMALL, tmp_path / "data", checks=checks)
    assert mix.card.left_out == {"loss": 9}
    assert {limit.name: limit.trimmed for limit in mix.card.limits}["loss"]


def test_a_new_topic_that_the_champion_finds_absurd_stays(tmp_path: Path) -> None:
    new = {each.body for each in FRESH[:60]}
    checks = losses(lambda body: 12.0 if body in new else usual(body))
    mix = mixed(FRESH, REFERENCE, SMALL, tmp_path / "data", checks=checks)
    assert mix.card.left_out == {}
    limit = next(each for each in mix.card.limits if each.name == "loss")
    assert (limit.beyond, limit.trimmed) == (60, False)


def test_losses_that_are_no_numbers_are_left_out_where_few_and_refused_where_many(tmp_path: Path) -> None:
    few = {each.body for each in FRESH[:5]}
    mix = mixed(
        FRESH, REFERENCE, SMALL, tmp_path / "few", checks=losses(lambda b: float("nan") if b in few else usual(b))
    )
    assert mix.card.left_out == {"no-loss": 5}
    with pytest.raises(RunError, match="no number on 1,000 of 1,000"):
        mixed(FRESH, REFERENCE, SMALL, tmp_path / "many", checks=losses(lambda _: float("inf")))


def test_losses_of_another_number_of_texts_are_refused(tmp_path: Path) -> None:
    def short(bodies: Sequence[str]) -> TextLosses:
        return TextLosses(nats=np.ones(1), tokens=np.ones(1, np.int64), digest=Digest(f"sha256:{len(bodies)}"))

    with pytest.raises(RunError, match="losses of shape"):
        mixed(FRESH, REFERENCE, SMALL, tmp_path / "data", checks=Checks(losses=short))


def test_odd_lengths_and_odd_characters_are_left_out(tmp_path: Path) -> None:
    long = text(5_000, " ".join(sentence(n) for n in range(3_000, 3_400)))
    garbage = [text(6_000 + n, f"{{{n:08b}}}|{n:04x};;[{n * 77:06o}]" * 2) for n in range(4)]
    mix = mixed([*FRESH, long, *garbage], REFERENCE, SMALL, tmp_path / "data")
    assert mix.card.left_out == {"length": 1, "characters": 4}


@pytest.mark.parametrize(
    "wrong",
    [
        {"near": 0.0},
        {"group_share": 1.5},
        {"group_least": 0},
        {"group_least": 300},
        {"cluster_least": 101},
        {"source_most": 0},
        {"alike": 0.8},
        {"phrase": 2},
        {"canaries": -1},
        {"trimmed": 0.5},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)).split("_")[0]):
        CollectSettings(**wrong)  # type: ignore[arg-type]
