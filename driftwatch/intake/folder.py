"""Texts in the files of a folder or a bucket: JSON Lines, plain or compressed, and Parquet; each file is read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import structlog

from driftwatch.domain.errors import DataError
from driftwatch.domain.text import Cursor, Page
from driftwatch.intake.connection import check_options
from driftwatch.intake.filesystem import failures_of, open_filesystem, said
from driftwatch.intake.gathered import Gathered
from driftwatch.intake.listing import Entry, Listing, Position
from driftwatch.intake.record_fields import RecordFields, records_of
from driftwatch.intake.rowfiles import RowFile, UnreadableFileError, open_rows

if TYPE_CHECKING:
    from driftwatch.domain.protocols import Clock

log = structlog.get_logger()

_FILES_A_PAGE = 200
_MOST_SHUT = 20
"""Files that may not be read before it is said at once: the key is wrong then, not the files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSettings(RecordFields):
    """A folder or bucket whose files are read, each once, in the order they were written.

    Args:
        type: ``folder``.
        url: of the folder, such as ``/var/spool/texts``, ``s3://bucket/texts`` or another that fsspec knows.
        files: pattern of the files' names.
        late: a file may turn up so long after one that was written later than it.
        every: pause between two looks for new files.
        options: settings of the filesystem, such as ``endpoint_url``.
        secrets: settings of the filesystem that are secrets, such as ``key`` and ``secret``, as references.
        body: field path, or column, of the text.
        id: of the text's id; without one its place and content are its id.
        time: of its time.
        group: of its session or author.
        target: of the class that would be right, for a classifier; not the one that the model gave.
        turns: of a chat, a list of messages with role and content; ``body`` is what is watched of it, by default its
            last message.
        name: of the source; two sources of a stream need different ones.
    """

    type: Literal["folder"] = "folder"
    url: str
    files: str = "*"
    late: timedelta = timedelta(hours=1)
    every: timedelta = timedelta(seconds=10)
    options: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    name: str = "folder"

    def __post_init__(self) -> None:
        if not self.url:
            raise ValueError("url must name a folder")
        if "@" in self.url.partition("://")[2].partition("/")[0]:
            raise ValueError("a user or password stands in the URL; put it into options and secrets")
        if self.late < timedelta() or self.every < timedelta():
            raise ValueError("late and every must not be negative")
        check_options(self.options, self.secrets)
        records_of(self)


class _ShutError(Exception):
    """We may not read this file."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class FolderSource:
    """Reads a folder's files from a cursor on.

    A file is known by its name, size and time; one that is written anew is read anew, and what did not change in it is
    known by its place and content.

    Args:
        settings: which folder and what its records look like.
        clock: for texts without a time, and between looks.
        environ: where references to secrets begin.

    Raises:
        ConfigError: a secret, or the package for this kind of filesystem, is missing.
    """

    def __init__(self, settings: FolderSettings, *, clock: Clock, environ: Mapping[str, str]) -> None:
        self._settings, self._clock = settings, clock
        self._records = records_of(settings)
        system, root = open_filesystem(settings, environ=environ)
        self._system: Any = system
        self._listing = Listing(system, root, settings, clock=clock)
        self._failures = failures_of(settings.url)
        self._open: tuple[Position, RowFile] | None = None
        self._ended_at: Position | None = None

    def read(self, after: Cursor | None, *, limit: int) -> Page:
        """Return up to ``limit`` texts after the cursor.

        Raises:
            DataError: the folder or a file in it cannot be read now.
        """
        position = msgspec.json.decode(after.position, type=Position) if after is not None else Position()
        try:
            return self._read(position, limit)
        except self._failures as error:
            self.close()
            self._listing.forget()
            raise DataError(
                f"the folder cannot be read: {said(error)}",
                where=self._settings.url,
                cure="check that it is there, its address, and what the user or key may do",
                retryable=True,
            ) from error

    def close(self) -> None:
        """Close the file that is being read."""
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def _read(self, begin: Position, limit: int) -> Page:
        gathered, position, taken, more = Gathered(), begin, 0, False
        if begin != self._ended_at:
            self._listing.forget()  # a commit failed, or this is the first read: what was passed over may be needed
        for _ in range(_FILES_A_PAGE):
            entry = self._listing.next(position)
            if entry is None:
                break
            try:
                position, rows, ended = self._read_file(entry, position, limit - taken, gathered)
            except _ShutError as error:
                self._put_aside(entry, error.cause)
                continue
            more = True
            taken += rows
            if not ended or taken >= limit:
                break
        self._count_lost(position, gathered)
        moved, self._ended_at = position != begin, position
        if not moved and self._listing.shut:
            raise self._shut()
        return gathered.page(self._cursor(position) if moved else None, more=more and moved)

    def _put_aside(self, entry: Entry, error: OSError) -> None:
        """Let one file that we may not read wait, and the others go on; if it is many, it is not the files."""
        self.close()
        self._listing.put_aside(entry, error)
        if len(self._listing.shut) >= _MOST_SHUT:
            raise error

    def _count_lost(self, position: Position, gathered: Gathered) -> None:
        for entry in self._listing.passed_by(position):
            log.warning("file_left_out", source=self._settings.name, file=entry.name, reason="unreadable-file")
            gathered.rejected["unreadable-file"] += 1

    def _shut(self) -> DataError:
        """Return what is said when everything else was read."""
        path, error = next(iter(self._listing.shut.items()))
        others = len(self._listing.shut) - 1
        return DataError(
            f"it cannot be read: {said(error)}" + (f"; the same goes for {others} more" if others else ""),
            where=path,
            cure="let the user that driftwatch runs as, or its key, read it: until then the other files are read",
            retryable=True,
        )

    def _read_file(
        self, entry: Entry, position: Position, limit: int, gathered: Gathered
    ) -> tuple[Position, int, bool]:
        """Read rows of one file; return where that leads to, how many they were, and whether the file has ended."""
        begun = position.within(entry)
        try:
            rows = self._rows(entry, begun)
        except UnreadableFileError as error:
            log.warning("file_left_out", source=self._settings.name, file=entry.name, reason=error.reason)
            gathered.rejected[error.reason] += 1
            self.close()
            return position.done(entry, late=self._settings.late), 0, True
        read, now = rows.read(limit), self._clock.now()
        for row in read.rows:
            place = f"{entry.name}:{row.place}"
            gathered.take(
                self._records.json(row.content, place=place, now=now)
                if isinstance(row.content, bytes)
                else self._records.record(row.content, place=place, now=now)
            )
        gathered.rejected["line-too-long"] += read.too_long
        if read.broken is not None:
            log.warning("file_left_out", source=self._settings.name, file=entry.name, reason=read.broken)
            gathered.rejected[read.broken] += 1
        if read.ended:
            self.close()
            return position.done(entry, late=self._settings.late), read.count, True
        at = begun.at(entry, rows.position)
        self._open = (at, rows)
        return at, read.count, False

    def _rows(self, entry: Entry, position: Position) -> RowFile:
        """Return the file from the position on; the one that is open where it stands there already."""
        if self._open is not None and self._open[0] == position:
            return self._open[1]
        self.close()
        try:
            return open_rows(self._system, entry, self._settings, begin=position.offset)
        except PermissionError as error:
            raise _ShutError(error) from error

    def _cursor(self, position: Position) -> Cursor:
        return Cursor(source=self._settings.name, position=msgspec.json.encode(position).decode())
