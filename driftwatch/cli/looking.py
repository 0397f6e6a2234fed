"""What can be told of a source before the daemon starts, without taking a text away from anybody."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from driftwatch.cli.findings import Finding
from driftwatch.domain.errors import DriftwatchError
from driftwatch.domain.protocols import ClosedSource

if TYPE_CHECKING:
    from driftwatch.config.settings import SourceSettings
    from driftwatch.domain.text import Page

_NOT_ASKED = "its settings and secrets can be used; its server is not asked, since what is read there is taken"
_LOOKED_INTO = ("folder", "sql")
_LOOKED_AT = 100
"""Rows from the begin of a folder or table."""


def looked_into(settings: SourceSettings, stream: str) -> Finding:
    """Return whether a source opens and, of a folder or a table, whether there are texts in what comes first.

    Args:
        settings: of a source that the daemon reads.
        stream: that it belongs to.
    """
    subject = f"stream {stream}: source {settings.name}"
    try:
        page = _begin(settings, stream)
    except DriftwatchError as error:
        return Finding(level="error", subject=subject, detail=str(error), code=error.exit_code)
    if page is None:
        return Finding(level="ok", subject=subject, detail=_NOT_ASKED)
    if page.texts or not page.rejected:
        nothing = "" if page.texts else "; nothing is in it yet"
        return Finding(level="ok", subject=subject, detail=f"{_place(settings)} can be read{nothing}")
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in page.rejected.items())
    detail = f"{_place(settings)}: no text is in what comes first ({reasons}); look at body and the other field paths"
    return Finding(level="warning", subject=subject, detail=detail)


def _begin(settings: SourceSettings, stream: str) -> Page | None:
    """Return the first rows; None where to read them is to take them."""
    from driftwatch.wiring import CLOCK, open_source

    if settings.type == "sql":
        settings = replace(settings, settle=timedelta())  # a look need not wait for what is committed late
    source = open_source(settings, stream, clock=CLOCK, environ=os.environ)
    if not isinstance(source, ClosedSource):
        return None
    with closing(source):
        return source.read(None, limit=_LOOKED_AT) if settings.type in _LOOKED_INTO else None


def _place(settings: SourceSettings) -> str:
    match settings.type:
        case "folder":
            return settings.url
        case "sql":
            return f"table {settings.table}"
        case _:
            return settings.name
