"""What sources behind a network share: packages that may be missing, secrets by reference, patience with failures."""

from __future__ import annotations

import importlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from driftwatch.domain.errors import ConfigError, DriftwatchError
from driftwatch.domain.protocols import ClosedSource
from driftwatch.domain.secrets import check_reference, read_secret
from driftwatch.domain.text import Page

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from driftwatch.domain.protocols import AcknowledgedSource, Clock, Source
    from driftwatch.domain.text import Cursor

_FIRST_PAUSE = timedelta(seconds=1)
_LONGEST_PAUSE = timedelta(minutes=1)
_SECRET_WORDS = ("password", "secret", "token", "key")


def needed(module: str, *, extra: str, where: str) -> Any:  # noqa: ANN401 - a module
    """Import a package that only this kind of source needs.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"this source needs the package {module.partition('.')[0]}, which is not installed ({error})",
            where=where,
            cure=f'pip install "driftwatchd[{extra}]"',
        ) from None


def revealed(secrets: Mapping[str, str], *, environ: Mapping[str, str]) -> dict[str, str]:
    """Return secrets by name, fetched from where their references say.

    Raises:
        ConfigError: one is missing.
    """
    return {name: read_secret(reference, environ=environ).reveal() for name, reference in secrets.items()}


def check_options(options: Iterable[str], secrets: Mapping[str, str], *, plain: Iterable[str] = ()) -> None:
    """Refuse secrets among the plain options, and what names no secret among the secrets.

    Args:
        options: names of plain settings.
        secrets: references by name.
        plain: names that only look like a secret's.

    Raises:
        ValueError: with what to write instead.
    """
    for name in options:
        words = name.lower().replace("-", ".").replace("_", ".").split(".")
        if name not in plain and any(word in _SECRET_WORDS for word in words):
            raise ValueError(f'"{name}" belongs into secrets, as a reference: secrets = {{ "{name}" = "env:NAME" }}')
    for reference in secrets.values():
        check_reference(reference)


class PatientSource:
    """Asks a source that failed again after a pause: a second at first, each one twice the last, a minute at most.

    Args:
        source: that is read.
        clock: measures the pauses.
    """

    def __init__(self, source: Source, *, clock: Clock) -> None:
        self._source, self._clock = source, clock
        self._pause = timedelta()
        self._failed_at = clock.now()
        self.trouble: str | None = None

    def read(self, after: Cursor | None, *, limit: int) -> Page:
        """Return up to ``limit`` texts after the cursor, or nothing during a pause.

        Raises:
            DriftwatchError: what the source raises; the pause begins.
        """
        if self._pause and self._clock.now() - self._failed_at < self._pause:
            return Page(texts=(), cursor=None)
        pause, self._pause = self._pause, timedelta()
        page = None
        try:
            page = self._source.read(after, limit=limit)
        except DriftwatchError as error:
            self.trouble = str(error)
            raise
        finally:
            if page is None:  # after what nobody foresaw, too: its traceback fills a log as quickly
                self._pause = min(max(2 * pause, _FIRST_PAUSE), _LONGEST_PAUSE)
                self._failed_at = self._clock.now()
                self.trouble = self.trouble or "it failed in a way that nobody foresaw: see the log"
        self.trouble = None
        return page

    def close(self) -> None:
        """Let go of the source's connections."""
        if isinstance(self._source, ClosedSource):
            self._source.close()


class PatientBroker:
    """Likewise for a source that keeps by itself how far it was read.

    Args:
        source: that is read.
        clock: measures the pauses.
    """

    def __init__(self, source: AcknowledgedSource, *, clock: Clock) -> None:
        self._source, self._patient = source, PatientSource(source, clock=clock)

    @property
    def trouble(self) -> str | None:
        """What is wrong with it at the moment; None where nothing is."""
        return self._patient.trouble

    def read(self, after: Cursor | None, *, limit: int) -> Page:
        """Return up to ``limit`` texts, or nothing during a pause.

        Raises:
            DriftwatchError: what the source raises; the pause begins.
        """
        return self._patient.read(after, limit=limit)

    def acknowledge(self, cursor: Cursor) -> None:
        """Hand on that everything up to the cursor is durable."""
        self._source.acknowledge(cursor)

    def close(self) -> None:
        """Let go of the source's connections."""
        self._patient.close()
