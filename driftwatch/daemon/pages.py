"""What the web face shows, read off the store when somebody looks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from driftwatch import __version__
from driftwatch.web import Page, Pages, StatusView, status_from
from driftwatch.wiring.incidents import incident as incident_html
from driftwatch.wiring.incidents import report_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftwatch.config import Config
    from driftwatch.domain.protocols import Clock
    from driftwatch.domain.run import Run
    from driftwatch.store import Store

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2733}"
    "table{border-collapse:collapse;width:100%}"
    "td,th{padding:.35rem .6rem;border-bottom:1px solid #e3e8ee;text-align:left}"
    ".passed{color:#2c7a4b}.refused{color:#c0392b}.not-shown{color:#9a6700}"
)


def pages(config: Config, store: Store, *, clock: Clock, unready: Callable[[], tuple[str, ...]]) -> Pages:
    """Return where the pages come from."""

    def status() -> StatusView:
        return status_from(store, config.streams, version=__version__, at=clock.now(), unready=unready())

    def window(stream: str, index: int) -> Page | None:
        from driftwatch.drift.page import window_page

        result = store.windows.result(stream, index)
        if result is None:
            return None
        opinion = f"/streams/{stream}/windows/{index}/report" if report_file(config, stream, index) else None
        return Page(html=window_page(result, report=opinion, incident=f"/streams/{stream}/incidents/{index}"))

    def incident(stream: str, index: int) -> Page | None:
        html = incident_html(config, store, stream, index)
        return Page(html=html) if html is not None else None

    def report(stream: str, index: int) -> Page | None:
        file = report_file(config, stream, index)
        return Page(html=file.read_text(encoding="utf-8"), scripted=True) if file is not None else None

    def run(run_id: str) -> Page | None:
        found = [each for each in store.runs.list(limit=1_000) if each.spec.id == run_id]
        return Page(html=run_page(found[0])) if found else None

    return Pages(status=status, window=window, incident=incident, report=report, run=run)


def run_page(run: Run) -> str:
    """Return a run's page: where it stands, every stage with its reason, every verdict with its interval."""
    title = f"Run {escape(run.spec.id)}"
    stages = "".join(
        f"<tr><td>{moved.at:%Y-%m-%d %H:%M:%S}</td><td>{moved.state.value}</td><td>{escape(moved.reason)}</td></tr>"
        for moved in run.transitions
    )
    verdicts = "".join(
        f'<tr><td>{v.round}</td><td>{escape(v.gate)}</td><td class="{v.outcome.value}">{v.outcome.value}</td>'
        f"<td>{escape(v.detail)}</td></tr>"
        for v in run.verdicts
    )
    measures = "".join(
        f"<tr><td>{v.round}</td><td>{escape(m.name)}</td><td>{m.value:+.4f} [{m.low:+.4f}, {m.high:+.4f}]</td>"
        f"<td>{m.limit:g} {escape(m.unit)}</td><td>{m.n:,}</td></tr>"
        for v in run.verdicts
        for m in v.measures
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{title}: {run.state.value}</h1><p>Stream {escape(run.spec.stream)}, asked for by rule "
        f"{escape(run.spec.rule)} on window {run.spec.window}; recipe {escape(run.spec.recipe.name)}, "
        f"round {run.round} of {run.spec.rounds}.</p>"
        f"<h2>Stages</h2><table><tr><th>Time (UTC)</th><th>State</th><th>Reason</th></tr>{stages}</table>"
        f"<h2>Verdicts</h2><table><tr><th>Round</th><th>Gate</th><th>Outcome</th><th>Detail</th></tr>{verdicts}</table>"
        "<h2>Measures</h2><table><tr><th>Round</th><th>Measure</th><th>Estimate [95% interval]</th><th>Limit</th>"
        f"<th>n</th></tr>{measures}</table></body></html>"
    )
