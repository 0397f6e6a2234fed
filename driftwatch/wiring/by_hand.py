"""A run that a person asks for, by a rule's settings: checked, recorded, told and queued."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from driftwatch.alert import messages
from driftwatch.cycle import run_spec
from driftwatch.domain.audit import AuditEntry
from driftwatch.domain.errors import ConflictError, DataError, NotFoundError
from driftwatch.domain.run import RunId
from driftwatch.policy.announcing import announce
from driftwatch.policy.by_hand import Answer, Word, ask
from driftwatch.policy.mistakes import nearest
from driftwatch.policy.variables import LONGEST_PERIOD, Facts, observe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from driftwatch.domain.decision import RuleState
    from driftwatch.domain.drift import WindowResult
    from driftwatch.domain.run import RunSpec
    from driftwatch.policy.ruleset import Policy, Rule
    from driftwatch.store import Champion, ReferenceRow, Store

_PAGE = 200
_MOST_BY_HAND = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What a run would stand on: the stream's newest window, its model and reference."""

    result: WindowResult
    champion: Champion | None
    reference: ReferenceRow


def retrain(
    store: Store,
    policy: Policy,
    *,
    stream: str,
    rule: str,
    word: Word,
    windows: int | None,
    receivers: Sequence[str],
    now: datetime,
) -> RunSpec:
    """Queue a run of a stream by the settings of one of its rules.

    Args:
        store: of everything.
        policy: the rules, with their recipes.
        stream: whose model is retrained.
        rule: by whose settings.
        word: who asks, and why.
        windows: the newest windows whose texts are trained on; None for those since the rule's streak or the drift
            began, or else as many as bring the texts that the rule needs.
        receivers: of alerts.
        now: the moment.

    Raises:
        NotFoundError: there is no such rule, window or reference.
        ConflictError: what the rule needs is not there, with everything that was looked at.
        DataError: more windows are asked for than there are.
    """
    found = _rule(policy, stream, rule)
    ground = _ground(store, stream)
    states = store.decisions.rule_states(stream)
    since = _since(store, ground.result, found, states.get(rule), windows)
    onset = store.windows.result(stream, since) or ground.result
    facts = _facts(store, ground, now)
    answer = ask(
        policy,
        found,
        word,
        result=ground.result,
        facts=facts,
        state=states.get(rule),
        since_window=since,
        now=now,
    )
    if answer.request is None or ground.champion is None:
        raise _refusal(answer, forced=word.force)
    said = announce(found, result=ground.result, state=answer.state, values=observe(ground.result, facts, now=now))
    spec = run_spec(
        answer.request,
        run=_new_id(store, ground.result),
        onset=onset,
        result=ground.result,
        reference=ground.reference,
        champion=ground.champion,
        recipe=policy.recipes[answer.request.recipe],
        words=said,
    )
    store.runs.ask(
        spec,
        reason=f"{word.who} asked for it by hand, by rule {rule}: {word.because}",
        decision=answer.decision,
        entry=AuditEntry(
            at=now,
            who=word.who,
            what="retrain-asked",
            subject=f"{stream}/{rule}",
            detail={"because": word.because, "run": spec.id, "forced": str(word.force).lower(), "policy": policy.hash},
        ),
        alerts=(
            messages.retrain_started(answer.decision, spec=spec, labels=said.labels, annotations=said.annotations),
        ),
        receivers=receivers,
    )
    return spec


def _rule(policy: Policy, stream: str, name: str) -> Rule:
    found = policy.rule(stream, name)
    names = [each.name for each in policy.of(stream) if each.retraining is not None]
    known = f"its rules that retrain: {', '.join(names)}" if names else "none of its rules retrains"
    if found is None:
        near = nearest(name, names)
        raise NotFoundError(f"stream {stream} has no rule {name}", cure=f"did you mean {near}?" if near else known)
    if found.retraining is None:
        raise DataError(f"rule {name} of stream {stream} does not retrain", cure=known)
    return found


def _ground(store: Store, stream: str) -> _Ground:
    newest = next(iter(store.windows.recent(stream, limit=1)), None)
    reference, champion = store.registry.reference(stream), store.registry.champion(stream)
    if newest is None:
        raise NotFoundError(f"no window of stream {stream} was assessed yet", cure="driftwatch status shows its texts")
    if reference is None:
        raise NotFoundError(f"stream {stream} has no reference", cure=f"driftwatch reference build {stream}")
    result = replace(newest, champion=champion.version if champion is not None else None)
    return _Ground(result=result, champion=champion, reference=reference)


def _since(store: Store, newest: WindowResult, rule: Rule, state: RuleState | None, windows: int | None) -> int:
    """Return the window that the texts begin with."""
    if windows is not None:
        if windows > newest.index + 1:
            raise DataError(f"there are {newest.index + 1:,} windows, not {windows:,}", where="--windows")
        return newest.index - windows + 1
    if state is not None and state.since_window is not None:
        return state.since_window
    if newest.alarmed and newest.onset is not None:
        return _window_with(store, newest, newest.onset.seq)
    needed = rule.retraining.fresh_texts if rule.retraining is not None else 0
    return _window_with(store, newest, newest.last_seq + 1, texts=needed)


def _window_with(store: Store, newest: WindowResult, seq: int, *, texts: int = 0) -> int:
    """Return the newest window that holds a text, or whose texts and those after it are so many."""
    index, after, first = newest.index, 0, newest
    while index >= 0:
        page = store.windows.between(newest.stream, first=max(index - _PAGE + 1, 0), last=index)
        for first in reversed(page):
            after += first.texts
            if first.first_seq <= seq and after >= texts:
                return first.index
        index -= _PAGE
    return first.index


def _facts(store: Store, ground: _Ground, now: datetime) -> Facts:
    stream, result = ground.result.stream, ground.result

    def retained(since_window: int) -> int:
        first = store.windows.result(stream, since_window)
        return store.texts.count(stream, first_seq=(first or result).first_seq, last_seq=result.last_seq)

    return Facts(
        fresh_texts=retained,
        runs=store.runs.facts(stream, since=now - LONGEST_PERIOD),
        elsewhere=store.runs.elsewhere(stream),
        champion_at=ground.champion.at if ground.champion else None,
        reference_at=ground.reference.created_at,
        paused=store.pauses.in_force(now, stream=stream),
        spoken_ill=store.runs.spoken_ill(stream),
    )


def _new_id(store: Store, result: WindowResult) -> RunId:
    """Return an id that no run has: the newest window's, and the number of the person's word on it."""
    taken = {run.spec.id for run in store.runs.list(stream=result.stream, limit=_MOST_BY_HAND)}
    ids = (RunId(f"{result.stream}-w{result.index:07d}-hand{number}") for number in range(1, _MOST_BY_HAND))
    return next(each for each in ids if each not in taken)


def _refusal(answer: Answer, *, forced: bool) -> ConflictError:
    unmet = {each.subject: each.detail for each in answer.decision.reasons if not each.met}
    cure = None if forced or "champion" in unmet else "--force overrides this, and the record says so"
    if "running" in unmet:
        cure = "driftwatch runs list shows it: wait for its end, or driftwatch runs cancel RUN"
    said = "; ".join(f"{subject}: {detail}" for subject, detail in unmet.items())
    return ConflictError(f"nothing was asked for: {said}", cure=cure)
