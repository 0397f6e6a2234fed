"""Who did what, kept for ever, newest last; nothing is ever changed or deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from driftwatch.domain.audit import AuditEntry
from driftwatch.store.tables import audit, policies
from driftwatch.store.upsert import insert_new
from driftwatch.store.values import dump, load, micros, moment

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Connection, Row

    from driftwatch.store.database import Database


class Audit:
    """The audit log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, entry: AuditEntry) -> None:
        """Keep an entry.

        Raises:
            StoreUnavailableError: it was not kept.
        """
        with self._database.write() as connection:
            add_entry(connection, entry)

    def put_policy(self, entry: AuditEntry, texts: Mapping[str, str]) -> None:
        """Keep an entry and the texts that it names by their hashes, each text once, in one transaction.

        Args:
            entry: of what changed.
            texts: of rules and recipes, by hash.

        Raises:
            StoreUnavailableError: nothing was kept.
        """
        rows = [{"hash": key, "first_seen_at": micros(entry.at), "text": text} for key, text in texts.items()]
        with self._database.write() as connection:
            insert_new(connection, policies, rows, unique=["hash"])
            add_entry(connection, entry)

    def recent(
        self, *, what: Collection[str] | None = None, subject: str | None = None, limit: int
    ) -> list[AuditEntry]:
        """Return the newest entries, newest first.

        Args:
            what: only of these kinds.
            subject: only of this subject.
            limit: most entries.
        """
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if what is not None:
            query = query.where(audit.c.what.in_(what))
        if subject is not None:
            query = query.where(audit.c.subject == subject)
        with self._database.read() as connection:
            return [_stored(row) for row in connection.execute(query)]


def add_entry(connection: Connection, entry: AuditEntry) -> None:
    """Keep an entry within the caller's transaction."""
    row = {"at": micros(entry.at), "who": entry.who, "what": entry.what, "subject": entry.subject}
    connection.execute(insert(audit).values(**row, detail=dump(entry.detail)))


def _stored(row: Row[Any]) -> AuditEntry:
    return AuditEntry(
        at=moment(row.at), who=row.who, what=row.what, subject=row.subject, detail=load(row.detail, dict[str, str])
    )
