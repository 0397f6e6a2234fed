"""Cases tried: the windows decided on one after the other, and held against what is expected."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from driftwatch.domain.decision import Action
from driftwatch.domain.drift import DriftState, Measure, Outcome, WindowResult
from driftwatch.policy.announcing import announce
from driftwatch.policy.cases.reading import WINDOW, window_of
from driftwatch.policy.decide import decide
from driftwatch.policy.replay import Fate, World, WorldRun
from driftwatch.policy.variables import Facts, observe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from driftwatch.domain.decision import Decision, Reason, RuleState
    from driftwatch.policy.announcing import Words
    from driftwatch.policy.cases.form import At, Case, Expected
    from driftwatch.policy.cases.reading import Cases
    from driftwatch.policy.mistakes import Mistake
    from driftwatch.policy.variables import Value

_TEXTS = 500
_NO_MEASURES = ("drift.state", "window.texts", "window.duplicate_share", WINDOW.name)
_Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One thing that came out otherwise than expected.

    Args:
        mistake: what, and where it is expected.
        reasons: of the decision that was taken.
    """

    mistake: Mistake
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What became of a case.

    Args:
        file: that holds it.
        name: of the case.
        windows: decided on.
        failures: what came out otherwise than expected, each where it is expected.
    """

    file: str
    name: str
    windows: int
    failures: tuple[Failure, ...]


@dataclass(slots=True, kw_only=True)
class _Lived:
    """A case's decisions, by window and rule, and the words of those that acted."""

    decisions: list[Mapping[str, Decision]] = field(default_factory=list)
    words: dict[tuple[int, str], Words] = field(default_factory=dict)


def try_cases(cases: Cases) -> list[Tried]:
    """Try every case of a file."""
    return [
        Tried(
            file=cases.source.name,
            name=case.name,
            windows=len(lived.decisions),
            failures=tuple(_failures(cases, index, case, lived)),
        )
        for index, case in enumerate(cases.file.tests)
        for lived in (_live(cases, case, cases.series[index]),)
    ]


def _live(cases: Cases, case: Case, series: Mapping[str, Sequence[Value | None]]) -> _Lived:
    start, interval = case.start or cases.file.start, case.interval or cases.file.interval
    world, lived = _world(case, start), _Lived()
    states: dict[str, RuleState] = {}
    texts: list[int] = []
    for index in range(max(len(values) for values in series.values())):
        now = start + index * interval
        promoted = sum(moment <= now for moment in world.champions) - 1
        seen = _window(cases.stream, index, now, interval, series, first_seq=sum(texts) + 1, promoted=promoted)
        texts.append(seen.texts)
        facts = world.facts(Facts(fresh_texts=lambda since: sum(texts[since:])), now)
        decided = decide(cases.policy, stream=cases.stream, result=seen, facts=facts, states=states, now=now)
        states.update({state.rule: state for state in decided.states})
        values = observe(seen, facts, now=now)
        for decision in decided.decisions:
            rule = cases.policy.rule(cases.stream, decision.rule)
            if rule is not None and decision.action is not Action.HOLD:
                said = announce(rule, result=seen, state=states[rule.name], values=values)
                lived.words[index, rule.name] = said
        for request in decided.requests:
            world.begin(request.rule, now, _fate(case, request.rule))
        lived.decisions.append({decision.rule: decision for decision in decided.decisions})
    return lived


def _world(case: Case, start: datetime) -> World:
    before = [
        WorldRun(
            rule=run.rule,
            began_at=start - run.ago,
            ends_at=start - run.ago + run.lasts,
            hours=run.hours,
            promoted_at=start - run.ago + run.lasts if run.promoted else None,
        )
        for run in case.runs
        if run.ago is not None
    ]
    later = sorted(run.promoted_at for run in before if run.promoted_at is not None)
    champions = [start - case.champion] if isinstance(case.champion, timedelta) else []
    return World(
        runs=sorted(before, key=lambda run: run.began_at),
        champions=sorted([*champions, *later]),
        references=sorted([start - case.reference, *later]),
    )


def _fate(case: Case, rule: str) -> Fate:
    """Return what becomes of a rule's runs: what the case says of them, else they end at once and cost nothing."""
    given = next((run for run in case.runs if run.ago is None and run.rule == rule), None)
    if given is None:
        return Fate(lasts=timedelta(0), hours=0.0)
    return Fate(lasts=given.lasts, hours=given.hours, promoted_after=given.lasts if given.promoted else None)


