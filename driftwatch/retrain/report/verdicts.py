"""The gates' words on a run's page: every measure drawn against its limit, slices apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.run import COST, DATA, PROBE, VerdictOutcome
from driftwatch.paper.frame import safe, section, table
from driftwatch.retrain.report.charts import interval

if TYPE_CHECKING:
    from collections.abc import Iterable

    from driftwatch.domain.run import GateMeasure, Run, Verdict

SLICE = "slice."
"""How the name of a slice's measure begins."""

_TONES = {VerdictOutcome.PASSED: "good", VerdictOutcome.REFUSED: "bad", VerdictOutcome.NOT_SHOWN: "warn"}
_LEAST = frozenset({"gain"})
"""Measures whose limit is the least that is wanted."""

_HEADS = ("Measure", "#Estimate, interval", "#Limit", "Against it", "#Of")
_ORDER = ("quality", "forgetting", "bias")
_NOTE = (
    "The dot is the estimate, the line its 95% interval (canaries: 90%; probation: 95% over all its looks together), "
    "the dashed line the limit. "
    "What a round is refused for is measured on the texts for choosing; the final word is said on texts kept for it."
)
_SLICES_NOTE = (
    "The rise of the loss on parts of the texts. A slice that is beyond the limit for sure refuses the candidate, "
    "with Holm's correction over the slices."
)


def judgement(run: Run) -> str:
    """Return the section of a run's verdicts, the last round first; nothing before any."""
    spoken = [verdict for verdict in run.verdicts if verdict.gate not in (DATA, PROBE, COST)]
    rounds = sorted({verdict.round for verdict in spoken}, reverse=True)
    body = "".join(_round(number, [v for v in spoken if v.round == number], many=len(rounds) > 1) for number in rounds)
    return section("Judgement", body, note=_NOTE)


def _round(number: int, verdicts: Iterable[Verdict], *, many: bool) -> str:
    head = f"<h3>Round {number}</h3>" if many else ""
    ordered = sorted(verdicts, key=lambda each: (_place(each.gate), each.gate))
    return head + "".join(_verdict(verdict) for verdict in ordered)


def _place(gate: str) -> int:
    return _ORDER.index(gate) if gate in _ORDER else len(_ORDER)


def _verdict(verdict: Verdict) -> str:
    whole = [measure for measure in verdict.measures if not measure.name.startswith(SLICE)]
    slices = [measure for measure in verdict.measures if measure.name.startswith(SLICE)]
    tag = f'<span class="tag {_TONES[verdict.outcome]}">{verdict.outcome.value}</span>'
    return (
        f'<div class="verdict"><h3>{safe(verdict.gate.capitalize())} {tag}</h3>'
        f"<p>{safe(full_sentence(verdict.detail))}</p>"
        f"{table(_HEADS, map(_row, whole), kind='stack')}{_slices(slices)}</div>"
    )


def _slices(measures: list[GateMeasure]) -> str:
    if not measures:
        return ""
    worst = sorted(measures, key=lambda each: -each.low)
    number = f"{len(measures)} slices" if len(measures) > 1 else "1 slice"
    return (
        f'<details class="more"><summary>{number}, the worst first</summary>'
        f'<p class="note">{_SLICES_NOTE}</p>{table(_HEADS, map(_row, worst), kind="stack")}</details>'
    )


def _row(measure: GateMeasure) -> tuple[str, ...]:
    return (
        f"<bdi>{safe(measure.name.removeprefix(SLICE))}</bdi>",
        f"{measure.value:+.4f}<small>{measure.low:+.4f} to {measure.high:+.4f}</small>",
        f"{measure.limit:g} {safe(measure.unit)}",
        interval(measure.value, measure.low, measure.high, limit=measure.limit, least=measure.name in _LEAST),
        f"{measure.n:,}",
    )


def full_sentence(words: str) -> str:
    """Return words that begin large and end with a full stop."""
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?")) or not words else ".")
