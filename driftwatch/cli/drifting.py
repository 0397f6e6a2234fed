"""The one-off: has this file drifted from what the model learned?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from driftwatch.cli.frame import DEFAULT_CONFIG, ConfigOption, JsonOption, err, out, print_json, read_config, told
from driftwatch.domain.errors import DataError, DriftwatchError

if TYPE_CHECKING:
    from driftwatch.config import StreamSettings
    from driftwatch.domain.drift import WindowResult
    from driftwatch.domain.text import Text

DRIFTED = 3
"""Exit code when the file has drifted."""


@told
def drift(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON Lines, text, CSV or Parquet.")],
    stream: Annotated[str | None, typer.Option(help="Stream whose reference is used; the only one by default.")] = None,
    field: Annotated[str | None, typer.Option(help="Name of the text's field or column.")] = None,
    target: Annotated[
        str | None,
        typer.Option(help="Name of a classifier's class; the one that the stream's sources read by default."),
    ] = None,
    alpha: Annotated[
        float, typer.Option(min=0.0005, max=0.5, help="p-value at or below which the file has drifted.")
    ] = 0.001,
    limit: Annotated[int, typer.Option(min=50, help="Most texts read.")] = 5_000,
    html: Annotated[Path | None, typer.Option(help="Write the page of the result here.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    json: JsonOption = False,
) -> None:
    """Compare a file with a stream's reference; exit code 3 means drift."""
    from driftwatch import wiring
    from driftwatch.domain.drift import Outcome
    from driftwatch.drift.page import drifted_alone, headline, window_page

    loaded = read_config(config)
    name = stream or _only(list(loaded.streams))
    settings = wiring.stream_settings(loaded, name)
    texts = _texts(file, field=field, target=target, usual=_usual_target(settings), limit=limit)
    if not texts:
        raise DataError("it holds no text", where=str(file), cure="give a file with at least 50 texts")
    with err.status("measuring texts"):
        result = wiring.one_off(loaded, name, texts)
    if html is not None:
        _write(html, window_page(result, alpha=alpha))
    if json:
        print_json(result)
    else:
        _show(result)
        out.print(headline(result, alpha=alpha))
    if result.outcome is Outcome.TOO_LITTLE_DATA:
        raise DataError(
            f"too little data to speak of drift: {result.distinct} distinct text{'s' * (result.distinct != 1)}",
            where=str(file),
            cure="give at least 50; a few hundred see much more",
        )
    if drifted_alone(result, alpha=alpha):
        raise typer.Exit(DRIFTED)


def _usual_target(settings: StreamSettings) -> str | None:
    """Return where the stream's records have their class: as its sources read it, else as its training data has it."""
    named = (*(source.target for source in settings.sources), settings.reference.target)
    return next((target for target in named if target is not None), None)


def _texts(file: Path, *, field: str | None, target: str | None, usual: str | None, limit: int) -> list[Text]:
    """Read the file, with classes where one is asked for; where they are only usual, a file may be without."""
    from driftwatch.intake.training import read_training

    if target is None and usual is not None:
        try:
            return list(read_training([file], field=field, target=usual, limit=limit))
        except DataError as error:
            err.print(f"read without classes, so the model's loss is not known: {error}", markup=False)
    return list(read_training([file], field=field, target=target, limit=limit))


def _only(streams: list[str]) -> str:
    if len(streams) == 1:
        return streams[0]
    raise DataError("there are several streams", cure=f"name one with --stream: {', '.join(streams)}")


def _show(result: WindowResult) -> None:
    table = Table("measure", "value", "95% interval", "usual without drift")
    for each in result.measures:
        interval = "" if each.low is None or each.high is None else f"{each.low:.4g} to {each.high:.4g}"
        usual = (
            "" if each.null_low is None or each.null_high is None else f"{each.null_low:.4g} to {each.null_high:.4g}"
        )
        table.add_row(each.name, f"{each.value:.4g}", interval, usual)
    out.print(table)
    risen = [f"{w.word} {w.reference_share:.1%} → {w.share:.1%}" for w in result.words if w.z > 0][:8]
    fallen = [f"{w.word} {w.reference_share:.1%} → {w.share:.1%}" for w in result.words if w.z < 0][:8]
    for title, words in (("rose", risen), ("fell", fallen)):
        if words:
            out.print(f"words that {title}: {', '.join(words)}")


def _write(path: Path, html: str) -> None:
    try:
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise DriftwatchError(f"it cannot be written: {error.strerror}", where=str(path)) from None
    err.print(f"page: {path}")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: driftwatch drift today.jsonl --stream support --html today.html")(drift)
