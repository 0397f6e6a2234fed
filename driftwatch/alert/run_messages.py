"""Alerts about runs: declined, rejected, failed, waiting for a person, promoted, rolled back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.alert.links import run_path
from driftwatch.alert.wording import Wording, event, sentence
from driftwatch.domain.alert import RUN, Alert
from driftwatch.domain.run import RunState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from driftwatch.domain.run import GateMeasure, Run, Verdict


def approval_key(run: str) -> str:
    """Return the key of the alert that asks for an approval, by which it is resolved once somebody decided."""
    return f"run:{run}:approval"


def approval_wanted(run: Run, *, reason: str, at: datetime) -> Alert:
    """Ask a person to approve a promotion; fires until it is resolved."""
    run_id = run.spec.id
    wording = Wording(
        what=f"Run {run_id} of stream {run.spec.stream} waits for a person. {sentence(reason)}",
        figures=tuple(_figures(run)),
        since=at,
        by_itself=f"nothing; model {run.spec.champion} serves until somebody decides.",
        person=f"read the verdicts, then driftwatch runs approve {run_id} or driftwatch runs cancel {run_id}.",
        look=_look(run),
    )
    return Alert(
        key=approval_key(run_id),
        name="ApprovalWanted",
        stream=run.spec.stream,
        severity="ticket",
        summary=f"{run.spec.stream}: a better model waits for approval",
        description=str(wording),
        starts_at=at,
        labels={**run.spec.labels, "rule": run.spec.rule},
        annotations={**run.spec.annotations, RUN: run_path(run_id)},
    )


def run_promoted(run: Run, *, reason: str, at: datetime) -> Alert:
    """Tell that a candidate serves from now on."""
    run_id, stream = run.spec.id, run.spec.stream
    wording = Wording(
        what=f"Model {run.candidate or 'of the run'} of run {run_id} replaces {run.spec.champion} for stream {stream}. "
        + sentence(reason),
        figures=tuple(_figures(run)),
        since=at,
        by_itself="the reference follows the new model and the monitors start anew" + _watch(run),
        person=f"nothing; if it disappoints, driftwatch runs rollback {run_id}.",
        look=_look(run),
    )
    return _event("RunPromoted", run, "promoted", "info", f"{stream}: a better model serves", wording)


def _watch(run: Run) -> str:
    """Return what the probation will do, as the end of a sentence."""
    probation = run.spec.probation
    if probation.windows == 0:
        return "."
    return (
        f"; over the next {probation.windows} windows its loss is compared with {run.spec.champion}'s on the same "
        f"texts, and it is rolled back when that is worse for sure by more than {probation.max_increase:g} nats per "
        "token."
    )


def run_rejected(run: Run, *, reason: str, at: datetime) -> Alert:
    """Tell that no round's candidate held its gates."""
    wording = Wording(
        what=f"Run {run.spec.id} of stream {run.spec.stream} ended without a better model. {sentence(reason)}",
        figures=tuple(_figures(run)),
        since=at,
        by_itself=f"model {run.spec.champion} serves as before; the rule may ask again after its cooldown.",
        person="see which gate refused: more fresh texts, another recipe or other limits may be wanted.",
        look=_look(run),
    )
    summary = f"{run.spec.stream}: the retrained model was refused"
    return _event("RunRejected", run, "rejected", "ticket", summary, wording)


def run_declined(run: Run, *, reason: str, at: datetime) -> Alert:
    """Tell that a run was not worth it, before it was trained."""
    wording = Wording(
        what=f"Run {run.spec.id} of stream {run.spec.stream} was declined before its training. {sentence(reason)}",
        figures=tuple(_figures(run)),
        since=at,
        by_itself=f"model {run.spec.champion} serves as before; the rule may ask again after its cooldown.",
        person=f"nothing; a lower worth in rule {run.spec.rule} would let such runs go on.",
        look=_look(run),
    )
    return _event("RunDeclined", run, "declined", "info", f"{run.spec.stream}: a retraining is not worth it", wording)


