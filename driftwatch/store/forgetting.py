"""Deletes a group's texts and whatever repeats them, in one transaction, and leaves nothing of them in the file."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, update

from driftwatch.domain.drift import WindowResult
from driftwatch.domain.run import RunSpec
from driftwatch.store.audit import add_entry
from driftwatch.store.feedback import drop_of_group
from driftwatch.store.registry import replace_reference
from driftwatch.store.tables import champions, feedback, runs, texts, windows
from driftwatch.store.values import dump, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy import Connection

    from driftwatch.domain.audit import AuditEntry
    from driftwatch.store.database import Database
    from driftwatch.store.registry import ReferenceRow

_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What was deleted.

    Args:
        texts: of the group.
        feedback: on them.
        windows: whose exemplars were taken out.
    """

    texts: int
    feedback: int
    windows: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A group's texts in the store.

    Args:
        ids: of them.
        bodies: distinct.
        seqs: places in the store, ascending.
    """

    ids: tuple[str, ...]
    bodies: tuple[str, ...]
    seqs: tuple[int, ...]


class Forgetting:
    """Deletes what people ask to have deleted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def held(self, stream: str, group: str) -> Held:
        """Return what the store holds of a group, texts set aside included."""
        own = (texts.c.stream == stream, texts.c.group == group)
        query = select(texts.c.seq, texts.c.id, texts.c.body).where(*own).order_by(texts.c.seq)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        bodies = tuple(dict.fromkeys(row.body for row in rows))
        return Held(ids=tuple(row.id for row in rows), bodies=bodies, seqs=tuple(row.seq for row in rows))

    def forget(
        self,
        stream: str,
        group: str,
        *,
        repeats: Callable[[WindowResult], bool],
        references: Mapping[str, ReferenceRow],
        entry: Callable[[Forgotten], AuditEntry],
    ) -> Forgotten:
        """Delete a group's texts, feedback on them, and exemplars of windows that may repeat them.

        Args:
            stream: whose texts.
            group: of the texts.
            repeats: whether a window's exemplars may be of these texts.
            references: what takes the place of each reference that held such texts, by its version.
            entry: of the audit log, made of what was deleted.
        """
        with self._overwriting() as connection:
            own = (texts.c.stream == stream, texts.c.group == group)
            ids = select(texts.c.id).where(*own)
            said = (feedback.c.stream == stream, feedback.c.text.in_(ids))
            spoken = int(connection.execute(select(func.count()).select_from(feedback).where(*said)).scalar_one())
            drop_of_group(connection, stream, group)
            gone = connection.execute(delete(texts).where(*own)).rowcount
            cleared = tuple(_cleared(connection, stream, repeats))
            for old, row in references.items():
                replace_reference(connection, stream, old=old, row=row)
                _rename(connection, stream, old=old, new=row.version)
            found = Forgotten(texts=gone, feedback=spoken, windows=cleared)
            add_entry(connection, entry(found))
        self._truncate()
        return found

    @contextmanager
    def _overwriting(self) -> Iterator[Connection]:
        """Give a connection whose deletions are overwritten in the file, not only let go of."""
        with self._database.write() as connection:
            if self._database.file is not None:
                connection.exec_driver_sql("PRAGMA secure_delete = ON")
            yield connection

    def _truncate(self) -> None:
        """Bring the log's pages, which hold what was deleted, into the file, and empty the log."""
        if self._database.file is None:
            return
        with self._database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def _cleared(connection: Connection, stream: str, repeats: Callable[[WindowResult], bool]) -> list[int]:
    found: list[int] = []
    last = -1
    while True:
        query = select(windows.c.index.label("number"), windows.c.result).where(
            windows.c.stream == stream, windows.c.index > last
        )
        rows = connection.execute(query.order_by(windows.c.index).limit(_BATCH)).all()
        if not rows:
            return found
        for row in rows:
            result = load(row.result, WindowResult)
            shown = result.exemplars or any(cluster.exemplars for cluster in result.clusters)
            if repeats(result) and shown:
                bare = replace(
                    result, exemplars=(), clusters=tuple(replace(each, exemplars=()) for each in result.clusters)
                )
                of = (windows.c.stream == stream, windows.c.index == row.number)
                connection.execute(update(windows).where(*of).values(result=dump(bare)))
                found.append(row.number)
        last = rows[-1].number


def _rename(connection: Connection, stream: str, *, old: str, new: str) -> None:
    """Let champions and runs, which the way back goes by, name the reference that took the old one's place."""
    of = (champions.c.stream == stream, champions.c.reference == old)
    connection.execute(update(champions).where(*of).values(reference=new))
    for row in connection.execute(select(runs.c.id, runs.c.spec).where(runs.c.stream == stream)).all():
        spec = load(row.spec, RunSpec)
        if spec.reference == old:
            changed = dump(replace(spec, reference=new))
            connection.execute(update(runs).where(runs.c.id == row.id).values(spec=changed))
