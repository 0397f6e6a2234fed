"""One assessment step, top to bottom: the story of the program on one page.

texts → features and drift (in the worker) → decisions (the policy) → one transaction.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import structlog

from driftwatch.alert import messages
from driftwatch.domain.analysis import Analysis, AnalysisRequest
from driftwatch.domain.budget import rate_of_times, rate_of_windows
from driftwatch.domain.decision import Action
from driftwatch.domain.errors import ConflictError, DriftwatchError, WorkerError
from driftwatch.domain.feedback import accuracy
from driftwatch.domain.run import RunId, RunSpec, RunState
from driftwatch.policy.announcing import Words, announce
from driftwatch.policy.basis import facts_text, policy_text
from driftwatch.policy.decide import Decided, Facts, RetrainRequest, decide
from driftwatch.policy.variables import LONGEST_PERIOD, observe
from driftwatch.retrain import probation
from driftwatch.store import Basis, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from driftwatch.domain.alert import Alert
    from driftwatch.domain.analysis import Rival
    from driftwatch.domain.budget import Budget
    from driftwatch.domain.drift import WindowResult
    from driftwatch.domain.protocols import Clock
    from driftwatch.domain.run import Recipe, Run
    from driftwatch.domain.text import StoredText
    from driftwatch.policy.ruleset import Policy
    from driftwatch.policy.variables import Value
    from driftwatch.store import Champion, Position, ReferenceRow, Store

log = structlog.get_logger()

MOST_ATTEMPTS = 3
"""Deaths of the worker on the same texts before those are set aside."""

_RATE_WINDOWS = 100


class Progressed(StrEnum):
    """What a step came to."""

    WAITING = "waiting"
    ASSESSED = "assessed"
    FAILED = "failed"
    SET_ASIDE = "set-aside"


class Analyst(Protocol):
    """Whoever assesses windows: the daemon's worker."""

    @property
    def stopped(self) -> bool:
        """Whether it was ended on purpose, so that its end is nobody's fault."""
        ...

    def assess(self, request: AnalysisRequest) -> Analysis:
        """Assess one window.

        Raises:
            WorkerError: it died on the way; the texts may be to blame.
            DriftwatchError: it cannot, until somebody cures the cause.
        """
        ...


