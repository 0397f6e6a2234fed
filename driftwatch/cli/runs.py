"""Commands on retraining runs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from driftwatch.cli.frame import DEFAULT_CONFIG, ConfigOption, JsonOption, opened, out, print_json, read_config, told
from driftwatch.domain.errors import ConflictError, DataError
from driftwatch.domain.run import RunId, RunState

if TYPE_CHECKING:
    from driftwatch.domain.run import Run

app = typer.Typer(help="Retraining runs.", no_args_is_help=True)
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run.")]
BecauseOption = Annotated[str, typer.Option("--because", help="Why; kept in the record.")]


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
    store = opened(read_config(config))
    try:
        run = store.runs.get(RunId(run_id))
    finally:
        store.close()
    if json:
        print_json(run)
    else:
        _show(run)


@app.command(epilog="Example: driftwatch runs approve support-w0000012 --because 'verdicts read'")
@told
def approve(
    run_id: RunArgument, because: BecauseOption = "approved by hand", config: ConfigOption = DEFAULT_CONFIG
) -> None:
    """Approve a run that waits for a person; the daemon promotes it."""
    from driftwatch.alert import messages
    from driftwatch.wiring import CLOCK

    store = opened(read_config(config))
    try:
        store.runs.move(RunId(run_id), to=RunState.PROMOTING, reason=because, expect=(RunState.AWAITING_APPROVAL,))
        store.outbox.resolve(messages.approval_key(run_id), at=CLOCK.now())
    finally:
        store.close()
    out.print(f"run {run_id} is approved; the daemon promotes it within seconds of running")


@app.command(epilog="Example: driftwatch runs cancel support-w0000012")
@told
def cancel(run_id: RunArgument, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Ask for a run's end; the serving model stays."""
    store = opened(read_config(config))
    try:
        store.runs.request_cancel(RunId(run_id))
    finally:
        store.close()
    out.print(f"run {run_id} will be cancelled by the daemon")


@app.command(epilog="Example: driftwatch runs rollback support-w0000012 --because 'worse answers'")
@told
def rollback(
    run_id: RunArgument, because: BecauseOption = "rolled back by hand", config: ConfigOption = DEFAULT_CONFIG
) -> None:
    """Let the model before a promoted run serve again, with its reference."""
    from driftwatch import wiring

    loaded = read_config(config)
    store = opened(loaded)
    try:
        if any(store.runs.list(states=(RunState.PROMOTING,), limit=1)):
            raise ConflictError("a promotion is under way", cure="wait for its end: driftwatch runs list")
        back = wiring.rollback(loaded, store, RunId(run_id), reason=because)
    finally:
        store.close()
    out.print(f"model {back.version} serves stream {back.stream} again")


def _show(run: Run) -> None:
    spec = run.spec
    out.print(
        f"run {spec.id}: {run.state.value}, round {run.round} of {spec.rounds}; rule {spec.rule} on "
        f"window {spec.window}, texts {spec.first_seq:,} to {spec.last_seq:,}, recipe "
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
        verdicts = Table("round", "gate", "verdict", "detail")
        for verdict in run.verdicts:
            verdicts.add_row(str(verdict.round), verdict.gate, verdict.outcome.value, verdict.detail)
        out.print(verdicts)