def _window(
    stream: str,
    index: int,
    now: datetime,
    interval: timedelta,
    series: Mapping[str, Sequence[Value | None]],
    *,
    first_seq: int,
    promoted: int,
) -> WindowResult:
    values = {name: each[index] for name, each in series.items()}
    texts = _whole(values.get("window.texts"), _TEXTS)
    copies = values.get("window.duplicate_share")
    state = values.get("drift.state")
    little = values.get(WINDOW.name) == Outcome.TOO_LITTLE_DATA.value
    return WindowResult(
        stream=stream,
        index=index,
        first_seq=first_seq,
        last_seq=first_seq + texts - 1,
        texts=texts,
        distinct=round(texts * (1 - (copies if isinstance(copies, int | float) else 0.0))),
        first_seen_at=now - interval,
        last_seen_at=now,
        reference=f"r{max(promoted, 0)}",
        champion=f"m{promoted}" if promoted >= 0 else None,
        outcome=Outcome.TOO_LITTLE_DATA if little else Outcome.ASSESSED,
        measures=tuple(_measures(values)),
        words=(),
        state=DriftState(state) if isinstance(state, str) else None,
    )


def _whole(value: Value | None, otherwise: int) -> int:
    return int(value) if isinstance(value, int | float) else otherwise


def _measures(values: Mapping[str, Value | None]) -> Iterator[Measure]:
    for name, value in values.items():
        if name not in _NO_MEASURES and isinstance(value, int | float):
            yield Measure(name=name, value=value)


def _failures(cases: Cases, index: int, case: Case, lived: _Lived) -> Iterator[Failure]:
    interval = case.interval or cases.file.interval
    if case.acts is not None:
        yield from _of_acts(cases, index, case.acts, lived, interval)
    for at, expected in enumerate(case.expect):
        window = window_of(expected.at.window, expected.at.after, interval)
        decision = lived.decisions[window][expected.rule]
        path = ("tests", index, "expect", at)
        for key, what in _of_one(expected, decision, lived.words.get((window, expected.rule))):
            where = f"window {window}, rule {expected.rule}"
            yield _failure(cases, (*path, *key), f"{where}: {what}", decision)


def _of_acts(
    cases: Cases, index: int, acts: Mapping[str, Sequence[At]], lived: _Lived, interval: timedelta
) -> Iterator[Failure]:
    """Hold every action of every rule against the windows on which it must act."""
    for rule in cases.policy.of(cases.stream):
        wanted = sorted(window_of(each.window, each.after, interval) for each in acts.get(rule.name, ()))
        found = [at for at, each in enumerate(lived.decisions) if each[rule.name].action is not Action.HOLD]
        if wanted == found:
            continue
        odd = min({*wanted} ^ {*found})
        path: _Path = ("tests", index, "acts")
        what = f"rule {rule.name} must act on {_listed(wanted)}, and acts on {_listed(found)}"
        decision = lived.decisions[odd][rule.name]
        yield _failure(cases, (*path, rule.name), f"{what}; on window {odd} it decides {decision.action}", decision)


def _of_one(expected: Expected, decision: Decision, words: Words | None) -> Iterator[tuple[_Path, str]]:
    if expected.action is not None and decision.action is not expected.action:
        yield ("action",), f"expected {expected.action.value}, decided {decision.action.value}"
    said = {reason.subject: reason.met for reason in decision.reasons}
    for kind, wanted in (("met", True), ("unmet", False)):
        for at, subject in enumerate(getattr(expected, kind)):
            if said.get(subject) is not wanted:
                was = {None: "was not looked at", True: "is met", False: "is not met"}[said.get(subject)]
                yield (kind, at), f"expected {subject} to be {kind}, but it {was}"
    if expected.says is not None and not any(expected.says in reason.detail for reason in decision.reasons):
        yield ("says",), f'no reason says "{expected.says}"'
    if expected.alert is not None:
        yield from _of_words(expected, words)


def _of_words(expected: Expected, words: Words | None) -> Iterator[tuple[_Path, str]]:
    alert = expected.alert
    if alert is None:
        return
    if words is None:
        yield ("alert",), "the rule does not act, so there are no words"
        return
    wanted = [("labels", name, text, words.labels.get(name)) for name, text in alert.labels.items()]
    wanted += [("annotations", name, text, words.annotations.get(name)) for name, text in alert.annotations.items()]
    if alert.summary is not None:
        wanted.append(("summary", "", alert.summary, words.annotations.get("summary")))
    for kind, name, text, found in wanted:
        if found != text:
            path = ("alert", kind, name) if name else ("alert", kind)
            yield path, f'{name or kind} must be "{text}", and is {_quoted(found)}'


def _failure(cases: Cases, path: _Path, what: str, decision: Decision) -> Failure:
    place = cases.source.place(path, key=path[-1] != "at" and isinstance(path[-1], str))
    return Failure(mistake=cases.source.mistake(what, place), reasons=decision.reasons)


def _listed(windows: Sequence[int]) -> str:
    if not windows:
        return "no window"
    return f"window{'s' * (len(windows) > 1)} {', '.join(str(window) for window in windows)}"


def _quoted(text: str | None) -> str:
    return "missing" if text is None else f'"{text}"'
