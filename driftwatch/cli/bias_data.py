"""How a file of texts speaks of identity groups, against another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from driftwatch.cli.frame import JsonOption, err, out, print_json, told
from driftwatch.domain.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from driftwatch.domain.text import Text
    from driftwatch.retrain.fairness.result import DataCheck, GroupCheck, Shift


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: driftwatch bias data new.jsonl --reference train.jsonl")(data)


@told
def data(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="New texts: JSON Lines, text, CSV or Parquet.")],
    reference: Annotated[list[Path], typer.Option(help="Texts to compare with; may be given several times.")],
    field: Annotated[str | None, typer.Option(help="Name of the text's field or column.")] = None,
    group: Annotated[
        str | None, typer.Option(help="Field of the session or author, whose texts depend on each other.")
    ] = None,
    whole: Annotated[bool, typer.Option("--all", help="Show every group, not only those with enough texts.")] = False,
    *,
    json: JsonOption = False,
) -> None:
    """Compare how two files speak of identity groups: how often, and with how many negative words and insults."""
    from driftwatch import wiring
    from driftwatch.retrain.fairness.check import data_check
    from driftwatch.retrain.fairness.page import summary

    for path in (file, *reference):
        if not path.exists():
            cure = f"check the path; it begins at {Path.cwd()} unless with a /"
            raise DataError("there is no such file", where=str(path), cure=cure)
    identity = wiring.identity(None)
    with err.status("reading texts"):
        found = data_check(
            _texts([file], field, group, identity.redact), _texts(reference, field, group, identity.redact), identity
        )
    for paths, texts in (([file], found.texts), (reference, found.reference_texts)):
        if not texts:
            raise DataError("it holds no text", where=", ".join(map(str, paths)), cure="give a file with texts")
    if json:
        print_json(found)
        return
    out.print(_shares(found, whole=whole))
    if any(each.associations for each in found.groups):
        out.print(_associations(found))
    for each in found.named:
        _explain(each)
    out.print(summary(found), soft_wrap=True)


def _texts(paths: Sequence[Path], field: str | None, group: str | None, redact: Callable[[str], str]) -> Iterator[Text]:
    """Read texts as intake would have stored them, without personal data."""
    from driftwatch.intake.training import read_training

    return (replace(text, body=redact(text.body)) for text in read_training(paths, field=field, group=group))


def _shares(found: DataCheck, *, whole: bool) -> Table:
    table = Table(
        "group", "texts (before)", "share (before)", "change, 95% interval", "shown", title="who is mentioned"
    )
    for each in found.groups:
        counts = (_name(each), f"{each.texts:,} ({each.reference_texts:,})")
        if each.share is not None:
            one = each.share
            change = f"{one.change:+.2%}, {one.low:+.2%} to {one.high:+.2%}"
            table.add_row(*counts, f"{one.new:.2%} ({one.reference:.2%})", change, _verdict(one))
        elif whole:
            table.add_row(*counts, "", "not enough texts to tell", "")
    return table


def _associations(found: DataCheck) -> Table:
    title = "words near its names, log odds above chance"
    table = Table("group", "words", "texts", "log odds (before)", "change, 95% interval", "shown", title=title)
    for each in found.groups:
        for one in each.associations:
            shift = one.shift
            change = f"{shift.change:+.2f}, {shift.low:+.2f} to {shift.high:+.2f}"
            before = f"{shift.reference:+.2f}" if one.against == "reference" else "chance"
            figures = (f"{one.carriers:,}", f"{shift.new:+.2f} ({before})", change, _verdict(shift))
            table.add_row(_name(each), one.lexicon, *figures)
    return table


def _name(found: GroupCheck) -> str:
    return found.group.replace("_", " ")


def _verdict(shift: Shift) -> str:
    if not shift.named:
        return "no"
    return "rose" if shift.change > 0 else "fell"


def _explain(found: GroupCheck) -> None:
    if found.words:
        words = ", ".join(f"{each.word} ({each.new} authors, {each.reference} before)" for each in found.words)
        out.print(f"{_name(found)}, words that rose near the name: {words}", soft_wrap=True)
    for part in found.exemplars:
        out.print(f"  {part}", soft_wrap=True)
