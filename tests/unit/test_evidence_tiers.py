"""Evidence of two tiers: within the budget, seen by the tier that can see it, the same after a restart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import drift_samples as samples
import numpy as np
import pytest
import tier_samples as tiers
from drawn_samples import DIMS

from driftwatch.domain.drift import ReferencePart
from driftwatch.domain.features import Features
from driftwatch.domain.text import Text
from driftwatch.drift.drills.drill import Drill
from driftwatch.drift.drills.settings import DrillSettings
from driftwatch.drift.evidence.detector import EvidenceDetector
from driftwatch.drift.evidence.monitor import EvidenceMonitor
from driftwatch.drift.evidence.settings import EvidenceSettings
from driftwatch.drift.features import concatenate, take
from driftwatch.drift.power import SHARES, power
from driftwatch.drift.tiers import chosen, thinned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.domain.drift import Reference

SIZE = 200


@pytest.fixture(scope="module")
def reference() -> Reference:
    return tiers.drawn_reference(2_400, np.random.default_rng(1))


def monitor(reference: Reference, state: bytes | None = None, **settings: object) -> EvidenceMonitor:
    return EvidenceDetector(EvidenceSettings(**settings)).fit(reference, seed=7, state=state)  # type: ignore[arg-type]


def mixed(random: np.random.Generator, *, share: float, **shifts: float) -> Features:
    """Return a window's features with a share of texts that one tier or the other finds new."""
    new = np.flatnonzero(random.random(SIZE) < share)
    order = np.arange(SIZE)
    order[new] = SIZE + np.arange(len(new))
    return take(concatenate([tiers.drawn(SIZE, random), tiers.drawn(len(new), random, **shifts)]), order)


