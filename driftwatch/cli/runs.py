"""Commands on retraining runs."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from driftwatch.cli.account import account, signed_by
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
from driftwatch.domain.audit import RUN_CANCEL_ASKED, AuditEntry
from driftwatch.domain.errors import DataError
from driftwatch.domain.run import COST, RunId, RunState
from driftwatch.retrain.report import PAGE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from driftwatch.domain.run import Run, Verdict

app = typer.Typer(help="Retraining runs.", no_args_is_help=True)
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run.")]
BecauseOption = Annotated[str, typer.Option("--because", help="Why; kept in the record.")]
_LOG_TAIL = 16_384
_LOG_LINES = 5


def _entry(what: str, run_id: str, because: str) -> AuditEntry:
    from driftwatch.wiring import CLOCK

    detail = {"because": because} if because else {}
    return AuditEntry(at=CLOCK.now(), who=account(), what=what, subject=run_id, detail=detail)


@app.command("list", epilog="Example: driftwatch runs list --stream support --state rejected")
@told
def list_runs(
    stream: Annotated[str | None, typer.Option(help="Only of this stream.")] = None,
    state: Annotated[str | None, typer.Option(help="Only in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most runs.")] = 20,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    json: JsonOption = False,
) -> None:
    """List runs, newest first."""
    if state is not None and state not in list(RunState):
        raise DataError(f'there is no state "{state}"', cure=f"states: {', '.join(RunState)}")
    from driftwatch.wiring.analysis import stream_settings

    loaded = read_config(config)
    store = opened(loaded)
    try:
        found = store.runs.list(stream=stream, states=[RunState(state)] if state else None, limit=limit)
    finally:
        store.close()
    if stream is not None and not found:
        stream_settings(loaded, stream)
    if json:
        print_json(found)
        return
    table = Table("run", "state", "rule", "round", "created (UTC)", "why")
    for run in found:
        table.add_row(
            run.spec.id,
            run.state.value,
            run.spec.rule,
            f"{run.round}/{run.spec.rounds}",
            f"{run.created_at:%Y-%m-%d %H:%M}",
            run.transitions[-1].reason,
        )
    out.print(table if found else "no runs yet")


@app.command(epilog="Example: driftwatch runs show support-w0000012")
@told
def show(run_id: RunArgument, config: ConfigOption = DEFAULT_CONFIG, *, json: JsonOption = False) -> None:
    """Show a run: every stage with its reason, every verdict with its interval."""
    loaded = read_config(config)
    store = opened(loaded)
    try:
        run = store.runs.get(RunId(run_id))
    finally:
        store.close()
    if json:
        print_json(run)
        return
    _show(run)
    page = loaded.state_dir / "runs" / run_id / PAGE
    if page.exists():
        out.print(f"page: {page}", soft_wrap=True)
    if run.state.working or run.state is RunState.FAILED:
        _show_log(loaded.state_dir / "runs" / run_id / "log.jsonl")


@app.command(epilog="Example: driftwatch runs approve support-w0000012 --because 'verdicts read'")
@told
def approve(
    run_id: RunArgument,
    because: BecauseOption = "approved by hand",
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    json: JsonOption = False,
) -> None:
    """Approve a run that waits for a person; the daemon promotes it."""
    from driftwatch.alert import messages
    from driftwatch.wiring import CLOCK

    store = opened(read_config(config))
    try:
        reason = signed_by(because)
        run = store.runs.move(
            RunId(run_id),
            to=RunState.PROMOTING,
            reason=reason,
            expect=(RunState.AWAITING_APPROVAL,),
            entry=_entry("run-approved", run_id, because),
        )
        store.outbox.resolve(messages.approval_key(run_id), at=CLOCK.now())
    finally:
        store.close()
    if json:
        print_json({"run": run_id, "state": run.state})
    else:
        out.print(f"run {run_id} is approved; the daemon promotes it within seconds of running")


@app.command(epilog="Example: driftwatch runs cancel support-w0000012 --because 'the texts were a test'")
@told
def cancel(
    run_id: RunArgument,
    because: Annotated[str, typer.Option("--because", help="Why; kept in the record.", show_default=False)] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    json: JsonOption = False,
) -> None:
    """Ask for a run's end; the serving model stays, but in probation the model before serves again."""
    store = opened(read_config(config))
    try:
        store.runs.request_cancel(RunId(run_id), entry=_entry(RUN_CANCEL_ASKED, run_id, one_line(because)))
        run = store.runs.get(RunId(run_id))
    finally:
        store.close()
    if json:
        print_json({"run": run_id, "state": run.state})
    elif run.state is RunState.PROBATION:
        out.print(f"run {run_id} is in probation and will be rolled back by the daemon")
    else:
        out.print(f"run {run_id} will be cancelled by the daemon")


