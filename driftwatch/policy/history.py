"""How often the conditions of a policy held in windows that were recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.domain.drift import Outcome
from driftwatch.policy.advice import Advice, Finding
from driftwatch.policy.variables import Facts, observe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from driftwatch.domain.drift import WindowResult
    from driftwatch.policy.ruleset import Policy, Rule

LEAST = 50
"""Judged windows below which nothing is said of always and never."""

_OF_THE_MOMENT = ("champion.", "reference.", "runs.")
"""Variables that recorded windows do not hold: they are the moment's of a decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """How often a rule's condition held.

    Args:
        stream: whose windows.
        rule: whose condition.
        windows: that had enough data.
        held: of which it was true.
        unjudged: of which it was neither true nor false.
        told: whether windows hold all that the condition looks at; else nothing was counted.
    """

    stream: str
    rule: str
    windows: int
    held: int
    unjudged: int
    told: bool = True

    def __str__(self) -> str:
        """Return it in words."""
        if not self.told:
            return f"{self.stream}/{self.rule}: it looks at what windows do not record (champion., reference., runs.)"
        share = f" ({self.held / self.windows:.1%})" if self.windows else ""
        unjudged = f", {self.unjudged:,} could not be judged" if self.unjudged else ""
        return f"{self.stream}/{self.rule}: true of {self.held:,} of the last {self.windows:,} windows{share}{unjudged}"


def recorded(policy: Policy, windows: Mapping[str, Sequence[WindowResult]]) -> tuple[Record, ...]:
    """Return how often each rule's condition held, its ``for`` and limits apart.

    Args:
        policy: whose rules.
        windows: of each stream.
    """
    found = []
    for stream, results in windows.items():
        facts = Facts(fresh_texts=lambda _since: 0)
        enough = [result for result in results if result.outcome is not Outcome.TOO_LITTLE_DATA]
        values = [observe(result, facts, now=result.last_seen_at) for result in enough]
        for rule in policy.of(stream):
            told = not any(name.startswith(_OF_THE_MOMENT) for name in rule.when.variables)
            judged = [rule.when.evaluate(each).value for each in values] if told else []
            found.append(
                Record(
                    stream=stream,
                    rule=rule.name,
                    windows=len(judged),
                    held=judged.count(True),
                    unjudged=judged.count(None),
                    told=told,
                )
            )
    return tuple(found)


def advise_by(records: Sequence[Record], policy: Policy) -> Iterator[Advice]:
    """Find rules that were true of every recorded window, or could judge none.

    That a condition was true of no window is no fault of it: most rules wait for what seldom comes.
    """
    for record in records:
        rule = policy.rule(record.stream, record.rule)
        judged = record.windows - record.unjudged
        if rule is None or record.windows < LEAST:
            continue
        if judged == 0:
            yield _advice(Finding.UNMEASURED, record, rule, policy, _unmeasured(rule), "see which windows measure it")
        elif record.held == judged and judged >= LEAST:
            what = f"its condition was true of all of the last {judged:,} windows that it could judge"
            yield _advice(Finding.ALWAYS, record, rule, policy, what, "tighten it, unless the stream is new to it")


def _unmeasured(rule: Rule) -> str:
    return f"none of the last windows could be judged: {', '.join(rule.when.variables)} were not measured together"


def _advice(finding: Finding, record: Record, rule: Rule, policy: Policy, what: str, cure: str) -> Advice:
    where = policy.places.get((record.stream, rule.name), record.stream)
    return Advice(finding=finding, rule=rule.name, streams=(record.stream,), where=where, what=what, cure=cure)
