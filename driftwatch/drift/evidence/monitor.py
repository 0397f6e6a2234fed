"""The running detector: bets by season, and one alarm in force over all of them."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.domain.drift import DriftResult, Measure, Reference, ReferencePart, Window
from driftwatch.drift.evidence.alarm import Alarm, raised
from driftwatch.drift.evidence.bets import NOTHING, Bets, Call, first
from driftwatch.drift.evidence.gathered import groups_of, times_of
from driftwatch.drift.evidence.known import known_of
from driftwatch.drift.evidence.parts import of_whole, part_of
from driftwatch.drift.evidence.passed import Passed
from driftwatch.drift.evidence.rates import ERROR
from driftwatch.drift.evidence.seasons import (
    CLASSES,
    Finding,
    Seasonal,
    Tally,
    comes_again,
    has_time,
    obstacle,
    season_of,
)
from driftwatch.drift.evidence.seen import keys_of
from driftwatch.drift.evidence.state import Notes, pack, unpack
from driftwatch.drift.evidence.tiers import Tiers
from driftwatch.drift.features import take

if TYPE_CHECKING:
    from driftwatch.drift.evidence.dependence import Dependence
    from driftwatch.drift.evidence.settings import EvidenceSettings

Rows = npt.NDArray[np.int64]
LEAST_TEXTS = 500
"""Texts of CAL that a season needs for rates of its own."""


class EvidenceMonitor:
    """The detector ``evidence`` fitted to a reference.

    Without seasons there is one lot of bets, against the whole reference. With K seasons there are K, each against the
    reference's CAL texts of its season, and a text is bet on by its season's alone. The budget needs no penalty for
    that: the bets of season k, with the whole threshold A, call at most T_k / A times on average within T_k texts
    without drift, whatever texts of other seasons come between, and the T_k sum to T, so all call at most T / A times.
    (The error of the reference draw is split by K instead.) When seasons are taken up after the burn-in, which looks at
    past texts only, all bets begin anew, which is never to an alarm's advantage.

    Args:
        reference: what is known.
        settings: how texts are treated.
        seed: of k-means.
        state: of the monitor to go on from.
    """

    def __init__(
        self, reference: Reference, settings: EvidenceSettings, *, seed: int, state: bytes | None = None
    ) -> None:
        self._reference, self._settings, self._seed = reference, settings, seed
        self._known = known_of(reference)
        self._tally = Tally(wanted=settings.seasons_burn_in)
        self._passed = Passed()
        self._bets: list[Bets | Tiers] = []
        self._texts = 0
        self._packed: bytes | None = None
        self.seasons = self._decide(None)
        self.alarm: Alarm | None = None
        self.peak = NOTHING
        if state:
            self.go_on(state)
        if not self._bets:
            self._bets = self._fit()

    @property
    def dependence(self) -> Dependence | None:
        """What the burn-in of texts showed; of several seasons', the farthest."""
        found = [bets.dependence for bets in self._bets if bets.dependence is not None]
        return max(found, key=lambda each: (each.length, each.beyond), default=None)

    def go_on(self, state: bytes) -> None:
        """Go on from a state; one of another format is left aside, bets by other seasons begin anew."""
        self._packed = None
        stored = unpack(state)
        if stored is None:
            return
        notes, arrays = stored
        known = notes.seasons
        if known is None:
            return
        before = self.seasons.scheme if self._bets else None
        self._texts, self.alarm = notes.texts, notes.alarm
        self._tally.restore(arrays)
        self._passed.restore(arrays)
        self.seasons = replace(self._decide(known.finding), hold=known.hold)
        same = self.seasons.scheme == known.scheme
        if not same or before != self.seasons.scheme:
            self._bets = self._fit()
        if same:
            for number, bets in enumerate(self._bets):
                bets.go_on(arrays[f"season{number}"].tobytes())

    def update(self, window: Window) -> DriftResult:
        """Bet on a window's texts, each by its season."""
        self._packed = None
        self._passed.add(window)
        calls = {season: self._call(season, rows, window) for season, rows in self._rows(window).items()}
        self.peak = reduce(first, (call.peak for call in calls.values()), NOTHING)
        self._texts += len(window.texts)
        self._renew(window, calls)
        result = self._result(window)
        self._look_for_seasons(window)
        return result

    def state(self) -> bytes:
        """Return everything needed to go on: the bets of every season, the alarm in force, the burn-in."""
        if self._packed is None:
            notes = Notes(
                texts=self._texts,
                arl_texts=0.0,
                paid=0.0,
                closed=0,
                chunks=0,
                pieces=0,
                alive=(),
                alarm=self.alarm,
                dependence=self.dependence,
                seasons=self.seasons,
            )
            packed = {
                f"season{number}": np.frombuffer(bets.state(), dtype=np.uint8) for number, bets in enumerate(self._bets)
            }
            self._packed = pack(notes, {**packed, **self._tally.arrays(), **self._passed.arrays()})
        return self._packed

    def _decide(self, finding: Finding | None) -> Seasonal:
        """Say which scheme is used: the configuration's, or the one found, where the reference allows it."""
        wanted = self._settings.seasons
        if wanted == "auto":
            finding = finding or Finding(days=0, wanted=self._settings.seasons_burn_in)
            wanted = finding.scheme  # type: ignore[assignment]
        else:
            finding = None
        hindered = None if wanted == "none" else obstacle(wanted, self._reference.cal.texts, least=LEAST_TEXTS)
        return Seasonal(scheme="none" if hindered else wanted, finding=finding, obstacle=hindered)

    def _fit(self) -> list[Bets | Tiers]:
        scheme = self.seasons.scheme
        if scheme == "none":
            return [self._against(self._reference)]
        parts = [_of_season(self._reference, scheme, season) for season in range(CLASSES[scheme])]
        error = ERROR / len(parts)
        return [self._against(part, error=error, bodies=len(part.cal.texts)) for part in parts]

    def _against(self, reference: Reference, *, error: float = ERROR, bodies: int | None = None) -> Bets | Tiers:
        """Return bets against a reference, on both tiers where it has two."""
        kind = Bets if reference.tier is None else Tiers
        return kind(reference, self._settings, seed=self._seed, error=error, known=self._known, bodies=bodies)

    def _rows(self, window: Window) -> dict[int, Rows]:
        """Return the window's rows by season, in the order of their first texts."""
        if self.seasons.scheme == "none":
            return {0: np.arange(len(window.texts))}
        found: dict[int, list[int]] = {}
        for row, text in enumerate(window.texts):
            found.setdefault(season_of(self.seasons.scheme, text.seen_at), []).append(row)
        return {season: np.asarray(rows, dtype=np.int64) for season, rows in found.items()}

    def _call(self, season: int, rows: Rows, window: Window) -> Call:
        """Return what a season's bets came to, in terms of the whole window."""
        if len(rows) == len(window.texts):
            return self._bets[season].update(window)
        return of_whole(self._bets[season].update(part_of(window, rows)), rows)

    def _renew(self, window: Window, calls: dict[int, Call]) -> None:
        """Raise an alarm, keep it up, or let it be over: its patience counts texts of all seasons.

        Only when its own season has passed again for a day's share can it be over; otherwise a drift of the mornings
        would be an incident of its own every morning.
        """
        called = [(season, call) for season, call in calls.items() if call.onset is not None]
        if not called and self.alarm is None:
            return
        now = max(text.seen_at for text in window.texts)
        if called:
            _, call = min(called, key=lambda each: each[1].peak.texts)
            self._raise(window, call)
            hold = max(now + comes_again(self.seasons.scheme, season) for season, _ in called)
            self.seasons = replace(self.seasons, hold=None if self.seasons.scheme == "none" else hold)
        elif self.alarm is not None:
            self.alarm = self.alarm.waited(len(window.texts))
            held = self.seasons.hold is not None and now < self.seasons.hold
            self.alarm = None if self.alarm.over and not held else self.alarm

    def _raise(self, window: Window, call: Call) -> None:
        if call.onset is None:
            return
        onset = replace(call.onset, texts=max(call.onset.texts, self._passed.since(call.onset.seq)))
        self.alarm = raised(
            self.alarm,
            window=window.index,
            texts=len(window.texts),
            delay=max(onset.texts - (len(window.texts) - call.peak.texts), 1),
            onset=onset,
            channels=call.channels,
        )

    def _look_for_seasons(self, window: Window) -> None:
        """Count the window's texts, one of each group; at the end of the burn-in take up the seasons it found."""
        finding = self.seasons.finding
        if finding is None or finding.settled:
            return
        rows = _one_of_each(window)
        topics = self._bets[0].topics(window)[rows]
        finding = self._tally.add(times_of(window)[rows], topics)
        before = self.seasons
        self.seasons = replace(self._decide(finding), hold=before.hold)
        if finding.settled:
            self._tally.days = {}
        if self.seasons.scheme != before.scheme:
            self._bets = self._fit()

    def _result(self, window: Window) -> DriftResult:
        measures = [Measure(name="drift.alarm", value=float(self.alarm is not None))]
        if np.isfinite(self.peak.height):
            measures.append(Measure(name="drift.evidence", value=self.peak.height))
        if self.alarm is None:
            return DriftResult(detector="evidence", measures=tuple(measures))
        age = self.alarm.age(max(text.seen_at for text in window.texts))
        measures.append(Measure(name="drift.onset_age", value=age))
        return DriftResult(
            detector="evidence",
            measures=tuple(measures),
            onset=self.alarm.onset,
            channels=self.alarm.channels,
        )


def _one_of_each(window: Window) -> Rows:
    """Return the first row of each group and, of the texts without one, of each body."""
    names = groups_of(window)
    if not names:
        return np.unique(keys_of(window), return_index=True)[1]
    lone = np.flatnonzero([name is None for name in names])
    _, firsts = np.unique(keys_of(window)[lone], return_index=True)
    # Of equal names the one set last stays: the first text's.
    grouped = {name: row for row, name in reversed(list(enumerate(names))) if name is not None}
    return np.concatenate([lone[firsts], np.array(list(grouped.values()), dtype=np.int64)])


def _of_season(reference: Reference, scheme: str, season: int) -> Reference:
    """Return the reference with the texts of a season alone to estimate on; sets are chosen on all of TRAIN."""
    parts = [_part(part, scheme, season) for part in (reference.cal, reference.heldout)]
    return replace(reference, cal=parts[0], heldout=parts[1])


def _part(part: ReferencePart, scheme: str, season: int) -> ReferencePart:
    rows = [row for row, text in enumerate(part.texts) if has_time(text) and season_of(scheme, text.seen_at) == season]
    return ReferencePart(
        texts=tuple(part.texts[row] for row in rows), features=take(part.features, np.asarray(rows, dtype=np.int64))
    )
