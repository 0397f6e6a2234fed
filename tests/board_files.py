"""The boards as Grafana reads them: their panels, queries and variables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from grafana.__main__ import BOARDS

if TYPE_CHECKING:
    from grafana.boards import Board

NAMES = [board.name for board in BOARDS]
CHOICES = {
    "$__rate_interval": "1m",
    "$__all": ".+",
    "$job": ".+",
    "$instance": ".+",
    "$stream": ".+",
    "$detector": ".+",
}
"""What a board's variables stand for in a query of their own."""


def read(board: Board) -> dict[str, Any]:
    """Return a board's file."""
    found: dict[str, Any] = json.loads(board.path.read_text())
    return found


def panels(board: Board) -> list[dict[str, Any]]:
    """Return a board's panels, its rows' headings left out."""
    return [panel for panel in read(board)["panels"] if panel["type"] != "row"]


def expressions(board: Board) -> list[str]:
    """Return every query of a board's panels."""
    return [target["expr"] for panel in panels(board) for target in panel.get("targets", ())]


def events(board: Board) -> list[dict[str, Any]]:
    """Return a board's annotations."""
    found: list[dict[str, Any]] = read(board)["annotations"]["list"]
    return found


def chosen(expression: str) -> str:
    """Return a query with everything chosen."""
    for variable, value in CHOICES.items():
        expression = expression.replace(variable, value)
    return expression
