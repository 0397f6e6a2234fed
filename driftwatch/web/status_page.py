"""The status page: one self-contained HTML document that loads nothing."""

from __future__ import annotations

from html import escape
from math import isfinite
from typing import TYPE_CHECKING
from urllib.parse import quote

from driftwatch.web.sparkline import sparkline

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from driftwatch.domain.decision import Decision
    from driftwatch.domain.drift import Measure, WindowResult
    from driftwatch.domain.pause import Pause
    from driftwatch.domain.run import Run
    from driftwatch.store import Hosts
    from driftwatch.web.full import FullView
    from driftwatch.web.view import PolicyView, StatusView, StreamView

REFRESH_SECONDS = 15
_SHOWN_FIRST = (
    "drift.evidence",
    "drift.new_share",
    "loss.increase",
    "embedding.mmd2",
    "tokens.jsd",
    "tokens.unknown_share",
    "window.known_share",
)
_NOT_CHARTED = (
    "drift.alarm",
    "drift.onset_age",
    "window.texts",
    "window.transformer_texts",
    "feedback.n",
    "audit.",
    "drill.",
)
_LIMITS = {"drift.evidence": (0.0, "an alarm from 0 on")}
_MOST_CHARTS = 7
_STYLE = """
:root { color-scheme: light dark; --line: #3b6fb6; --limit: #b5651d; --bad: #b3261e; --good: #2e7d4f; --mute: #777; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 72rem; margin: 1.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.3rem } h2 { font-size: 1.1rem; margin-top: 2rem } h3 { font-size: .95rem; margin: 1rem 0 .3rem }
small, .mute { color: var(--mute) } table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid #8884; vertical-align: top }
.charts { display: flex; flex-wrap: wrap; gap: 1rem } figure { margin: 0 } figcaption { font-size: .85rem }
.badge { border-radius: .3rem; padding: .05rem .5rem; font-size: .85rem; color: #fff; background: var(--good) }
.badge.attention { background: var(--limit) } .badge.bad { background: var(--bad) }
.badge.idle { background: var(--mute) }
.line { fill: none; stroke: var(--line); stroke-width: 1.5 } .limit { stroke: var(--limit); stroke-dasharray: 4 3 }
.dot { fill: var(--line) } .dot.over { fill: var(--bad) } progress { width: 12rem }
@media (max-width: 40rem) { table { display: block; overflow-x: auto } progress { width: 6rem } }
"""
_BADGES = {
    "quiet": "",
    "waiting for text": " idle",
    "drift": " bad",
    "harmful drift": " bad",
    "silent decay": " bad",
    "intake blocked": " bad",
    "intake dropping": " bad",
}


def status_page(view: StatusView) -> str:
    """Return the page."""
    state = "".join(f'<p><span class="badge bad">not ready</span> {escape(reason)}</p>' for reason in view.unready)
    state += "".join(f'<p><span class="badge bad">source fails</span> {escape(each)}</p>' for each in view.failing)
    state += _refused(view.policy) + _differing(view.hosts)
    streams = "".join(_stream(stream) for stream in view.streams) or "<p>No stream is configured.</p>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>driftwatch</title>'
        f'<meta http-equiv="refresh" content="{REFRESH_SECONDS}">'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>driftwatch <small>{escape(view.version)} · {_moment(view.at)}</small></h1>{state}{streams}"
        f'<p class="mute">{_policy(view.policy)}{_hosts(view.hosts)}<a href="/metrics">metrics</a> · '
        '<a href="/-/ready">ready</a></p></body></html>'
    )


def _refused(policy: PolicyView | None) -> str:
    """Return why the policy files as they are now are not in force, each mistake with its caret."""
    if policy is None or policy.refused is None:
        return ""
    return (
        '<p><span class="badge bad">policies not loaded</span> the rules before them stay in force</p>'
        f"<pre>{escape(policy.refused)}</pre>"
    )


def _policy(policy: PolicyView | None) -> str:
    if policy is None:
        return ""
    return f"policy {escape(policy.hash)} since {_moment(policy.since)} by {escape(policy.who)} · "


def _hosts(hosts: Hosts | None) -> str:
    if hosts is None:
        return ""
    called = [f"{escape(each)} leads" if each == hosts.leader else escape(each) for each in hosts.members]
    lead = "" if hosts.leader is not None else '<span class="badge bad">no daemon leads</span> '
    return f"{lead}daemons on this store: {', '.join(called) or 'none'} · "


def _differing(hosts: Hosts | None) -> str:
    """Return which daemons are configured otherwise than the one that leads, and in what."""
    return "".join(
        f'<p><span class="badge attention">hosts differ</span> {escape(each.name)} is configured otherwise, and never '
        f"takes over: {escape('; '.join(each.differences))}</p>"
        for each in (hosts.differing if hosts is not None else ())
    )


