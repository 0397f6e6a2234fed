"""The incident page: what changed, since when, how much, who is affected, what the model suffers, what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.features import LossUnit
from driftwatch.drift.paper.course import Course
from driftwatch.drift.paper.deeds import decisions_and_runs, deeds_in_short
from driftwatch.drift.paper.findings import channels, clusters, exemplars, slices, words
from driftwatch.drift.paper.measures import measures_table
from driftwatch.drift.paper.promise import promise
from driftwatch.drift.paper.sentences import account, alarmed, measure, state_name, verdict
from driftwatch.paper.frame import document, lasting, moment, path, percent, safe, section

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from driftwatch.domain.decision import Decision
    from driftwatch.domain.drift import WindowResult
    from driftwatch.domain.mark import Mark
    from driftwatch.domain.run import Run


def incident_page(
    result: WindowResult,
    *,
    history: Sequence[WindowResult] = (),
    decisions: Sequence[Decision] = (),
    runs: Sequence[Run] = (),
    report: str | None = None,
    budget: str | None = None,
    mark: Mark | None = None,
    base: str = "",
) -> str:
    """Return a self-contained HTML page without scripts; all text of users is escaped.

    Args:
        result: of the window.
        history: of the windows around it, in any order.
        decisions: taken on them.
        runs: begun on them, oldest first.
        report: link to evidently's report of the same window; None where it was not made.
        budget: false alarms allowed, such as ``1 per 365d``; None where it is not known.
        mark: what a person said of the alarm in force.
        base: where the daemon's pages are, such as ``http://127.0.0.1:9478``; empty on those pages themselves.
    """
    course = Course(result, history)
    name, tone = state_name(result)
    told = (*account(result), deeds_in_short(decisions, runs, window=result.index))
    summary = "".join(f"<p>{safe(each)}</p>" for each in told if each)
    return document(
        f"{name}: {result.stream}, window {result.index}",
        f"<header>{_where(result)}"
        f'<span class="badge {tone}">{name}</span><h1>{safe(verdict(result))}.</h1><div class="lead">{summary}</div>'
        f"{_facts(result, course)}{_links(result, report, base)}{_marked(result, mark)}</header>"
        f"{course.evidence()}{clusters(result)}{words(result)}{slices(result)}{course.loss()}"
        f"{decisions_and_runs(decisions, runs, window=result.index, base=base)}"
        f"{section('How much', measures_table(result.measures, unit=result.loss_unit), note=_HOW_MUCH)}"
        f"{channels(result)}{exemplars(result)}{promise(budget)}",
    )


def _marked(result: WindowResult, mark: Mark | None) -> str:
    if mark is not None:
        note = f": {mark.note}" if mark.note else ""
        return f'<p class="sub">Marked {mark.word} by {safe(mark.who)} on {moment(mark.at)}{safe(note)}</p>'
    if not alarmed(result):
        return ""
    command = f"driftwatch alarm mark {result.stream} {result.index} --false"
    return f'<p class="sub">If nothing has drifted, say so: <code>{safe(command)}</code></p>'


_DOT = " \u00b7 "
_HOW_MUCH = (
    "Every measure of this window. The grey band is where a measure lies without drift; the line is its 95% interval."
)


def _where(result: WindowResult) -> str:
    parts = [
        f"<b><bdi>{safe(result.stream)}</bdi></b>",
        f"window {result.index}",
        f"{result.texts:,} texts ({result.distinct:,} distinct)",
        f"{moment(result.first_seen_at)} to {moment(result.last_seen_at)}",
        f"against reference {safe(result.reference)}",
        *([f"model {safe(result.champion)}"] if result.champion else []),
    ]
    return f'<p class="sub">{_DOT.join(parts)}</p>'


def _facts(result: WindowResult, course: Course) -> str:
    tiles = "".join(
        f"<div><dt>{what}</dt><dd><b>{figure}</b><span>{more}</span></dd></div>"
        for what, figure, more in _tiles(result, course)
    )
    return f'<dl class="facts">{tiles}</dl>' if tiles else ""


def _tiles(result: WindowResult, course: Course) -> Iterator[tuple[str, str, str]]:
    """Return what is asked first: a name, a figure, and what it means."""
    if result.onset is not None:
        age = lasting(result.last_seen_at - result.onset.seen_at)
        raised = f"; alarm in window {course.alarm.index}" if course.alarm is not None else ""
        yield "Since about", moment(result.onset.seen_at), f"{age} before this window's end{raised}"
    if (share := measure(result, "drift.new_share")) is not None:
        yield "New texts", f"at least {percent(share.value)}", "of this window, at 99% confidence"
    if (increase := measure(result, "loss.increase")) is not None:
        tokens = result.loss_unit is LossUnit.TOKEN  # only a language model's loss has a perplexity
        ratio = measure(result, "loss.perplexity_ratio") if tokens else None
        figure = f"{increase.value:+.2f} {result.loss_unit.words}".replace("-", "\u2212")
        yield (
            "Model's loss",
            figure,
            f"perplexity \u00d7 {ratio.value:.2f}" if ratio is not None else "over its baseline",
        )
    if (evidence := measure(result, "drift.evidence")) is not None:
        said = "alarm in force" if alarmed(result) else "no alarm in force"
        yield "Evidence", f"10<sup>{evidence.value:.1f}</sup> \u00d7 threshold".replace("-", "\u2212"), said


def _links(result: WindowResult, report: str | None, base: str) -> str:
    page = base + path("streams", result.stream, "windows", str(result.index))
    opinion = (
        f'<a href="{safe(report)}">Evidently\u2019s report of the same window</a>'
        if report is not None
        else "A second opinion, evidently\u2019s report: "
        f"<code>driftwatch report {safe(result.stream)} {result.index}</code>"
    )
    return f'<ul class="links"><li><a href="{safe(page)}">All measures of this window</a></li><li>{opinion}</li></ul>'
