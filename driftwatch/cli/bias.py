"""Commands on bias."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftwatch.cli import bias_suites
from driftwatch.cli.frame import JsonOption, err, out, print_json, told
from driftwatch.domain.errors import DataError, DriftwatchError, ModelError

if TYPE_CHECKING:
    from driftwatch.domain.protocols import Model
    from driftwatch.gate.bias.report import BiasReport, SuiteReport
    from driftwatch.gate.bias.scores.continuations import Tone
    from driftwatch.gate.bias.scores.fairness import LabelledText
    from driftwatch.gate.bias.suite import Suite

app = typer.Typer(help="How a model takes sentences that differ in a group's name.", no_args_is_help=True)
bias_suites.add_to(app)
_SEED = 7


@app.callback()
def bias() -> None:
    """How a model takes sentences that differ in a group's name."""


@app.command(epilog="Example: driftwatch bias check models/candidate --against models/champion --html bias.html")
@told
def check(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of a language model or classifier.")],
    against: Annotated[Path | None, typer.Option(help="Folder of the model to compare with.")] = None,
    suite: bias_suites.SuiteOption = bias_suites.DEFAULT,
    labelled: Annotated[
        Path | None, typer.Option(help="JSON Lines with body, group and label: a classifier's fairness on them.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    html: Annotated[Path | None, typer.Option(help="Write a page there.")] = None,
    *,
    write: Annotated[
        bool, typer.Option("--write", help="Let a causal model write about groups, and score what it writes.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Check a model on suites of bias, category by category; no result calls a model unbiased."""
    from driftwatch.cli import bias_tables
    from driftwatch.gate.bias.scores.labelled import load_labelled

    if html is not None:
        _check_page(html)
    asked = _Asked(
        suites=bias_suites.chosen_suites(suite),
        labelled=load_labelled(labelled) if labelled is not None else (),
        write=write,
    )
    report = _checked(model, against, asked, threads=threads)
    if html is not None:
        from driftwatch.gate.bias.report.page import bias_page

        html.write_text(bias_page(report), encoding="utf-8")
        err.print(f"the page is in {html}")
    if json:
        print_json(report)
    elif html is None:
        bias_tables.show(report, out)
    err.print(f"peak memory {bias_tables.peak_memory() / 2**20:,.0f} MiB")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is asked of the models: pairs and questions of suites, labelled texts, and whether to write."""

    suites: tuple[Suite, ...]
    labelled: tuple[LabelledText, ...]
    write: bool


def _check_page(path: Path) -> None:
    """Find out before anything is scored whether a page can be written there."""
    if path.is_dir():
        raise DataError("is a folder", where=str(path), cure="name a file for the page, such as bias.html")
    if not path.parent.is_dir():
        raise DataError("there is no such folder", where=str(path.parent), cure="make it, or give another --html")


def _check_heads(path: Path, model: Model, asked: _Asked) -> None:
    """Find out before anything is scored whether a model can be asked all that it is asked."""
    from driftwatch.gate.bias.scores import heads

    try:
        for suite in asked.suites:
            heads.check_head(model, suite)
        if asked.write:
            heads.that_writes(model)
        if asked.labelled:
            heads.that_classifies(model)
    except ModelError as error:
        raise ModelError(error.what, where=str(path), cure=error.cure) from None


def _checked(model: Path, against: Path | None, asked: _Asked, *, threads: int) -> BiasReport:
    from driftwatch.features.loss import load_model
    from driftwatch.gate.bias.report import BiasReport
    from driftwatch.gate.bias.scores.fairness import fairness, readable_texts
    from driftwatch.gate.bias.scores.heads import check_alike
    from driftwatch.gate.verdicts import CannotJudgeError

    checked = load_model(model, threads=threads)
    other = load_model(against, threads=threads) if against is not None else None
    _check_heads(model, checked, asked)
    if against is not None and other is not None:
        check_alike(checked, other)
        _check_heads(against, other, asked)
    models = [checked] if other is None else [checked, other]
    texts, unread = readable_texts(asked.labelled, *models)
    try:
        return BiasReport(
            model=str(model),
            digest=checked.digest,
            against=str(against or ""),
            against_digest=other.digest if other is not None else "",
            suites=tuple(_suite(checked, each, against=other) for each in asked.suites),
            tone=_tone(checked) if asked.write else None,
            tone_before=_tone(other) if asked.write and other is not None else None,
            fairness=fairness(checked, texts) if asked.labelled else None,
            fairness_before=fairness(other, texts) if asked.labelled and other is not None else None,
            unread=unread,
        )
    except CannotJudgeError as error:
        raise DriftwatchError(f"cannot be checked: {error}", where=str(model)) from None
    except ModelError as error:
        raise error if error.where else ModelError(error.what, where=str(model), cure=error.cure) from None


def _suite(model: Model, suite: Suite, *, against: Model | None) -> SuiteReport:
    from driftwatch.cli import bias_tables
    from driftwatch.gate.bias.report import suite_report

    total = len(suite.pairs) * (1 if against is None else 2)
    with bias_tables.progress(f"{suite.name}: {len(suite):,}", total=total) as told_of:
        return suite_report(model, suite, against=against, seed=_SEED, on_progress=told_of)


def _tone(model: Model) -> Tone:
    from driftwatch.cli import bias_tables
    from driftwatch.gate.bias.scores.continuations import builtin_prompts, tone

    groups = sum(len(names) for names in builtin_prompts().groups.values())
    with bias_tables.progress("writing about groups", total=groups) as told_of:
        return tone(model, seed=_SEED, on_progress=told_of)
