"""The moves a run may make."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from driftwatch.domain.run import RunState as S

if TYPE_CHECKING:
    from collections.abc import Mapping

_ALWAYS = frozenset({S.FAILED, S.CANCELLED})

MOVES: Mapping[S, frozenset[S]] = MappingProxyType(
    {
        S.QUEUED: _ALWAYS | {S.COLLECTING},
        S.COLLECTING: _ALWAYS | {S.PROBING, S.TRAINING, S.DECLINED},
        S.PROBING: _ALWAYS | {S.TRAINING, S.DECLINED},
        S.TRAINING: _ALWAYS | {S.JUDGING, S.REJECTED},
        S.JUDGING: _ALWAYS | {S.TRAINING, S.PROMOTING, S.AWAITING_APPROVAL, S.REJECTED},
        S.AWAITING_APPROVAL: _ALWAYS | {S.PROMOTING},
        S.PROMOTING: _ALWAYS | {S.PROBATION, S.KEPT, S.ROLLED_BACK},
        S.PROBATION: frozenset({S.KEPT, S.ROLLED_BACK}),
        S.KEPT: frozenset({S.ROLLED_BACK}),
        S.DECLINED: frozenset(),
        S.REJECTED: frozenset(),
        S.FAILED: frozenset(),
        S.CANCELLED: frozenset(),
        S.ROLLED_BACK: frozenset(),
    }
)
"""From each state, the states it may move to (DESIGN section 8)."""
