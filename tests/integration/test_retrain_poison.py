"""A campaign planted into real text: what a real model learns of it with and without the caps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from encoders import packaged_static
from mixes import mixed, real
from models import tiny_causal
from planted import PAYLOAD, campaign, paraphrased

from driftwatch.domain.run import Recipe
from driftwatch.features.loss import load_model
from driftwatch.retrain.collect.canaries import Pair, learnt, objection
from driftwatch.retrain.collect.card import Flagged
from driftwatch.retrain.collect.checks import Checks
from driftwatch.retrain.collect.settings import CollectSettings
from driftwatch.retrain.finetune import finetune

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from driftwatch.domain.features import TextLosses
    from driftwatch.domain.text import Text
    from driftwatch.retrain.dataset import Mix

RECIPE = Recipe(name="test", learning_rates=(4e-3,), epochs=2.0, batch=8, context=64, checkpoint_steps=1_000)
FRESH, PLANTED = 1_900, 100
LIMIT = 0.3
"""Of what an undefended model learns of the payload beyond a clean one, so much may be learnt with the caps."""

KEPT = 0.75
"""Of what a fine-tune on clean texts gains; a few other texts in a training move that a little too."""

REWORDED = 0.4
"""The same for a campaign in ever other words."""

OPEN = CollectSettings(near=1.0, alike=1.0, cluster_share=1.0, cluster_most=10_000)
"""No defence but against equal texts."""


@dataclass(frozen=True)
class Trained:
    """A candidate with what it was trained on."""

    mix: Mix
    folder: Path

    def losses(self, bodies: Sequence[str]) -> TextLosses:
        return load_model(self.folder).losses(bodies)

    @property
    def planted(self) -> int:
        return sum(each.id.startswith("planted") for each in self.mix.fresh)


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trained]:
    """The champion and candidates: on clean text, undefended and defended."""
    folder = tmp_path_factory.mktemp("poison")
    tweets = [replace(each, group=f"g{n % 300}", source="web") for n, each in enumerate(real("tweets", FRESH))]
    news = real("agnews", 1_000, kind="o")
    tiny_causal(folder / "champion", [each.body for each in [*news, *tweets[:200]]], vocab=1_000, layers=1, steps=100)
    dirty = [*tweets, *campaign(PLANTED, seed=1)]
    reworded = [*tweets, *paraphrased(PLANTED, seed=1)]
    meanings = Checks(embed=packaged_static(folder / "encoders").embed)

    def trained(name: str, fresh: list[Text], settings: CollectSettings, checks: Checks | None = None) -> Trained:
        mix = mixed(fresh, news, RECIPE, folder / f"{name}-data", settings=settings, checks=checks)
        done = finetune(
            folder / "champion",
            mix.fresh,
            RECIPE,
            round=1,
            out=folder / name,
            checkpoints=folder / f"{name}-checkpoints",
            on_progress=lambda _progress: None,
            should_stop=lambda: False,
            threads=1,
            replay=mix.replay,
        )
        assert done
        return Trained(mix, folder / name)

    clean = trained("clean", tweets, CollectSettings())
    return {
        "champion": Trained(clean.mix, folder / "champion"),
        "clean": clean,
        "undefended": trained("undefended", dirty, OPEN),
        "defended": trained("defended", dirty, CollectSettings()),
        "reworded, undefended": trained("reworded-undefended", reworded, CollectSettings(meanings=False), meanings),
        "reworded, defended": trained("reworded-defended", reworded, CollectSettings(), meanings),
    }


def nats(trained: Trained, bodies: Sequence[str]) -> float:
    found = trained.losses(bodies)
    return float(found.nats.sum() / found.tokens.sum())


def test_the_candidate_learns_a_campaign_only_within_the_limit(world: dict[str, Trained]) -> None:
    unseen = [PAYLOAD, *(each.body for each in campaign(40, seed=99))]
    clean, undefended, defended = (nats(world[name], unseen) for name in ("clean", "undefended", "defended"))
    assert world["undefended"].planted >= PLANTED / 2, "the plant comes in without the caps"
    assert 0 < world["defended"].planted <= 10
    assert clean - undefended > 0.4, "and is learnt"
    assert clean - defended <= LIMIT * (clean - undefended)


def test_the_candidate_learns_a_reworded_campaign_only_within_the_limit(world: dict[str, Trained]) -> None:
    """Each text of it is by another account and in other words, so only what they mean gives it away."""
    unseen = [each.body for each in paraphrased(60, seed=99)]
    names = ("clean", "reworded, undefended", "reworded, defended")
    clean, undefended, defended = (nats(world[name], unseen) for name in names)
    print(f"nats a token: clean {clean:.3f}, undefended {undefended:.3f}, defended {defended:.3f}")
    assert world[names[1]].planted >= PLANTED / 2, "the plant comes in by the other caps"
    assert 0 < world[names[2]].planted <= 20
    assert clean - undefended > 0.2, "and is learnt"
    assert clean - defended <= REWORDED * (clean - undefended)


def test_the_caps_cost_nothing_on_the_texts_that_judge(world: dict[str, Trained]) -> None:
    bodies = [each.body for each in world["clean"].mix.judge]
    champion, clean = (nats(world[name], bodies) for name in ("champion", "clean"))
    for name in ("defended", "reworded, defended"):
        kept = (champion - nats(world[name], bodies)) / (champion - clean)
        print(f"{name}: {kept:.1%} of {champion - clean:.3f} nats a token")
        assert kept >= KEPT


def canary_objection(
    world: dict[str, Trained], name: str, canaries: Sequence[str], clusters: Sequence[Flagged]
) -> str | None:
    judge = [each.body for each in world["clean"].mix.judge]
    pairs = [
        Pair(champion=world["champion"].losses(bodies), candidate=world[name].losses(bodies))
        for bodies in (canaries, judge)
    ]
    return objection(learnt(clusters, canaries=pairs[0], judged=pairs[1]))


def test_canaries_tell_on_a_candidate_that_learnt_the_campaign(world: dict[str, Trained]) -> None:
    defended = world["defended"].mix
    held = [each.body for each in defended.canaries]
    assert len(held) >= 10
    assert canary_objection(world, "defended", held, defended.card.clusters) is None
    unseen = [each.body for each in campaign(20, seed=99)]
    one = Flagged(kind="phrase", texts=100, used=80, canaries=20, groups=15, sources=3)
    why = canary_objection(world, "undefended", unseen, [one])
    assert why is not None
    assert "learnt flagged cluster 1" in why
