"""What the next round does otherwise: its recipe, by what the rounds before it were refused for."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle, islice
from typing import TYPE_CHECKING

from driftwatch.domain.run import CANARIES, VerdictOutcome
from driftwatch.retrain.fairness.mitigate import original_id
from driftwatch.retrain.recipe import learning_rate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from driftwatch.domain.run import Recipe, Verdict
    from driftwatch.domain.text import Text
    from driftwatch.retrain.collect.card import DataCard
    from driftwatch.retrain.dataset import Mix

MOST_REPLAY = 0.5
"""Share of replayed text that no rule of rounds goes beyond."""

FORGETTING = "forgetting"


def forgot(verdicts: Iterable[Verdict], *, before: int) -> int:
    """Return how many rounds before this one were refused for what they forgot."""
    rounds = {
        verdict.round
        for verdict in verdicts
        if verdict.gate == FORGETTING and verdict.outcome is not VerdictOutcome.PASSED and verdict.round < before
    }
    return len(rounds)


def learnt_before(verdicts: Iterable[Verdict], card: DataCard, *, before: int) -> frozenset[str]:
    """Return the ids of the trained texts of flagged clusters that rounds before this one learnt beyond the limit.

    Args:
        verdicts: of the run.
        card: of its data.
        before: the round to come.
    """
    learnt = {
        measure.name
        for verdict in verdicts
        if verdict.gate == CANARIES and verdict.round < before
        for measure in verdict.measures
        if measure.low > measure.limit
    }
    clusters = {cluster_name(place): cluster for place, cluster in enumerate(card.clusters)}
    return frozenset(text for name in learnt for text in clusters[name].trained)


def cluster_name(place: int) -> str:
    """Return what a flagged cluster is called by its place on the card, from 0."""
    return f"cluster {place + 1}"


def setting(recipe: Recipe, *, round: int, forgot: int) -> Recipe:  # noqa: A002 - the word of the house
    """Return the recipe of a round.

    The learning rate is the recipe's for that round. Each earlier round that forgot too much doubles the share of
    replayed text, up to a half, and, once the recipe has no further learning rate, halves the last one.

    Args:
        recipe: of the run.
        round: from 1.
        forgot: earlier rounds that were refused for what they forgot.
    """
    if not forgot:
        return recipe
    beyond = max(0, round - len(recipe.learning_rates))
    rate = learning_rate(recipe, round=round) / 2 ** min(forgot, beyond)
    rates = (*(learning_rate(recipe, round=each) for each in range(1, round)), rate)
    replay = max(recipe.replay, min(MOST_REPLAY, recipe.replay * 2**forgot))
    return replace(recipe, learning_rates=rates, replay=replay)


def new_texts(mix: Mix, *, without: Collection[str] = ()) -> Sequence[Text]:
    """Return what a round learns anew: fresh texts, and counterfactual copies of some.

    Args:
        mix: as collected.
        without: ids of fresh texts to leave out, and with them their copies.
    """
    if not without:
        return mix.taught
    left = set(without)
    return tuple(text for text in mix.taught if not {text.id, original_id(text)} & left)


def replayed_texts(mix: Mix, *, replay: float, usual: float) -> Sequence[Text]:
    """Return what a round replays: the mix's replayed texts, repeated until they make up the share wanted.

    Args:
        mix: as collected, with the recipe's usual share of replayed text.
        replay: share wanted, 0 to below 1.
        usual: the recipe's.
    """
    if replay <= usual or not mix.replay:
        return mix.replay
    wanted = round(len(mix.fresh) * replay / (1 - replay))
    return tuple(islice(cycle(mix.replay), max(wanted, len(mix.replay))))
