"""Only texts of a group are in the index of groups: the others need no entry, and most streams have none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index anew."""
    grouped = sa.text('"group" IS NOT NULL')
    op.drop_index("texts_group", table_name="texts")
    op.create_index(
        "texts_group", "texts", ["stream", "group"], unique=False, sqlite_where=grouped, postgresql_where=grouped
    )
