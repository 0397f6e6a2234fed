"""The run that a job holds: where it stands, where its files lie, and its way from state to state."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import structlog

from driftwatch import wiring
from driftwatch.alert import messages
from driftwatch.drift.archive import load_reference
from driftwatch.job.places import places_of
from driftwatch.job.tuning import Tuning
from driftwatch.retrain.report import write_report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from driftwatch.config import Config
    from driftwatch.domain.protocols import Clock, Model
    from driftwatch.domain.run import Run, RunId, RunState
    from driftwatch.domain.text import Text
    from driftwatch.store import Store

log = structlog.get_logger()

BESIDE_ROUNDS = 0
"""Round under which stand the hours of the probe and of neutral fine-tunes, and the probe's prediction."""


class HeldRun:
    """What every stage works with.

    Args:
        config: as loaded.
        store: where the run stands.
        run: which run.
        stopping: set when it is to stop at the next safe point; the run stays where it is.
        clock: when its transitions happen.
        now: seconds from any fixed moment, to count hours of training by.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        run: RunId,
        *,
        stopping: threading.Event | None,
        clock: Clock,
        now: Callable[[], float],
    ) -> None:
        self.config = config
        self.store = store
        self.id = run
        self.spec = store.runs.get(run).spec
        self.places = places_of(config, self.spec)
        self.stopping = stopping or threading.Event()
        self.tuning = Tuning(
            store, self.spec, self.places, stopping=self.stopping, threads=config.daemon.threads, now=now
        )
        self.clock = clock

    def present(self) -> Run:
        """Return the run as it stands in the store."""
        return self.store.runs.get(self.id)

    def move(self, to: RunState, reason: str, *, round_: int | None = None, candidate: str | None = None) -> None:
        """Take the run to another state, tell people, and write its page.

        Args:
            to: the state.
            reason: why.
            round_: that begins with it.
            candidate: version that it is about from now on.

        Raises:
            ConflictError: somebody else has moved it meanwhile.
        """
        run, now = self.present(), self.clock.now()
        alerts = messages.for_transition(run, to=to, reason=reason, at=now)
        receivers = wiring.receivers(self.config)
        moved = self.store.runs.move(
            self.id, to=to, reason=reason, alerts=alerts, receivers=receivers, round=round_, candidate=candidate
        )
        self.report(moved)

    def report(self, run: Run) -> None:
        """Write the run's page; a page that cannot be written harms nothing but itself."""
        try:
            write_report(run, self.places.run)
        except OSError as error:
            log.warning("page_not_written", run=self.id, error=str(error))

    def old_texts(self) -> list[Text]:
        """Return every text of the reference that the run was asked for against."""
        reference = load_reference(self.places.reference)
        return [*reference.train.texts, *reference.cal.texts, *reference.heldout.texts, *reference.memory]

    def load(self, folder: Path) -> Model:
        """Load a model to score texts with."""
        from driftwatch.features.loss import load_model

        return load_model(folder, threads=self.config.daemon.threads)