def _stream(stream: StreamView) -> str:
    started = stream.since if stream.full is None else stream.full.since
    since = f" since {_moment(started)}" if started else ""
    last = _moment(stream.last_text_at) if stream.last_text_at else "never"
    return (
        f'<section><h2>{escape(stream.name)} <span class="badge{_BADGES.get(stream.standing, " attention")}">'
        f"{escape(stream.standing)}</span><small>{since}</small></h2>{_full(stream.full)}"
        f"{_pauses(stream.pauses)}{_drift(stream)}"
        f'<p class="mute">last text {last} · {stream.backlog:,} texts wait'
        f" · champion {escape(stream.champion or 'none')} · reference {escape(stream.reference or 'none')}</p>"
        f"{_charts(stream.windows)}{_windows(stream)}{_decisions(stream.decisions)}{_runs(stream.runs)}</section>"
    )


def _full(full: FullView | None) -> str:
    """Return what becomes of the texts of a full stream, and what to do."""
    if full is None:
        return ""
    return f"<p><strong>{escape(full.meaning)}.</strong> What to do: {escape(full.cure)}.</p>"


def _pauses(pauses: tuple[Pause, ...]) -> str:
    """Return who keeps which rules from acting, until when and why."""
    return "".join(
        f'<p><span class="badge attention">paused</span> {"every rule" if pause.rule is None else escape(pause.rule)} '
        f"until {_moment(pause.until)} by {escape(pause.who)}: {escape(pause.because)}</p>"
        for pause in pauses
    )


def _drift(stream: StreamView) -> str:
    """Return the state in words, and the alarm in force with the way to its incident page."""
    told = stream.windows[0].state_told if stream.windows else None
    said = f"{told[:1].upper()}{told[1:]}. " if told else ""
    if stream.alarm is None:
        return f"<p>{said}</p>" if said else ""
    texts = f", {stream.alarm.texts:,} texts ago" if stream.alarm.texts is not None else ""
    page = f"/streams/{quote(stream.name, safe='')}/incidents/{stream.alarm.window}"
    return (
        f"<p>{said}<strong>An alarm is in force</strong>; the drift began at about "
        f'{_moment(stream.alarm.since)}{texts}. <a href="{page}">What changed</a></p>'
    )


def _charts(windows: tuple[WindowResult, ...]) -> str:
    if not windows:
        return ""
    charted = (measure for measure in windows[0].measures if not measure.name.startswith(_NOT_CHARTED))
    measures = sorted((measure for measure in charted if isfinite(measure.value)), key=_rank)[:_MOST_CHARTS]
    return f'<div class="charts">{"".join(_chart(measure, windows) for measure in measures)}</div>'


def _rank(measure: Measure) -> int:
    return _SHOWN_FIRST.index(measure.name) if measure.name in _SHOWN_FIRST else len(_SHOWN_FIRST)


def _chart(measure: Measure, windows: tuple[WindowResult, ...]) -> str:
    seen = (window.value(measure.name) for window in reversed(windows))
    values = [value for value in seen if value is not None and isfinite(value)]
    limit, says = _LIMITS.get(measure.name, (measure.null_high, f"without drift up to {measure.null_high or 0:.4g}"))
    caption = f"{measure.name} {measure.value:.4g}" + (f" ({says})" if limit is not None else "")
    chart = sparkline(values, limit=limit, title=escape(caption))
    return f"<figure>{chart}<figcaption>{escape(caption)}</figcaption></figure>"


def _windows(stream: StreamView) -> str:
    rows = (
        [
            f'<a href="/streams/{quote(stream.name, safe="")}/windows/{window.index}">window {window.index}</a>',
            _moment(window.last_seen_at),
            f"{window.texts} texts",
            escape(window.outcome.value),
            escape(", ".join(shift.word for shift in window.words[:5])),
        ]
        for window in stream.windows[:5]
    )
    return _table("Windows", rows)


def _decisions(decisions: tuple[Decision, ...]) -> str:
    rows = (
        [
            _moment(decision.at),
            escape(decision.rule if decision.by is None else f"{decision.rule}, by hand: {decision.by}"),
            escape(decision.action.value),
            escape("; ".join(reason.detail for reason in decision.reasons)),
        ]
        for decision in decisions
    )
    return _table("Decisions", rows)


def _runs(runs: tuple[Run, ...]) -> str:
    rows = (
        [
            f'<a href="/runs/{quote(run.spec.id, safe="")}">{escape(run.spec.id)}</a>',
            _moment(run.created_at),
            escape(run.state.value),
            _progress(run),
            escape(run.transitions[-1].reason if run.transitions else ""),
        ]
        for run in runs
    )
    return _table("Runs", rows)


def _progress(run: Run) -> str:
    if run.state.final or run.progress is None:
        return ""
    progress = run.progress
    return (
        f'<progress max="{max(progress.total, 1)}" value="{progress.done}"></progress> '
        f"{escape(progress.stage)} {progress.done}/{progress.total}"
    )


def _table(title: str, rows: Iterable[list[str]]) -> str:
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<h3>{title}</h3><table>{body}</table>" if body else ""


def _moment(at: datetime) -> str:
    return f'<time datetime="{at.isoformat()}">{at:%Y-%m-%d %H:%M:%S} UTC</time>'
