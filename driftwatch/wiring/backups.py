"""Backups: everything that a daemon goes on from, in a folder that is whole or not there; and the way back."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from driftwatch import __version__
from driftwatch.domain.errors import ConflictError, DataError
from driftwatch.domain.run import RunState
from driftwatch.retrain.change import change_alone
from driftwatch.retrain.folders import MANIFEST, differs, file_hashes, publish, written_aside
from driftwatch.store.copying import copy_database, move_paths
from driftwatch.wiring.base import CLOCK, open_store
from driftwatch.wiring.serving import models_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from driftwatch.config import Config
    from driftwatch.domain.run import Run

DATABASE = "driftwatch.db"
_PATIENCE = timedelta(minutes=1)
_MOST_RUNS = 1_000_000
_WEIGHTS = ("trained-*", "candidate-*", "probe", "checkpoint*", "*.writing", ".*")
_STATE, _CONFIG = "state", "config"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupManifest:
    """What a backup holds.

    Args:
        created_at: when the database was copied.
        code: version of driftwatch that wrote it.
        state_dir: that the database's rows name.
        config: name of the configuration among its files.
        database: whether it holds one; PostgreSQL is backed up by its own tools.
        models: whether it holds the model versions.
        files: SHA-256 of every file by its path.
    """

    created_at: datetime
    code: str
    state_dir: str
    config: str
    database: bool
    models: bool
    files: dict[str, str] = field(default_factory=dict)


def backup(config: Config, target: Path, *, models: bool) -> BackupManifest:
    """Copy database, references, models, runs' records and configuration; the daemon may go on meanwhile.

    Promotions, rollbacks and deletions of models wait until it is done. Secrets, keys and certificates are not
    copied, and neither are weights of runs that have ended.

    Args:
        config: of the daemon.
        target: folder that is made; it appears whole or not at all.
        models: whether the model versions are copied too.

    Raises:
        ConflictError: the folder is there, or a promotion is under way.
        StoreError: the database cannot be copied.
    """
    if target.exists():
        raise ConflictError("this exists already", where=str(target), cure="name a folder that does not")
    with ExitStack() as alone:
        for stream in config.streams:
            alone.enter_context(change_alone(models_of(config, stream), patience=_PATIENCE))
        with written_aside(target) as aside:
            aside.chmod(0o700)
            now = CLOCK.now()
            (aside / _STATE).mkdir()
            if config.store is None:
                copy_database(config.state_dir / DATABASE, aside / _STATE / DATABASE)
            _copy_state(config, aside / _STATE, models=models)
            _copy_config(config, aside / _CONFIG)
            manifest = BackupManifest(
                created_at=now,
                code=__version__,
                state_dir=str(config.state_dir),
                config=config.path.name,
                database=config.store is None,
                models=models,
                files=file_hashes(aside),
            )
            (aside / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    return manifest


def restore(config_path: Path, source: Path, *, load: Callable[[Path], Config]) -> BackupManifest:
    """Put a backup's state in its place, every file held against its hash first.

    Args:
        config_path: configuration of the daemon; where there is none, the backup's takes its place.
        source: the backup.
        load: reads a configuration.

    Raises:
        ConflictError: there is a state already.
        DataError: the backup is damaged.
    """
    manifest = read_backup(source)
    if not config_path.exists():
        shutil.copytree(source / _CONFIG, config_path.parent, dirs_exist_ok=True)
        if config_path.name != manifest.config:
            (config_path.parent / manifest.config).rename(config_path)
    config = load(config_path)
    state = config.state_dir
    if (state / DATABASE).exists() or any(state.glob("models/*")) or any(state.glob("references/*")):
        raise ConflictError("there is a state already", where=str(state), cure="stop the daemon and move it away")
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = state / ".restoring"
    shutil.rmtree(aside, ignore_errors=True)
    shutil.copytree(source / _STATE, aside, symlinks=True)
    if manifest.database:
        (aside / DATABASE).chmod(0o600)
        move_paths(aside / DATABASE, old=manifest.state_dir, new=str(state))
    for part in sorted(aside.iterdir(), key=lambda each: each.name == DATABASE):  # the database comes last
        if (state / part.name).is_dir():
            shutil.rmtree(state / part.name)  # made by the service manager, and empty of what counts
        publish(part, state / part.name) if part.is_dir() else part.rename(state / part.name)
    aside.rmdir()
    return manifest


def read_backup(source: Path) -> BackupManifest:
    """Return a backup's manifest after holding every file against it.

    Raises:
        DataError: it is none, or damaged.
    """
    try:
        manifest = msgspec.json.decode((source / MANIFEST).read_bytes(), type=BackupManifest)
    except (OSError, msgspec.DecodeError):
        raise DataError("this is no backup", where=str(source), cure="name a folder of driftwatch backup") from None
    if changed := differs(source, manifest.files):
        raise DataError("a file of the backup is missing, added or changed", where=str(source / changed))
    return manifest


def _copy_state(config: Config, target: Path, *, models: bool) -> None:
    state = config.state_dir
    for name in ("references", *(("models",) if models else ())):
        if (state / name).is_dir():
            ignored = shutil.ignore_patterns(".*", "lock")
            shutil.copytree(state / name, target / name, symlinks=True, ignore=ignored)
    store = open_store(config, read_only=config.store is None)
    try:
        runs = [run for stream in config.streams for run in store.runs.list(stream=stream, limit=_MOST_RUNS)]
    finally:
        store.close()
    for run in runs:
        if (state / "runs" / run.spec.id).is_dir():
            _copy_run(state / "runs" / run.spec.id, target / "runs" / run.spec.id, run)


def _copy_run(source: Path, target: Path, run: Run) -> None:
    """Copy a run's records; the weights only of a candidate that may still be promoted."""
    waits = run.state in (RunState.JUDGING, RunState.AWAITING_APPROVAL, RunState.PROMOTING)
    ignored = [each for each in _WEIGHTS if not (waits and each == "candidate-*")]
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns(*ignored, "lock"))


def _copy_config(config: Config, target: Path) -> None:
    target.mkdir()
    base = config.path.parent
    for file in (config.path, *_named(config)):
        place = target / os.path.relpath(file, base) if file.is_relative_to(base) else target / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)


def _named(config: Config) -> Iterator[Path]:
    """Return the files that belong to the configuration and hold no secret."""
    for pattern in (*config.policies, *config.recipes):
        yield from (Path(file) for file in sorted(glob(pattern)))  # noqa: PTH207 - absolute
    if config.daemon.web_config is not None and config.daemon.web_config.is_file():
        yield config.daemon.web_config
