"""What the audit and the drills found, read off the measures of a window.

The audit runs the detector on a shadow stream that cannot drift and counts its alarms; a drill mixes known drift into
a shadow of the stream and measures how long the detector takes. Both count since the reference came into force, and
every window carries where their counts stand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.metrics.snapshot import AuditFigures, DrillFigures

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from driftwatch.domain.drift import WindowResult

_AUDIT, _DRILL = "audit.", "drill."
_DELAY, _MISSED = ".delay", ".missed"


def apart(name: str) -> bool:
    """Say whether a measure belongs to audit or drills, not to the window itself."""
    return name.startswith((_AUDIT, _DRILL))


def audit(window: WindowResult | None, *, marked: int) -> AuditFigures:
    """Return what the audit counted up to a window; zeros where it has not begun.

    Args:
        window: the newest; None before the first.
        marked: alarms of the stream itself that a person marked false.
    """
    if window is None:
        return AuditFigures(marked=float(marked))
    return AuditFigures(
        texts=window.value(f"{_AUDIT}texts") or 0.0,
        alarms=window.value(f"{_AUDIT}alarms") or 0.0,
        marked=float(marked),
        budget_texts=window.value(f"{_AUDIT}arl_texts"),
    )


def drills(window: WindowResult | None, *, expected: Iterable[str]) -> Mapping[str, DrillFigures]:
    """Return how each drill went, those that are expected even before their first time.

    Args:
        window: the newest; None before the first.
        expected: names of the drills in the configuration.
    """
    measured = {} if window is None else {m.name: m.value for m in window.measures if m.name.startswith(_DRILL)}
    named = {name.removeprefix(_DRILL).removesuffix(end) for name in measured for end in _ends(name)}
    return {
        name: DrillFigures(
            missed=measured.get(f"{_DRILL}{name}{_MISSED}", 0.0),
            delay_texts=measured.get(f"{_DRILL}{name}{_DELAY}"),
        )
        for name in sorted({*named, *expected})
    }


def _ends(name: str) -> tuple[str, ...]:
    return tuple(end for end in (_DELAY, _MISSED) if name.endswith(end))
