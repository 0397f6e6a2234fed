"""What decisions rest on: the rules in force, the facts beyond the window, and what the rules remembered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen the windows and make the tables; older windows have nothing there."""
    op.add_column("windows", sa.Column("decided_at", sa.BigInteger(), nullable=True))
    op.add_column("windows", sa.Column("policy", sa.String(length=100), nullable=True))
    op.add_column("windows", sa.Column("facts", sa.String(length=40), nullable=True))
    op.add_column("windows", sa.Column("memory", sa.String(length=40), nullable=True))
    op.create_table(
        "policies",
        sa.Column("hash", sa.String(length=100), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_table(
        "facts",
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
