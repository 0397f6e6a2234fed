"""``driftwatch install-service``: the units of systemd for this environment."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftwatch.cli.frame import DEFAULT_CONFIG, ConfigOption, JsonOption, out, print_json, read_config, told
from driftwatch.cli.shipped import shipped
from driftwatch.domain.errors import DriftwatchError

if TYPE_CHECKING:
    from driftwatch.wiring.service import Changes

_UNITS = Path("/etc/systemd/system")
_BOOTED = Path("/run/systemd/system")
_NAMES = ("driftwatch.service", "driftwatch-dispatch.path")


@told
def install_service(
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    into: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of the units.")] = _UNITS,
    program: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What they start.", show_default="this environment's driftwatch")
    ] = None,
    gpu: Annotated[bool, typer.Option("--gpu", help="Let the worker and jobs use a GPU.")] = False,
    uninstall: Annotated[bool, typer.Option("--uninstall", help="Stop, and take the units away; data stays.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    json: JsonOption = False,
) -> None:
    """Write the units of systemd for this environment and configuration; again after an upgrade."""
    from driftwatch.wiring import service

    if uninstall:
        if not dry_run:
            _systemctl("disable", "--now", *_NAMES, into=into, missing=True)
        done = service.remove_units(into, dry=dry_run)
    else:
        loaded = read_config(config.absolute())
        command = str(program.absolute()) if program is not None else service.program()
        wanted = service.units(shipped("systemd"), loaded, command=command, gpu=gpu)
        done = service.write_units(wanted, into, dry=dry_run)
    if not dry_run and (done.written or done.removed):
        _systemctl("daemon-reload", into=into)
    _say(done, json=json, dry=dry_run, uninstall=uninstall)


def _systemctl(*arguments: str, into: Path, missing: bool = False) -> None:
    """Tell the running systemd, where it is one that reads this folder."""
    if into != _UNITS or not _BOOTED.is_dir():
        return
    done = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False, env=os.environ)
    if done.returncode and not (missing and "does not exist" in done.stderr):
        raise DriftwatchError(f"systemctl {arguments[0]} failed: {done.stderr.strip()}", cure="run this as root")


def _say(done: Changes, *, json: bool, dry: bool, uninstall: bool) -> None:
    if json:
        print_json({name: [str(file) for file in getattr(done, name)] for name in ("written", "removed", "same")})
        return
    words = ("would write", "would remove") if dry else ("wrote", "removed")
    for word, files in zip(words, (done.written, done.removed), strict=True):
        for file in files:
            out.print(f"{word} {file}", soft_wrap=True)
    if not done.written and not done.removed:
        out.print("nothing to do")
    elif not dry and not uninstall:
        out.print("next: systemctl enable --now driftwatch (or systemctl restart driftwatch)")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("install-service", epilog="Example: driftwatch install-service --gpu --dry-run")(install_service)