class Cycle:
    """Assesses one stream, window after window.

    Args:
        stream: its name.
        size: texts in a window.
        budget: of false alarms.
        store: where texts come from and results go.
        analyst: assesses windows.
        policy: returns the rules in force.
        receivers: names of the receivers of alerts.
        clock: when decisions are taken.
    """

    def __init__(
        self,
        *,
        stream: str,
        size: int,
        budget: Budget,
        store: Store,
        analyst: Analyst,
        policy: Callable[[], Policy],
        receivers: Sequence[str],
        clock: Clock,
    ) -> None:
        self.stream = stream
        self.trouble: str | None = None
        self.window = 0
        self._size = size
        self._budget = budget
        self._store = store
        self._analyst = analyst
        self._policy = policy
        self._receivers = tuple(receivers)
        self._clock = clock

    def step(self) -> Progressed:
        """Assess the next window if it is full; a crash anywhere in here means that the step is done again."""
        reference = self._store.registry.reference(self.stream)
        if reference is None:
            self.trouble = f"stream {self.stream} has no reference; run `driftwatch reference build {self.stream}`"
            return Progressed.WAITING
        position = self._store.windows.position(self.stream)
        self.window = position.index
        texts = self._store.texts.window(self.stream, after_seq=position.after_seq, limit=self._size)
        if len(texts) < self._size:
            return Progressed.WAITING
        attempt = self._store.windows.begin_attempt(self.stream, position.index)
        if attempt > MOST_ATTEMPTS:
            return self._set_aside(position, texts)
        champion = self._store.registry.champion(self.stream)
        watched = self._watched(champion)
        rival = self._rival(watched, attempt) if watched else None
        analysis = self._analyse(position, texts, reference, champion, rival)
        if analysis is None:
            return Progressed.FAILED
        self._commit(analysis, reference, champion, watched)
        return Progressed.ASSESSED

    def _watched(self, champion: Champion | None) -> Run | None:
        """Return the run whose probation the next window belongs to."""
        runs = self._store.runs.list(stream=self.stream, states=(RunState.PROBATION,))
        of = (run for run in runs if champion is not None and champion.run == run.spec.id)
        return next((run for run in of if probation.under_way(run)), None)

    def _rival(self, run: Run, attempt: int) -> Rival:
        known = self._store.registry.champions(self.stream)
        path = next((each.path for each in known if each.version == run.spec.champion), None)
        return probation.rival(run, path, alone=attempt == MOST_ATTEMPTS)

    def _analyse(
        self,
        position: Position,
        texts: Sequence[StoredText],
        reference: ReferenceRow,
        champion: Champion | None,
        rival: Rival | None,
    ) -> Analysis | None:
        request = AnalysisRequest(
            stream=self.stream,
            index=position.index,
            texts=tuple(texts),
            reference=reference.path,
            champion=champion.path if champion else None,
            champion_version=champion.version if champion else None,
            states=self._store.windows.monitor_states(self.stream, reference=reference.version),
            arl_texts=self._budget.arl_texts(self._rate(texts)),
            targets=self._named_classes(texts),
            rival=rival,
        )
        try:
            analysis = self._analyst.assess(request)
        except WorkerError as error:
            if self._analyst.stopped:
                self._store.windows.withdraw_attempt(self.stream, position.index)
            self.trouble = str(error)
            return None
        except DriftwatchError as error:
            self._store.windows.withdraw_attempt(self.stream, position.index)
            log.warning("window_refused", stream=self.stream, window=position.index, error=str(error))
            self.trouble = str(error)
            return None
        self.trouble = None
        return analysis

    def _rate(self, texts: Sequence[StoredText]) -> float:
        """Return how many texts came in a second, over the last windows and the present one."""
        before = self._store.windows.recent(self.stream, limit=_RATE_WINDOWS)
        times = [stored.text.seen_at for stored in texts]
        ends = [(result.last_seen_at, result.texts) for result in before]
        return rate_of_windows([*ends, (max(times), len(times))]) or rate_of_times(times)

    def _set_aside(self, position: Position, texts: Sequence[StoredText]) -> Progressed:
        reason = f"the analysis worker died {MOST_ATTEMPTS} times on these texts"
        first, last = texts[0].seq, texts[-1].seq
        log.error("texts_set_aside", stream=self.stream, window=position.index, texts=len(texts))
        self._store.windows.skip(self.stream, position.index, last_seq=last, reason=reason)
        alert = messages.worker_quarantine(
            self.stream, first_seq=first, last_seq=last, texts=len(texts), deaths=MOST_ATTEMPTS, at=self._clock.now()
        )
        self._store.outbox.put((alert,), self._receivers)
        return Progressed.SET_ASIDE

    def _commit(
        self, analysis: Analysis, reference: ReferenceRow, champion: Champion | None, watched: Run | None
    ) -> None:
        result = self._with_feedback(analysis)
        try:
            self._decide(analysis, result, reference, champion, watched)
        except ConflictError as error:  # somebody asked for a run by hand in this moment: decide with that in sight
            log.info("decided_again", stream=self.stream, window=result.index, because=str(error))
            self._decide(analysis, result, reference, champion, watched)

    def _decide(
        self,
        analysis: Analysis,
        result: WindowResult,
        reference: ReferenceRow,
        champion: Champion | None,
        watched: Run | None,
    ) -> None:
        now, policy = self._clock.now(), self._policy()
        states = self._store.decisions.rule_states(self.stream)
        facts = self._facts(result, reference, champion, now)
        decided = decide(policy, stream=self.stream, result=result, facts=facts, states=states, now=now)
        said = self._said(decided, result, policy, observe(result, facts, now=now))
        runs = tuple(
            self._spec(request, reference, champion, result, policy, said[request.rule])
            for request in decided.requests
            if champion
        )
        self._store.windows.commit_step(
            Step(
                result=result,
                states=analysis.states,
                decisions=decided.decisions,
                rule_states=decided.states,
                alerts=self._alerts(decided, result, runs, said),
                resolved=self._resolved(decided),
                receivers=self._receivers,
                runs=runs,
                watched=probation.word(watched, analysis.comparison) if watched else None,
                basis=Basis(
                    at=now, policy=policy.hash, rules=policy_text(policy), facts=facts_text(facts), memory=states
                ),
            )
        )
        log.info(
            "window_assessed",
            stream=self.stream,
            window=result.index,
            outcome=result.outcome.value,
            actions=[f"{d.rule}:{d.action}" for d in decided.decisions if d.action is not Action.HOLD],
        )

    def _named_classes(self, texts: Sequence[StoredText]) -> dict[str, str]:
        """Return the right classes that feedback names without saying whether the model gave them, by text id."""
        said = self._store.feedback.between(self.stream, first_seq=texts[0].seq, last_seq=texts[-1].seq)
        return {each.text: each.target for each in said if each.score is None and each.target is not None}

    def _with_feedback(self, analysis: Analysis) -> WindowResult:
        """Return the result with how often the model was right, as far as feedback tells by now."""
        result = analysis.result
        said = self._store.feedback.between(self.stream, first_seq=result.first_seq, last_seq=result.last_seq)
        told = [replace(each, correct=analysis.right.get(each.text)) if each.score is None else each for each in said]
        return replace(result, measures=(*result.measures, *accuracy(told)))

    def _facts(self, result: WindowResult, reference: ReferenceRow, champion: Champion | None, now: datetime) -> Facts:
        def fresh_texts(since_window: int) -> int:
            before = (self._store.windows.result(self.stream, index) for index in range(since_window, result.index))
            return result.texts + sum(window.texts for window in before if window is not None)

        return Facts(
            fresh_texts=fresh_texts,
            runs=self._store.runs.facts(self.stream, since=now - LONGEST_PERIOD),
            elsewhere=self._store.runs.elsewhere(self.stream),
            champion_at=champion.at if champion else None,
            reference_at=reference.created_at,
            paused=self._store.pauses.in_force(now, stream=self.stream),
            spoken_ill=self._store.runs.spoken_ill(self.stream),
        )

    def _spec(
        self,
        request: RetrainRequest,
        reference: ReferenceRow,
        champion: Champion,
        result: WindowResult,
        policy: Policy,
        words: Words,
    ) -> RunSpec:
        onset = self._store.windows.result(self.stream, request.since_window) or result
        return run_spec(
            request,
            run=RunId(f"{self.stream}-w{result.index:07d}"),
            onset=onset,
            result=result,
            reference=reference,
            champion=champion,
            recipe=policy.recipes[request.recipe],
            words=words,
        )

    def _said(
        self, decided: Decided, result: WindowResult, policy: Policy, values: Mapping[str, Value]
    ) -> dict[str, Words]:
        """Return what the rules that act say of the window, by rule."""
        states = {state.rule: state for state in decided.states}
        acting = (policy.rule(self.stream, each.rule) for each in decided.decisions if each.action is not Action.HOLD)
        return {
            rule.name: announce(rule, result=result, state=states[rule.name], values=values)
            for rule in acting
            if rule is not None
        }

    def _alerts(
        self, decided: Decided, result: WindowResult, runs: Sequence[RunSpec], said: Mapping[str, Words]
    ) -> tuple[Alert, ...]:
        states = {state.rule: state for state in decided.states}
        specs = {spec.rule: spec for spec in runs}
        alerts = []
        for decision in (each for each in decided.decisions if each.rule in said):
            rule = decision.rule
            words = {"labels": said[rule].labels, "annotations": said[rule].annotations}
            if decision.action is Action.ALERT:
                alerts.append(messages.drift_detected(decision, result=result, state=states[rule], **words))
            elif decision.action is Action.REPORT:
                alerts.append(messages.report_asked(decision, result=result, **words))
            elif rule in specs:
                alerts.append(messages.retrain_started(decision, spec=specs[rule], **words))
        return tuple(alerts)

    def _resolved(self, decided: Decided) -> tuple[str, ...]:
        """Return the keys of alerts whose condition is over."""
        return tuple(
            messages.drift_key(self.stream, state.rule, state.since_window)
            for state in decided.ended
            if state.since_window is not None
        )


def run_spec(
    request: RetrainRequest,
    *,
    run: RunId,
    onset: WindowResult,
    result: WindowResult,
    reference: ReferenceRow,
    champion: Champion,
    recipe: Recipe,
    words: Words,
) -> RunSpec:
    """Return what a run is asked to do.

    Args:
        request: by a rule, or by a person by a rule's settings.
        run: its id.
        onset: the window that its fresh texts begin with.
        result: the window that they end with.
        reference: in force.
        champion: that serves.
        recipe: its hyperparameters.
        words: of the rule, which the run's alerts bear.
    """
    return RunSpec(
        id=run,
        stream=result.stream,
        rule=request.rule,
        window=result.index,
        first_seq=onset.first_seq,
        last_seq=result.last_seq,
        reference=reference.version,
        champion=champion.version,
        recipe=recipe,
        limits=request.limits,
        rounds=request.rounds,
        approve=request.approve,
        worth=request.worth,
        max_hours=request.max_hours,
        probation=request.probation,
        labels={name: text for name, text in words.labels.items() if name != "severity"},
        annotations={name: text for name, text in words.annotations.items() if name != "summary"},
    )
