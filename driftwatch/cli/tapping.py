"""``driftwatch tap``: standard input into a stream."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from driftwatch.cli.frame import DEFAULT_CONFIG, ConfigOption, JsonOption, err, out, print_json, read_config, told
from driftwatch.domain.errors import NotFoundError

if TYPE_CHECKING:
    from driftwatch.intake.tap import TapSettings
    from driftwatch.wiring import Tapped

UNUSABLE = 2
"""Exit code where no line could be used, or with ``--strict`` one could not."""


@told
def tap(  # noqa: PLR0917 - options, given by name
    stream: Annotated[str, typer.Argument(metavar="STREAM", help="Stream that the texts belong to.")],
    form: Annotated[
        Literal["auto", "jsonl", "lines"] | None, typer.Option("--format", help="Of lines; told by the first.")
    ] = None,
    records: Annotated[
        Literal["fields", "openai"] | None, typer.Option(help="Records by field paths, or logged requests to a model.")
    ] = None,
    watch: Annotated[
        Literal["prompt", "completion"] | None, typer.Option(help="Which end of a logged request is the text.")
    ] = None,
    body: Annotated[str | None, typer.Option(help="Field path of the text.")] = None,
    id: Annotated[str | None, typer.Option(help="Field path of the text's id.")] = None,
    time_of: Annotated[str | None, typer.Option("--time", help="Field path of its time.")] = None,
    group: Annotated[str | None, typer.Option(help="Field path of its session or author.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Fail when a single line is no text.")] = False,
    json: JsonOption = False,
) -> None:
    """Take standard input into a stream, one text a line; it ends when everything is on disk."""
    from driftwatch import wiring
    from driftwatch.intake.tap import batches

    settings = read_config(config)
    if stream not in settings.streams:
        raise NotFoundError(f'there is no stream "{stream}"', cure=f"known are: {', '.join(settings.streams)}")
    source = _described(
        wiring.tap_settings(settings, stream),
        format=form,
        records=records,
        watch=watch,
        body=body,
        id=id,
        time=time_of,
        group=group,
    )
    store = wiring.open_store(settings)
    try:
        tapped = wiring.tap(
            batches(sys.stdin.fileno(), limit=wiring.TAP_BATCH),
            source,
            settings,
            store,
            stream=stream,
            clock=wiring.CLOCK,
            wait=_wait,
        )
    finally:
        store.close()
    if json:
        print_json(tapped)
    else:
        out.print(_sentence(tapped), highlight=False)
    left_out = sum(tapped.rejected.values())
    used = tapped.stored + tapped.duplicates + tapped.sampled_out + tapped.dropped
    if left_out and (strict or not used):
        raise typer.Exit(UNUSABLE)


def _described(source: TapSettings, **given: str | None) -> TapSettings:
    """Return what the configuration says of the lines, changed by what was said here."""
    said: dict[str, Any] = {name: word for name, word in given.items() if word is not None}
    return replace(source, **said)


def _sentence(tapped: Tapped) -> str:
    left_out = "".join(f", {count} left out ({reason})" for reason, count in tapped.rejected.items())
    noted = "".join(f", {count} {reason}" for reason, count in tapped.noted.items())
    known = f"{tapped.stored} stored, {tapped.duplicates} known already, {tapped.sampled_out} sampled out"
    known += f", {tapped.dropped} dropped: the stream is full" if tapped.dropped else ""
    return known + left_out + noted


def _wait(waiting: int) -> None:
    err.print(f"{waiting} texts wait to be assessed: waiting until there is room", highlight=False)
    time.sleep(1)


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: driftwatch tap support --body message < today.jsonl")(tap)
