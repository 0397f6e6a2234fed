"""Why a decision was taken, and why a rule does nothing: from what the store keeps of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from driftwatch.domain.errors import DataError, NotFoundError
from driftwatch.domain.explanation import Explanation, Part, Span
from driftwatch.policy.basis import read_facts, read_policy
from driftwatch.policy.decide import decide
from driftwatch.policy.expressions import compile_expression
from driftwatch.policy.mistakes import nearest
from driftwatch.policy.ruleset import Hold
from driftwatch.policy.tree import tree
from driftwatch.policy.variables import LONGEST_PERIOD, observe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from driftwatch.domain.decision import Decision, Reason
    from driftwatch.policy.ruleset import Policy, Rule
    from driftwatch.policy.variables import Facts
    from driftwatch.store import Past, Store, StoredDecision

_CONDITION = ("when", "window", "for")
_NOT_KEPT = (
    "an earlier version took this decision and did not keep what else it saw: the condition's parts are those told then"
)
_NO_RULES = "it has no rules: write a policy file (docs/policies.md), then driftwatch reload"
_BY_HAND = "a person asked for it by hand, whatever the rule's condition said"
_OTHERWISE = "this version of driftwatch would decide otherwise on the same: the reasons are those told then"
_OTHER_RULES = "the rules were edited after the newest window: this is what they would have decided on it"


def explain_decision(store: Store, number: int) -> Explanation:
    """Return what a decision rested on.

    Raises:
        NotFoundError: there is none of this number.
        PolicyError: its rules are no longer taken by this version.
    """
    return _explained(store, store.decisions.get(number))


def explain_window(store: Store, stream: str, window: int, rule: str) -> Explanation:
    """Return what a rule's decision on a window rested on.

    Raises:
        NotFoundError: the rule decided nothing there.
        PolicyError: its rules are no longer taken by this version.
    """
    return _explained(store, store.decisions.of(stream, window, rule))


def why_not(store: Store, policy: Policy, rule: str, *, stream: str, now: datetime) -> Explanation:
    """Return what a rule in force says of the stream's newest window, and what would keep it back were it true.

    Args:
        store: where windows are.
        policy: the rules in force.
        rule: which.
        stream: whose newest window.
        now: the moment of what would keep it back: by then runs may have ended, and pauses begun.

    Raises:
        NotFoundError: the stream has no such rule.
        DataError: the stream has no window yet, or what its newest rested on was not kept.
    """
    asked = policy.rule(stream, rule)
    if asked is None:
        raise unknown_rule(policy, rule, stream)
    past = _newest(store, stream)
    facts = _facts(store, past)
    if facts is None:
        raise DataError(
            f"what the newest window of stream {stream} was decided by was not kept",
            cure="an earlier version decided on it: ask again after the next window",
        )
    decision = _again(policy, asked, past, facts)
    stored = next(
        (each for each in store.decisions.between(stream, first=past.result.index, last=past.result.index)
         if each.decision.rule == rule), None,
    )  # fmt: skip
    same = stored is not None and stored.decision.reasons == decision.reasons
    return _explanation(
        store,
        decision,
        number=stored.id if stored is not None and same else None,
        condition=_tree(asked, past, facts),
        otherwise=_were_it_true(store, policy, asked, past, facts, now),
        note="" if same else _OTHER_RULES,
    )


def unknown_rule(policy: Policy, rule: str, stream: str) -> NotFoundError:
    """Return that a stream has no rule of a name, with the one that was meant."""
    names = [each.name for each in policy.of(stream)]
    near = nearest(rule, names)
    cure = f"did you mean {near}?" if near else f"its rules: {', '.join(names)}" if names else _NO_RULES
    return NotFoundError(f"stream {stream} has no rule {rule}", cure=cure)


def _explained(store: Store, stored: StoredDecision) -> Explanation:
    decision = stored.decision
    if decision.by is not None:
        return _explanation(store, decision, number=stored.id, note=_BY_HAND)
    past = store.history.window(decision.stream, decision.window)
    text = store.history.policy(decision.policy)
    facts = _facts(store, past) if past is not None else None
    if past is None or facts is None or text is None:
        return _explanation(store, decision, number=stored.id, note=_NOT_KEPT)
    policy = read_policy(text)
    rule = policy.rule(decision.stream, decision.rule)
    if rule is None or _again(policy, rule, past, facts).reasons != decision.reasons:
        return _explanation(store, decision, number=stored.id, note=_OTHERWISE)
    return _explanation(store, decision, number=stored.id, condition=_tree(rule, past, facts))


def _explanation(
    store: Store,
    decision: Decision,
    *,
    number: int | None,
    condition: Part | None = None,
    otherwise: tuple[Reason, ...] = (),
    note: str = "",
) -> Explanation:
    return Explanation(
        stream=decision.stream,
        window=decision.window,
        rule=decision.rule,
        at=decision.at,
        action=decision.action,
        policy=decision.policy,
        decision=number,
        reasons=decision.reasons,
        condition=condition,
        missing=_missing(store, decision),
        otherwise=otherwise,
        note=note,
    )


def _newest(store: Store, stream: str) -> Past:
    newest = store.windows.recent(stream, limit=1)
    past = store.history.window(stream, newest[0].index) if newest else None
    if past is None:
        raise DataError(f"stream {stream} has no window yet", cure="driftwatch status shows what it waits for")
    return past


def _facts(store: Store, past: Past) -> Facts | None:
    if past.facts is None or past.memory is None:
        return None
    stream, window = past.result.stream, past.result

    def fresh_texts(since: int) -> int:
        return sum(each.texts for each in store.windows.between(stream, first=since, last=window.index))

    return read_facts(past.facts, fresh_texts)


def _again(policy: Policy, rule: Rule, past: Past, facts: Facts) -> Decision:
    """Take a rule's decision on a window once more."""
    stream = past.result.stream
    decided = decide(policy, stream=stream, result=past.result, facts=facts, states=past.memory or {}, now=past.at)
    return next(each for each in decided.decisions if each.rule == rule.name)