@pytest.mark.parametrize("dependence", ["independent", 8])
@pytest.mark.parametrize("read", [20, 80, SIZE])
def test_the_budget_is_kept_whatever_part_the_transformer_reads(
    reference: Reference, dependence: str | int, read: int
) -> None:
    random, running, arl, windows = np.random.default_rng([2, read]), monitor(reference, dependence=dependence), 400, 40
    found = 0
    for index in range(windows):
        running.update(tiers.drawn_window(index, tiers.drawn(SIZE, random), read=read, arl=arl))
        found += running.peak.height >= 0
    assert found <= windows * SIZE / arl


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "torn"])
def test_groups_are_read_whole_for_torn_ones_break_the_budget(*, whole: bool) -> None:
    """One session in ten has twenty texts, of a kind of its own; of torn ones these would be met much oftener."""
    random = np.random.default_rng(10)
    features, groups = sessions(6_000, random, named="r")
    made = tiers.drawn_reference(len(groups), random)
    cut = next(row for row in range(len(groups) // 4, len(groups)) if groups[row] != groups[row - 1])
    train, cal = (
        ReferencePart(
            texts=tuple(
                Text(id=f"r{row}", body=f"known {row}", seen_at=samples.NOON, group=groups[row]) for row in rows
            ),
            features=take(features, rows),
        )
        for rows in (np.arange(cut), np.arange(cut, len(groups)))
    )
    running = monitor(replace(made, train=train, cal=cal), dependence=8, witnesses=False)
    found = 0
    for index in range(40):
        features, groups = sessions(400, random, named=f"s{index}-")
        window = tiers.drawn_window(index, features, read=400, arl=1e6)
        texts = tuple(replace(text, group=group) for text, group in zip(window.texts, groups, strict=True))
        rows = chosen(texts if whole else window.texts, most=80)
        running.update(replace(window, texts=texts, features=thinned(features, rows)))
        found += running.peak.height >= 0
    allowed = 40 * 400 / 1e6
    assert (found <= allowed) == whole


def sessions(count: int, random: np.random.Generator, *, named: str) -> tuple[Features, list[str]]:
    """Return features and groups of texts in sessions of one text or, every tenth, of twenty of a kind of their own."""
    sizes = np.where(random.random(count) < 0.1, 20, 1)
    group = np.repeat(np.arange(count), sizes)[:count]
    both = concatenate([tiers.drawn(count, random), tiers.drawn(count, random, transformer=9.0)])
    features = take(both, np.where(sizes[group] > 1, count, 0) + np.arange(count))
    return features, [f"{named}{number}" for number in group]


@pytest.mark.parametrize("seen_by", ["static", "transformer"])
def test_a_topic_of_a_fifth_is_seen_by_whichever_tier_can_see_it(reference: Reference, seen_by: str) -> None:
    random, running = np.random.default_rng(3), monitor(reference, dependence=8)
    for index in range(4):
        running.update(tiers.drawn_window(index, tiers.drawn(SIZE, random), read=80))
        assert running.alarm is None
    for index in range(4, 24):
        window = tiers.drawn_window(index, mixed(random, share=0.2, **{seen_by: 9.0}), read=80)
        running.update(window)
        if running.alarm is not None:
            break
    assert running.alarm is not None
    leader = running.alarm.channels[0]
    assert leader.share > leader.reference_share
    assert leader.name.endswith("read by the transformer") == (seen_by == "transformer")
    assert window.seqs[0] <= window.seqs[running.peak.texts - 1] <= window.seqs[-1]
    assert 4 * SIZE - 150 < running.alarm.onset.seq <= 4 * SIZE + 150
    assert running.alarm.onset.texts == window.seqs[-1] - running.alarm.onset.seq + 1


def test_a_call_of_one_tier_begins_both_anew(reference: Reference) -> None:
    random, running = np.random.default_rng(4), monitor(reference, dependence=8)
    for index in range(12):
        running.update(tiers.drawn_window(index, mixed(random, share=0.5, static=9.0, transformer=9.0), read=80))
        if running.peak.height >= 0:
            break
    running.update(tiers.drawn_window(index + 1, tiers.drawn(SIZE, random), read=80))
    assert running.peak.height < -1


def test_a_stop_in_the_middle_of_the_stream_changes_nothing_to_the_bit(reference: Reference) -> None:
    for dependence in ("independent", "auto"):
        random, whole = np.random.default_rng(5), monitor(reference, dependence=dependence, burn_in=300)
        state: bytes | None = None
        for index in range(9):
            features = mixed(random, share=0.3 if index > 6 else 0.0, transformer=9.0)
            window = tiers.drawn_window(index, features, read=80)
            stopped = monitor(reference, state, dependence=dependence, burn_in=300)
            assert stopped.update(window) == whole.update(window)
            state = whole.state()
            assert stopped.state() == state
        assert whole.alarm is not None


def test_a_part_read_that_changes_from_window_to_window_leaves_evidence_its_height(reference: Reference) -> None:
    """The transformer tier's threshold follows the share that it reads, and its evidence with it."""
    random, running = np.random.default_rng(6), monitor(reference, dependence=8)
    for index in range(6):
        running.update(tiers.drawn_window(index, mixed(random, share=0.15, transformer=9.0), read=100))
    before = running.peak.height
    assert -3 < before < 0
    running.update(tiers.drawn_window(6, tiers.drawn(SIZE, random), read=8))
    assert abs(running.peak.height - before) < 1


def test_the_burn_in_is_over_when_both_tiers_have_seen_enough(reference: Reference) -> None:
    random, running = np.random.default_rng(7), monitor(reference, burn_in=400)
    settled = []
    for index in range(11):
        running.update(tiers.drawn_window(index, tiers.drawn(SIZE, random), read=40))
        assert running.dependence is not None
        settled.append(running.dependence.settled)
        assert running.dependence.texts == min((index + 1) * SIZE, 400)
    assert settled == [False] * 9 + [True] * 2


def test_seasons_bet_on_both_tiers(reference: Reference) -> None:
    """On weekdays nothing is new; at weekends the transformer finds what is."""
    timed = replace(reference, cal=replace(reference.cal, texts=at_weekends_too(reference.cal.texts)))
    random, running = np.random.default_rng(8), monitor(timed, dependence=8, seasons="week")
    assert running.seasons.scheme == "week"
    state: bytes | None = None
    for index in range(12):
        weekend = np.arange(SIZE) % 2 == 1
        order = np.where(weekend & (index > 3), SIZE, 0) + np.arange(SIZE)
        drawn = concatenate([tiers.drawn(SIZE, random), tiers.drawn(SIZE, random, transformer=9.0)])
        window = tiers.drawn_window(index, take(drawn, order), read=80)
        window = replace(window, texts=at_weekends_too(window.texts))
        stopped = monitor(timed, state, dependence=8, seasons="week")
        assert stopped.update(window) == running.update(window)
        state = running.state()
        assert running.alarm is None or index >= 4
        if running.alarm is not None:
            break
    assert running.alarm is not None
    assert running.alarm.channels[0].name.endswith("read by the transformer")
    assert window.texts[running.peak.texts - 1].seen_at.weekday() == 5


def at_weekends_too(texts: tuple[Text, ...]) -> tuple[Text, ...]:
    """Return the texts, every other one seen on a Saturday."""
    saturday = samples.NOON + timedelta(days=5)
    return tuple(replace(text, seen_at=saturday if row % 2 else samples.NOON) for row, text in enumerate(texts))


def test_a_drill_replaces_texts_in_both_tiers_alike() -> None:
    """Of the texts mixed in the transformer reads those that stand where it read the stream's."""
    made = tiers.reference(samples.known()[:3_000])
    asked: list[tuple[int, int]] = []

    def extract(texts: Sequence[Text], *, closely: np.ndarray | None = None) -> Features:
        assert closely is not None
        asked.append((len(texts), len(closely)))
        return tiers.measured(texts, closely=closely)

    settings = DrillSettings(name="torch", texts=".", share=0.3, within=1_000)  # type: ignore[arg-type]
    detector = EvidenceDetector(EvidenceSettings(dependence=8))
    drill = Drill(
        settings,
        detector=detector,
        reference=made,
        read=partial(samples.texts, samples.new()),
        extract=extract,
        seed=7,
    )
    live = detector.fit(made, seed=7)
    for index in range(6):
        start = 3_000 + index * SIZE
        window = tiers.window(samples.known()[start : start + SIZE], index=index, read=80)
        window = replace(window, seqs=tuple(range(index * SIZE + 1, (index + 1) * SIZE + 1)), arl_texts=1e4)
        live.update(window)
        found = {measure.name: measure.value for measure in drill.update(window, live)}
    assert 0 < found["drill.torch.delay"] <= 1_000
    mixed_in, read = (sum(each) for each in zip(*asked, strict=True))
    assert 0.25 < read / mixed_in < 0.55


def test_power_is_simulated_with_the_part_that_the_transformer_reads() -> None:
    """Clusters that the transformer tells apart much better are seen later where it reads a tenth of the texts."""
    made = clustered(np.random.default_rng(9))
    settings = EvidenceSettings(witnesses=False)
    found = {read: power(made, settings, arl_texts=1e4, seed=7, trials=1, read=read) for read in (0.1, 1.0)}
    assert [each.share for each in found[0.1]] == list(SHARES)
    late, early = ([each.delays[0] or each.horizon for each in found[read]] for read in (0.1, 1.0))
    assert sum(early) < sum(late)


def clustered(random: np.random.Generator) -> Reference:
    """Return a reference of twenty clusters that are hardly told apart by the one tier, and at once by the other."""
    kinds = np.repeat(np.arange(20), 200)[random.permutation(4_000)]
    features = tiers.drawn(len(kinds), random)
    assert features.tier is not None
    for embeddings, apart in ((features.embeddings, 0.8), (features.tier.embeddings, 3.0)):
        centres = random.normal(size=(20, DIMS))
        values = embeddings.values + apart * (centres / np.linalg.norm(centres, axis=1, keepdims=True))[kinds]
        embeddings.values[:] = values / np.linalg.norm(values, axis=1, keepdims=True)
    made = tiers.drawn_reference(len(kinds), random)
    parts = [
        replace(part, features=take(features, rows))
        for part, rows in ((made.train, np.arange(1_000)), (made.cal, np.arange(1_000, 4_000)))
    ]
    return replace(made, train=parts[0], cal=parts[1])
