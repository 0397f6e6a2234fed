"""Which model serves and which reference is in force: the ledger behind the ``current`` links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, update

from driftwatch.domain.features import Digest
from driftwatch.domain.run import RunId, RunState
from driftwatch.store.audit import add_entry
from driftwatch.store.outbox import put_alerts
from driftwatch.store.runs import move_run
from driftwatch.store.tables import champions, references
from driftwatch.store.upsert import upsert
from driftwatch.store.values import micros, moment
from driftwatch.store.windows import drop_monitor_states

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from driftwatch.domain.alert import Alert
    from driftwatch.domain.audit import AuditEntry
    from driftwatch.domain.protocols import Clock
    from driftwatch.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """A model that serves or served.

    Args:
        stream: for which stream.
        version: its name in the registry.
        path: its own folder, links resolved.
        digest: of weights, configuration and tokenizer.
        run: that made it; None for the first.
        at: since when it served.
        previous: the version before it.
        reference: the reference in force with it.
    """

    stream: str
    version: str
    path: str
    digest: Digest
    at: datetime
    run: RunId | None = None
    previous: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceRow:
    """A reference version on disk.

    Args:
        stream: whose reference.
        version: its name.
        path: its folder.
        encoder: digest of its embeddings' encoder.
        tokenizer: digest of its token counts' tokenizer.
        champion: digest of its losses' model; None without a model.
        texts: number of texts that windows are compared with.
        created_at: when it was built.
        in_force: whether windows are compared with it now.
    """

    stream: str
    version: str
    path: str
    encoder: Digest
    tokenizer: Digest
    champion: Digest | None
    texts: int
    created_at: datetime
    in_force: bool


class Registry:
    """Champions and references of all streams."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def champion(self, stream: str) -> Champion | None:
        """Return the serving model."""
        query = select(champions).where(champions.c.stream == stream).order_by(champions.c.id.desc()).limit(1)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return _champion(row) if row is not None else None

    def champions(self, stream: str) -> list[Champion]:
        """Return every model that served, newest first; a rollback appears as one more."""
        query = select(champions).where(champions.c.stream == stream).order_by(champions.c.id.desc())
        with self._database.read() as connection:
            return [_champion(row) for row in connection.execute(query)]

    def reference(self, stream: str) -> ReferenceRow | None:
        """Return the reference in force."""
        query = select(references).where(references.c.stream == stream, references.c.in_force.is_(True))
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return _reference(row) if row is not None else None

    def references(self, stream: str) -> list[ReferenceRow]:
        """Return every version, newest first."""
        query = select(references).where(references.c.stream == stream).order_by(references.c.created_at.desc())
        with self._database.read() as connection:
            return [_reference(row) for row in connection.execute(query)]

    def add_reference(self, row: ReferenceRow, *, in_force: bool) -> None:
        """Register a version; the same version again changes nothing but what is in force."""
        with self._database.write() as connection:
            _add(connection, row)
            if in_force:
                _enforce(connection, row)

    def set_champion(
        self,
        champion: Champion,
        *,
        reference: ReferenceRow | None,
        run: RunId | None = None,
        to: RunState | None = None,
        reason: str,
        alerts: Sequence[Alert] = (),
        receivers: Sequence[str] = (),
        entry: AuditEntry | None = None,
    ) -> None:
        """Make a model serve, its reference be in force, the monitors start anew and the run move on: one transaction.

        Doing it again for the model that serves already changes nothing of the registry.

        Raises:
            ConflictError: the run may not move there.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            if run is not None and to is not None and not move_run(connection, run, to=to, reason=reason, at=now):
                return
            if not _serves(connection, champion):
                connection.execute(champions.insert().values(**_champion_values(champion)))
            if reference is not None:
                _add(connection, reference)
                _enforce(connection, reference)
            put_alerts(connection, alerts, receivers, at=now)
            if entry is not None:
                add_entry(connection, entry)


def _serves(connection: Connection, champion: Champion) -> bool:
    query = (
        select(champions.c.version)
        .where(champions.c.stream == champion.stream)
        .order_by(champions.c.id.desc())
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none() == champion.version


def _add(connection: Connection, row: ReferenceRow) -> None:
    values = {
        "path": row.path,
        "encoder": row.encoder,
        "tokenizer": row.tokenizer,
        "champion": row.champion,
        "texts": row.texts,
        "created_at": micros(row.created_at),
    }
    key = {"stream": row.stream, "version": row.version}
    upsert(connection, references, {**key, **values, "in_force": False}, change={"path": row.path})


def _enforce(connection: Connection, row: ReferenceRow) -> None:
    of = references.c.stream == row.stream
    in_force = select(references.c.version).where(of, references.c.in_force.is_(True))
    if connection.execute(in_force).scalar_one_or_none() == row.version:
        return
    connection.execute(update(references).where(of).values(in_force=references.c.version == row.version))
    drop_monitor_states(connection, row.stream)


def replace_reference(connection: Connection, stream: str, *, old: str, row: ReferenceRow) -> None:
    """Put one version in another's place within the caller's transaction, in force where that was."""
    of = (references.c.stream == stream, references.c.version == old)
    in_force = connection.execute(select(references.c.in_force).where(*of)).scalar_one_or_none()
    _add(connection, row)
    if in_force:
        _enforce(connection, row)
    connection.execute(delete(references).where(*of))


def _champion_values(champion: Champion) -> dict[str, Any]:
    return {
        "stream": champion.stream,
        "version": champion.version,
        "path": champion.path,
        "digest": champion.digest,
        "run": champion.run,
        "at": micros(champion.at),
        "previous": champion.previous,
        "reference": champion.reference,
    }


def _champion(row: Row[Any]) -> Champion:
    return Champion(
        stream=row.stream,
        version=row.version,
        path=row.path,
        digest=Digest(row.digest),
        run=RunId(row.run) if row.run else None,
        at=moment(row.at),
        previous=row.previous,
        reference=row.reference,
    )


def _reference(row: Row[Any]) -> ReferenceRow:
    return ReferenceRow(
        stream=row.stream,
        version=row.version,
        path=row.path,
        encoder=Digest(row.encoder),
        tokenizer=Digest(row.tokenizer),
        champion=Digest(row.champion) if row.champion else None,
        texts=row.texts,
        created_at=moment(row.created_at),
        in_force=row.in_force,
    )