def _tree(rule: Rule, past: Past, facts: Facts) -> Part:
    values = observe(past.result, facts, now=past.at)
    return tree(rule.when.text, values, nats=past.result.loss_unit)


def _were_it_true(
    store: Store, policy: Policy, rule: Rule, past: Past, facts: Facts, now: datetime
) -> tuple[Reason, ...]:
    """Return what else would keep the rule back if its condition were true now, and had lasted."""
    stream = past.result.stream
    true = replace(rule, when=compile_expression("true"), hold=Hold())
    rules = tuple(true if each.name == rule.name else each for each in policy.of(stream))
    supposed = replace(policy, rules={stream: rules})
    present = replace(
        facts,
        runs=store.runs.facts(stream, since=now - LONGEST_PERIOD),
        elsewhere=store.runs.elsewhere(stream),
        paused=store.pauses.in_force(now, stream=stream),
    )
    memory = store.decisions.rule_states(stream)
    found = _again(supposed, true, replace(past, at=now, memory=memory), present)
    return tuple(reason for reason in found.reasons if not reason.met and reason.subject not in _CONDITION)


def _missing(store: Store, decision: Decision) -> dict[str, Span]:
    """Return since when each reason that is not met has been so, in windows without a break."""
    wanted = [reason.subject for reason in decision.reasons if not reason.met]
    if not wanted or decision.by is not None:
        return {}
    spans = {subject: Span(window=decision.window, since=decision.at) for subject in wanted}
    open_ = set(wanted)
    for before in _earlier(store, decision):
        said = {reason.subject: reason.met for reason in before.reasons}
        for subject in sorted(open_):
            met = said.get(subject)
            if met is False or (subject == "when" and met is None):
                spans[subject] = replace(spans[subject], window=before.window, since=before.at)
            else:
                last = (before.window, before.at) if met else (None, None)
                spans[subject] = replace(spans[subject], last=last[0], last_at=last[1])
                open_.discard(subject)
        if not open_:
            break
    return spans


def _earlier(store: Store, decision: Decision) -> Iterable[Decision]:
    found = store.decisions.back_from(decision.stream, decision.rule, decision.window - 1)
    return (each.decision for each in found)


def streams_with(policy: Policy, rule: str, streams: Sequence[str]) -> list[str]:
    """Return the streams that have a rule of a name."""
    return [stream for stream in streams if policy.rule(stream, rule) is not None]
