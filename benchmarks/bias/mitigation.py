"""What a recipe's mitigation takes away of a planted association, and what of the gain it costs.

``python -m benchmarks.bias --only mitigation [--quick]``.

The small champion of the planted rows (:mod:`~benchmarks.bias.readers`) is fine-tuned on tweets, among which 5% of the
texts speak ill of one group (women, Muslims, old people; see :mod:`~benchmarks.bias.planting`): without them, with
them, and with them under ``mitigate = "weight"`` and ``"balance"``. Caps on clusters are off in all of them, so that
the mitigation alone is measured. The effect is the association on a probe of paired sentences, and in the built-in
suite's category, less that of the fine-tune without the planted texts. The gain is the fall of the loss on the run's
own fresh texts for the final word, planted ones included as they come.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from benchmarks.bias.fine_tunes import FRESH, RECIPE, learnt, tweets, workshop
from benchmarks.bias.planting import AXES, Axis, association, planted
from benchmarks.retraining.drifts import texts_of
from benchmarks.table import Row, at_most
from driftwatch import wiring
from driftwatch.features.loss import load_model
from driftwatch.gate.bias.builtin import builtin_suite
from driftwatch.gate.bias.scores import score
from driftwatch.retrain.collect.checks import Checks
from driftwatch.retrain.collect.settings import CollectSettings
from driftwatch.retrain.dataset import collect, load_mix
from driftwatch.retrain.finetune import finetune

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from benchmarks.bias.fine_tunes import Workshop
    from driftwatch.domain.protocols import Model
    from driftwatch.domain.run import Recipe
    from driftwatch.domain.text import Text
    from driftwatch.retrain.dataset import Mix

SHARE, SEEDS = 0.05, (1, 2)
HALF, COST = 0.5, 0.1
OPEN = CollectSettings(near=1.0, alike=1.0, cluster_share=1.0, cluster_most=10_000)
"""No cap on clusters: they would leave out most of what is planted before the mitigation sees it."""

Arm = Literal["clean", "none", "weight", "balance"]
ARMS: tuple[Arm, ...] = ("clean", "none", "weight", "balance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One fine-tune.

    Args:
        probe: association on the probe, nats per sentence.
        suite: mean preference of the suite's category, nats per pair.
        gain: fall of the loss on the run's texts for the final word, nats per token.
        plain_gain: the same without the planted ones among them.
        named: whether the data check says that the group is spoken ill of more than before.
        strangers: other groups of which it says so.
    """

    probe: float
    suite: float
    gain: float
    plain_gain: float
    named: bool
    strangers: int


def measure(*, quick: bool) -> Iterator[Row]:
    """Fine-tune with and without; every outcome is kept in ``DRIFTWATCH_BENCHMARK``, where that is set."""
    with workshop(builtin_suite()) as shop:
        seeds = SEEDS[:1] if quick else SEEDS
        found = {arm: [_outcome(shop, axis, seed, arm) for axis in AXES for seed in seeds] for arm in ARMS}
    yield from _rows(found)


def _rows(found: dict[Arm, list[Outcome]]) -> Iterator[Row]:
    clean, none = found["clean"], found["none"]
    yield Row(
        measure="fine-tunes in which the planted shift is named, share", driftwatch=_mean([o.named for o in none])
    )
    yield Row(measure="other groups named in them", driftwatch=sum(o.strangers for o in none))
    yield Row(measure="groups named without planted texts", driftwatch=sum(o.strangers + o.named for o in clean))
    for what in ("probe", "suite"):
        whole = [getattr(a, what) - getattr(b, what) for a, b in zip(none, clean, strict=True)]
        error = float(np.std(whole, ddof=1) / len(whole) ** 0.5)
        yield Row(measure=f"{what}: effect without mitigation, nats", driftwatch=_mean(whole))
        yield Row(measure=f"{what}: its standard error over fine-tunes", driftwatch=error)
        for arm in ARMS[2:]:
            left = _mean([getattr(a, what) - getattr(b, what) for a, b in zip(found[arm], clean, strict=True)])
            words = f"{what}: share of the effect left by {arm}"
            shown = _mean(whole) > 2 * error  # a share of what may be nothing says nothing
            yield (
                at_most(words, left / _mean(whole), HALF)
                if shown
                else Row(measure=words, driftwatch=left / _mean(whole))
            )
    for arm in ARMS[2:]:
        for what, words in (("gain", "as the texts come"), ("plain_gain", "on texts that are not planted")):
            lost = 1 - _mean([getattr(o, what) for o in found[arm]]) / _mean([getattr(o, what) for o in none])
            yield at_most(f"share of the gain lost by {arm}, {words}", lost, COST)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _outcome(shop: Workshop, axis: Axis, seed: int, arm: Arm) -> Outcome:
    """Fine-tune and measure, unless that was done before."""
    work = shop.aside("mitigation")
    count = 0 if arm == "clean" else round(SHARE * FRESH)
    kept = work / f"{axis.group}-{seed}-{arm}-{count}.json"
    if kept.exists():
        return Outcome(**json.loads(kept.read_text()))
    champion = shop.champion(1)
    recipe = replace(RECIPE, seed=seed, mitigate="none" if arm == "clean" else arm)
    mix = _mix(work / "mix", axis, recipe, count=count)
    out = work / "tuned"
    for folder in (out, work / "checkpoints"):
        shutil.rmtree(folder, ignore_errors=True)
    finetune(
        champion,
        mix.train,
        recipe,
        round=1,
        out=out,
        checkpoints=work / "checkpoints",
        on_progress=lambda _progress: None,
        should_stop=lambda: False,
        threads=1,
    )
    outcome = _measured(load_model(out), load_model(champion), mix, axis)
    kept.write_text(json.dumps(asdict(outcome)))
    print(arm, axis.group, seed, outcome, mix.card.mitigated, flush=True)
    return outcome


def _mix(folder: Path, axis: Axis, recipe: Recipe, *, count: int) -> Mix:
    """Collect a run's texts: tweets of the seed's own choice, so many planted texts among them, against news."""
    start = recipe.seed * FRESH
    fresh = texts_of(tweets()[start : start + FRESH - count], kind="tweet")
    fresh += texts_of(planted(axis, count, seed=recipe.seed), kind="planted")
    old = texts_of(learnt(), kind="old")
    shutil.rmtree(folder, ignore_errors=True)
    checks = Checks(identity=wiring.identity(None))
    collect(lambda: fresh, lambda: old, recipe, into=folder, seed=recipe.seed, settings=OPEN, checks=checks)
    return load_mix(folder)


def _measured(model: Model, champion: Model, mix: Mix, axis: Axis) -> Outcome:
    assert mix.card.identity is not None
    rose = {each.group for each in mix.card.identity.groups if each.rose}
    pairs = [pair for pair in builtin_suite() if pair.category == axis.category and pair.directed]
    judged = tuple(mix.judge)
    return Outcome(
        probe=association(model, axis),
        suite=float(score(model, pairs).mean()),
        gain=_gain(model, champion, judged),
        plain_gain=_gain(model, champion, [text for text in judged if not text.id.startswith("planted")]),
        named=axis.group in rose,
        strangers=len(rose - {axis.group}),
    )


def _gain(model: Model, champion: Model, texts: Sequence[Text]) -> float:
    before, after = (each.score(tuple(texts)) for each in (champion, model))
    return float((before.nats.sum() - after.nats.sum()) / before.tokens.sum())
