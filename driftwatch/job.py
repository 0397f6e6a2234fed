"""One retraining run in its own process, from queued to kept: it may be killed anywhere and goes on where it was."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from driftwatch import rebase, wiring
from driftwatch.alert import messages
from driftwatch.config import load_config
from driftwatch.domain.errors import DriftwatchError, RunError
from driftwatch.domain.protocols import GateData
from driftwatch.domain.run import Progress, Run, RunId, RunState, Verdict, VerdictOutcome
from driftwatch.retrain import promote
from driftwatch.retrain.dataset import Mix, collect, load_mix, replayable, save_mix
from driftwatch.retrain.finetune import Stopped, finetune
from driftwatch.retrain.launchers import hold_lock

if TYPE_CHECKING:
    from driftwatch.config import Config, StreamSettings
    from driftwatch.domain.drift import Reference
    from driftwatch.store import Store

log = structlog.get_logger()
