"""The running evidence on real prose: quiet when quiet, an alarm with its onset, and clear outcomes for odd input."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import drift_samples as samples
import numpy as np
import pytest

from driftwatch.domain.drift import DriftResult, DriftState, Measure, Outcome, Reference, Window
from driftwatch.domain.errors import DigestMismatchError, EncoderError
from driftwatch.domain.features import Digest
from driftwatch.drift.assess import Assessor
from driftwatch.drift.evidence.detector import EvidenceDetector
from driftwatch.drift.evidence.monitor import EvidenceMonitor
from driftwatch.drift.evidence.onset import change_point
from driftwatch.drift.evidence.settings import EvidenceSettings
from driftwatch.drift.evidence.state import FORMAT, pack, read_notes, unpack
from driftwatch.drift.suffering import state_of

BUDGET = 1e4
SIZE = 200


@pytest.fixture(scope="module")
def reference() -> Reference:
    return samples.reference(samples.known()[:3_000])


def windows(bodies: tuple[str, ...], *, size: int = SIZE, first: int = 0) -> list[Window]:
    """Cut bodies into windows, a text a second."""
    found = []
    for index, start in enumerate(range(0, len(bodies) - size + 1, size)):
        window = samples.window(bodies[start : start + size], index=first + index)
        texts = tuple(
            replace(text, seen_at=samples.NOON + timedelta(seconds=first * size + start + row))
            for row, text in enumerate(window.texts)
        )
        seqs = tuple(range(first * size + start + 1, first * size + start + size + 1))
        found.append(replace(window, texts=texts, seqs=seqs, arl_texts=BUDGET))
    return found


def value(result: DriftResult, name: str) -> float | None:
    return next((measure.value for measure in result.measures if measure.name == name), None)


def monitor(reference: Reference, state: bytes | None = None, **settings: object) -> EvidenceMonitor:
    return EvidenceDetector(EvidenceSettings(**settings)).fit(reference, seed=7, state=state)  # type: ignore[arg-type]


@pytest.mark.parametrize("dependence", ["independent", "auto", 8])
def test_quiet_text_raises_nothing_and_new_text_an_alarm_with_its_onset(reference: Reference, dependence: str) -> None:
    running = monitor(reference, dependence=dependence)
    quiet = samples.known()[3_000:4_200]
    for window in windows(quiet):
        result = running.update(window)
        assert value(result, "drift.alarm") == 0
        assert (value(result, "drift.evidence") or 0) < 0
        assert value(result, "drift.onset_age") is None
    drift = (running.update(window) for window in windows(samples.new(), first=6))
    drifted = next(result for result in drift if value(result, "drift.alarm"))
    assert (value(drifted, "drift.evidence") or -1) >= 0
    assert drifted.onset is not None
    assert abs(drifted.onset.seq - 1_201) <= 25
    assert drifted.channels
    leader = drifted.channels[0]
    assert leader.share > leader.reference_share
    assert drifted.onset.seen_at == samples.NOON + timedelta(seconds=drifted.onset.seq - 1)
    assert (value(drifted, "drift.onset_age") or 0) + 1 == drifted.onset.texts
    later = next(drift)
    assert later.onset is not None
    assert later.onset.seq == drifted.onset.seq
    assert later.onset.texts == drifted.onset.texts + 200, "to the end of each window, raised anew or not"


def test_texts_of_other_streams_in_the_same_store_count_for_nothing(reference: Reference) -> None:
    """The store numbers the texts of all streams in one row: every tenth number is this stream's, or every one."""
    bodies = samples.known()[3_000:4_200] + samples.new()[:400]
    alone, beside = (monitor(reference, dependence="independent") for _ in range(2))
    for window in windows(bodies):
        alone.update(window)
        beside.update(replace(window, seqs=tuple(10 * seq for seq in window.seqs)))
        beside = monitor(reference, beside.state(), dependence="independent")
    assert alone.alarm is not None
    assert beside.alarm is not None
    assert beside.alarm.onset.seq == 10 * alone.alarm.onset.seq
    assert beside.alarm.onset.texts == alone.alarm.onset.texts
    assert beside.alarm.patience == alone.alarm.patience, "it is over after as many quiet texts of its own"


def test_a_state_that_an_earlier_version_wrote_counts_from_what_it_remembers(reference: Reference) -> None:
    running = monitor(reference, dependence="independent")
    for window in windows(samples.known()[3_000:4_200]):
        running.update(window)
    stored = unpack(running.state())
    assert stored is not None
    notes, arrays = stored
    older = pack(notes, {name: array for name, array in arrays.items() if not name.startswith("passed")})
    restarted = monitor(reference, older, dependence="independent")
    for window in windows(samples.new()[:200], first=6):
        restarted.update(window)
    assert restarted.alarm is not None
    assert restarted.alarm.onset.texts == 1_400 - restarted.alarm.onset.seq + 1


