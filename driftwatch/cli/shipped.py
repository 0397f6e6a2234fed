"""Files that come with driftwatch: in an installed wheel inside the package, in a checkout beside it."""

from __future__ import annotations

from pathlib import Path

from driftwatch.domain.errors import NotFoundError

_PACKAGE = Path(__file__).resolve().parents[1]


def shipped(*parts: str) -> Path:
    """Return the path of a shipped file.

    Raises:
        NotFoundError: the installation lacks it.
    """
    for root in (_PACKAGE / "shipped", _PACKAGE.parent):
        if (found := root.joinpath(*parts)).exists():
            return found
    raise NotFoundError(f"{'/'.join(parts)} is missing from this installation", cure="install driftwatch again")
