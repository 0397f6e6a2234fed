"""The store as a whole: opened, migrated, checked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from driftwatch.domain.errors import StoreCorruptError, StoreUnavailableError, StoreVersionError
from driftwatch.store.audit import Audit
from driftwatch.store.counts import Counts
from driftwatch.store.database import Database
from driftwatch.store.decisions import Decisions
from driftwatch.store.feedback import FeedbackStore
from driftwatch.store.forgetting import Forgetting
from driftwatch.store.history import History
from driftwatch.store.hosts import HostBook
from driftwatch.store.leading import Hosts, Lead, compared_hosts
from driftwatch.store.marks import Marks
from driftwatch.store.outbox import Outbox
from driftwatch.store.pauses import Pauses
from driftwatch.store.registry import Registry
from driftwatch.store.runs import Runs
from driftwatch.store.texts import Texts
from driftwatch.store.windows import Windows

if TYPE_CHECKING:
    from driftwatch.domain.protocols import Clock

HEAD = "0008"
"""The newest migration: what this version of driftwatch reads and writes."""

_KNOWN = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")


class Store:
    """Everything durable; each attribute is a family of tables. Usable from many threads and processes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self.texts = Texts(database, clock)
        self.counts = Counts(database)
        self.windows = Windows(database, clock)
        self.decisions = Decisions(database)
        self.history = History(database)
        self.runs = Runs(database, clock)
        self.registry = Registry(database, clock)
        self.marks = Marks(database)
        self.audit = Audit(database)
        self.forgetting = Forgetting(database)
        self.pauses = Pauses(database)
        self.feedback = FeedbackStore(database)
        self.outbox = Outbox(database, clock)
        self.host_book = HostBook(database)

    def lead(self, name: str) -> Lead:
        """Return a daemon's part in the choice of the one that leads.

        Args:
            name: the daemon's.
        """
        return Lead(self._database, name)

    def hosts(self) -> Hosts | None:
        """Return the daemons on the store and which of them leads; None with SQLite, which has one."""
        if self._database.file is not None:
            return None
        with self._database.read() as connection:
            return compared_hosts(connection)

    def check(self) -> list[str]:
        """Return what the database itself finds wrong with it; empty when all is well."""
        if self._database.file is None:
            return []
        try:
            with self._database.read() as connection:
                found = connection.execute(text("PRAGMA integrity_check")).scalars().all()
        except StoreCorruptError as error:
            return [str(error)]
        return [line for line in found if line != "ok"]

    def size(self) -> int:
        """Return the bytes of the database and its log on disk."""
        file = self._database.file
        if file is None:
            with self._database.read() as connection:
                return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
        parts = (file, file.with_name(file.name + "-wal"))
        return sum(part.stat().st_size for part in parts if part.exists())

    def close(self) -> None:
        """Close every connection."""
        self._database.close()


def open_store(place: Path | str, *, clock: Clock, migrate: bool = True, read_only: bool = False) -> Store:
    """Open the store, bringing its schema up to date.

    Args:
        place: a SQLite file or the URL of a PostgreSQL.
        clock: for the times of rows.
        migrate: whether to bring an older schema up to date.
        read_only: refuse writes; implies no migration.

    Raises:
        StoreCorruptError: it is damaged or no database.
        StoreUnavailableError: it cannot be opened or written.
        StoreVersionError: a newer driftwatch wrote it, or an older one did and ``migrate`` is false.
    """
    if isinstance(place, Path):
        _check_place(place, read_only=read_only)
    database = Database(place, read_only=read_only)
    try:
        _bring_up_to_date(database, migrate=migrate and not read_only)
    except BaseException:
        database.close()
        raise
    return Store(database, clock)


def _check_place(file: Path, *, read_only: bool) -> None:
    if file.is_dir():
        raise StoreUnavailableError("this is a folder, not a database", where=str(file), cure="name a file")
    if not file.parent.is_dir():
        raise StoreUnavailableError("its folder does not exist", where=str(file), cure=f"mkdir -p {file.parent}")
    if read_only and not file.exists():
        raise StoreUnavailableError(
            "there is no database", where=str(file), cure="driftwatch run or driftwatch reference build makes it"
        )
    if not read_only:
        _make_private(file)


def _make_private(file: Path) -> None:
    """Make the file for its owner alone before the database is written: it will hold people's texts."""
    try:
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreUnavailableError(
            f"the database cannot be written: {error.strerror}",
            where=str(file),
            cure="make its folder writable for this user",
        ) from None


def _bring_up_to_date(database: Database, *, migrate: bool) -> None:
    version = _version(database)
    if version == HEAD:
        return
    if version is not None and version not in _KNOWN:
        raise StoreVersionError(
            f"a newer driftwatch wrote this (schema {version}; this one knows {HEAD})",
            where=database.where,
            cure="upgrade driftwatch, or restore the backup from before its upgrade",
        )
    if not migrate:
        raise StoreVersionError(
            f"its schema is {version or 'empty'}, not {HEAD}", where=database.where, cure="start the daemon once"
        )
    from driftwatch.store.migrate import upgrade

    upgrade(database)


def _version(database: Database) -> str | None:
    with database.read() as connection:
        tables = inspect(connection).get_table_names()
        if "alembic_version" not in tables:
            if tables:
                raise StoreCorruptError(
                    "this is a database of something else",
                    where=database.where,
                    cure="name another file in state_dir" if database.file is not None else "give driftwatch its own",
                )
            return None
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
        return str(found) if found is not None else None
