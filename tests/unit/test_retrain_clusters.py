"""Coordinated texts are bounded, new topics are not; the card shows what was flagged."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from mixes import mixed, real
from planted import PAYLOAD, campaign

from driftwatch.domain.errors import RunError
from driftwatch.domain.features import Digest, TextLosses
from driftwatch.domain.run import Recipe
from driftwatch.retrain.collect.canaries import FEWEST, Pair, learnt, objection
from driftwatch.retrain.collect.card import DataCard, Flagged, Share
from driftwatch.retrain.collect.clusters import MEASURED
from driftwatch.retrain.collect.page import card_section
from driftwatch.retrain.collect.phrases import PhraseCounts, PhraseSearch, phrase_in
from driftwatch.retrain.collect.settings import CollectSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from driftwatch.domain.text import Text

RECIPE = Recipe(name="test")


def planted(texts: Sequence[Text]) -> int:
    return sum(each.id.startswith("planted") for each in texts)


def test_a_campaign_of_five_percent_is_bounded_and_flagged(tmp_path: Path) -> None:
    fresh = [replace(each, group=f"g{n % 400}", source="web") for n, each in enumerate(real("tweets", 3_800))]
    mix = mixed([*fresh, *campaign(200, seed=1)], real("agnews", 2_000, kind="o"), RECIPE, tmp_path / "data")
    assert mix.card.caps is not None
    assert 0 < planted(mix.fresh) <= mix.card.caps.cluster == 10
    assert planted(mix.select) == planted(mix.judge) == 0
    assert planted(mix.canaries) == len(mix.canaries) == mix.card.canaries >= 20
    flagged = next(each for each in mix.card.clusters if each.kind == "phrase")
    assert PAYLOAD in flagged.phrase
    assert (flagged.sources, flagged.groups > 5, flagged.used) == (3, True, mix.card.caps.cluster)
    natural = sum(
        each.texts - each.used for each in mix.card.clusters if PAYLOAD not in each.phrase + str(each.exemplars)
    )
    assert natural == 0, "no tweet of anybody else is lost"


@pytest.mark.parametrize("texts", [11, 12])
def test_a_cluster_just_above_its_cap_gives_up_texts_until_it_can_be_measured(texts: int, tmp_path: Path) -> None:
    tweets = real("tweets", 1_200)
    carried = [replace(each, id=f"planted{n}", body=f"{each.body} {PAYLOAD}") for n, each in enumerate(tweets[:texts])]
    mix = mixed([*carried, *tweets[texts:]], real("agnews", 2_000, kind="o"), RECIPE, tmp_path / "data")
    assert planted(mix.canaries) == FEWEST
    assert planted(mix.fresh) == texts - FEWEST
    none = CollectSettings(canaries=0)
    unmeasured = mixed(
        [*carried, *tweets[texts:]], real("agnews", 2_000, kind="o"), RECIPE, tmp_path / "none", settings=none
    )
    assert (planted(unmeasured.canaries), planted(unmeasured.fresh)) == (0, 10), "as the operator asked"


def test_no_cluster_is_trained_on_that_is_not_measured(tmp_path: Path) -> None:
    tweets = real("tweets", 2_000)
    words = [f"{name} sells the very best {name}" for name in (f"zorp{n}q" for n in range(MEASURED + 3))]
    carried = [
        replace(each, id=f"planted{n}", body=f"{each.body} {words[n % len(words)]}")
        for n, each in enumerate(tweets[: 14 * len(words)])
    ]
    fresh = [*carried, *tweets[len(carried) :]]
    mix = mixed(fresh, real("agnews", 2_000, kind="o"), RECIPE, tmp_path / "data")
    given = Counter(word for each in mix.fresh for word in words if word in each.body)
    assert len(given) == MEASURED == len(mix.card.clusters)
    assert set(given.values()) == {10}
    assert min(each.canaries for each in mix.card.clusters) >= FEWEST


def test_no_new_phrase_is_in_more_texts_than_a_cluster_may_give(tmp_path: Path) -> None:
    """Whatever the payload is wrapped in: here every text of it is of its own group and mostly real text."""
    tweets = real("tweets", 4_000)
    fresh = [
        replace(each, body=f"{each.body} {PAYLOAD} {tweets[-n - 1].body}") if n < 200 else each
        for n, each in enumerate(tweets[:3_900])
    ]
    mix = mixed(fresh, real("agnews", 2_000, kind="o"), RECIPE, tmp_path / "data")
    assert mix.card.caps is not None
    carrying = Counter(PAYLOAD in each.body for part in (mix.fresh, mix.select, mix.judge) for each in part)[True]
    assert carrying == mix.card.caps.cluster == 10


def test_a_phrase_that_the_reference_has_is_no_campaign(tmp_path: Path) -> None:
    signed = [replace(each, body=f"{each.body} {PAYLOAD}") for each in real("agnews", 1_000)]
    old = [replace(each, body=f"{each.body} {PAYLOAD}") for each in real("agnews", 1_000, kind="o", skip=4_000)]
    mix = mixed(signed, old, RECIPE, tmp_path / "data")
    assert "cluster-cap" not in mix.card.left_out
    assert mix.card.clusters == ()


@pytest.mark.parametrize(
    ("new", "old"), [("agnews", "tweets"), ("tweets", "agnews"), ("pydocs-en", "agnews"), ("clinc150", "tweets")]
)
def test_a_new_topic_is_not_thrown_away(tmp_path: Path, new: str, old: str) -> None:
    """Everything is drift here; at most three texts in a hundred fall but for real near duplicates."""
    mix = mixed(real(new, 6_000), real(old, 3_000, kind="o"), RECIPE, tmp_path / "data")
    lost = sum(n for why, n in mix.card.left_out.items() if why not in {"duplicate", "near-duplicate", "reserved"})
    assert lost <= 0.03 * mix.card.fresh


def test_a_new_topic_among_the_old_is_not_thrown_away(tmp_path: Path) -> None:
    """One text in ten is of another kind: program documentation among tweets."""
    fresh = [*real("tweets", 3_600), *real("pydocs-en", 400, kind="n")]
    mix = mixed(fresh, real("tweets", 3_000, kind="o", skip=10_000), RECIPE, tmp_path / "data")
    kept = sum(each.id.startswith("n") for part in (mix.fresh, mix.select, mix.judge) for each in part)
    assert kept >= 390


def test_nothing_but_a_campaign_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"cluster-cap.*texts are of one cluster.*cluster_share"):
        mixed(campaign(900, seed=1), real("agnews", 2_000, kind="o"), RECIPE, tmp_path / "data")


def test_a_phrase_is_told_without_gaps() -> None:
    counts = PhraseCounts()
    bodies = [f"{each.body} {PAYLOAD} here" for each in campaign(3, seed=2, payload="x")]
    counts.add(bodies, length=5)
    search = PhraseSearch(counts, PhraseCounts(), length=5, cap=2)
    search.read(np.arange(3), bodies)
    wanted = set(search.hits().phrases.tolist())
    assert phrase_in(bodies[0], wanted, length=5).endswith(f"{PAYLOAD} here")
    assert phrase_in("nothing of it in here at all", wanted, length=5) == ""


def pair(before: Sequence[float], after: Sequence[float]) -> Pair:
    tokens = np.full(len(before), 10)
    first, second = (
        TextLosses(nats=np.array(nats, np.float64) * 10, tokens=tokens, digest=Digest(name))
        for nats, name in ((before, "champion"), (after, "candidate"))
    )
    return Pair(champion=first, candidate=second)


def flagged(canaries: int) -> Flagged:
    return Flagged(kind="phrase", texts=90, used=10, canaries=canaries, groups=9, sources=1)


def test_a_cluster_that_was_learnt_is_objected_to_and_one_that_was_not_passes() -> None:
    judged = pair([5.0, 6.0, 7.0, 5.5], [4.5, 5.4, 6.6, 5.0])
    canaries = pair([7.0, 7.1, 6.9, 7.0] * 2, [6.4, 6.5, 6.4, 6.4, 4.0, 4.1, 4.2, 4.0])
    found = learnt([flagged(4), flagged(4)], canaries=canaries, judged=judged)
    assert [each.too_much for each in found] == [False, True]
    why = objection(found)
    assert why is not None
    assert "flagged cluster 2" in why
    assert objection(found[:1]) is None


def test_too_few_canaries_say_nothing() -> None:
    found = learnt([flagged(2), flagged(0)], canaries=pair([7, 7], [1, 1]), judged=pair([5, 5, 5], [4, 4, 4]))
    assert found == ()


def test_losses_that_do_not_fit_the_card_are_refused() -> None:
    with pytest.raises(RunError, match="do not fit the data card"):
        learnt([flagged(5)], canaries=pair([7, 7], [1, 1]), judged=pair([5], [4]))
    with pytest.raises(RunError, match="no number"):
        learnt([flagged(3)], canaries=pair([7, 7, 7], [1, 1, float("nan")]), judged=pair([5], [4]))


def test_the_card_is_told_as_html_and_nothing_of_it_is_believed(tmp_path: Path) -> None:
    fresh = [*real("tweets", 2_000), *campaign(120, seed=3, payload=f"{PAYLOAD} <script>alert(1)</script>")]
    mix = mixed(fresh, real("agnews", 1_000, kind="o"), RECIPE, tmp_path / "data")
    page = card_section(mix.card)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert PAYLOAD in page
    assert f"{mix.card.used:,} of 2,120 fresh texts" in page
    assert "beyond what one cluster may give" in page
    shown = {body for cluster in mix.card.clusters for body in cluster.exemplars}
    assert all(len(body) <= 160 for body in shown)
    for each in (*mix.fresh, *mix.judge):
        assert each.body not in page
    opened = re.findall(r"<(section|table|tr|td|ul|li|p|h2|h3|bdi|span)\b", page)
    assert Counter(opened) == Counter(re.findall(r"</(\w+)>", page)) - Counter(
        {"th": 10**6, "thead": 9**6, "tbody": 9**6, "b": 9}
    )


def test_an_empty_card_and_hostile_names_are_told_too() -> None:
    card = DataCard(
        seed=1, fresh=0, left_out={"<b>": 1}, train=0, select=0, judge=0, groups=0, group_cap=0, reference=0, replay=0,
        replay_wanted=0, remembered=0, sources=(Share(name="<i>\ud800", came=0, used=0),), notes=("<u>",),
    )  # fmt: skip
    page = card_section(card)
    assert "<i>" not in page
    assert "<u>" not in page
    page.encode()
