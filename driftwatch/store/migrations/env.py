"""Alembic's entry: migrates over the connection that the store hands it, within its transaction."""

from alembic import context

from driftwatch.store.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True)
context.run_migrations()
