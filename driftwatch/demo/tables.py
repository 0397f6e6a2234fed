"""How the demo shows what the store holds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from driftwatch.domain.run import COST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.demo.claims import Claims
    from driftwatch.domain.decision import Decision
    from driftwatch.domain.drift import WindowResult
    from driftwatch.domain.run import Run

_SHOWN = (
    "driftwatch_texts_total",
    "driftwatch_windows_total",
    "driftwatch_drift_evidence",
    "driftwatch_decisions_total",
    "driftwatch_runs",
    "driftwatch_outbox_deliveries",
)
_STORED = re.compile(r'^driftwatch_texts_total\{[^}]*outcome="stored"[^}]*\} ([0-9.e+]+)$', re.MULTILINE)


def window(result: WindowResult) -> str:
    """Return one line on a window."""
    names = {"drift.evidence": "evidence", "loss.increase": "loss", "drift.new_share": "new ≥", "tokens.jsd": "JSD"}
    figures = [f"{short} {value:.3g}" for name, short in names.items() if (value := result.value(name)) is not None]
    state = f": {result.state.value}" if result.state is not None else ""
    return f"window {result.index}{state}: {result.texts} texts, {', '.join(figures)}"


def words(result: WindowResult) -> Table:
    """Return the words that moved."""
    table = Table("rose", "before → now", "fell", "before → now ", title="Words that moved", title_justify="left")
    risen = [word for word in result.words if word.z > 0][:8]
    fallen = [word for word in result.words if word.z < 0][:8]
    for number in range(max(len(risen), len(fallen))):
        cells = []
        for side in (risen, fallen):
            word = side[number] if number < len(side) else None
            cells += [word.word, f"{word.reference_share:.1%} → {word.share:.1%}"] if word else ["", ""]
        table.add_row(*cells)
    return table


def decisions(taken: Sequence[Decision]) -> Table:
    """Return decisions with every reason."""
    table = Table("window", "rule", "decision", "reasons", title="Decisions", title_justify="left")
    for decision in sorted(taken, key=lambda each: (each.window, each.rule)):
        reasons = "\n".join(f"{reason.subject}: {reason.detail}" for reason in decision.reasons)
        table.add_row(str(decision.window), decision.rule, decision.action.value, reasons)
    return table


def verdicts(run: Run) -> Table:
    """Return the gates' words with their intervals."""
    table = Table(title="Verdicts", title_justify="left")
    for head in ("gate", "verdict", "measure", "estimate [interval]", "limit", "n"):
        table.add_column(escape(head), overflow="fold")
    for verdict in (each for each in run.verdicts if each.gate != COST):
        for number, measure in enumerate(verdict.measures):
            table.add_row(
                verdict.gate if number == 0 else "",
                verdict.outcome.value if number == 0 else "",
                measure.name,
                f"{measure.value:+.3f} \\[{measure.low:+.3f}, {measure.high:+.3f}]",
                f"{measure.limit:g} {measure.unit}",
                f"{measure.n:,}",
            )
    return table


def claims(made: Claims) -> Table:
    """Return the closing table."""
    table = Table("time (UTC)", "claim", "held", "figures", title="What happened, checked", title_justify="left")
    for claim in made.made:
        held = "[green]yes[/green]" if claim.held else "[red]NO[/red]"
        table.add_row(f"{claim.at:%H:%M:%S}", claim.what, held, claim.figures)
    return table


def stored_texts(scraped: str) -> int:
    """Return how many texts the metrics say were stored."""
    return sum(int(float(value)) for value in _STORED.findall(scraped))


def excerpt(scraped: str) -> str:
    """Return the lines of the metrics that say something here."""
    lines = [line for line in scraped.splitlines() if line.startswith(_SHOWN) and not line.endswith(" 0.0")]
    return "\n".join(f"  {line}" for line in lines[:30])
