"""A run that a person asks for: by a rule's settings and limits, whatever its condition says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.domain.decision import Action, Decision, Reason, RuleState
from driftwatch.policy import limits, reasons
from driftwatch.policy.decide import RetrainRequest, request_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from driftwatch.domain.drift import WindowResult
    from driftwatch.policy.ruleset import Policy, Rule
    from driftwatch.policy.variables import Facts

_NEVER_OVERRIDDEN = ("champion", "running")
"""Without a model there is nothing to retrain, and two runs of a stream would promote over each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What a person asks for.

    Args:
        who: the person.
        because: why.
        force: whether limits, pauses and the need of fresh texts are overridden.
    """

    who: str
    because: str
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of it.

    Args:
        decision: with everything that was looked at.
        request: the run; None where it is refused.
        state: as if the rule's streak had begun with the first of the texts.
    """

    decision: Decision
    request: RetrainRequest | None
    state: RuleState


def ask(
    policy: Policy,
    rule: Rule,
    word: Word,
    *,
    result: WindowResult,
    facts: Facts,
    state: RuleState | None,
    since_window: int,
    now: datetime,
) -> Answer:
    """Hold a person's word against what a run of the rule needs; the rule's memory stays as it is.

    Args:
        policy: the rules.
        rule: by whose settings.
        word: of the person.
        result: of the newest window, with the serving model of the moment.
        facts: what else counts.
        state: what the rule remembers.
        since_window: the window that the fresh texts begin with.
        now: the moment.
    """
    asked = RuleState(
        rule=rule.name,
        fingerprint="",
        since_window=since_window,
        since_at=state.since_at if state is not None and state.since_window == since_window else None,
        fired_at=state.fired_at if state is not None else None,
    )
    found = [Reason(subject="by hand", met=True, detail=f"{word.who}: {word.because}")]
    found += _needed(rule, result, facts, asked, now)
    refused = _refusing(found, force=word.force)
    if word.force and not refused and (overridden := [each.subject for each in found if not each.met]):
        found.append(Reason(subject="force", met=True, detail=f"overridden on the same word: {', '.join(overridden)}"))
    decision = Decision(
        stream=result.stream,
        window=result.index,
        rule=rule.name,
        action=Action.HOLD if refused else Action.RETRAIN,
        reasons=tuple(found),
        at=now,
        policy=policy.hash,
        by=word.who,
    )
    request = None if refused else request_of(rule, result, asked, facts, now)
    return Answer(decision=decision, request=request, state=asked)


def _needed(rule: Rule, result: WindowResult, facts: Facts, state: RuleState, now: datetime) -> list[Reason]:
    retraining = rule.retraining
    if retraining is None or state.since_window is None:
        return [Reason(subject="champion", met=False, detail=f'rule "{rule.name}" does not retrain')]
    return [
        reasons.champion(result),
        reasons.running(facts),
        *reasons.paused(facts, rule.name, now),
        reasons.fresh_texts(facts.fresh_texts(state.since_window), retraining.fresh_texts, state.since_window),
        *limits.of_action(rule.limits, now, state.fired_at, facts.last_run_at),
        *limits.of_run(rule.limits, facts, now, most_hours=retraining.max_hours),
    ]


def _refusing(found: Sequence[Reason], *, force: bool) -> bool:
    return any(not each.met and (not force or each.subject in _NEVER_OVERRIDDEN) for each in found)