@app.command(epilog="Example: driftwatch runs rollback support-w0000012 --because 'worse answers'")
@told
def rollback(
    run_id: RunArgument,
    because: BecauseOption = "rolled back by hand",
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    json: JsonOption = False,
) -> None:
    """Let the model before a promoted run serve again, with its reference."""
    from driftwatch import wiring

    loaded = read_config(config)
    store = opened(loaded)
    try:
        back = wiring.rollback(loaded, store, RunId(run_id), reason=signed_by(because), who=account())
    finally:
        store.close()
    if json:
        print_json({"run": run_id, "stream": back.stream, "model": back.version})
    else:
        out.print(f"model {back.version} serves stream {back.stream} again")


@app.command(epilog="Example: driftwatch runs export support")
@told
def export(
    stream: Annotated[str, typer.Argument(metavar="STREAM", help="Name of the stream.")],
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    json: JsonOption = False,
) -> None:
    """Register a stream's kept model in the places that the configuration names; the daemon does so by itself."""
    from driftwatch import wiring

    loaded = read_config(config)
    wiring.stream_settings(loaded, stream)
    store = opened(loaded)
    try:
        done = wiring.export(loaded, store, stream)
    finally:
        store.close()
    if json:
        print_json(done)
    elif done:
        for place, called in done.items():
            out.print(f"{place}: {called}")
    else:
        out.print(f"nothing to export for stream {stream}")


def _show(run: Run) -> None:
    spec = run.spec
    out.print(
        f"run {spec.id}: {run.state.value}, round {run.round} of {spec.rounds}; rule {spec.rule} on "
        f"window {spec.window}, texts numbered {spec.first_seq} to {spec.last_seq} in the store, recipe "
        f"{spec.recipe.name}, from model {spec.champion}"
    )
    stages = Table("time (UTC)", "took", "state", "reason")
    ends = [*(moved.at for moved in run.transitions[1:]), None]
    for moved, end in zip(run.transitions, ends, strict=True):
        took = "" if end is None else str(timedelta(seconds=round((end - moved.at).total_seconds())))
        stages.add_row(f"{moved.at:%Y-%m-%d %H:%M:%S}", took, moved.state.value, moved.reason)
    out.print(stages)
    if run.progress is not None and not run.state.final:
        out.print(f"{run.progress.stage}: {run.progress.done} of {run.progress.total}")
    if run.verdicts:
        _show_verdicts(run.verdicts)


def _show_verdicts(verdicts: Sequence[Verdict]) -> None:
    judged = Table("round", "gate", "verdict", "detail")
    measured = Table("round", "gate", "measure", "value", "interval", "limit", "unit", "n")
    for verdict in verdicts:
        judged.add_row(str(verdict.round), verdict.gate, verdict.outcome.value, verdict.detail)
        for each in verdict.measures if verdict.gate != COST else ():  # its detail says it all
            interval, limit = f"{each.low:+.4f} to {each.high:+.4f}", f"{each.limit:+.4f}"
            figures = (f"{each.value:+.4f}", interval, limit, each.unit, f"{each.n:,}")
            measured.add_row(str(verdict.round), verdict.gate, each.name, *figures)
    out.print(judged)
    if measured.row_count:
        out.print(measured)


def _show_log(file: Path) -> None:
    """Print the last lines of a job's log, where there is one; what would move the cursor is left out."""
    try:
        with file.open("rb") as log:
            log.seek(max(log.seek(0, os.SEEK_END) - _LOG_TAIL, 0))
            lines = log.read().decode(errors="replace").splitlines()[-_LOG_LINES:]
    except OSError:
        return
    out.print(f"{file}:")
    for line in lines:
        out.print("  " + "".join(each for each in line if each.isprintable()), soft_wrap=True)
