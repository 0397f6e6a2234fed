"""Commands on the texts that are kept."""

from __future__ import annotations

from typing import Annotated

import typer

from driftwatch.cli.account import account
from driftwatch.cli.frame import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    one_line,
    opened,
    out,
    print_json,
    read_config,
    told,
)

app = typer.Typer(help="The texts that are kept.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Keep the name of the one command: driftwatch texts forget."""


@app.command(epilog="Example: driftwatch texts forget --stream support --group session-7 --because 'request of 3 May'")
@told
def forget(
    stream: Annotated[str, typer.Option(help="Name of the stream.")],
    group: Annotated[str, typer.Option(help="The session or author, as the texts name it.")],
    because: Annotated[str, typer.Option("--because", help="Why; kept in the audit log.", show_default=False)] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    older: Annotated[
        bool, typer.Option("--older", help="Also take the exemplars out of windows whose texts are gone already.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Delete a group's texts everywhere: store, feedback, runs' data, references, reports, exemplars."""
    from driftwatch import wiring

    loaded = read_config(config)
    wiring.stream_settings(loaded, stream)
    store = opened(loaded)
    try:
        done = wiring.forget(loaded, store, stream, group, who=account(), because=one_line(because), older=older)
    finally:
        store.close()
    if json:
        print_json(done)
        return
    out.print(f"deleted: {done.texts:,} texts and {done.feedback:,} pieces of feedback from the store")
    out.print(f"exemplars taken out of {len(done.windows):,} windows; {done.reports:,} reports deleted")
    for run, count in done.runs.items():
        out.print(f"run {run}: {count:,} texts taken out of its data")
    for old, new in done.references.items():
        out.print(f"reference {old} is {new} now; evidence against it begins anew")
    for model in done.models:
        out.print(f"model {model} was trained on some: what it learnt stays in its weights until it is replaced")
    settings = loaded.streams[stream]
    logs = [source.path for source in settings.sources if source.type == "file"]
    own = ", ".join(str(each) for each in (*logs, *settings.reference.data, *settings.reference.heldout))
    out.print(f"not touched, for they are yours: {own}{', ' if own else ''}and your backups", soft_wrap=True)
