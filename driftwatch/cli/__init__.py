"""The command line: one file per group of commands."""

from __future__ import annotations

from typing import Annotated

import typer

from driftwatch import __version__
from driftwatch.cli import (
    alarms,
    alerting,
    auditing,
    backups,
    bias,
    bias_data,
    checking,
    doctor,
    drifting,
    explaining,
    pausing,
    policies,
    policy_history,
    references,
    replaying,
    reporting,
    retraining,
    running,
    runs,
    service,
    setup,
    status,
    tapping,
    texts,
    trying,
)
from driftwatch.cli.frame import debug

app = typer.Typer(
    name="driftwatch",
    help="Watches the text a language model serves for drift; retrains, checks and promotes when it is worth it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"driftwatch {__version__}")
        raise typer.Exit


@app.callback(epilog="Example: driftwatch init, then driftwatch check, then driftwatch run")
def root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    show_traceback: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    """Watch production text for drift."""
    del version
    debug["on"] = show_traceback


GROUPLESS = (
    setup,
    checking,
    doctor,
    running,
    tapping,
    retraining,
    pausing,
    drifting,
    reporting,
    status,
    auditing,
    backups,
    service,
)
for group in GROUPLESS:
    group.add_to(app)
GROUPS = (
    ("texts", texts),
    ("reference", references),
    ("alarm", alarms),
    ("alert", alerting),
    ("policy", policies),
    ("runs", runs),
    ("bias", bias),
)
for name, group in GROUPS:
    app.add_typer(group.app, name=name)
bias_data.add_to(bias.app)
trying.add_to(policies.app)
policy_history.add_to(policies.app)
replaying.add_to(policies.app)
explaining.add_to(policies.app)

__all__ = ["app"]
