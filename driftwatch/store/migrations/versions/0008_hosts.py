"""The daemons on a store write themselves down, and what all of them agree on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "hosts",
        sa.Column("name", sa.String(300), primary_key=True),
        sa.Column("instance", sa.String(100), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.Column("agreement", sa.Text(), nullable=False),
    )
    op.create_table(
        "agreed",
        sa.Column("what", sa.String(40), primary_key=True),
        sa.Column("agreement", sa.Text(), nullable=False),
        sa.Column("who", sa.String(300), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
