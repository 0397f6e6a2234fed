"""One assessment step, top to bottom: the story of the program on one page.

texts → features and drift (in the worker) → decisions (the policy) → one transaction.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import structlog

from driftwatch.alert import messages
from driftwatch.cycle.analyst import asked_of
from driftwatch.cycle.facts import facts_of, with_feedback
from driftwatch.cycle.spec import run_spec
from driftwatch.cycle.telling import alerts_of, resolved_by, said_of
from driftwatch.domain.decision import Action
from driftwatch.domain.errors import ConflictError, DriftwatchError, WorkerError
from driftwatch.domain.run import RunId, RunSpec, RunState
from driftwatch.policy.basis import facts_text, policy_text
from driftwatch.policy.decide import RetrainRequest, decide
from driftwatch.policy.variables import observe
from driftwatch.retrain import probation
from driftwatch.store import Basis, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from driftwatch.cycle.analyst import Analyst
    from driftwatch.domain.analysis import Analysis, AnalysisRequest, Rival
    from driftwatch.domain.budget import Budget
    from driftwatch.domain.drift import WindowResult
    from driftwatch.domain.protocols import Clock
    from driftwatch.domain.run import Run
    from driftwatch.domain.text import StoredText
    from driftwatch.policy.announcing import Words
    from driftwatch.policy.ruleset import Policy
    from driftwatch.store import Champion, Position, ReferenceRow, Store

log = structlog.get_logger()

MOST_ATTEMPTS = 3
"""Deaths of the worker on the same texts before those are set aside."""


class Progressed(StrEnum):
    """What a step came to."""

    WAITING = "waiting"
    ASSESSED = "assessed"
    FAILED = "failed"
    SET_ASIDE = "set-aside"


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
        analysis = self._analyse(
            asked_of(
                self._store,
                texts,
                stream=self.stream,
                position=position,
                reference=reference,
                champion=champion,
                rival=self._rival(watched, attempt) if watched else None,
                budget=self._budget,
            )
        )
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

    def _analyse(self, request: AnalysisRequest) -> Analysis | None:
        try:
            analysis = self._analyst.assess(request)
        except WorkerError as error:
            if self._analyst.stopped:
                self._store.windows.withdraw_attempt(self.stream, request.index)
            self.trouble = str(error)
            return None
        except DriftwatchError as error:
            self._store.windows.withdraw_attempt(self.stream, request.index)
            log.warning("window_refused", stream=self.stream, window=request.index, error=str(error))
            self.trouble = str(error)
            return None
        self.trouble = None
        return analysis

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
        result = with_feedback(self._store, analysis)
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
        facts = facts_of(self._store, result, reference=reference, champion=champion, now=now)
        decided = decide(policy, stream=self.stream, result=result, facts=facts, states=states, now=now)
        said = said_of(decided, result=result, policy=policy, values=observe(result, facts, now=now))
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
                alerts=alerts_of(decided, result=result, runs=runs, said=said),
                resolved=resolved_by(decided, stream=self.stream),
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
