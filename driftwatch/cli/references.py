"""Commands on references."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from driftwatch.cli.frame import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    err,
    opened,
    out,
    print_json,
    read_config,
    told,
    warn,
)
from driftwatch.domain.errors import ConfigError, ConflictError, NotFoundError
from driftwatch.domain.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from driftwatch.config import StreamSettings
    from driftwatch.drift.evidence.alarm import Alarm
    from driftwatch.drift.evidence.dependence import Dependence
    from driftwatch.drift.evidence.state import Notes

app = typer.Typer(help="What windows are compared with.", no_args_is_help=True)
StreamArgument = Annotated[str, typer.Argument(metavar="STREAM", help="Name of the stream.")]


class ReadingEngine(StrEnum):
    """What reads training data."""

    LOCAL = "local"
    RAY = "ray"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a reference holds, as JSON shows it; ``train`` to ``memory`` are numbers of texts."""

    stream: str
    version: str
    in_force: bool
    created_at: datetime
    train: int
    cal: int
    heldout: int
    memory: int
    encoder: str
    transformer: str | None
    tokenizer: str
    champion: str | None
    seed: int
    folder: str
    dependence: str | None
    seasons: str | None
    burn_in: Dependence | None
    alarm: Alarm | None


@app.command(epilog="Example: driftwatch reference build support")
@told
def build(
    stream: StreamArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    engine: Annotated[
        ReadingEngine, typer.Option(help="What reads the training data: this process, or the workers of a Ray cluster.")
    ] = ReadingEngine.LOCAL,
    address: Annotated[
        str | None,
        typer.Option(
            help="Address of the Ray cluster, such as ray-head:6379; RAY_ADDRESS by default, else one on this host."
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Most pieces that Ray reads at a time; as many as it has processors.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Build a stream's reference from its training data and put it in force."""
    from driftwatch import wiring

    if engine is ReadingEngine.LOCAL and (address is not None or workers is not None):
        raise ConfigError("--address and --workers are of a Ray cluster", cure="add --engine ray, or leave them out")
    loaded = read_config(config)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with (
        Progress(*columns, console=err, transient=True) as bar,
        wiring.reading_engine(engine.value, address=address, workers=workers) as reader,
    ):
        reading = bar.add_task("reading training data", total=None)
        measuring = bar.add_task("measuring texts", total=None)
        made = wiring.build_reference(
            loaded,
            stream,
            engine=reader,
            on_read=lambda done, total: bar.update(reading, completed=done, total=total),
            on_progress=lambda done, total: bar.update(measuring, completed=done, total=total),
        )
    for warning in made.warnings:
        warn(warning)
    if json:
        print_json({"stream": stream, "version": made.row.version, "texts": made.row.texts, "warnings": made.warnings})
    else:
        out.print(f"reference {made.row.version} of {made.row.texts:,} texts is in force for stream {stream}")


@app.command("list", epilog="Example: driftwatch reference list support --json")
@told
def list_references(stream: StreamArgument, config: ConfigOption = DEFAULT_CONFIG, *, json: JsonOption = False) -> None:
    """List a stream's references, newest first."""
    from driftwatch.wiring.analysis import stream_settings

    loaded = read_config(config)
    stream_settings(loaded, stream)
    store = opened(loaded)
    rows = store.registry.references(stream)
    store.close()
    if json:
        print_json(rows)
        return
    table = Table("version", "in force", "texts", "model", "built (UTC)")
    for row in rows:
        built = f"{row.created_at:%Y-%m-%d %H:%M}"
        table.add_row(row.version, "yes" if row.in_force else "", f"{row.texts:,}", (row.champion or "–")[7:19], built)
    out.print(table if rows else f"stream {stream} has no reference; driftwatch reference build {stream} makes one")


@app.command(epilog="Example: driftwatch reference show support")
@told
def show(
    stream: StreamArgument,
    version: Annotated[str | None, typer.Option(help="Version; the one in force by default.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    json: JsonOption = False,
) -> None:
    """Show what a reference holds, every file held against its hash, and what the burn-in found of the stream."""
    from driftwatch.drift.archive import load_reference
    from driftwatch.drift.evidence.state import read_notes
    from driftwatch.wiring.analysis import stream_settings

    loaded = read_config(config)
    stream_settings(loaded, stream)
    store = opened(loaded)
    in_force, rows = store.registry.reference(stream), store.registry.references(stream)
    states = store.windows.monitor_states(stream, reference=in_force.version) if in_force is not None else {}
    store.close()
    row = in_force if version is None else next((each for each in rows if each.version == version), None)
    if row is None and version is not None:
        raise NotFoundError(f"stream {stream} has no reference {version}", cure=f"driftwatch reference list {stream}")
    if row is None:
        raise ConflictError(f"stream {stream} has no reference", cure=f"driftwatch reference build {stream}")
    reference = load_reference(Path(row.path))
    ours = row.version == in_force.version if in_force is not None else False
    notes = read_notes(states["evidence"]) if ours and "evidence" in states else None
    dependence = _dependence(loaded.streams[stream], notes)
    held = Held(
        stream=stream,
        version=row.version,
        in_force=row.in_force,
        created_at=row.created_at,
        train=len(reference.train.texts),
        cal=len(reference.cal.texts),
        heldout=len(reference.heldout.texts),
        memory=len(reference.memory),
        encoder=reference.encoder,
        transformer=reference.tier,
        tokenizer=reference.tokenizer,
        champion=reference.champion,
        seed=reference.seed,
        folder=row.path,
        dependence=dependence,
        seasons=notes.seasons.sentence if notes is not None and notes.seasons is not None else None,
        burn_in=notes.dependence if notes is not None else None,
        alarm=notes.alarm if notes is not None else None,
    )
    if json:
        print_json(held)
        return
    table = Table(show_header=False)
    for name, value in _told(held):
        table.add_row(name, f"{value:,}" if isinstance(value, int) else value)
    out.print(table)


def _dependence(settings: StreamSettings, notes: Notes | None) -> str | None:
    """Say how texts are bet on: as the configuration fixes it, or as the burn-in found it."""
    wanted = settings.evidence.dependence
    if wanted == "independent":
        return "text by text, as the configuration says"
    if isinstance(wanted, int):
        return f"blocks of {wanted}, as the configuration says"
    found = notes.dependence if notes is not None else None
    if found is None or found.length <= settings.window:
        return found.sentence if found is not None else None
    return f"{found.sentence}; a window of {settings.window} is one block: set window to at least {found.length}"


def _told(held: Held) -> Iterator[tuple[str, int | str]]:
    yield "version", held.version + (", in force" if held.in_force else "")
    yield "built (UTC)", f"{held.created_at:%Y-%m-%d %H:%M:%S}"
    yield "texts to choose on (TRAIN)", held.train
    yield "texts to estimate on (CAL)", held.cal
    yield "texts the model never saw", held.heldout
    yield "older texts it should still know", held.memory
    if held.transformer is None:
        yield "encoder", held.encoder
    else:
        yield "static encoder, of every text", held.encoder
        yield "transformer, of a part of each window", held.transformer
    yield "tokenizer", held.tokenizer
    yield "model", held.champion or "none"
    yield "seed", str(held.seed)
    yield "folder", held.folder
    yield "seasons", held.seasons or "not looked for yet: no window was assessed against it"
    yield "how texts are bet on", held.dependence or "not measured yet: no window was assessed against it"
    if held.alarm is not None:
        since = f"{held.alarm.onset.seen_at:%Y-%m-%d %H:%M:%S}"
        yield "alarm in force", f"since window {held.alarm.raised}, onset about {since} UTC"


@app.command(epilog="Example: driftwatch reference power support")
@told
def power(
    stream: StreamArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    fresh: Annotated[bool, typer.Option("--fresh", help="Simulate again, whatever was kept.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Three topics instead of nine, unless all nine were simulated before.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Say what the reference in force and the budget can see, by simulation on the reference itself."""
    from driftwatch.drift.evidence.seasons import seasons_apart
    from driftwatch.drift.power import QUICK_TRIALS, SHARES, TRIALS, sentence
    from driftwatch.wiring.analysis import stream_settings
    from driftwatch.wiring.power import kept_power, simulated_power

    loaded = read_config(config)
    settings = stream_settings(loaded, stream)
    store = opened(loaded)
    try:
        trials = QUICK_TRIALS if quick else TRIALS
        seen = None if fresh else kept_power(loaded, store, settings, trials=trials)
        if seen is None:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            with Progress(*columns, console=err, transient=True) as bar:
                task = bar.add_task("simulating streams", total=trials * len(SHARES))
                seen = simulated_power(
                    loaded,
                    store,
                    settings,
                    trials=trials,
                    on_progress=lambda done, _total: bar.update(task, completed=done),
                )
    finally:
        store.close()
    if json:
        print_json(seen)
        return
    known = seen.per_second is not None
    rate = f"{seen.per_second:,.3g} texts a second" if known else "one text a second, for want of windows"
    out.print(f"{settings.false_alarms} at {rate}: at least {seen.arl_texts:,.0f} texts between two false alarms")
    table = Table("share of new texts", "median delay in texts", "in time", "seen in", "within")
    for each in seen.found:
        delay = f"{each.median:,}" if each.median is not None else f"more than {each.horizon:,}"
        table.add_row(
            f"{each.share:.0%}",
            delay,
            _lasting(each.median, seen.per_second),
            f"{each.seen} of {len(each.delays)}",
            f"{each.horizon:,} texts",
        )
    out.print(table)
    out.print(sentence(seen.found))
    out.print(
        f"Topics were taken out of reference {seen.reference} one by one, so it was simulated with a smaller one: real "
        "delays are rather shorter."
    )
    if (seasonal := seasons_apart(seen.seasons)) is not None:
        out.print(seasonal)


def _lasting(texts: int | None, per_second: float | None) -> str:
    return format_duration(timedelta(seconds=round(texts / per_second))) if texts and per_second else ""
