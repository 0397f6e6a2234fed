"""Clock, logs, store and rules."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from datetime import UTC, datetime
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from driftwatch.domain.errors import StoreUnavailableError
from driftwatch.domain.secrets import is_reference, read_secret
from driftwatch.policy.rules import load_policies
from driftwatch.policy.source import SUFFIXES_OF_CASES
from driftwatch.retrain.recipe import load_recipes
from driftwatch.store import open_store as open_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from driftwatch.config import Config
    from driftwatch.domain.protocols import Clock
    from driftwatch.domain.run import Recipe
    from driftwatch.policy.ruleset import Policy
    from driftwatch.store import Store


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)


CLOCK: Clock = SystemClock()


def log_to_stderr(form: str) -> None:
    """Send logs to standard error, one event a line: JSON, or text for people."""
    final: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            final,
        ],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # the stream of the moment, not of the start
        cache_logger_on_first_use=False,
    )


def open_store(config: Config, *, clock: Clock = CLOCK, read_only: bool = False) -> Store:
    """Open the configured store, bringing its schema up to date.

    Raises:
        StoreError: it cannot be opened.
    """
    if not read_only:
        make_state_dir(config.state_dir)
    if config.store is not None:
        named = is_reference(config.store)
        url = read_secret(config.store, environ=os.environ).reveal() if named else config.store
        return _open_url(url, clock, read_only=read_only)
    return open_at(config.state_dir / "driftwatch.db", clock=clock, read_only=read_only)


def make_state_dir(folder: Path) -> None:
    """Make the state folder where there is none, for nobody else to look into.

    Raises:
        StoreError: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailableError(
            f"the state folder cannot be made: {error.strerror}",
            where=str(folder),
            cure="create it and give it to the user that driftwatch runs as",
        ) from None


def _open_url(url: str, clock: Clock, *, read_only: bool) -> Store:
    from sqlalchemy.exc import ArgumentError

    try:
        return open_at(url, clock=clock, read_only=read_only)
    except (ArgumentError, ImportError) as error:
        what = f"the driver of this database is not installed ({error})"
        if isinstance(error, ArgumentError):  # whose words repeat the URL, password and all
            kind, _, rest = url.partition("://")
            what = f"this is no URL of a PostgreSQL: {kind}://…" if rest else "this is no URL of a PostgreSQL"
        raise StoreUnavailableError(
            what,
            where="store",
            cure='write postgresql://…, pip install "driftwatchd[postgresql]", or leave store out for SQLite',
        ) from None


def load_policy(config: Config) -> Policy:
    """Read every policy file and recipe that the configuration's patterns name.

    Raises:
        PolicyError: a policy file cannot be used.
        ConfigError: a recipe cannot be used.
    """
    recipes = known_recipes(config)
    files = [file for file in _files(config.policies) if not file.name.endswith(SUFFIXES_OF_CASES)]
    policy = load_policies(files, streams=tuple(config.streams), recipes=tuple(recipes))
    return replace(policy, recipes=recipes)


def unmatched_policies(config: Config) -> tuple[str, ...]:
    """Return the configuration's patterns that name no policy file."""
    return tuple(pattern for pattern in config.policies if not _files([pattern]))


def case_files(config: Config) -> list[Path]:
    """Return the files of cases that lie beside the policies which the configuration's patterns name."""
    folders = dict.fromkeys(Path(pattern).parent for pattern in config.policies)
    patterns = (str(folder / f"*{suffix}") for folder in folders for suffix in SUFFIXES_OF_CASES)
    return _files(patterns)


def known_recipes(config: Config) -> Mapping[str, Recipe]:
    """Return the built-in recipes and those that the configuration's patterns name.

    Raises:
        ConfigError: one of them cannot be used.
    """
    return load_recipes(_files(config.recipes))


def _files(patterns: Iterable[str]) -> list[Path]:
    return sorted({Path(file) for pattern in patterns for file in glob(pattern)})  # noqa: PTH207 - absolute