def run_failed(run: Run, *, reason: str, at: datetime) -> Alert:
    """Tell that a run could not go on."""
    wording = Wording(
        what=f"Run {run.spec.id} of stream {run.spec.stream} failed while {run.state}. {sentence(reason)}",
        figures=tuple(_figures(run)),
        since=at,
        by_itself=f"model {run.spec.champion} serves as before; the rule may ask again after its cooldown.",
        person="cure the cause named above; the run's log says more.",
        look=_look(run),
    )
    return _event("RunFailed", run, "failed", "ticket", f"{run.spec.stream}: a retraining failed", wording)


def run_rolled_back(run: Run, *, reason: str, at: datetime) -> Alert:
    """Tell that the model before serves again."""
    wording = Wording(
        what=f"Stream {run.spec.stream} is back on model {run.spec.champion}: run {run.spec.id} was rolled back. "
        + sentence(reason),
        figures=tuple(_figures(run)),
        since=at,
        by_itself="nothing else changed: its reference and the monitors are as they were."
        if run.state is RunState.PROMOTING
        else "the reference of the earlier model is in force again and the monitors start anew.",
        person="find out what the gates did not see before the next run is promoted.",
        look=_look(run),
    )
    summary = f"{run.spec.stream}: the new model was rolled back"
    return _event("RunRolledBack", run, "rolled-back", "ticket", summary, wording)


_TOLD = {
    RunState.AWAITING_APPROVAL: approval_wanted,
    RunState.PROBATION: run_promoted,
    RunState.DECLINED: run_declined,
    RunState.REJECTED: run_rejected,
    RunState.FAILED: run_failed,
    RunState.ROLLED_BACK: run_rolled_back,
}


def for_transition(run: Run, *, to: RunState, reason: str, at: datetime) -> tuple[Alert, ...]:
    """Return what people are told when a run moves on; nothing for most moves.

    Args:
        run: as it stands before the move, with its verdicts.
        to: where it moves; a promotion is told on entering ``probation``, or ``kept`` where there is none.
        reason: of the move.
        at: when.
    """
    if to is RunState.KEPT and run.state is RunState.PROMOTING:
        return (run_promoted(run, reason=reason, at=at),)
    told = _TOLD.get(to)
    return () if told is None else (told(run, reason=reason, at=at),)


def _event(name: str, run: Run, moment: str, severity: str, summary: str, wording: Wording) -> Alert:
    return event(
        name,
        key=f"run:{run.spec.id}:{moment}",
        stream=run.spec.stream,
        severity=severity,
        summary=summary,
        wording=wording,
        labels={**run.spec.labels, "rule": run.spec.rule},
        annotations={**run.spec.annotations, RUN: run_path(run.spec.id)},
    )


def _look(run: Run) -> str:
    """Return where to look: the run's page, and the command that shows it."""
    return f"{run_path(run.spec.id)}; driftwatch runs show {run.spec.id}"


def _figures(run: Run) -> Iterable[str]:
    """Return the verdicts of the run's last round, each with its measures against their limits."""
    last = max((verdict.round for verdict in run.verdicts), default=0)
    yield from (_verdict(verdict) for verdict in run.verdicts if verdict.round == last)


def _verdict(verdict: Verdict) -> str:
    measures = "; ".join(_measure(measure) for measure in verdict.measures)
    said = f"{verdict.gate} (round {verdict.round}): {verdict.outcome}, {verdict.detail}"
    return f"{said} [{measures}]" if measures else said


def _measure(measure: GateMeasure) -> str:
    interval = f"{measure.low:.3g} to {measure.high:.3g}"
    return f"{measure.name} {measure.value:.3g} ({interval}) {measure.unit}, limit {measure.limit:g}, n = {measure.n:,}"