def test_a_restarted_monitor_goes_on_to_the_bit(reference: Reference) -> None:
    bodies = samples.known()[3_000:4_600] + samples.new()[:200]
    whole = monitor(reference, dependence="independent")
    expected, states = [], []
    for window in windows(bodies):
        expected.append(whole.update(window))
        states.append(whole.state())
    state: bytes | None = None
    for window, result, after in zip(windows(bodies), expected, states, strict=True):
        restarted = monitor(reference, state, dependence="independent")
        assert restarted.update(window) == result
        state = restarted.state()
        assert state == after
    assert len(state or b"") < 4 * 2**20


def test_a_monitor_in_use_that_goes_on_from_another_state_keeps_nothing_of_its_own(reference: Reference) -> None:
    running, another = (monitor(reference, dependence="independent") for _ in range(2))
    for window in windows(samples.known()[3_000:4_000]):
        running.update(window)
    for window in windows(samples.known()[4_000:5_000]):
        another.update(window)
    state = another.state()
    running.go_on(state)
    restarted = monitor(reference, state, dependence="independent")
    for window in windows(samples.known()[5_000:5_200] + samples.new()[:200], first=5):
        assert running.update(window) == restarted.update(window)
        assert running.state() == restarted.state()


def test_evidence_of_busy_hours_is_not_held_against_a_lower_threshold(reference: Reference) -> None:
    """A text of a slow hour, whose threshold is a thousandth, is no reason for an alarm."""
    running = monitor(reference, dependence="independent")
    busy = [replace(window, arl_texts=1e7) for window in windows(samples.known()[3_000:4_200])]
    heights = [value(running.update(window), "drift.evidence") or 0 for window in busy]
    assert -6 < heights[-1] < -3
    slow = replace(windows(samples.known()[4_200:4_210], size=10, first=6)[0], arl_texts=1e4)
    restarted = monitor(reference, running.state(), dependence="independent")
    for each in (running, restarted):
        found = value(each.update(slow), "drift.evidence")
        assert found is not None
        assert abs(found - heights[-1]) < 2
        assert found < 0


def test_a_state_of_another_format_is_begun_anew(reference: Reference) -> None:
    state = monitor(reference).state()
    strange = (FORMAT + 1).to_bytes(4, "little") + state[4:]
    assert read_notes(strange) is None
    assert monitor(reference, strange).state() == state


def test_an_alarm_ends_after_quiet_text(reference: Reference) -> None:
    running = monitor(reference, dependence="independent")
    for window in windows(samples.new()[:200]):
        running.update(window)
    assert running.alarm is not None
    patience = running.alarm.patience
    quiet = windows(samples.known()[3_000:], first=1)
    ended = [index for index, window in enumerate(quiet, 1) if value(running.update(window), "drift.alarm") == 0]
    assert ended
    assert ended[0] * SIZE > patience >= 1_000
    assert (ended[0] - 1) * SIZE <= patience


@pytest.mark.parametrize("dependence", ["independent", "auto", 8])
def test_one_text_repeated_for_ever_is_no_evidence(reference: Reference, dependence: str) -> None:
    running = monitor(reference, dependence=dependence)
    for window in windows((samples.new()[0],) * (SIZE * 5)):
        assert value(running.update(window), "drift.alarm") == 0


def test_a_window_of_one_text_repeated_is_too_little_data_and_a_flood(reference: Reference) -> None:
    window = samples.window((samples.new()[0],) * SIZE)
    result = Assessor(reference, seed=7).assess(window, first_seq=1, last_seq=SIZE)
    assert result.outcome is Outcome.TOO_LITTLE_DATA
    assert result.value("window.duplicate_share") == pytest.approx(1 - 1 / SIZE)
    assert result.value("drift.alarm") == 0


def test_a_window_of_one_text_counts_as_one(reference: Reference) -> None:
    running = monitor(reference, dependence="independent")
    results = [running.update(window) for window in windows(samples.new()[:400], size=1)]
    assert value(results[0], "drift.alarm") == 0
    assert value(results[-1], "drift.alarm") == 1


