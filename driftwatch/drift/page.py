"""The page of one window: what was measured against what is usual, what moved, which texts are new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.drift import Outcome
from driftwatch.drift.paper.findings import channels, clusters, exemplars, slices, words
from driftwatch.drift.paper.measures import measures_table
from driftwatch.drift.paper.sentences import account, drifted_alone, headline, planned_look, state_name, verdict
from driftwatch.paper.frame import document, moment, safe, section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftwatch.domain.drift import WindowResult

__all__ = ["drifted_alone", "headline", "window_page"]

_ALPHA = 0.005
_NOTE = "The grey band is where a measure lies without drift; the line is its 95% interval."


def window_page(
    result: WindowResult, *, alpha: float | None = None, report: str | None = None, incident: str | None = None
) -> str:
    """Return a self-contained HTML page; all text of users is escaped.

    Args:
        result: the window's.
        alpha: level at which texts compared on their own, outside of a watched stream, count as drifted; None for
            a stream's window, which its state tells about.
        report: link to the full report of the same window.
        incident: link to the incident page of the same window.
    """
    measured = measures_table(result.measures, unit=result.loss_unit)
    return document(
        f"{result.stream}, window {result.index}",
        f"<header>{_where(result)}{_verdict(result, alpha)}{_links(report, incident)}</header>"
        f"{section('Measures', measured, note=_NOTE)}{clusters(result)}{words(result)}"
        f"{slices(result)}{channels(result)}{exemplars(result)}",
    )


def _where(result: WindowResult) -> str:
    model = f", scored by model {safe(result.champion)}" if result.champion else ""
    return (
        f"<h1><bdi>{safe(result.stream)}</bdi> \u00b7 window {result.index}</h1>"
        f'<p class="sub">{result.texts:,} texts ({result.distinct:,} distinct) from {moment(result.first_seen_at)} to '
        f"{moment(result.last_seen_at)}, compared with reference {safe(result.reference)}{model}</p>"
    )


def _verdict(result: WindowResult, alpha: float | None) -> str:
    if alpha is None and result.state is not None:
        name, tone = state_name(result)
        said = [f"{verdict(result)}.", *account(result)]
    else:
        level = _ALPHA if alpha is None else alpha
        name, tone = _alone(result, level)
        said = [headline(result, alpha=level)]
    lead = "".join(f"<p>{safe(each)}</p>" for each in said[1:])
    return f'<span class="badge {tone}">{name}</span><div class="lead"><p><b>{safe(said[0])}</b></p>{lead}</div>'


def _alone(result: WindowResult, alpha: float) -> tuple[str, str]:
    """Return how a window looks that was compared on its own, outside of a watched stream."""
    drifted = drifted_alone(result, alpha=alpha)
    if result.outcome is Outcome.TOO_LITTLE_DATA or (planned_look(result) is None and not drifted):
        return state_name(result)
    return ("Drifted", "bad") if drifted else ("Like the reference", "good")


def _links(report: str | None, incident: str | None) -> str:
    def shown() -> Iterator[str]:
        if incident is not None:
            yield f'<li><a href="{safe(incident)}">What changed, since when, and what was done</a></li>'
        if report is not None:
            yield f'<li><a href="{safe(report)}">Full report by evidently</a></li>'

    items = "".join(shown())
    return f'<ul class="links">{items}</ul>' if items else ""
