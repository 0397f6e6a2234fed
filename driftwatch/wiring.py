"""Builds everything from the configuration; the only place that knows all rooms."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from driftwatch.alert.alertmanager import AlertmanagerNotifier
from driftwatch.alert.webhook import WebhookNotifier
from driftwatch.config import load_config
from driftwatch.domain.errors import ConfigError, NotFoundError
from driftwatch.policy.rules import load_policies
from driftwatch.retrain.recipe import RECIPES
from driftwatch.store import Store
from driftwatch.store import open_store as _open_store

if TYPE_CHECKING:
    from driftwatch.config import Config, StreamSettings
    from driftwatch.domain.protocols import Clock, Notifier
    from driftwatch.drift.assess import Assessor
    from driftwatch.features.extractor import Extractor
    from driftwatch.policy.rules import Policy


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)


CLOCK: Clock = SystemClock()


def open_store(config: Config, *, clock: Clock = CLOCK) -> Store:
    """Open the configured store, migrating it where needed."""
    if config.store is None:
        config.state_dir.mkdir(parents=True, exist_ok=True)
    return _open_store(config.store or config.state_dir / "driftwatch.db", clock=clock)
