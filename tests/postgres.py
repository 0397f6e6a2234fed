"""A real PostgreSQL of one's own, and the stores that are kept in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from driftwatch.demo.workspace import free_port


def until_it_answers(ready: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not ready():
        assert process.poll() is None, "the server ended"
        assert time.monotonic() < deadline
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)


@dataclass
class PostgresServer:
    """A real PostgreSQL of one's own."""

    folder: Path

    def __post_init__(self) -> None:
        self.port = free_port()
        self.made = 0
        self._binaries = postgres_binaries()
        self._data = self.folder / "data"
        self._as = ["runuser", "-u", "nobody", "--"] if is_root() else []
        if is_root():
            for each in (self.folder, *list(self.folder.parents)[:3]):
                with suppress(OSError):
                    each.chmod(0o755)
            shutil.chown(self.folder, "nobody")
        # A locale in which letters are not in the order of their bytes, as on most real servers.
        locale = ("--locale-provider=icu", "--icu-locale=en-US", "--encoding=UTF8")
        self._call("initdb", "-D", str(self._data), "-U", "driftwatch", "-A", "trust", "--no-sync", *locale)
        guarded = "host all guarded 127.0.0.1/32 scram-sha-256\n"
        access = self._data / "pg_hba.conf"
        access.write_text(guarded + access.read_text())
        self.start()
        self.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")

    def _call(self, program: str, *arguments: str) -> None:
        command = [*self._as, str(self._binaries / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder)

    def start(self) -> None:
        command = [*self._as, str(self._binaries / "postgres"), "-D", str(self._data), "-p", str(self.port), "-k", ""]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "-h", "127.0.0.1", "-F"], stdout=log, stderr=log, cwd=self.folder
            )
        until_it_answers(self.ready, self.process)

    def ready(self) -> bool:
        import psycopg

        with suppress(psycopg.OperationalError), psycopg.connect(self.url):
            return True
        return False

    def stop(self) -> None:
        if self.process.poll() is None:
            self._call("pg_ctl", "stop", "-D", str(self._data), "-m", "immediate")
            self.process.wait()

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        return f"postgresql://driftwatch@127.0.0.1:{self.port}/{database}"

    def fresh(self, like: str = "template1") -> str:
        """Make a database, empty or a copy of one that nobody uses, and return its URL."""
        self.made += 1
        name = f"d{self.made}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {like.rpartition('/')[2]}")
        return self.url_of(name)

    def execute(self, *statements: str, url: str | None = None) -> None:
        import psycopg

        with psycopg.connect(url or self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


def is_root() -> bool:
    return os.geteuid() == 0


def postgres_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    pytest.importorskip("psycopg", reason="the extra postgresql is not installed")
    return found[-1].parent


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    postgres_binaries()
    with tempfile.TemporaryDirectory(prefix="driftwatch-postgres-") as folder:
        server = PostgresServer(Path(folder))
        try:
            yield server
        finally:
            server.stop()


@dataclass(frozen=True, slots=True)
class Stores:
    """Makes places of stores, all of one kind.

    Args:
        server: of the databases; None for SQLite.
    """

    server: PostgresServer | None = None

    def place(self, file: Path) -> Path | str:
        """Return where an empty store may be made: the file, or the URL of a database."""
        return file if self.server is None else self.server.fresh()

    def url(self) -> str | None:
        """Return what ``store`` says in a configuration; None for SQLite in the state folder."""
        return None if self.server is None else self.server.fresh()

    def copy(self, url: str | None) -> str | None:
        """Return a copy of a store that nobody has open; with SQLite its file is copied by whoever asks."""
        return None if self.server is None or url is None else self.server.fresh(url)


IN_FILES = Stores()
"""Every store a SQLite file."""
