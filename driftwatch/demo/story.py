"""The demo, top to bottom: train, build the reference, run the daemon, let the text drift, watch the loop, check every claim."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from driftwatch import wiring
from driftwatch.config import load_config
from driftwatch.demo import workspace as space
from driftwatch.demo.champion import train_champion
from driftwatch.demo.claims import Claims
from driftwatch.demo.daemon_process import DaemonProcess, driftwatch, post
from driftwatch.demo.prose import paragraphs
from driftwatch.demo.receiver import Receiver
from driftwatch.domain.decision import Action
from driftwatch.domain.run import RunState

if TYPE_CHECKING:
    from driftwatch.domain.drift import WindowResult
    from driftwatch.domain.run import Run
    from driftwatch.store import Store

SCIENTIFIC = ("numpy", "scipy", "sklearn", "pandas")
NEW_DOMAIN = ("torch/nn", "torch/optim", "torch/distributed", "accelerate", "datasets", "litestar", "huggingface_hub")
QUIET_WINDOWS = 3
DRIFTING_WINDOWS = 4
AFTER_WINDOWS = 2
NEW_SHARE = 0.7
TRAINING_TEXTS = 6_000
HELDOUT_TEXTS = 400
ENCODER = "sentence-transformers/all-MiniLM-L6-v2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The demo's texts, disjoint."""

    training: list[str]
    heldout: list[str]
    quiet: list[str]
    drifting: list[str]
    after: list[str]


def gather() -> Texts:
    """Read the documentation of installed packages and deal it out."""
    old = paragraphs(SCIENTIFIC, seed=1)
    new = paragraphs(NEW_DOMAIN, seed=1)
    known = set(old)
    new = [text for text in new if text not in known]
    training, rest = old[:TRAINING_TEXTS], old[TRAINING_TEXTS:]
    heldout, rest = rest[:HELDOUT_TEXTS], rest[HELDOUT_TEXTS:]
    quiet, rest = rest[: QUIET_WINDOWS * space.WINDOW], rest[QUIET_WINDOWS * space.WINDOW :]
    turned = (DRIFTING_WINDOWS + AFTER_WINDOWS) * space.WINDOW
    mixed = _mix(old=rest, new=new, count=turned)
    split = DRIFTING_WINDOWS * space.WINDOW
    return Texts(training=training, heldout=heldout, quiet=quiet, drifting=mixed[:split], after=mixed[split:])


def _mix(*, old: Sequence[str], new: Sequence[str], count: int) -> list[str]:
    """Return ``count`` texts of which about ``NEW_SHARE`` are new, in an order that only the texts decide."""
    fresh = round(count * NEW_SHARE)
    return sorted([*new[:fresh], *old[: count - fresh]], key=lambda text: hashlib.sha256(text.encode()).digest())
