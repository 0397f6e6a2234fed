"""The units of systemd for the present environment: which files, with what in them, written and taken away again."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from driftwatch.domain.errors import ConfigError, ConflictError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftwatch.config import Config

UNITS = (
    "driftwatch.service",
    "driftwatch-retrain@.service",
    "driftwatch-retrain.slice",
    "driftwatch-dispatch.service",
    "driftwatch-dispatch.path",
)
STATE = Path("/var/lib/driftwatch")
"""Where the units let the daemon write."""

MARK = "# Written by driftwatch install-service; put changes into drop-ins: systemctl edit UNIT\n"
_PROGRAM, _CONFIG = "/opt/driftwatch/bin/driftwatch", "/etc/driftwatch/driftwatch.toml"
_HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 - ProtectHome and PrivateTmp hide these
_GPU, _CHILD = "gpu.conf", "child.conf"
_OTHERS_READ = 0o004


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What was (or would be) done with the units' files."""

    written: tuple[Path, ...] = ()
    removed: tuple[Path, ...] = ()
    same: tuple[Path, ...] = ()


def program() -> str:
    """Return the command that this installation is started by.

    Raises:
        ConfigError: it has none.
    """
    beside = Path(sys.executable).parent / "driftwatch"
    if not os.access(beside, os.X_OK):
        cure = "install driftwatch into a virtual environment, such as /opt/driftwatch"
        raise ConfigError("this environment has no command driftwatch", where=str(beside), cure=cure)
    return str(beside)


def units(shipped: Path, config: Config, *, command: str, gpu: bool) -> Mapping[str, str]:
    """Return the units by name, with this command and configuration in them.

    Args:
        shipped: folder of the units as they come.
        config: that the daemon is to run with.
        command: absolute path of driftwatch.
        gpu: whether jobs and worker may use one.

    Raises:
        ConfigError: the units would hide the command or the configuration, or not let its state be written.
    """
    _check(config, command)
    named = {_PROGRAM: command, _CONFIG: str(config.path)}
    found = {name: MARK + _replaced((shipped / name).read_text(encoding="utf-8"), named) for name in UNITS}
    if gpu:
        text = MARK + (shipped / _GPU).read_text(encoding="utf-8")
        found |= {f"{unit}.d/{_GPU}": text for unit in UNITS[:2]}
    if config.retrain.launcher == "child":
        found[f"{UNITS[0]}.d/{_CHILD}"] = MARK + (shipped / _CHILD).read_text(encoding="utf-8")
    return found


def write_units(wanted: Mapping[str, str], into: Path, *, dry: bool) -> Changes:
    """Write the units that differ, and take away drop-ins of ours that are not wanted any more.

    Args:
        wanted: text by name.
        into: folder of the units.
        dry: only say what would be done.

    Raises:
        ConflictError: a file of somebody else is in the place.
    """
    differing = {name: text for name, text in wanted.items() if _text(into / name) != text}
    for name in differing:
        _refuse_strangers(into / name)
    stale = [file for file in _ours(into) if str(file.relative_to(into)) not in wanted]
    if not dry:
        for name, text in differing.items():
            _write(into / name, text)
        _remove(stale)
    same = tuple(into / name for name in wanted if name not in differing)
    return Changes(written=tuple(into / name for name in differing), removed=tuple(stale), same=same)


def remove_units(into: Path, *, dry: bool) -> Changes:
    """Take away every unit and drop-in that was written by us; others' drop-ins and all data stay."""
    found = _ours(into)
    if not dry:
        _remove(found)
    return Changes(removed=tuple(found))


def _check(config: Config, command: str) -> None:
    for what, path in (("the command", Path(command)), ("the configuration", config.path)):
        for seen in {path, path.resolve()}:
            if any(seen.is_relative_to(hidden) for hidden in _HIDDEN):
                cure = f"move it, such as to {_PROGRAM if what == 'the command' else _CONFIG}"
                raise ConfigError(f"{what} lies where services see nothing", where=str(seen), cure=cure)
        if any(character.isspace() or character in "%$\"'\\" for character in str(path)):
            raise ConfigError(f"the path of {what} has characters that units read otherwise", where=str(path))
    if config.state_dir not in (STATE, STATE.resolve()):
        cure = f'write state_dir = "{STATE}"'
        raise ConfigError("the service can write to its own state folder only", where=str(config.state_dir), cure=cure)
    if not config.path.stat().st_mode & _OTHERS_READ:
        cure = f"chmod o+r {config.path}; secrets do not belong into it"
        raise ConfigError("the service's user cannot read it", where=str(config.path), cure=cure)


def _replaced(text: str, named: Mapping[str, str]) -> str:
    for old, new in named.items():
        text = text.replace(old, new)
    return text


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _refuse_strangers(file: Path) -> None:
    present = _text(file)
    if present is not None and not present.startswith(MARK):
        cure = "move it away; what you changed in it belongs into a drop-in: systemctl edit"
        raise ConflictError("this was not written by driftwatch install-service", where=str(file), cure=cure)


def _ours(into: Path) -> list[Path]:
    names = [*UNITS, *(f"{unit}.d/{extra}" for unit in UNITS[:2] for extra in (_GPU, _CHILD))]
    return [into / name for name in names if (_text(into / name) or "").startswith(MARK)]


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f".{file.name}.writing")
    aside.write_text(text, encoding="utf-8")
    aside.chmod(0o644)
    aside.replace(file)


def _remove(files: list[Path]) -> None:
    for file in files:
        file.unlink()
        if file.parent.name.endswith(".d") and not any(file.parent.iterdir()):
            shutil.rmtree(file.parent)
