"""Runs the migrations; imported only where there is one to run, since Alembic takes a while to load."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config

if TYPE_CHECKING:
    from driftwatch.store.database import Database


def upgrade(database: Database) -> None:
    """Bring the schema to its newest version in one transaction; two processes at once do it once.

    Raises:
        StoreError: it cannot be written.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
