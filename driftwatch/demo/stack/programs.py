"""The programs of the distribution that the stack runs beside the daemon."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from driftwatch.domain.errors import NotFoundError

_NAMES = {"prometheus": ("prometheus",), "alertmanager": ("prometheus-alertmanager", "alertmanager")}
"""What they are called: Debian's name first, the project's own after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """Paths of what is started."""

    prometheus: str
    alertmanager: str


def find(*, path: str | None = None) -> Programs:
    """Return the installed programs.

    Args:
        path: folders to look in, as in ``PATH``, which it is without.

    Raises:
        NotFoundError: one is not installed.
    """
    found = {what: _first(names, path) for what, names in _NAMES.items()}
    prometheus, alertmanager = found["prometheus"], found["alertmanager"]
    if prometheus is None or alertmanager is None:
        raise NotFoundError(
            f"{' and '.join(what for what, where in found.items() if where is None)} not found in PATH",
            cure="on Debian and Ubuntu: apt-get install prometheus prometheus-alertmanager "
            "(the stack starts its own, beside the services that this may start)",
        )
    return Programs(prometheus=prometheus, alertmanager=alertmanager)


def _first(names: tuple[str, ...], path: str | None) -> str | None:
    return next((where for name in names if (where := shutil.which(name, path=path)) is not None), None)
