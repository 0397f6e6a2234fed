"""Seasons: found where there is a pattern, only there, and harmless to the budget when they are used."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import drift_samples as samples
import numpy as np
import pytest

from driftwatch.domain.drift import Reference, ReferencePart, Window
from driftwatch.drift.evidence.bets import Bets
from driftwatch.drift.evidence.detector import EvidenceDetector
from driftwatch.drift.evidence.monitor import EvidenceMonitor
from driftwatch.drift.evidence.seasons import QUARTERS, TOPICS, Finding, Tally, choose, season_name, season_of
from driftwatch.drift.evidence.settings import EvidenceSettings

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
NIGHT = " good night and sleep well until the morning comes"
BUDGET = 1e4
DAYS = 14
A_QUARTER = 1_000


def counts(seed: int, *, nightly: float = 0.0, weekly: float = 0.0, noise: float = 0.0) -> np.ndarray:
    """Return topics of 14 days from a Monday on: a pattern of nights or weekends, and days that differ by chance."""
    random = np.random.default_rng(seed)
    base = random.dirichlet(np.full(TOPICS, 2.0))
    night, weekend = random.dirichlet(np.full(TOPICS, 2.0)), random.dirichlet(np.full(TOPICS, 2.0))
    found = np.zeros((DAYS, QUARTERS, TOPICS), dtype=np.int32)
    for day in range(DAYS):
        mood = random.dirichlet(np.full(TOPICS, 2.0))
        for quarter in range(QUARTERS):
            own = (1 - noise) * base + noise * mood
            own = (1 - nightly) * own + nightly * night if quarter == 0 else own
            own = (1 - weekly) * own + weekly * weekend if day % 7 >= 5 else own
            found[day, quarter] = random.multinomial(A_QUARTER, own)
    return found


def chosen(found: np.ndarray) -> Finding:
    return choose([MONDAY.toordinal() + day for day in range(DAYS)], found, wanted=DAYS)


@pytest.mark.parametrize(
    ("pattern", "scheme"),
    [
        ({"nightly": 0.4}, "day"),
        ({"weekly": 0.6}, "week"),
        ({"nightly": 0.4, "noise": 0.2}, "day"),
    ],
)
def test_a_pattern_is_found(pattern: dict[str, float], scheme: str) -> None:
    found = [chosen(counts(seed, **pattern)) for seed in range(10)]
    assert sum(each.scheme == scheme for each in found) >= 9
    assert all(each.settled for each in found)


@pytest.mark.parametrize("noise", [0.0, 0.3, 0.7])
def test_where_there_is_none_none_is_found(noise: float) -> None:
    """Days that differ by chance are no seasons, however much they differ."""
    assert sum(chosen(counts(seed, noise=noise)).scheme != "none" for seed in range(100)) <= 1


def test_moments_fall_into_seasons_by_utc() -> None:
    saturday = datetime(2026, 11, 7, 23, 30, tzinfo=UTC)
    assert [season_of(scheme, saturday) for scheme in ("none", "day", "week", "day-week")] == [0, 3, 1, 7]
    assert season_name("day-week", 7) == "weekends 18–24 UTC"


def at_times(bodies: list[str], start: datetime, step: timedelta) -> Window:
    """Return texts one after the other; those of the night say so."""
    times = [start + step * row for row in range(len(bodies))]
    said = [body + NIGHT if at.hour < 6 else body for body, at in zip(bodies, times, strict=True)]
    made = samples.window(said)
    texts = tuple(replace(text, seen_at=at) for text, at in zip(made.texts, times, strict=True))
    return replace(made, texts=texts, arl_texts=BUDGET)


def shuffled() -> np.ndarray:
    """Return the rows of known texts: the first 3,200 are the reference's, the others the stream's."""
    return np.random.default_rng(3).permutation(len(samples.known()))


@pytest.fixture(scope="module")
def reference() -> Reference:
    """Return a reference of texts spread over days: a quarter of them are the night's."""
    order = shuffled()[:3_200]
    whole = at_times([samples.known()[row] for row in order], MONDAY - timedelta(days=30), timedelta(minutes=13))
    built = samples.reference([text.body for text in whole.texts])
    times = {text.body: text.seen_at for text in whole.texts}

    def timed(part: ReferencePart) -> ReferencePart:
        return replace(part, texts=tuple(replace(text, seen_at=times[text.body]) for text in part.texts))

    return replace(built, train=timed(built.train), cal=timed(built.cal))


