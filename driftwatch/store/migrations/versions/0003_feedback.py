"""Texts' classes, chats and sources, and what was said of the model's answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen the texts and make the table."""
    op.add_column("texts", sa.Column("source", sa.String(length=100), nullable=True))
    op.add_column("texts", sa.Column("target", sa.String(length=500), nullable=True))
    op.add_column("texts", sa.Column("turns", sa.Text(), nullable=True))
    op.create_table(
        "feedback",
        sa.Column("stream", sa.String(length=100), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("target", sa.String(length=500), nullable=True),
        sa.Column("correct", sa.Boolean(), nullable=True),
        sa.Column("rating", sa.Float(), nullable=True),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "text"),
    )
