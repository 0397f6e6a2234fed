"""Which texts a candidate is looked at with, which it is judged by, and the gates' words on it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import structlog

from driftwatch.domain.protocols import GateData
from driftwatch.domain.run import CANARIES, GateMeasure, Progress, Verdict, VerdictOutcome
from driftwatch.gate.required import required_gates
from driftwatch.gate.verdicts import judged
from driftwatch.retrain.collect.canaries import Pair, learnt, objection
from driftwatch.retrain.rounds import cluster_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.domain.protocols import Model
    from driftwatch.domain.run import Run
    from driftwatch.domain.text import Text
    from driftwatch.gate.bias.cells import Scores
    from driftwatch.retrain.collect.canaries import Learnt
    from driftwatch.retrain.collect.card import Flagged
    from driftwatch.retrain.dataset import Mix
    from driftwatch.store import Store

log = structlog.get_logger()

_BY_TEXTS = ("quality", "forgetting")
"""Gates whose texts have a part for the final word; the bias suite is one and the same, and is looked at once."""

_BIAS = "bias"


def selection(mix: Mix) -> GateData:
    """Return the texts by which rounds, coefficients and the probe are chosen."""
    return GateData(fresh=tuple(mix.select), reference=_half(mix.remembered, final=False))


def judgement(mix: Mix) -> GateData:
    """Return the texts for the final word, which nothing was chosen by."""
    return GateData(fresh=tuple(mix.judge), reference=_half(mix.remembered, final=True))


class Panel:
    """The gates on one candidate; every word is stored as it falls.

    Args:
        store: where verdicts go.
        run: in state ``judging``.
        candidate: loaded.
        champion: loaded.
    """

    def __init__(self, store: Store, run: Run, *, candidate: Model, champion: Model) -> None:
        self._store, self._run = store, run
        self.candidate, self._champion = candidate, champion

    def look(self, data: GateData) -> list[Verdict]:
        """Ask the gates that judge by texts about those for choosing."""
        return self._ask(_BY_TEXTS, data)

    def look_at_bias(self, neutral: Scores | None) -> list[Verdict]:
        """Ask the gate that judges by a suite.

        Args:
            neutral: scores of neutral fine-tunes of the champion; None where there are none.
        """
        return self._ask([_BIAS], GateData(fresh=(), reference=()), neutral=neutral)

    def decide(self, looked: Sequence[Verdict], data: GateData) -> list[Verdict]:
        """Ask the gates that judge by texts again, on texts that nothing was chosen by; the others have spoken."""
        spoken = [verdict for verdict in looked if verdict.gate not in _BY_TEXTS]
        return [*spoken, *self._ask(_BY_TEXTS, data)]

    def look_at_canaries(self, mix: Mix, *, beside: Sequence[Text]) -> list[Verdict]:
        """Say whether the candidate learnt a flagged cluster of the fresh texts; nothing where none was flagged.

        Args:
            mix: of the run.
            beside: held-out texts of no flagged cluster, for what the candidate gains anyhow.
        """
        if not mix.canaries:
            return []
        verdict = judged(CANARIES, round=self._run.round, by=lambda: self._of_canaries(mix, beside))
        self._store.runs.add_verdict(self._run.spec.id, verdict)
        return [verdict]

    def _of_canaries(self, mix: Mix, beside: Sequence[Text]) -> Verdict:
        canaries, others = (self._paired(tuple(texts)) for texts in (mix.canaries, beside))
        found = learnt(mix.card.clusters, canaries=canaries, judged=others)
        return canary_verdict(found, mix.card.clusters, round=self._run.round)

    def _paired(self, texts: tuple[Text, ...]) -> Pair:
        return Pair(champion=self._champion.score(texts), candidate=self.candidate.score(texts))

    def _ask(self, names: Sequence[str], data: GateData, *, neutral: Scores | None = None) -> list[Verdict]:
        spec = self._run.spec
        asked = [
            gate for gate in required_gates(spec.limits, seed=spec.recipe.seed, neutral=neutral) if gate.name in names
        ]
        verdicts = []
        for number, gate in enumerate(asked):
            progress = Progress(stage=f"judging {gate.name}", done=number, total=len(asked))
            self._store.runs.progress(self._run.spec.id, progress)
            verdict = gate.judge(self.candidate, self._champion, data, round=self._run.round)
            self._store.runs.add_verdict(self._run.spec.id, verdict)
            log.info(
                "verdict", run=self._run.spec.id, gate=gate.name, outcome=verdict.outcome.value, detail=verdict.detail
            )
            verdicts.append(verdict)
        return verdicts


def canary_verdict(
    found: Sequence[Learnt],
    clusters: Sequence[Flagged],
    *,
    round: int,  # noqa: A002 - the word of the house
) -> Verdict:
    """Return what was learnt of the flagged clusters as a verdict: where one was, a person decides.

    Args:
        found: what was learnt of those with enough canaries; intervals are of 90%, so that each end is a 95% bound.
        clusters: of the data card.
        round: of the candidate.
    """
    refusal, unmeasured = objection(found), len(clusters) - len(found)
    passed = f"{len(found)} flagged clusters of the data card were looked at, and none was learnt beyond its limit"
    if unmeasured:
        passed += f"; {unmeasured} more have too few texts held out to tell"
    return Verdict(
        gate=CANARIES,
        round=round,
        outcome=VerdictOutcome.PASSED if refusal is None else VerdictOutcome.NOT_SHOWN,
        detail=refusal or passed,
        measures=tuple(
            GateMeasure(
                name=cluster_name(each.cluster),
                value=each.gain,
                low=each.low,
                high=2 * each.gain - each.low,
                limit=each.limit,
                unit=each.unit,
                n=each.texts,
            )
            for each in found
        ),
    )


def goes_too_far(verdicts: Sequence[Verdict]) -> bool:
    """Whether only gates refused that the merge did not look at: less of the fine-tune may suit them."""
    gates = {verdict.gate for verdict in verdicts if verdict.outcome is VerdictOutcome.REFUSED}
    return bool(gates) and gates.isdisjoint(_BY_TEXTS)


def unsure(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return those that neither pass nor refuse."""
    return [verdict for verdict in verdicts if verdict.outcome is VerdictOutcome.NOT_SHOWN]


def refused(verdicts: Sequence[Verdict]) -> bool:
    """Whether any gate refused."""
    return any(verdict.outcome is VerdictOutcome.REFUSED for verdict in verdicts)


def said(verdicts: Sequence[Verdict]) -> str:
    """Return the words of those that did not pass."""
    return "; ".join(f"{v.gate}: {v.detail}" for v in verdicts if v.outcome is not VerdictOutcome.PASSED)


def _half(texts: Sequence[Text], *, final: bool) -> tuple[Text, ...]:
    """Return one of two halves, by a hash of what must stay together: the group, or the text itself."""
    return tuple(text for text in texts if _is_final(text) is final)


def _is_final(text: Text) -> bool:
    unit = text.body if text.group is None else f"group {text.group}"
    return hashlib.blake2b(unit.encode("utf-8", "surrogatepass"), digest_size=1).digest()[0] % 2 == 1
