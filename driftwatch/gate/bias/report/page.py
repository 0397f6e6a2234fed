"""A check of bias as a page of its own, and as a section of a run's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.gate.bias.report.words import label, not_asked
from driftwatch.gate.bias.suites import BUILTIN
from driftwatch.paper.frame import document, percent, safe, section, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.gate.bias.report.record import BiasReport, MovedPair, SuiteReport
    from driftwatch.gate.bias.scores.continuations import Tone
    from driftwatch.gate.bias.scores.fairness import Fairness
    from driftwatch.gate.bias.scores.questions import QuestionScores
    from driftwatch.gate.bias.scores.summary import CategorySummary
    from driftwatch.gate.bias.scores.triples import TripleScores
    from driftwatch.gate.bias.suite import Skipped

_PAIRS_NOTE = (
    "A pair is two sentences that differ in a group's name. Its score is how much likelier the model finds the one "
    "that agrees with a prejudice, in nats; of a classifier, how much probability moves to other classes. Intervals "
    "are of 95%, with templates drawn, not pairs. Where prejudice takes no side, the mean is that of the side it is "
    "on."
)
_TRIPLES_NOTE = (
    "A triple goes on in three ways. LMS is how often one that makes sense is likelier than the one without sense, SS "
    "how often the stereotype is likelier than its opposite (even at 50%), ICAT both together, at most 100."
)
_QUESTIONS_NOTE = (
    "A question has three answers, one of them that it cannot be known; the model's is the likeliest. The bias score "
    "says how much more often than not a wrong or open question is answered with the stereotype, from -1 to 1; "
    "intervals are of 95%."
)
_NOTE = "A suite sees what it holds and nothing else: no result calls a model unbiased."
_MOVED_NOTE = (
    "One pair of each template: where a group's name became likelier as such, that cancels within a template. The "
    "sentences are of the suite; they measure prejudice and state none of anybody's opinions."
)


def bias_page(report: BiasReport) -> str:
    """Return a self-contained HTML page without scripts; all text of users is escaped."""
    against = f" against <bdi>{safe(report.against)}</bdi>" if report.against else ""
    words = "".join(f"<p>{safe(sentence)}</p>" for suite in report.suites for sentence in suite.words)
    return document(
        f"Bias of {report.model}",
        f'<header><p class="sub"><bdi>{safe(report.model)}</bdi>{against}</p><h1>Bias</h1>'
        f'<div class="lead">{words}</div></header>'
        + "".join(section(safe(suite.suite), _suite(suite), note=_note(suite)) for suite in report.suites)
        + section("What it writes about groups", _tone(report.tone, report.tone_before))
        + section("Classes on labelled texts", _fairness(report.fairness, report.fairness_before, report.unread)),
    )


def bias_section(report: SuiteReport, *, round: int) -> str:  # noqa: A002 - the word of the house
    """Return a section of a run's page: what a suite shows of one round's candidate against the champion."""
    words = "".join(f"<p>{safe(sentence)}</p>" for sentence in report.words)
    by = "" if report.suite == BUILTIN else f", by {safe(report.suite)}"
    title = f"Bias: the candidate of round {round} against the champion{by}"
    return section(title, words + _suite(report), note=_note(report))


def _note(suite: SuiteReport) -> str:
    """Return what the figures of a suite are, whatever it is made of."""
    notes = ((suite.pairs, _PAIRS_NOTE), (suite.triples, _TRIPLES_NOTE), (suite.questions, _QUESTIONS_NOTE))
    return " ".join((*(note for there, note in notes if there), _NOTE))


def _suite(suite: SuiteReport) -> str:
    return "".join(
        (
            _categories("Change", suite.change, suite.unit or ""),
            _moved(suite.moved),
            _categories("The model itself", suite.categories, suite.unit or ""),
            _triples(suite.triples, suite.triples_before),
            _questions(suite.questions, suite.questions_before),
        )
    )


def _categories(title: str, rows: Sequence[CategorySummary], unit: str) -> str:
    if not rows:
        return ""
    flips = any(row.flips is not None for row in rows)
    mean = f"#Mean, {unit.replace('/', ' a ')}"
    heads = ("Category", "#Pairs", "#Templates", "#Flips" if flips else "#Above 0", mean, "#Detectable")
    cells = (
        (
            safe(label(row)),
            f"{row.pairs:,}",
            f"{row.templates:,}",
            _share(row.flips if flips else row.prefers),
            f"{row.mean:+.3f}<small>{row.low:+.3f} to {row.high:+.3f}</small>",
            f"{row.detectable:.3f}",
        )
        for row in rows
    )
    return _titled(title, table(heads, cells, kind="stack"))


def _moved(rows: Sequence[MovedPair]) -> str:
    if not rows:
        return ""
    cells = (
        (
            f"<bdi>{safe(row.stereotype)}</bdi><small><bdi>{safe(row.counter)}</bdi></small>",
            safe(row.category),
            f"{row.before:+.2f}",
            f"{row.after:+.2f}",
            f"{row.rise:+.2f}",
        )
        for row in rows
    )
    heads = ("Sentence, and its counterpart", "Category", "#Before", "#After", "#Rise of its template")
    return (
        f'<details class="more"><summary>{len(rows)} pairs whose templates rose most</summary>'
        f'<p class="note">{_MOVED_NOTE}</p>{table(heads, cells, kind="stack")}</details>'
    )


def _triples(rows: Sequence[TripleScores], before: Sequence[TripleScores]) -> str:
    if not rows:
        return ""
    old = {row.category: row for row in before}
    cells = (
        (
            safe(row.category),
            f"{row.triples:,}",
            *(
                f"{getattr(row, name):.1f}"
                + (f"<small>{getattr(old[row.category], name):.1f} before</small>" if row.category in old else "")
                for name in ("lms", "ss", "icat")
            ),
        )
        for row in rows
    )
    heads = ("Category", "#Triples", "#LMS, %", "#SS, %", "#ICAT")
    return _titled("StereoSet", table(heads, cells, kind="stack"))


def _questions(rows: Sequence[QuestionScores], before: Sequence[QuestionScores]) -> str:
    if not rows:
        return ""
    old = {(row.category, row.ambiguous): row for row in before}
    cells = (
        (
            f"{safe(row.category)}<small>{'ambiguous' if row.ambiguous else 'disambiguated'}</small>",
            f"{row.questions:,}",
            percent(row.accuracy),
            _bias(row),
            _bias(old[row.category, row.ambiguous]) if (row.category, row.ambiguous) in old else "",
        )
        for row in rows
    )
    heads = ("Category", "#Questions", "#Accuracy", "#Bias score, -1 to 1", "#Before")
    return _titled("BBQ", table(heads, cells, kind="stack"))


def _bias(row: QuestionScores) -> str:
    if row.bias is None:
        return "none"
    between = "" if row.low is None or row.high is None else f"<small>{row.low:+.3f} to {row.high:+.3f}</small>"
    return f"{row.bias:+.3f}{between}"


def _tone(found: Tone | None, before: Tone | None) -> str:
    if found is None:
        return ""
    old = {(row.category, row.group): row for row in before.groups} if before else {}
    cells = (
        (
            f"{safe(row.group)}<small>{safe(row.category)}</small>",
            f"{row.texts:,}",
            f"{row.sentiment:+.3f}"
            + (f"<small>{old[row.category, row.group].sentiment:+.3f} before</small>" if old else ""),
            percent(row.insults)
            + (f"<small>{percent(old[row.category, row.group].insults)} before</small>" if old else ""),
        )
        for row in found.groups
    )
    gaps = "".join(
        f"<li>{safe(gap.category)}: {safe(gap.kinder)} more kindly than {safe(gap.other)} by {gap.value:.3f} "
        f"({gap.low:+.3f} to {gap.high:+.3f})</li>"
        for gap in found.gaps
    )
    heads = ("Group", "#Texts", "#Sentiment, -1 to 1", "#With an insult")
    return table(heads, cells, kind="stack") + _titled("Widest gaps in sentiment", f"<ul>{gaps}</ul>")


def _fairness(found: Fairness | None, before: Fairness | None, unread: Sequence[Skipped]) -> str:
    if found is None:
        return ""
    old = {row.name: row for row in before.classes} if before else {}
    cells = (
        (
            safe(row.name),
            f"{row.parity:.3f}" + (f"<small>{old[row.name].parity:.3f} before</small>" if row.name in old else ""),
            _odds(row.odds) + (f"<small>{_odds(old[row.name].odds)} before</small>" if row.name in old else ""),
        )
        for row in found.classes
    )
    groups = ((safe(row.group), f"{row.texts:,}", percent(row.accuracy)) for row in found.groups)
    heads = ("Class", "#Demographic parity difference", "#Equalised odds difference")
    left_out = "".join(f'<p class="note">{safe(not_asked(each))}</p>' for each in unread)
    return table(heads, cells, kind="stack") + table(("Group", "#Texts", "#Right"), groups, kind="stack") + left_out


def _titled(title: str, body: str) -> str:
    return f'<div class="verdict"><h3>{title}</h3>{body}</div>'


def _odds(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
