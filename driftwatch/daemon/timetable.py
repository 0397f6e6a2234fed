"""The daemon's timetable: which loops come round, how often, and how long each may go without."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from driftwatch import wiring
from driftwatch.alert.outbox import deliver_due
from driftwatch.daemon import champions, rounds
from driftwatch.daemon.degraded import Degraded
from driftwatch.daemon.gone import Gone
from driftwatch.daemon.reports import Reporting
from driftwatch.domain.protocols import AcknowledgedSource
from driftwatch.schedule import Loop, Loops

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from driftwatch.daemon.parts import Parts
    from driftwatch.daemon.rhythm import Rhythm
    from driftwatch.schedule.systemd import Systemd

ASSESSMENT_PATIENCE = timedelta(minutes=30)
"""A window of thousands of texts on a slow processor takes minutes; a worker that hangs is noticed after this."""
_LEAD_EVERY = timedelta(seconds=1)
_PATIENCE = timedelta(minutes=5)


class Timetable:
    """Makes the daemon's loops, which wait to be started.

    Args:
        parts: of the daemon.
        systemd: the service manager, if any, which is told that the daemon lives.
        rhythm: how often they come round.
        refresh: takes a new snapshot of the daemon.
        troubles: returns what is wrong with it.
    """

    def __init__(
        self,
        parts: Parts,
        systemd: Systemd,
        rhythm: Rhythm,
        *,
        refresh: Callable[[], None],
        troubles: Callable[[], tuple[str, ...]],
    ) -> None:
        self._parts, self._systemd, self._rhythm = parts, systemd, rhythm
        self._refresh, self._troubles = refresh, troubles
        self.loops = Loops(self._all(), clock=wiring.CLOCK)

    def taken(self, stream: str, texts: int) -> None:
        """Note texts that a stream took in, and have them assessed."""
        self._parts.backlog.stored(stream, texts)
        self.loops.wake("assess")

    def _all(self) -> Iterator[Loop]:
        only, rhythm = self._parts.lead.only, self._rhythm
        yield Loop(
            name="assess", every=self._parts.config.daemon.poll, round=self._assessing(), patience=ASSESSMENT_PATIENCE
        )
        yield Loop(name="lead", every=_LEAD_EVERY, round=self._parts.lead.tend, patience=_PATIENCE)
        yield Loop(name="deliver", every=rhythm.deliver, round=only(self._deliver), patience=_PATIENCE)
        yield Loop(name="runs", every=rhythm.tend, round=only(self._parts.supervisor.tend), patience=_PATIENCE)
        yield Loop(name="degraded", every=rhythm.health, round=self._degraded().look, patience=_PATIENCE)
        yield from self._hosts()
        yield Loop(name="pauses", every=rhythm.tend, round=only(self._tend_pauses), patience=_PATIENCE)
        yield from self._keeping()
        yield from self._champions()
        yield Loop(name="snapshot", every=rhythm.snapshot, round=self._refresh, patience=_PATIENCE)
        yield from self._reading()
        if (ping := self._systemd.ping_every) is not None:
            yield Loop(name="watchdog", every=ping, round=self._ping, patience=_PATIENCE + ping)

    def _assessing(self) -> Callable[[], None]:
        parts = self._parts
        return rounds.assessing(
            parts.cycles,
            stopping=parts.stopping,
            beat=lambda: self.loops.beat("assess"),
            stepped=self._refresh,
            watch=parts.watch,
            clock=parts.clock,
            leads=lambda: parts.lead.leads,
        )

    def _degraded(self) -> Degraded:
        parts = self._parts
        name = None if parts.lead.alone else wiring.daemon_name(parts.config)
        return Degraded(
            parts.store, receivers=lambda: parts.receivers, reasons=self._troubles, clock=parts.clock, name=name
        )

    def _hosts(self) -> Iterator[Loop]:
        parts = self._parts
        if not parts.lead.alone:
            gone = Gone(parts.store, parts.clock)
            yield Loop(name="hosts", every=self._rhythm.health, round=parts.lead.only(gone.look), patience=_PATIENCE)

    def _keeping(self) -> Iterator[Loop]:
        """Yield what deletes texts and reports past their retention, and what makes reports."""
        parts, only, rhythm = self._parts, self._parts.lead.only, self._rhythm
        streams = list(parts.config.streams.values())
        prune_texts = rounds.pruning(parts.store, streams, parts.clock, parts.rules.current)
        reports = Reporting(parts.config, parts.store, clock=parts.clock, receivers=parts.receivers)

        def prune() -> None:
            prune_texts()
            reports.prune_all()

        yield Loop(name="prune", every=rhythm.prune, round=only(prune), patience=rhythm.prune + _PATIENCE)
        longest = wiring.REPORT_LONGEST + _PATIENCE
        yield Loop(name="reports", every=rhythm.deliver, round=only(reports.make_all), patience=longest)

    def _champions(self) -> Iterator[Loop]:
        parts, only, rhythm = self._parts, self._parts.lead.only, self._rhythm
        tend = champions.Tending(parts.config, parts.store, clock=parts.clock).tend_all
        prune = champions.pruning(parts.config, parts.store)
        patience = champions.patience(parts.config)
        yield Loop(name="champions", every=rhythm.tend, round=only(tend), patience=patience)
        yield Loop(name="models", every=rhythm.prune, round=only(prune), patience=rhythm.prune + _PATIENCE)
        if any(stream.export.wanted for stream in parts.config.streams.values()):
            export = champions.Exporting(parts.config, parts.store, clock=parts.clock).export_all
            longest = wiring.EXPORT_LONGEST * len(parts.config.streams)
            yield Loop(name="export", every=rhythm.export, round=only(export), patience=longest + _PATIENCE)

    def _reading(self) -> Iterator[Loop]:
        poll = self._parts.config.daemon.poll
        for reader in self._parts.readers:
            name = f"read:{reader.stream}:{reader.name}"
            read = rounds.reading(
                reader.source,
                reader.pipeline,
                self._parts.store,
                stream=reader.stream,
                name=reader.name,
                stopping=self._parts.stopping,
                beat=lambda name=name: self.loops.beat(name),  # type: ignore[misc]
                taken=partial(self.taken, reader.stream),
                full=partial(self._holds_off, reader),
            )
            yield Loop(name=name, every=poll, round=read, patience=_PATIENCE + poll)

    def _holds_off(self, reader: wiring.Reader) -> bool:
        """Whether nothing is read for now: there is no room, or it is for the leader alone to read.

        A broker gives each text to one of its readers; what is read by a cursor has one reader.
        """
        mine = self._parts.lead.leads or isinstance(reader.source, AcknowledgedSource)
        return not mine or self._parts.backlog.full(reader.stream)

    def _deliver(self) -> None:
        deliver_due(self._parts.store.outbox, self._parts.notifiers, self._parts.clock)

    def _tend_pauses(self) -> None:
        parts = self._parts
        wiring.tend_pauses(parts.store, receivers=parts.receivers, now=parts.clock.now())

    def _ping(self) -> None:
        if not self.loops.stuck():
            self._systemd.alive()