def stream(days: int, *, size: int = 240) -> list[Window]:
    """Return quiet windows, a text every two minutes; within three days no text comes twice."""
    rows = np.random.default_rng(5).permutation(shuffled()[3_200:])
    found = []
    for index in range(days * 720 // size):
        start = MONDAY + timedelta(minutes=2 * size * index)
        said = [samples.known()[row] for row in rows[np.arange(index * size, (index + 1) * size) % len(rows)]]
        window = at_times(said, start, timedelta(minutes=2))
        seqs = tuple(range(index * size + 1, (index + 1) * size + 1))
        found.append(replace(window, index=index, seqs=seqs))
    return found


def monitor(reference: Reference, state: bytes | None = None, **settings: object) -> EvidenceMonitor:
    chosen = EvidenceSettings(dependence=8, **settings)  # type: ignore[arg-type]
    return EvidenceDetector(chosen).fit(reference, seed=7, state=state)


def alarms(running: EvidenceMonitor, windows: list[Window]) -> int:
    count = 0
    for window in windows:
        running.update(window)
        count += running.peak.height >= 0
    return count


def test_nights_are_no_alarms_by_season_and_alarms_without(reference: Reference) -> None:
    windows = stream(3)
    assert alarms(monitor(reference, seasons="none"), windows) >= 1
    assert alarms(monitor(reference, seasons="day"), windows) == 0


def test_new_text_is_an_alarm_by_season_too(reference: Reference) -> None:
    running = monitor(reference, seasons="day")
    assert alarms(running, stream(2)) == 0
    start = MONDAY + timedelta(days=2)
    bodies = [body + " which nobody ever wrote here before" for body in samples.new()]
    step = timedelta(minutes=2)
    strange = [
        replace(
            at_times(bodies[at : at + 200], start + step * at, step),
            index=20 + at,
            seqs=tuple(range(10_000 + at, 10_200 + at)),
        )
        for at in (0, 200, 400)
    ]
    assert alarms(running, strange) >= 1
    assert running.alarm is not None
    assert running.alarm.onset.seen_at >= start - timedelta(hours=1)


def test_the_burn_in_takes_up_the_seasons_it_finds_and_a_restart_changes_nothing(reference: Reference) -> None:
    windows = stream(10)
    through, stopped = (monitor(reference, seasons_burn_in=6) for _ in range(2))
    for window in windows:
        expected = through.update(window)
        assert stopped.update(window) == expected
        stopped = monitor(reference, stopped.state(), seasons_burn_in=6)
    assert stopped.state() == through.state()
    assert through.seasons.scheme == "day"
    assert "a daily pattern was found" in through.seasons.sentence


def test_without_times_the_pattern_is_said_with_the_cure(reference: Reference) -> None:
    unknown = tuple(replace(text, seen_at=datetime(1970, 1, 1, tzinfo=UTC)) for text in reference.cal.texts)
    running = monitor(replace(reference, cal=replace(reference.cal, texts=unknown)), seasons="day")
    assert running.seasons.scheme == "none"
    assert "set time in the stream's reference" in running.seasons.sentence


def test_a_state_of_bets_alone_is_left_aside(reference: Reference) -> None:
    settings = EvidenceSettings(dependence=8, seasons="none")
    bets = Bets(reference, settings, seed=7)
    for window in stream(1):
        bets.update(window)
    again = monitor(reference, bets.state(), seasons="none")
    assert again.state() == monitor(reference, seasons="none").state()


def test_a_tally_counts_whole_days_and_forgets_old_ones() -> None:
    tally = Tally(wanted=6)
    finding = Finding(days=0, wanted=6)
    for day in range(7):
        times = [MONDAY + timedelta(days=day, minutes=10 * row) for row in range(144)]
        finding = tally.add(np.array([at.timestamp() for at in times]), np.zeros(144, dtype=np.int64))
    assert (finding.days, finding.settled) == (5, False)
    again = Tally(wanted=6)
    again.restore(tally.arrays())
    assert all((again.days[day] == tally.days[day]).all() for day in tally.days)
