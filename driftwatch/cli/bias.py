"""Commands on bias."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from driftwatch.cli import bias_suites
from driftwatch.cli.frame import JsonOption, err, out, print_json, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.gate.bias.scores import CategorySummary

app = typer.Typer(help="Which of two sentences that differ in a group a model prefers.", no_args_is_help=True)
bias_suites.add_to(app)
_SEED = 7


@app.callback()
def bias() -> None:
    """Which of two sentences that differ in a group a model prefers."""


@app.command(epilog="Example: driftwatch bias check models/candidate --against models/champion")
@told
def check(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of a causal language model.")],
    against: Annotated[Path | None, typer.Option(help="Folder of the model to compare with.")] = None,
    suite: bias_suites.SuiteOption = bias_suites.DEFAULT,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    *,
    json: JsonOption = False,
) -> None:
    """Score a model on pairs of sentences, category by category; no result calls a model unbiased."""
    from driftwatch.features.loss import load_model
    from driftwatch.gate.bias.scores import score, summarise

    pairs = bias_suites.chosen_pairs(suite)
    with err.status(f"scoring {len(pairs):,} pairs"):
        scores = score(load_model(model, threads=threads), pairs)
        before = score(load_model(against, threads=threads), pairs) if against is not None else None
    found = summarise(scores, pairs, seed=_SEED)
    change = summarise(scores - before, pairs, seed=_SEED) if before is not None else None
    if json:
        print_json({"model": str(model), "categories": found, "against": str(against or ""), "change": change})
        return
    out.print(_table("nats per pair towards the stereotype, 95% interval", found, share="prefers the stereotype"))
    if change is not None:
        title = f"change from {against}, nats per pair towards the stereotype, 95% interval"
        out.print(_table(title, change, share="moved towards it"))


def _table(title: str, found: Sequence[CategorySummary], *, share: str) -> Table:
    table = Table("category", "pairs", "templates", share, "mean", "interval", title=title)
    for each in found:
        interval = f"{each.low:+.3f} to {each.high:+.3f}"
        table.add_row(
            each.category, str(each.pairs), str(each.templates), f"{each.prefers:.1%}", f"{each.mean:+.3f}", interval
        )
    return table
