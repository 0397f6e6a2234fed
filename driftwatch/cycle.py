"""One assessment step, top to bottom: the story of the program on one page.

texts → features and drift (in the worker) → decisions (the policy) → one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import structlog

from driftwatch.alert import messages
from driftwatch.domain.analysis import Analysis, AnalysisRequest
from driftwatch.domain.decision import Action
from driftwatch.domain.errors import DriftwatchError, WorkerError
from driftwatch.domain.run import RunId, RunSpec
from driftwatch.policy.decide import decide
from driftwatch.store.step import Step

if TYPE_CHECKING:
    from driftwatch.domain.alert import Alert
    from driftwatch.domain.decision import Decision
    from driftwatch.domain.protocols import Clock
    from driftwatch.domain.text import StoredText
    from driftwatch.store import Store

log = structlog.get_logger()

MOST_ATTEMPTS = 3
"""Deaths of the worker on the same texts before those are set aside."""


class Progressed(StrEnum):
    """What a step came to."""

    WAITING = "waiting"
    ASSESSED = "assessed"
    FAILED = "failed"
    SET_ASIDE = "set-aside"
