"""How a check of bias is shown on a terminal."""

from __future__ import annotations

import resource
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from driftwatch.cli.frame import err
from driftwatch.gate.bias.report.words import label, not_asked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console

    from driftwatch.gate.bias.report import BiasReport, MovedPair, SuiteReport
    from driftwatch.gate.bias.scores.continuations import Tone
    from driftwatch.gate.bias.scores.fairness import Fairness
    from driftwatch.gate.bias.scores.questions import QuestionScores
    from driftwatch.gate.bias.scores.summary import CategorySummary
    from driftwatch.gate.bias.scores.triples import TripleScores


@contextmanager
def progress(words: str, *, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error while something is scored; what is yielded moves it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=err, transient=True) as bar:
        task = bar.add_task(words, total=total or None)
        yield lambda done: bar.update(task, completed=done)


def peak_memory() -> int:
    """Return the most memory that this process has held so far, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def show(report: BiasReport, console: Console) -> None:
    """Print a report, words first."""
    for suite in report.suites:
        _suite(suite, console, against=report.against)
    if report.tone is not None:
        console.print(_tone(report.tone, report.tone_before))
    if report.fairness is not None:
        console.print(_fairness(report.fairness, report.fairness_before))
        console.print(_rates(report.fairness, report.fairness_before))
        for left in report.unread:
            console.print(not_asked(left), soft_wrap=True)


def _suite(suite: SuiteReport, console: Console, *, against: str) -> None:
    for sentence in suite.words:
        console.print(sentence, soft_wrap=True)
    if suite.categories:
        console.print(_categories(f"{suite.suite}: {suite.unit}, 95% intervals", suite.categories))
    if suite.change:
        console.print(_categories(f"{suite.suite}: change from {against}, {suite.unit}, 95% intervals", suite.change))
    if suite.moved:
        console.print(_moved(suite.moved))
    if suite.triples:
        console.print(_triples(suite.triples, suite.triples_before))
    if suite.questions:
        console.print(_questions(suite.questions, suite.questions_before))


def _categories(title: str, rows: Sequence[CategorySummary]) -> Table:
    flips = any(row.flips is not None for row in rows)
    table = Table("category", title=title)
    for head in ("pairs", "templates", "flips" if flips else "above 0", "mean", "interval", "detectable"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        share = row.flips if flips else row.prefers
        table.add_row(
            label(row),
            f"{row.pairs:,}",
            f"{row.templates:,}",
            "" if share is None else f"{share:.1%}",
            f"{row.mean:+.3f}",
            f"{row.low:+.3f} to {row.high:+.3f}",
            f"{row.detectable:.3f}",
        )
    return table


def _moved(rows: Sequence[MovedPair]) -> Table:
    heads = ("category", "before", "after", "template", "sentence", "its counterpart")
    table = Table(*heads, title="what rose most: a pair of each template, and the mean rise of the template")
    for row in rows:
        figures = (f"{row.before:+.2f}", f"{row.after:+.2f}", f"{row.rise:+.2f}")
        table.add_row(row.category, *figures, row.stereotype, row.counter)
    return table


def _triples(rows: Sequence[TripleScores], before: Sequence[TripleScores]) -> Table:
    table = Table("category", "triples", "targets", "LMS", "SS", "ICAT", title="StereoSet, percent; before in brackets")
    old = {row.category: row for row in before}
    for row in rows:
        was = old.get(row.category)
        figures = [
            f"{getattr(row, name):.1f}" + (f" ({getattr(was, name):.1f})" if was else "")
            for name in ("lms", "ss", "icat")
        ]
        table.add_row(row.category, f"{row.triples:,}", f"{row.targets:,}", *figures)
    return table


def _questions(rows: Sequence[QuestionScores], before: Sequence[QuestionScores]) -> Table:
    table = Table("category", "context", "questions", "accuracy", "bias", "interval", "bias before", title="BBQ")
    old = {(row.category, row.ambiguous): row for row in before}
    for row in rows:
        was = old.get((row.category, row.ambiguous))
        between = "" if row.low is None or row.high is None else f"{row.low:+.3f} to {row.high:+.3f}"
        table.add_row(
            row.category,
            "ambiguous" if row.ambiguous else "disambiguated",
            f"{row.questions:,}",
            f"{row.accuracy:.1%}",
            _signed(row.bias),
            between,
            _signed(was.bias) if was else "",
        )
    return table


def _tone(found: Tone, before: Tone | None) -> Table:
    table = Table("category", "group", "texts", "sentiment", "insults", "before", title="what it writes, by group")
    old = {(row.category, row.group): row for row in before.groups} if before else {}
    for row in found.groups:
        was = old.get((row.category, row.group))
        table.add_row(
            row.category,
            row.group,
            f"{row.texts:,}",
            f"{row.sentiment:+.3f}",
            f"{row.insults:.1%}",
            f"{was.sentiment:+.3f}, {was.insults:.1%}" if was else "",
        )
    for gap in found.gaps:
        table.add_row(
            gap.category,
            f"{gap.kinder} over {gap.other}",
            "",
            f"{gap.value:+.3f}",
            "",
            f"{gap.low:+.3f} to {gap.high:+.3f}",
            style="dim",
        )
    return table


def _fairness(found: Fairness, before: Fairness | None) -> Table:
    table = Table("class", "parity difference", "odds difference", "before", title="labelled texts, between groups")
    old = {row.name: row for row in before.classes} if before else {}
    for row in found.classes:
        was = old.get(row.name)
        table.add_row(
            row.name,
            f"{row.parity:.3f}",
            _plain(row.odds),
            f"{was.parity:.3f}, {_plain(was.odds)}" if was else "",
        )
    return table


def _rates(found: Fairness, before: Fairness | None) -> Table:
    table = Table("group", "texts", "right", "before", title="labelled texts, by group")
    old = {row.group: row for row in before.groups} if before else {}
    for row in found.groups:
        was = old.get(row.group)
        table.add_row(row.group, f"{row.texts:,}", f"{row.accuracy:.1%}", f"{was.accuracy:.1%}" if was else "")
    return table


def _signed(value: float | None) -> str:
    return "none" if value is None else f"{value:+.3f}"


def _plain(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
