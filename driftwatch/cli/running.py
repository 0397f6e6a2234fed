"""Commands that run: the daemon, its worker and jobs, the demo, and telling the daemon to reload."""

from __future__ import annotations

import gc
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftwatch.cli.asking import ask
from driftwatch.cli.frame import DEFAULT_CONFIG, ConfigOption, out, read_config, told, told_if_known
from driftwatch.cli.shipped import shipped
from driftwatch.domain.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMEOUT_SECONDS = 30
_LOADED_AT_ONCE = 50_000
"""Objects: about half of what the daemon's modules are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Problem:
    detail: str


@contextmanager
def _loading() -> Iterator[None]:
    """Load for good: looking for garbage in modules takes a tenth of the start, and halts the daemon later on."""
    usual = gc.get_threshold()
    gc.set_threshold(_LOADED_AT_ONCE, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.freeze()


@told_if_known
def run(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Run the daemon until it is told to stop."""
    with _loading():
        from driftwatch.daemon import run as run_daemon

    run_daemon(config)


@told_if_known
def worker(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Assess windows for the daemon (started by it)."""
    from driftwatch.worker import main

    raise typer.Exit(main(config))


@told_if_known
def job(run_id: Annotated[str, typer.Argument(metavar="RUN")], config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Work on one retraining run (started by the daemon)."""
    from driftwatch.job import main

    raise typer.Exit(main(run_id, config))


@told_if_known
def dispatch(spool: Annotated[Path, typer.Argument(metavar="SPOOL", help="Folder of the requests.")]) -> None:
    """Start and stop retraining runs as the daemon's request files ask (started by systemd, as root)."""
    from driftwatch.retrain.launchers.dispatch import dispatch as obey

    obey(spool)


@told
def reload(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Tell the running daemon to take its policies as they are now; fails when it refuses."""
    answer = ask(read_config(config), "POST", "/-/reload", seconds=_TIMEOUT_SECONDS)
    if not answer.is_success:
        detail = _detail(answer.text)
        raise ConflictError(f"the daemon refused: {detail}", cure="driftwatch check shows every mistake")
    out.print("reloaded")


def _detail(body: str) -> str:
    import msgspec

    try:
        return msgspec.json.decode(body, type=_Problem).detail
    except msgspec.DecodeError:
        return body


@told
def demo(
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the daemon running at the end.")] = False,
    folder: Annotated[Path, typer.Option(help="Where the demo keeps everything.")] = Path("demo-state"),
) -> None:
    """Show the whole loop on real text: train, drift, alert, retrain, judge, promote; checks every claim it makes."""
    from driftwatch.demo.story import run as run_demo

    raise typer.Exit(run_demo(folder, keep=keep))


def _prometheus_time(written: str | None) -> str | None:
    if written is not None and not re.fullmatch(r"[1-9][0-9]*(ms|s|m|h)", written):
        raise typer.BadParameter("a number and its unit are wanted: 500ms, 5s, 1m")
    return written


@told
def stack(
    *,
    folder: Annotated[Path, typer.Option(help="Where the stack keeps everything.")] = Path("stack-state"),
    quiet: Annotated[int, typer.Option(min=1, metavar="WINDOWS", help="Windows before the text turns.")] = 3,
    wait: Annotated[
        bool, typer.Option("--wait", help="Let the text turn when Enter is pressed, never before.")
    ] = False,
    interval: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            callback=_prometheus_time,
            help="Between two scrapes and evaluations, such as 5s.",
            show_default="as shipped",
        ),
    ] = None,
    receiver: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65_535,
            metavar="PORT",
            help="Loopback port of your own webhook receiver.",
            show_default="told here",
        ),
    ] = None,
) -> None:
    """Run Prometheus, Alertmanager and the daemon on loopback with the shipped files, on text that drifts."""
    from driftwatch.demo.stack.run import Wanted
    from driftwatch.demo.stack.run import run as run_stack

    wanted = Wanted(
        folder=folder,
        shipped=shipped("grafana"),
        quiet=None if wait else quiet,
        interval=interval,
        receiver=receiver,
    )
    run_stack(wanted)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: driftwatch run --config /etc/driftwatch/driftwatch.toml")(run)
    app.command(hidden=True, epilog="Example: driftwatch worker --config driftwatch.toml")(worker)
    app.command(hidden=True, epilog="Example: driftwatch job docs-w0000012 --config driftwatch.toml")(job)
    app.command(hidden=True, epilog="Example: driftwatch dispatch /var/lib/driftwatch/spool")(dispatch)
    app.command(epilog="Example: driftwatch reload")(reload)
    app.command(epilog="Example: driftwatch demo --keep")(demo)
    app.command(epilog="Example: driftwatch stack --wait")(stack)
