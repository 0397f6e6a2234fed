"""``driftwatch backup`` and ``driftwatch restore``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from driftwatch.cli.frame import DEFAULT_CONFIG, ConfigOption, JsonOption, out, print_json, read_config, told


@told
def backup(
    target: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder to be made.")],
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    models: Annotated[bool, typer.Option("--models/--no-models", help="Whether model versions are copied too.")] = True,
    json: JsonOption = False,
) -> None:
    """Copy everything that the daemon goes on from, while it goes on: database, references, models, configuration."""
    from driftwatch import wiring

    loaded = read_config(config)
    made = wiring.backup(loaded, target, models=models)
    if json:
        print_json(made)
        return
    out.print(f"{len(made.files):,} files in {target}", soft_wrap=True)
    if not made.database:
        out.print("the database is not among them: dump it with its own tools (pg_dump) just before this, not after it")
    out.print("not among them: secrets, keys and certificates, and the files that your configuration reads")


@told
def restore(
    source: Annotated[Path, typer.Argument(metavar="FOLDER", help="A backup.")],
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    json: JsonOption = False,
) -> None:
    """Put a backup where there is no state yet, while no daemon runs; its configuration too, where there is none."""
    from driftwatch import wiring

    done = wiring.restore(config, source, load=read_config)
    if json:
        print_json(done)
        return
    out.print(f"the state of {done.created_at:%Y-%m-%d %H:%M:%S} UTC is back, written by driftwatch {done.code}")
    out.print("next: bring secrets and certificates, then driftwatch check, driftwatch doctor, driftwatch run")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: driftwatch backup /backups/driftwatch-2026-05-03")(backup)
    app.command(epilog="Example: driftwatch restore /backups/driftwatch-2026-05-03")(restore)
