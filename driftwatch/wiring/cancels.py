"""Why a run was cancelled: what the person who asked for it said, as the audit log keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.audit import RUN_CANCEL_ASKED

if TYPE_CHECKING:
    from driftwatch.domain.run import RunId
    from driftwatch.store import Store


def cancel_reason(store: Store, run: RunId, *, where: str = "") -> str:
    """Return the reason that the run's end is recorded with.

    Args:
        store: with the audit log.
        run: whose end was asked for.
        where: it stood, as the end of "cancelled on request".
    """
    said = f"cancelled on request{where}"
    asked = next(iter(store.audit.recent(what=(RUN_CANCEL_ASKED,), subject=run, limit=1)), None)
    if asked is None:
        return said
    because = asked.detail.get("because", "")
    return f"{said}: {because} (by {asked.who})" if because else f"{said} (by {asked.who})"
