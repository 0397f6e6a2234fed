"""What was done about it: decisions with their reasons, and the runs they started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.decision import Action
from driftwatch.domain.run import RunState
from driftwatch.paper.frame import moment, path, safe, said, section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.domain.decision import Decision, Reason
    from driftwatch.domain.run import Run

_ACTIONS = {
    Action.HOLD: ("held", "idle"),
    Action.ALERT: ("alerted", "warn"),
    Action.REPORT: ("reported", "idle"),
    Action.RETRAIN: ("retrained", "good"),
}
_STANDS = {RunState.PROBATION: "is in probation", RunState.FAILED: "has failed"}
_MOST = 24


def decisions_and_runs(decisions: Sequence[Decision], runs: Sequence[Run], *, window: int, base: str) -> str:
    """Return what was decided on this window, what other windows led to, and the runs begun.

    Args:
        decisions: of this window and its neighbours, in any order; elsewhere only those that acted are shown.
        runs: of the stream around this window, in any order.
        window: index of this window.
        base: where the daemon's pages are; empty on those pages themselves.
    """
    shown = [each for each in decisions if each.window == window or each.action is not Action.HOLD]
    items = [(each.at, _decision(each, window)) for each in shown]
    items += [(run.created_at, _run(run, base)) for run in runs]
    latest = sorted(items, key=lambda item: item[0])[-_MOST:]
    body = "".join(item for _, item in latest)
    return section(
        "What driftwatch did",
        f'<ol class="done">{body}</ol>' if body else "<p>No rule decided anything on this window.</p>",
    )


def deeds_in_short(decisions: Sequence[Decision], runs: Sequence[Run], *, window: int) -> str:
    """Return what came of it up to this window in one sentence, not yet escaped."""
    acted = [each for each in decisions if each.action is Action.ALERT and each.window <= window]
    said_so = [f"rule {each.rule} alerted on {said(each.at)} UTC" for each in sorted(acted, key=lambda d: d.at)[-1:]]
    said_so += [f"run {run.spec.id} {_stands(run.state)}" for run in runs[-1:]]
    return f"So far: {', '.join(said_so)}." if said_so else ""


def _stands(state: RunState) -> str:
    return _STANDS.get(state) or f"is {state.value.replace('-', ' ')}"


def _decision(decision: Decision, window: int) -> str:
    name, tone = _ACTIONS[decision.action]
    where = "" if decision.window == window else f' <span class="mute">on window {decision.window}</span>'
    reasons = "".join(map(_reason, decision.reasons))
    return (
        f'<li><div class="mute">{moment(decision.at)}</div><div><p>Rule <b>{safe(decision.rule)}</b> '
        f'<span class="tag {tone}">{name}</span>{where}</p><ul class="reasons">{reasons}</ul></div></li>'
    )


def _reason(reason: Reason) -> str:
    sign, word, tone = ("\u2713", "holds", "good") if reason.met else ("\u2717", "does not hold", "idle")
    return (
        f'<li><b class="{tone}" role="img" aria-label="{word}">{sign}</b>{safe(reason.subject)}: '
        f'<span class="mute">{safe(reason.detail)}</span></li>'
    )


def _run(run: Run, base: str) -> str:
    last = run.transitions[-1].reason if run.transitions else ""
    verdicts = "".join(
        f'<li><b class="idle">\u2022</b>{safe(each.gate)}, round {each.round}: {each.outcome.value.replace("-", " ")} '
        f'<span class="mute">{safe(each.detail)}</span></li>'
        for each in run.verdicts
    )
    link = base + path("runs", run.spec.id)
    why = f' <span class="mute">{safe(last)}</span>' if last else ""
    name = f'<a href="{safe(link)}">{safe(run.spec.id)}</a>'
    state = run.state.value.replace("-", " ")
    return (
        f'<li><div class="mute">{moment(run.created_at)}</div><div><p>Run {name}, asked for by rule '
        f'<b>{safe(run.spec.rule)}</b>: {state}{why}</p><ul class="reasons">{verdicts}</ul></div></li>'
    )