@pytest.mark.parametrize("scored", [0.4, None], ids=["most-without-a-class", "without-a-model"])
def test_texts_of_which_nothing_is_predicted_are_no_evidence_of_a_lower_loss(scored: float | None) -> None:
    """A classifier's texts mostly come without their class; the reference's held-out ones have it."""
    known = samples.known()
    reference = samples.reference(known[:2_400], heldout=known[2_400:3_400])
    running = monitor(reference, dependence=8, witnesses=False)
    for window in windows(known[3_400:5_000]):
        losses = window.features.losses
        assert losses is not None
        if scored is not None:
            has = np.random.default_rng(window.index).random(len(losses.nats)) < scored
            losses = replace(losses, nats=np.where(has, losses.nats, 0.0), tokens=np.where(has, losses.tokens, 0))
        features = replace(window.features, losses=losses if scored is not None else None)
        result = running.update(replace(window, features=features))
        assert value(result, "drift.alarm") == 0


def test_copies_of_known_texts_do_not_add_up(reference: Reference) -> None:
    """A third of the window repeats earlier texts, as retries and templates do."""
    running = monitor(reference, dependence="independent")
    fresh = samples.known()[3_000:5_000]
    repeated = tuple(
        body for start in range(0, 1_800, 2) for body in (fresh[start], fresh[start + 1], fresh[start % 10])
    )
    assert all(value(running.update(window), "drift.alarm") == 0 for window in windows(repeated))


def test_sessions_of_one_text_in_many_versions_stay_within_blocks(reference: Reference) -> None:
    """Twenty dependent texts of one author are one voice: bet on text by text they would alarm."""
    random = np.random.default_rng(3)
    firsts = samples.known()[3_000:3_060]
    bodies = tuple(f"{body} {random.integers(10**9)}" for body in firsts for _ in range(20))
    groups = [f"author {number}" for number in range(len(firsts)) for _ in range(20)]
    grouped = monitor(reference, dependence=8)
    lone = monitor(reference, dependence="independent")
    alarms = {"grouped": 0.0, "lone": 0.0}
    for index, start in enumerate(range(0, 1_200, SIZE)):
        part = bodies[start : start + SIZE]
        window = replace(samples.window(part, index=index, groups=groups[start : start + SIZE]), arl_texts=BUDGET)
        alarms["grouped"] += value(grouped.update(window), "drift.alarm") or 0
        alone = replace(samples.window(part, index=index), arl_texts=BUDGET)
        alarms["lone"] += value(lone.update(alone), "drift.alarm") or 0
    assert alarms["grouped"] == 0
    assert alarms["lone"] > 0


def test_numbers_that_are_none_and_other_encoders_are_refused(reference: Reference) -> None:
    assessor = Assessor(reference, seed=7)
    window = samples.window(samples.known()[:60])
    broken = window.features.embeddings.values.copy()
    broken[3, 0] = np.nan
    features = replace(window.features, embeddings=replace(window.features.embeddings, values=broken))
    with pytest.raises(EncoderError, match="no numbers"):
        assessor.assess(replace(window, features=features), first_seq=1, last_seq=60)
    foreign = replace(window.features.embeddings, digest=Digest("sha256:" + "f" * 64))
    with pytest.raises(DigestMismatchError, match="encoder"):
        assessor.assess(
            replace(window, features=replace(window.features, embeddings=foreign)), first_seq=1, last_seq=60
        )


def test_a_small_window_is_too_little_data_and_evidence_all_the_same(reference: Reference) -> None:
    result = Assessor(reference, seed=7).assess(samples.window(samples.new()[:40]), first_seq=1, last_seq=40)
    assert result.outcome is Outcome.TOO_LITTLE_DATA
    assert result.value("drift.evidence") is not None
    assert result.value("embedding.mmd_p") is None


@pytest.mark.parametrize(
    ("alarm", "increase", "low", "state"),
    [
        (0.0, 0.01, -0.05, DriftState.STABLE),
        (1.0, 0.01, -0.05, DriftState.BENIGN_DRIFT),
        (1.0, 0.4, 0.3, DriftState.HARMFUL_DRIFT),
        (0.0, 0.4, 0.3, DriftState.SILENT_DECAY),
        (1.0, 0.11, 0.06, DriftState.BENIGN_DRIFT),
    ],
)
def test_the_four_states(alarm: float, increase: float, low: float, state: DriftState) -> None:
    measures = [
        Measure(name="drift.alarm", value=alarm),
        Measure(name="loss.increase", value=increase, low=low, high=2 * increase - low),
    ]
    assert state_of(measures) is state
    assert state_of(measures[1:]) is None
    assert state_of(measures[:1]) in (DriftState.STABLE, DriftState.BENIGN_DRIFT)


def test_the_change_point_is_found_and_needs_no_change() -> None:
    random = np.random.default_rng(2)
    hits = np.concatenate([random.random(500) < 0.02, random.random(200) < 0.3])
    assert abs(change_point(hits, 0.02) - 500) <= 15
    assert 0 <= change_point(np.zeros(10, dtype=bool), 0.1) < 10
