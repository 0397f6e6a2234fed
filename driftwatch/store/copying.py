"""A copy of a database that is in use: SQLite's own, consistent however much is written meanwhile."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from driftwatch.domain.errors import StoreCorruptError, StoreUnavailableError
from driftwatch.store.database import translate

if TYPE_CHECKING:
    from pathlib import Path

_PAGES = 4_096  # 16 MiB at once, so that writers wait for moments only


def copy_database(source: Path, target: Path) -> None:
    """Copy a database of SQLite, its write-ahead log included, and check the copy.

    Args:
        source: that may be in use.
        target: that must not exist.

    Raises:
        StoreUnavailableError: it cannot be read or written.
        StoreCorruptError: the copy is damaged, as the source then is.
    """
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as read,
            closing(sqlite3.connect(target)) as written,
        ):
            read.backup(written, pages=_PAGES, sleep=0)
            written.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
            found = [line for (line,) in written.execute("PRAGMA integrity_check")]
    except sqlite3.Error as error:
        raise translate(error, str(source)) from error
    if found != ["ok"]:
        raise StoreCorruptError("; ".join(found), where=str(source), cure="restore it from an earlier backup")


def move_paths(database: Path, *, old: str, new: str) -> None:
    """Let a database's rows name the files of another state folder.

    Args:
        database: of SQLite, in use by nobody.
        old: state folder that the rows name.
        new: state folder from now on.
    """
    try:
        with closing(sqlite3.connect(database)) as connection, connection:
            for table in ("champions", "reference_versions"):
                connection.execute(
                    f"UPDATE {table} SET path = ? || substr(path, ?) WHERE substr(path, 1, ?) = ?",  # noqa: S608
                    (new, len(old) + 1, len(old) + 1, f"{old}/"),
                )
    except sqlite3.Error as error:
        raise StoreUnavailableError(f"its paths cannot be moved: {error}", where=str(database)) from error
