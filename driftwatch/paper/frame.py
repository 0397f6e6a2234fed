"""The frame of a page: its document, its looks, and how moments, shares and users' words are written."""

from __future__ import annotations

from datetime import UTC, timedelta
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from driftwatch.paper.style import STYLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

_HALF_A_PERCENT, _TENTH_OF_A_PERCENT = 0.005, 0.001


def document(title: str, body: str) -> str:
    """Return a self-contained HTML document without scripts.

    Args:
        title: as it is, not yet escaped.
        body: HTML.
    """
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{safe(title)}</title>'
        f'<link rel="icon" href="data:,"><style>{STYLE}</style></head><body><main>{body}</main></body></html>'
    )


def safe(text: str) -> str:
    """Return anybody's text as HTML; half a surrogate pair, which no file can hold, becomes a question mark."""
    return escape(text.encode("utf-8", "replace").decode())


def section(title: str, body: str, *, note: str = "") -> str:
    """Return a section; nothing stays nothing.

    Args:
        title: its heading.
        body: HTML.
        note: what the reader should know about the figures; HTML.
    """
    said = f'<p class="note">{note}</p>' if note else ""
    return f"<section><h2>{title}</h2>{said}{body}</section>" if body else ""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, kind: str = "") -> str:
    """Return a table of HTML cells, each of which knows its column's head; no rows, no table.

    Args:
        heads: one a column; a leading ``#`` marks a column of numbers.
        rows: as many cells each.
        kind: class of the table.
    """
    classes = [' class="num"' if head.startswith("#") else "" for head in heads]
    names = [head.removeprefix("#") for head in heads]
    body = "".join(
        "<tr>"
        + "".join(
            f'<td{mark} data-head="{name}"><span>{cell}</span></td>'
            for mark, name, cell in zip(classes, names, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    if not body:
        return ""
    top = "".join(f'<th scope="col"{mark}>{name}</th>' for mark, name in zip(classes, names, strict=True))
    return f'<table class="{kind}"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'


def moment(at: datetime) -> str:
    """Return a moment as HTML that machines read too."""
    return f'<time datetime="{at.astimezone(UTC).isoformat()}">{said(at)} UTC</time>'


def said(at: datetime) -> str:
    """Return a moment in words and in UTC, to the minute."""
    here = at.astimezone(UTC)
    return f"{here.day} {here:%b %Y, %H:%M}"


def path(*segments: str) -> str:
    """Return a path of segments, each of which may hold anything."""
    return "".join("/" + quote(each, safe="", errors="replace") for each in segments)


def lasting(length: timedelta) -> str:
    """Return a duration in its two largest units."""
    minutes = max(int(length / timedelta(minutes=1)), 0)
    days, hours, rest = minutes // 1_440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{rest} min" if rest else "less than a minute"


def percent(share: float) -> str:
    """Return a share with as many digits as it deserves."""
    if 0 < share < _TENTH_OF_A_PERCENT:
        return "&lt; 0.1%"
    digits = 1 if _HALF_A_PERCENT <= share < 20 * _HALF_A_PERCENT or 0 < share < _HALF_A_PERCENT else 0
    return f"{share:.{digits}%}"


def times_ten(power: float) -> str:
    """Return ten to a power, as people write it; HTML."""
    return f"10<sup>{power:.1f}</sup>".replace("-", "\u2212")
